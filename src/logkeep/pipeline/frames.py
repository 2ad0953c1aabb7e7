"""Events as frames: canonical lines of about a MiB together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from logkeep.pipeline.outbox import Span
from logkeep.record import Record, are_ids, encode_lines
from logkeep.spool.base import FRAME_BYTES
from logkeep.timeline import HOUR_MS, MAX_MS


class Frame(NamedTuple):
    lines: int
    payload: bytes  # canonical lines, each ended by a newline
    span: Span | None = None


def frames_of(events: Sequence[Record]) -> Iterator[Frame]:
    """The events in order."""
    payload = encode_lines(events)
    if len(payload) <= 2 * FRAME_BYTES:
        if events:
            yield Frame(len(events), payload)
        return
    start = 0
    while start < len(payload):
        end = payload.find(b"\n", min(start + FRAME_BYTES, len(payload) - 1)) + 1
        piece = payload[start:end]
        yield Frame(piece.count(b"\n"), piece)
        start = end


def frames_by_hour(events: Sequence[Record]) -> Iterator[Frame]:
    """The events of each hour in order, each frame with its span. Those that have no time, or no id of ours,
    go apart and without."""
    times = [event.ts for event in events]
    ids = _ids(events)
    if ids and min(times) >= 0 and max(times) <= MAX_MS and min(times) // HOUR_MS == max(times) // HOUR_MS:
        yield from _with_spans(events, times, ids)
        return
    hours: dict[int, list[Record]] = {}
    odd: list[Record] = []
    for event in events:
        if 0 <= event.ts <= MAX_MS and _ids([event]):
            hours.setdefault(event.ts // HOUR_MS, []).append(event)
        else:
            odd.append(event)
    for of_hour in hours.values():
        yield from _with_spans(of_hour, [event.ts for event in of_hour], _ids(of_hour))
    yield from frames_of(odd)


def _ids(events: Sequence[Record]) -> list[int]:
    """All ids of the events; none if one of them has none."""
    texts = [event.lid for event in events]
    return list(map(int, texts)) if are_ids(texts) else []


def _with_spans(events: Sequence[Record], times: Sequence[int], ids: Sequence[int]) -> Iterator[Frame]:
    start = 0
    for frame in frames_of(events):
        end = start + frame.lines
        part, own = times[start:end], ids[start:end]
        yield frame._replace(span=Span(min(part), max(part), min(own), max(own)))
        start = end
