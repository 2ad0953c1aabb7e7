"""Elasticsearch 7 to 9 and OpenSearch, through their bulk API.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
https://docs.opensearch.org/latest/api-reference/document-apis/bulk/

A document has the names of the Elastic Common Schema: `@timestamp` (milliseconds), `message`, `host.name`,
`service.name` (app), `service.environment` (env), `log.level`, `log.file.path`, `tags`, `event.id` (the id of
the line), `event.ingested` (when it was received), `labels.account`, and what is in meta below `meta`. Of a
line that is not UTF-8, `message` has U+FFFD for what is not.

The line's id is the document's `_id`: with `create`, which data streams want, one that is sent again is there
already (409) and counts as arrived; with `index` it replaces itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import Answer, check, is_busy, is_mended_there, unreadable
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.events import event_ms
from logkeep.pipeline.destinations.web import Web
from logkeep.record import NO_META, Record
from logkeep.timeline import as_datetime, iso

_CONFLICT = 409
_SAMPLE_MS = 1_795_170_645_000  # any instant, to see what the name of an index becomes
# Elasticsearch's rules for names of indices; "%" is left of what strftime does not know.
_INDEX = re.compile(r"(?!\.{1,2}$)(?![-_+])[^A-Z\\/*?\"<>| ,#:%\x00-\x1f]+")
_LONGEST_INDEX = 255  # bytes
# All that is read of an answer: a batch of a thousand fits into what is read of one.
_ANSWER = {"filter_path": "errors,items.*.status,items.*.error.type,items.*.error.reason"}

_encode_lines = msgspec.json.Encoder().encode_lines


class _Host(msgspec.Struct, gc=False):
    name: str


class _Service(msgspec.Struct, omit_defaults=True, gc=False):
    name: str = ""
    environment: str = ""


class _File(msgspec.Struct, gc=False):
    path: str


class _Log(msgspec.Struct, omit_defaults=True, gc=False):
    level: str = ""
    file: _File | None = None


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    id: str = ""
    ingested: str = ""


class _Document(msgspec.Struct, omit_defaults=True, gc=False):
    timestamp: str = msgspec.field(name="@timestamp")
    message: str
    event: _Event
    host: _Host | None = None
    service: _Service | None = None
    log: _Log | None = None
    tags: tuple[str, ...] = ()
    labels: dict[str, str] | None = None
    meta: msgspec.Raw = NO_META


class ElasticsearchDestination:
    whole_frames = False

    def __init__(self, spec: model.ToElasticsearch, secrets: Mapping[str, str], hop: str) -> None:
        del hop
        parameters = _ANSWER | ({"pipeline": spec.pipeline} if spec.pipeline else {})
        schemes = {"api_key": "ApiKey", "token": "Bearer"}
        self._web = Web(spec, secrets, path="/_bulk", parameters=parameters, schemes=schemes)
        self._index = _checked_index(spec.index)
        self._op = spec.op

    def send(self, batch: Batch) -> Sent:
        answer = self._web.send(self._body(batch.records), "application/x-ndjson")
        check(answer, _words(answer))
        told = answer.json()
        if not isinstance(told, dict) or not isinstance(told.get("errors"), bool):
            raise unreadable(answer, len(batch.lines))
        return self._sorted(answer, told, len(batch.lines)) if told["errors"] else Sent()

    def close(self) -> None:
        self._web.close()

    def _body(self, records: Sequence[Record]) -> bytes:
        names: dict[int, str] = {}  # by second: strftime is slow
        lines: list[object] = []
        for record in records:
            ms = event_ms(record)
            index = names.get(ms // 1000)
            if index is None:
                index = names[ms // 1000] = as_datetime(ms).strftime(self._index)
            where = {"_index": index, "_id": record.lid} if record.lid else {"_index": index}
            lines += ({self._op: where}, _document(record, ms))
        return _encode_lines(lines)

    def _sorted(self, answer: Answer, told: dict[str, Any], events: int) -> Sent:
        """What became of each event. The answer has one item for each, in the order of the request."""
        items = told.get("items")
        if not isinstance(items, list) or len(items) != events:
            raise unreadable(answer, events)
        refused: list[Refused] = []
        again: list[int] = []
        because = ""
        for place, item in enumerate(items):
            status, reason = self._outcome(item)
            if is_busy(status) or is_mended_there(status) or (status == _CONFLICT and self._op == "index"):
                again.append(place)
                because = because or answer.shown(f"{answer.host} answered {status} for an event: {reason}")
            elif not 200 <= status < 300 and status != _CONFLICT:
                refused.append(Refused(place, answer.shown(f"{status}: {reason}")))
        if len(again) == events:
            raise DeliveryFailed(because, retry_after=answer.retry_after_s)
        return Sent(
            refused=tuple(refused),
            again=tuple(again),
            again_because=because,
            again_after=answer.retry_after_s if again else 0.0,
        )

    def _outcome(self, item: Any) -> tuple[int, str]:
        """An item without a status is taken for one that has to be sent again: its id makes that safe."""
        result = item.get(self._op) if isinstance(item, dict) else None
        if not isinstance(result, dict) or not isinstance(result.get("status"), int):
            return 503, "an item without a status"
        return result["status"], _reason(result)


def _document(record: Record, ms: int) -> _Document:
    file = _File(record.file) if record.file else None
    return _Document(
        timestamp=iso(ms),
        message=record.line,
        event=_Event(id=record.lid, ingested=iso(record.rx) if record.rx >= 0 else ""),
        host=_Host(record.host) if record.host else None,
        service=_Service(record.app, record.env) if record.app or record.env else None,
        log=_Log(record.level, file) if record.level or file else None,
        tags=record.tag,
        labels={"account": record.account} if record.account else None,
        meta=record.meta,
    )


def _words(answer: Answer) -> str | None:
    """Elasticsearch's words for a request that it refuses whole."""
    told = None if answer.status < 300 else answer.json()
    return _reason(told) or None if isinstance(told, dict) else None


def _reason(told: dict[str, Any]) -> str:
    error = told.get("error")
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    return ": ".join(str(error[name]) for name in ("type", "reason") if error.get(name))


def _checked_index(index: str) -> str:
    try:
        name = as_datetime(_SAMPLE_MS).strftime(index)
    except ValueError:
        name = ""
    if not _INDEX.fullmatch(name) or len(name.encode()) > _LONGEST_INDEX:
        raise BadSetting(
            f"index becomes {name[:64]!r}, and no index can be called so",
            hint="write small letters, digits, dashes and dots, with %Y %m %d %H for the time: logs-%Y.%m.%d",
            field="index",
        )
    return index
