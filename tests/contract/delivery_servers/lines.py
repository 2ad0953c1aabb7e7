"""A server that takes canonical lines by HTTP, as NDJSON or as a JSON array."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from tests.contract.delivery_servers.serving import Protocol, Reply, Request

# docs/archive-format.md, "A line".
_TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "type": "object",
    "required": ["_lid", "_ts"],
    "additionalProperties": False,
    "properties": {
        "_lid": {"type": "string", "pattern": "^[0-9]+$"},
        "_ts": {"type": "integer", "minimum": 0},
        "_ns": {"type": "integer", "minimum": 1, "maximum": 999_999},
        "_rx": {"type": "integer", "minimum": 0},
        **dict.fromkeys(("_account", "_host", "_app", "_file", "_env", "level", "_line", "_raw"), _TEXT),
        "_tag": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "_meta": {"type": "object"},
    },
}
_VALID = Draft202012Validator(SCHEMA)


class LinesServer(Protocol):
    """Refuses a request that has one of the `refused` ids in it, with 422."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.bodies: list[bytes] = []

    def answer(self, request: Request) -> Reply:
        self.bodies.append(request.body)
        match request.headers["content-type"]:
            case "application/json":
                events = json.loads(request.body)
            case "application/x-ndjson" if request.body.endswith(b"\n"):
                events = [json.loads(line) for line in request.body.splitlines()]
            case other:
                return self.defect(f"{other}: {request.body[-20:]!r}")
        for event in events:
            for error in _VALID.iter_errors(event):
                return self.defect(error.message)
        if self.too_many(len(events)):
            return Reply(413, b"too many")
        found = self.refused.intersection(event["_lid"] for event in events)
        if found:
            return Reply(422, f"cannot take {sorted(found)}".encode())
        self.arrivals += [event["_lid"] for event in events]
        return Reply(204)
