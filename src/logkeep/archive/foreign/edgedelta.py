"""Edge Delta, archive of raw logs: NDJSON, the host and a tag in the key.

Keys are `YYYY/MM/DD/HH/<tag>/<host>/<random>.log.gz`, the agent's time when it wrote, up to 30 minutes after
the first line. Source: docs.edgedelta.com/archive-outputs. The schema of its lines is not documented there;
"raw log and other source attributes" it says. So the line is the first of `raw`, `message`, `body`, `log`
that is a text, the time the first of `timestamp`, `@timestamp`, `time`, `ts`; other members are in meta, and
an event without any of those texts is a line as it is. Nor does it say that records have ids: an `id` is a
user's own, of an order perhaps that many lines are about, and must not make repeats of them. It is in meta.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import msgspec

from logkeep.archive.foreign import ndjson
from logkeep.archive.foreign.base import (
    DAY_MS,
    KeyHint,
    Problems,
    dated_folders,
    levels,
    texts,
    time_of_key,
    times,
)
from logkeep.archive.foreign.fields import Names, Varied
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_KEY = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)/([^/]+)/([^/]+)/[^/]+\.log(?:\.gz|\.zst)?", re.ASCII)
_FLUSHED_MS = HOUR_MS // 2


class _Event(msgspec.Struct, gc=False):
    timestamp: Any = None
    at_timestamp: Any = msgspec.field(default=None, name="@timestamp")
    time: Any = None
    ts: Any = None
    host: Any = None
    service: Any = None
    file: Any = None
    level: Any = None
    raw: Any = None
    message: Any = None
    body: Any = None
    log: Any = None


def _readers(key: str) -> tuple[ndjson.Reader, ...]:
    """For one object."""
    match = _KEY.fullmatch(key)
    tag, host = ((match[5],), match[6]) if match else ((), "")

    def records(events: Sequence[_Event], metas: Sequence[msgspec.Raw]) -> list[Record]:
        lines = [_line(event) for event in events]
        if None in lines:
            raise msgspec.DecodeError("an event without a text")
        ts, ns = times([one.timestamp or one.at_timestamp or one.time or one.ts for one in events])
        return list(
            map(
                Record,
                repeat(""),
                ts,
                ns,
                repeat(-1),
                repeat(""),
                texts([event.host or host for event in events]),
                texts([event.service for event in events]),
                texts([event.file for event in events]),
                repeat(""),
                levels([event.level for event in events]),
                repeat(tag),
                metas,
                texts(lines),
            )
        )

    without_text = Varied(_WITHOUT_TEXT)

    def as_it_is(values: bytes) -> list[Record]:
        if any([_line(event) is not None for event in _events.decode_lines(values)]):  # noqa: C419
            raise msgspec.DecodeError("an event with a text")
        found = without_text(values)
        for record in found:
            record.host, record.tag = record.host or host, tag
        return found

    return ndjson.WithRest(_Event, records), as_it_is


_events = msgspec.json.Decoder(_Event)
_WITHOUT_TEXT = Names(
    time=("timestamp", "@timestamp", "time", "ts"),
    host=("host",),
    app=("service",),
    file=("file",),
    level=("level",),
)


def _line(event: _Event) -> str | None:
    for value in (event.raw, event.message, event.body, event.log):
        if type(value) is str:
            return value
    return None


@dataclass(frozen=True)
class EdgeDelta:
    name: str = "edgedelta"
    title: str = "Edge Delta archive"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return dated_folders(within, "%Y/%m/%d/%H/", "%Y/%m/%d/", "%Y/%m/", "%Y/")

    def hint(self, key: str) -> KeyHint | None:
        match = _KEY.fullmatch(key)
        start = match and time_of_key(*match.groups()[:4])
        if start is None:
            return None
        return KeyHint.around(start, HOUR_MS, older=DAY_MS - _FLUSHED_MS, younger=HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        return ndjson.read(content, problems, *_readers(key))


LAYOUT = EdgeDelta()
