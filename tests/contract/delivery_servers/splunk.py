"""A server of Splunk's HTTP Event Collector, with the acknowledgment of indexers.

https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/format-events-for-http-event-collector
and the codes of .../troubleshoot-http-event-collector, restated here as a JSON Schema.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator

from tests.contract.delivery_servers.serving import Protocol, Reply, Request, json_reply

TOKEN = "b5a79aad-d822-46cc-80d1-819f80d7bfb0"
_TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "type": "object",
    "required": ["event"],
    "additionalProperties": False,
    "properties": {
        "time": {"type": "number", "minimum": 0},
        "host": _TEXT,
        "source": _TEXT,
        "sourcetype": _TEXT,
        "index": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "event": {"type": ["string", "object"]},
        # Flat: no objects in it, and nothing empty.
        "fields": {
            "type": "object",
            "additionalProperties": {
                "anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}],
            },
        },
    },
}
_VALID = Draft202012Validator(SCHEMA)
_BUSY = {"text": "Server is busy", "code": 9}


class SplunkServer(Protocol):
    """Reads the events one after the other, and stops at the first that it refuses. `indexes`: those that the
    token may write to, any if empty. With `acknowledges`, an acknowledgment comes with the question of that
    number; 0: none."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, dict[str, Any]] = {}  # by lid
        self.refused: set[str] = set()
        self.indexes: set[str] = set()
        self.acknowledges = 0
        self.never = False  # acknowledge
        self.asked: dict[tuple[str, int], int] = {}  # how often, by channel and number
        self.channels: set[str] = set()
        self.was_asked = threading.Event()
        self.cookie = ""  # that a load balancer gives, to find the node again

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Splunk {TOKEN}":
            return json_reply(403, {"text": "Invalid token", "code": 4})
        channel = request.headers.get("x-splunk-request-channel", "")
        if self.acknowledges:
            if not channel:
                return json_reply(400, {"text": "Data channel is missing", "code": 10})
            self.channels.add(str(UUID(channel)))
        match request.path:
            case "/services/collector/event":
                return self._collected(request.body.decode(), channel)
            case "/services/collector/ack" if self.acknowledges:
                return self._acknowledged(request, channel)
            case "/services/collector/ack":
                return json_reply(400, {"text": "ACK is disabled", "code": 14})
        return self.defect(request.path)

    def _collected(self, body: str, channel: str) -> Reply:
        events = _objects(body)
        for event in events:
            for error in _VALID.iter_errors(event):
                return self.defect(error.message)
        if self.too_many(len(events)):
            return Reply(413, b"Content-Length too large")
        for number, event in enumerate(events):
            code, text = self._refusal(event)
            if code:
                return json_reply(400, {"text": text, "code": code, "invalid-event-number": number})
            self.events[event["fields"]["lid"]] = event
            self.arrivals.append(event["fields"]["lid"])
        told: dict[str, Any] = {"text": "Success", "code": 0}
        if channel:
            told["ackId"] = len(self.asked)
            self.asked[channel, told["ackId"]] = 0
        reply = json_reply(200, told)
        return replace(reply, headers={**reply.headers, "Set-Cookie": self.cookie}) if self.cookie else reply

    def _refusal(self, event: dict[str, Any]) -> tuple[int, str]:
        if self.indexes and event.get("index", "main") not in self.indexes:
            return 7, "Incorrect index"
        if event["event"] == "":
            return 13, "Event field cannot be blank"
        return (6, "Invalid data format") if event["fields"]["lid"] in self.refused else (0, "")

    def _acknowledged(self, request: Request, channel: str) -> Reply:
        if request.query.get("channel") != channel:
            return json_reply(400, {"text": "Invalid data channel", "code": 11})
        self.was_asked.set()
        told = {}
        for number in json.loads(request.body)["acks"]:
            self.asked[channel, number] += 1
            told[str(number)] = not self.never and self.asked[channel, number] >= self.acknowledges
        return json_reply(200, {"acks": told})


def _objects(body: str) -> list[Any]:
    """JSON values one after the other, with or without white space between them."""
    found, place, decoder = [], 0, json.JSONDecoder()
    while place < len(body):
        value, place = decoder.raw_decode(body, place)
        found.append(value)
        while place < len(body) and body[place].isspace():
            place += 1
    return found
