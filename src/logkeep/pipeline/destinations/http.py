"""HTTP: canonical lines (docs/archive-format.md) as NDJSON, or as one JSON array.

`Logkeep-Via` names the pipelines that the events came through, so that one that gets its own events back can
tell. `Idempotency-Key` is the same when a batch is sent again as it was, and of no other batch. Lines are
told apart by `_lid`.

Another logkeep answers with the lines that it does not take, each with its reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import Answer, check
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.web import Web
from logkeep.record import Refusal


class _Taken(msgspec.Struct):
    accepted: int
    refused: list[Refusal]


_taken = msgspec.json.Decoder(_Taken)


class HttpDestination:
    whole_frames = False

    def __init__(self, spec: model.ToHttp, secrets: Mapping[str, str], hop: str) -> None:
        self._web = Web(spec, secrets)
        self._method = spec.method
        self._array = spec.format == "json"
        self._hop = hop

    def send(self, batch: Batch) -> Sent:
        body, form = batch.payload, "application/x-ndjson"
        if self._array:
            body, form = _array(body), "application/json"
        headers = {"Idempotency-Key": _key(batch)}
        via = ", ".join(filter(None, (batch.via, self._hop)))
        if via:
            headers["Logkeep-Via"] = via
        answer = self._web.send(body, form, method=self._method, headers=headers)
        check(answer)
        return Sent(refused=_refused(answer, len(batch.lines)))

    def close(self) -> None:
        self._web.close()


def _refused(answer: Answer, events: int) -> tuple[Refused, ...]:
    """What another logkeep says that it did not take (docs/http-api.md). None of these when the answer is any
    other program's."""
    if answer.cut or answer.content_type != "application/json":
        return ()
    try:
        refusals = _taken.decode(answer.body).refused
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    if not all(1 <= one.line <= events for one in refusals):
        return ()
    reasons = {one.line - 1: answer.shown(one.reason) for one in refusals}
    return tuple(Refused(place, reason) for place, reason in reasons.items())


def _array(lines: bytes) -> bytes:
    # A line break within a line is escaped, so each one here ends a line.
    return b"[" + lines[:-1].replace(b"\n", b",") + b"]"


def _key(batch: Batch) -> str:
    """A batch that the outbox does not name is named by its bytes: parts of one frame may begin and end with
    the same lines and yet differ."""
    return quote(batch.key, safe="/:") if batch.key else hashlib.sha256(batch.payload).hexdigest()[:32]
