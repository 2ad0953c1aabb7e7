"""Mezmo (before: LogDNA, IBM Log Analysis): three layouts.

Sources: docs.mezmo.com/docs/archiving, docs.logdna.com/docs/archiving (the daily files of old),
docs.mezmo.com/telemetry-pipelines/mezmo-archive-destination and the merging of Mezmo's Vector fork
(github.com/mezmo/vector); lines as in github.com/lifechurch/dnaquery's test data (flat) and in IBM's
SQL notebooks (wrapped in `_source`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import msgspec

from logkeep.archive.foreign import ndjson
from logkeep.archive.foreign.anything import named_time, read_anything
from logkeep.archive.foreign.base import (
    DAY_MS,
    EVERYTHING,
    KeyHint,
    Problems,
    dated_folders,
    levels,
    lids,
    skipped,
    tags_of,
    texts,
    time_of_key,
    times,
)
from logkeep.archive.foreign.fields import ANY_NAMES
from logkeep.record import NO_META, Record
from logkeep.timeline import HOUR_MS, TimeRange


class _Line(msgspec.Struct, gc=False):
    lid: Any = msgspec.field(default="", name="_lid")
    id: Any = msgspec.field(default="", name="_id")  # the id's name in what the export API gives
    ts: Any = msgspec.field(default=None, name="_ts")
    host: Any = msgspec.field(default="", name="_host")
    app: Any = msgspec.field(default="", name="_app")
    file: Any = msgspec.field(default="", name="_file")
    env: Any = msgspec.field(default="", name="_env")
    level: Any = ""
    tag: msgspec.Raw = msgspec.field(default=NO_META, name="_tag")
    line: Any = msgspec.field(default="", name="_line")


def _records(lines: Sequence[_Line], metas: Sequence[msgspec.Raw]) -> list[Record]:
    ts, ns = times([line.ts for line in lines])
    return list(
        map(
            Record,
            lids([line.lid or line.id for line in lines]),
            ts,
            ns,
            repeat(-1),
            repeat(""),
            texts([line.host for line in lines]),
            texts([line.app for line in lines]),
            texts([line.file for line in lines]),
            texts([line.env for line in lines]),
            levels([line.level for line in lines]),
            tags_of([line.tag for line in lines]),
            metas,
            texts([line.line for line in lines]),
        )
    )


class _Wrapped(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    source: msgspec.Raw = msgspec.field(name="_source")


class _WrappedWithMore(msgspec.Struct, gc=False):
    """A line as it is in Elasticsearch's answers: with `_index`, `_type` and such around it."""

    source: dict[str, msgspec.Raw] = msgspec.field(name="_source")


_wrapped = msgspec.json.Decoder(_Wrapped)
_wrapped_with_more = msgspec.json.Decoder(_WrappedWithMore)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _readers() -> tuple[ndjson.Reader, ...]:
    """For one object. Wrapped lines come first: a flat line shows at once that it is not one."""
    flat = ndjson.WithRest(_Line, _records)

    def wrapped(values: bytes) -> list[Record]:
        return flat(b"\n".join([bytes(line.source) for line in _wrapped.decode_lines(values)]))

    def wrapped_with_more(values: bytes) -> list[Record]:
        inner = [line.source for line in _wrapped_with_more.decode_lines(values)]
        outer = _members.decode_lines(values)
        for around, line in zip(outer, inner, strict=True):
            del around["_source"]
            line |= {name: value for name, value in around.items() if name not in line}
        return flat(msgspec.json.Encoder().encode_lines(inner))

    return wrapped, wrapped_with_more, flat


@dataclass(frozen=True)
class MezmoHourly:
    """`year=2024/month=05/day=13/<account>.2024-05-13.0900[.N].json.gz`, an object an hour.

    The hour is the lines' own: late lines get an object of their hour with a number. An hour either side
    is for senders whose clock is wrong, should Mezmo have gone by the receipt.
    """

    name: str = "mezmo"
    title: str = "Mezmo Log Analysis archive, hourly"
    margin_ms: int = HOUR_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return dated_folders(within, "year=%Y/month=%m/day=%d/", "year=%Y/month=%m/", "year=%Y/")

    def hint(self, key: str) -> KeyHint | None:
        match = _HOURLY.fullmatch(key)
        start = match and time_of_key(*match.groups())
        return None if start is None else KeyHint.around(start, HOUR_MS, older=HOUR_MS, younger=HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return ndjson.read(content, problems, *_readers())


_HOURLY = re.compile(
    r"year=\d{4}/month=\d\d/day=\d\d/[A-Za-z0-9_-]+\.(\d{4})-(\d\d)-(\d\d)\.(\d\d)00(?:\.\d+)?\.json(?:\.gz)?",
    re.ASCII,
)


@dataclass(frozen=True)
class MezmoDaily:
    """`[2019/11/]<account>.2019-11-19.<cluster>.json.gz`, an object a day and cluster, until about 2020."""

    name: str = "mezmo-daily"
    title: str = "Mezmo (LogDNA) archive, the daily files of old"
    margin_ms: int = HOUR_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING  # at the root of all buckets but S3's; there are few objects

    def hint(self, key: str) -> KeyHint | None:
        match = _DAILY.fullmatch(key)
        start = match and time_of_key(*match.groups())
        return None if start is None else KeyHint.around(start, DAY_MS, older=HOUR_MS, younger=HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return ndjson.read(content, problems, *_readers())


_DAILY = re.compile(
    r"(?:\d{4}/\d\d/)?[A-Za-z0-9_-]+\.(\d{4})-(\d\d)-(\d\d)\.(?:[A-Za-z0-9_-]+\.)+json(?:\.gz)?", re.ASCII
)

_PIPELINE_NAMES = replace(ANY_NAMES, time=("mezmo_timestamp", *ANY_NAMES.time))


@dataclass(frozen=True)
class MezmoPipeline:
    """`year=2024/month=05/day=13/merged_1715590800.log`: text or JSON lines, only the events' messages.

    The number is the second at which the objects of an hour were merged; the events are of that hour or,
    when they waited in the pipeline, older. Those not merged yet have any name in the same folder.
    """

    name: str = "mezmo-pipeline"
    title: str = "Mezmo pipeline archive"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return dated_folders(within, "year=%Y/month=%m/day=%d/", "year=%Y/month=%m/", "year=%Y/")

    def hint(self, key: str) -> KeyHint | None:
        match = _MERGED.fullmatch(key)
        if match is None or skipped(key):
            return None
        year, month, day, merged = match.groups()
        if merged:
            return KeyHint.around(int(merged) * 1000, 0, older=DAY_MS, younger=HOUR_MS)
        start = time_of_key(year, month, day)
        return None if start is None else KeyHint.around(start, DAY_MS, older=DAY_MS, younger=HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        default_ts = named_time(self.hint(key), DAY_MS)
        return read_anything(content, problems, default_ts=default_ts, names=_PIPELINE_NAMES)


_MERGED = re.compile(
    r"year=(\d{4})/month=(\d\d)/day=(\d\d)/(?:merged_(\d{10})\.log|(?!.*\.json\.gz$)[^/]+)", re.ASCII
)

LAYOUTS = (MezmoHourly(), MezmoDaily(), MezmoPipeline())
