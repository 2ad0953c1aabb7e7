"""Cribl Stream, S3 destination (also MinIO, Azure, GCS): NDJSON of events with `_raw` and `_time`.

Keys are `<partition>/CriblOut-<random>.<worker>.json[.gz]`. The partition is an expression, by default the
date (`%Y/%m/%d`, with the hour in many set-ups, or `year=…/month=…/day=…`); a date that is found in it is
taken as a hint, in UTC. `.raw` objects hold text without times, `.parquet` is of any schema: neither is read.
Sources: docs.cribl.io/stream/destinations-s3, and samples of CriblOut objects.

`_raw` is the line, `_time` (epoch seconds) its time, `host`, `source` and `sourcetype` are host, file and
app, as in Splunk. Other members are in meta. An event without `_raw` is a line as it is.
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
    EVERYTHING,
    KeyHint,
    Problems,
    levels,
    texts,
    time_of_key,
    times,
)
from logkeep.archive.foreign.fields import Names, Varied
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_KEY = re.compile(r"(?:.*/)?CriblOut-[^/]+\.json(?:\.gz|\.gzip|\.zst)?", re.DOTALL)
_DATE = re.compile(
    r"(?:^|[/=_-])(20\d\d)[/_-]?(?:month=)?(\d\d)[/_-]?(?:day=)?(\d\d)(?:[/_T-](?:hour=|hr=)?([01]\d|2[0-3]))?/",
    re.ASCII,
)
# A file stays open for minutes; the partition goes by the event's time or by the worker's clock.
_MARGIN_MS = DAY_MS


class _Event(msgspec.Struct, gc=False):
    time: Any = msgspec.field(default=None, name="_time")
    raw: Any = msgspec.field(default=None, name="_raw")
    host: Any = ""
    source: Any = ""
    sourcetype: Any = ""
    level: Any = ""


def _records(events: Sequence[_Event], metas: Sequence[msgspec.Raw]) -> list[Record]:
    raw = [event.raw for event in events]
    if None in raw:
        raise msgspec.DecodeError("an event without _raw")
    ts, ns = times([event.time for event in events])
    return list(
        map(
            Record,
            repeat(""),
            ts,
            ns,
            repeat(-1),
            repeat(""),
            texts([event.host for event in events]),
            texts([event.sourcetype for event in events]),
            texts([event.source for event in events]),
            repeat(""),
            levels([event.level for event in events]),
            repeat(()),
            metas,
            texts(raw),
        )
    )


_WITHOUT_RAW = Names(time=("_time",), host=("host",), app=("sourcetype",), file=("source",), level=("level",))


class _Raw(msgspec.Struct, gc=False):
    raw: Any = msgspec.field(default=None, name="_raw")


_raw = msgspec.json.Decoder(_Raw)


def _without_raw(values: bytes) -> list[Record]:
    if {type(event.raw) for event in _raw.decode_lines(values)} != {type(None)}:
        raise msgspec.DecodeError("an event with _raw")
    return Varied(_WITHOUT_RAW)(values)


@dataclass(frozen=True)
class Cribl:
    name: str = "cribl"
    title: str = "Cribl Stream, S3 destination"
    margin_ms: int = _MARGIN_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING  # the partition is anybody's choice

    def hint(self, key: str) -> KeyHint | None:
        if _KEY.fullmatch(key) is None:
            return None
        date = _DATE.search(key)
        start = date and time_of_key(date[1], date[2], date[3], date[4] or "0")
        if date is None or start is None:
            return KeyHint()
        length = HOUR_MS if date[4] else DAY_MS
        return KeyHint.around(start, length, older=_MARGIN_MS, younger=_MARGIN_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return ndjson.read(content, problems, ndjson.WithRest(_Event, _records), _without_raw)


LAYOUT = Cribl()
