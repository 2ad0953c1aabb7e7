"""A server of Loki's push API.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs, restated here as a JSON Schema.
"""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from tests.contract.delivery_servers.serving import Protocol, Reply, Request

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "required": ["streams"],
    "additionalProperties": False,
    "properties": {
        "streams": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["stream", "values"],
                "additionalProperties": False,
                "properties": {
                    "stream": {
                        **_TEXTS,
                        "additionalProperties": {"type": "string", "minLength": 1},
                        "minProperties": 1,
                        "propertyNames": {"pattern": "^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$"},
                    },
                    "values": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "array",
                            "minItems": 2,
                            "maxItems": 3,
                            "prefixItems": [
                                {"type": "string", "pattern": "^[0-9]{1,19}$"},
                                {"type": "string"},
                                _TEXTS,
                            ],
                        },
                    },
                },
            },
        }
    },
}
_VALID = Draft202012Validator(SCHEMA)


class LokiServer(Protocol):
    """As Loki does, it takes the good entries of a push and answers 400 when others are older than
    `oldest_ns`, and keeps an entry that it has already only once."""

    def __init__(self) -> None:
        super().__init__()
        self.oldest_ns = 0
        self.tenants: set[str] = set()
        # Metadata by labels, time and line.
        self.entries: dict[tuple[tuple[tuple[str, str], ...], int, str], dict[str, str]] = {}

    def answer(self, request: Request) -> Reply:
        if request.path != "/loki/api/v1/push" or request.headers["content-type"] != "application/json":
            return self.defect(f"{request.path} {request.headers['content-type']}")
        pushed = json.loads(request.body)
        for error in _VALID.iter_errors(pushed):
            return self.defect(error.message)
        if self.too_many(sum(len(stream["values"]) for stream in pushed["streams"])):
            return Reply(413, b"request body too large")
        self.tenants.add(request.headers.get("x-scope-orgid", ""))
        if len({json.dumps(stream["stream"], sort_keys=True) for stream in pushed["streams"]}) != len(
            pushed["streams"]
        ):
            return self.defect("a stream is there twice")
        old = 0
        for stream in pushed["streams"]:
            labels = tuple(sorted(stream["stream"].items()))
            times = [int(value[0]) for value in stream["values"]]
            if times != sorted(times):
                return self.defect(f"times of {labels} are not in order")
            for ns, (_, line, *metadata) in zip(times, stream["values"], strict=True):
                old += ns < self.oldest_ns
                if ns >= self.oldest_ns:
                    told = metadata[0] if metadata else {}
                    self.entries.setdefault((labels, ns, line), told)
                    self.arrivals.append(told.get("lid", ""))
        return Reply(400, b"entry too far behind, %d rejected" % old) if old else Reply(204)
