"""A server of the bulk API of Elasticsearch and OpenSearch.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk, with documents of the Elastic
Common Schema (https://www.elastic.co/docs/reference/ecs), restated here as JSON Schemas.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from jsonschema import Draft202012Validator

from tests.contract.delivery_servers.serving import Protocol, Reply, Request, json_reply

_WHERE = {
    "type": "object",
    "required": ["_index"],
    "additionalProperties": False,
    "properties": {
        "_index": {"type": "string", "pattern": '^(?![-_+])[^A-Z\\\\/*?"<>| ,#:]{1,255}$'},
        "_id": {"type": "string", "minLength": 1, "maxLength": 512},
    },
}
ACTION = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"create": _WHERE, "index": _WHERE},
}


def _of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}


_KEYWORD = {"type": "string", "minLength": 1}
_DATE = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
DOCUMENT = {
    **_of(
        **{"@timestamp": _DATE},
        message={"type": "string"},
        event=_of(id=_KEYWORD, ingested=_DATE),
        host=_of(name=_KEYWORD),
        service=_of(name=_KEYWORD, environment=_KEYWORD),
        log=_of(level=_KEYWORD, file=_of(path=_KEYWORD)),
        tags={"type": "array", "items": {"type": "string"}},
        labels={"type": "object", "additionalProperties": _KEYWORD},
        meta={"type": "object"},
    ),
    "required": ["@timestamp", "message"],
}
_ACTION, _DOCUMENT = Draft202012Validator(ACTION), Draft202012Validator(DOCUMENT)


class ElasticsearchServer(Protocol):
    """`outcomes` says what becomes of a document in place of being taken: status, type and reason, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}  # by index and id
        self.outcomes: dict[str, tuple[int, str, str]] = {}

    def answer(self, request: Request) -> Reply:
        if request.path != "/_bulk" or request.headers["content-type"] != "application/x-ndjson":
            return self.defect(f"{request.path} {request.headers['content-type']}")
        if not request.body.endswith(b"\n"):
            return self.defect("the last line must end with a newline")
        lines = [json.loads(line) for line in request.body.split(b"\n")[:-1]]
        for place, line in enumerate(lines):
            for error in (_DOCUMENT if place % 2 else _ACTION).iter_errors(line):
                return self.defect(error.message)
        if self.too_many(len(lines) // 2):
            return Reply(413)
        items = [self._taken(*pair) for pair in zip(lines[::2], lines[1::2], strict=True)]
        errors = any("error" in result for item in items for result in item.values())
        whole = {"took": 30, "errors": errors, "items": items}
        return json_reply(200, _filtered(whole, request.query.get("filter_path", "")))

    def _taken(self, action: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        ((op, where),) = action.items()
        index, id_ = where["_index"], where["_id"]
        result = {"_index": index, "_id": id_, "status": 201}
        known = (index, id_) in self.documents
        status, kind, reason = self.outcomes.get(id_, (0, "", ""))
        if not status and op == "create" and known:
            status, kind = 409, "version_conflict_engine_exception"
            reason = f"[{id_}]: version conflict, document already exists (current version [1])"
        if status:
            return {op: result | {"status": status, "error": {"type": kind, "reason": reason}}}
        self.documents[index, id_] = document
        self.arrivals.append(id_)
        return {op: result | {"_version": 1, "result": "created", "status": 200 if known else 201}}


def _filtered(whole: dict[str, Any], patterns: str) -> dict[str, Any]:
    """Response filtering: only what is at one of the paths, `*` for any one name."""
    if not patterns:
        return whole
    wanted = patterns.split(",")
    return _kept(whole, "", wanted) or {}


def _kept(value: Any, path: str, wanted: list[str]) -> Any:
    if isinstance(value, list):
        return [_kept(one, path, wanted) for one in value]
    if isinstance(value, dict):
        found = {name: _kept(one, f"{path}.{name}".lstrip("."), wanted) for name, one in value.items()}
        return {name: one for name, one in found.items() if one is not None} or None
    return value if any(_matches(path, pattern) for pattern in wanted) else None


def _matches(path: str, pattern: str) -> bool:
    names, parts = path.split("."), pattern.split(".")
    return len(names) == len(parts) and all(map(fnmatchcase, names, parts))
