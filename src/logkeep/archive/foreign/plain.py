"""Two layouts of no vendor: our own archive read line by line, and lines of anything.

Source of ours: docs/archive-format.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from logkeep.archive.foreign import ndjson
from logkeep.archive.foreign.anything import read_anything
from logkeep.archive.foreign.base import (
    EVERYTHING,
    JSON_ERRORS,
    KeyHint,
    Problems,
    levels,
    lids,
    meta_of,
    skipped,
    tags_of,
    texts,
    time_of_key,
    times,
)
from logkeep.archive.layout import parse_key, prefixes
from logkeep.record import NO_META, Record
from logkeep.timeline import HOUR_MS, TimeRange, hour_start


class _Line(msgspec.Struct, gc=False):
    """A canonical line, with any type in any member."""

    lid: Any = msgspec.field(default="", name="_lid")
    ts: Any = msgspec.field(default=None, name="_ts")
    ns: Any = msgspec.field(default=0, name="_ns")
    rx: Any = msgspec.field(default=-1, name="_rx")
    account: Any = msgspec.field(default="", name="_account")
    host: Any = msgspec.field(default="", name="_host")
    app: Any = msgspec.field(default="", name="_app")
    file: Any = msgspec.field(default="", name="_file")
    env: Any = msgspec.field(default="", name="_env")
    level: Any = ""
    tag: msgspec.Raw = msgspec.field(default=NO_META, name="_tag")
    meta: msgspec.Raw = msgspec.field(default=NO_META, name="_meta")
    line: Any = msgspec.field(default="", name="_line")
    raw: Any = msgspec.field(default="", name="_raw")


def _records(lines: Sequence[_Line], others: Sequence[msgspec.Raw]) -> list[Record]:
    ts, _ = times([line.ts for line in lines])
    return list(
        map(
            Record,
            lids([line.lid for line in lines]),
            ts,
            [ns if type(ns := line.ns) is int and 0 <= ns < 1_000_000 else 0 for line in lines],
            [rx if type(rx := line.rx) is int else -1 for line in lines],
            texts([line.account for line in lines]),
            texts([line.host for line in lines]),
            texts([line.app for line in lines]),
            texts([line.file for line in lines]),
            texts([line.env for line in lines]),
            levels([line.level for line in lines]),
            tags_of([line.tag for line in lines]),
            map(_together, [line.meta for line in lines], others),
            texts([line.line for line in lines]),
            texts([line.raw for line in lines]),
        )
    )


def _together(meta: msgspec.Raw, others: msgspec.Raw) -> msgspec.Raw:
    """A line's meta, and with it members that a canonical line has not."""
    if not bytes(others):
        return meta
    members: dict[str, Any] = msgspec.json.decode(others, type=dict[str, msgspec.Raw])
    if bytes(meta).startswith(b"{"):
        return meta_of({**members, **msgspec.json.decode(meta, type=dict[str, msgspec.Raw])})
    return meta_of({**members, "_meta": meta} if bytes(meta) else members)


@dataclass(frozen=True)
class Logkeep:
    """Our own objects, whose lines and blocks may be damaged; the manifests are not looked at."""

    name: str = "logkeep"
    title: str = "logkeep archive"
    margin_ms: int = 0

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return EVERYTHING if within is None else prefixes(within)

    def hint(self, key: str) -> KeyHint | None:
        name = parse_key(key)
        return None if name is None else KeyHint.around(hour_start(name.hour), HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return ndjson.read(content, problems, _canonical, ndjson.WithRest(_Line, _records))


class _Canonical(Record, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Refuses a line with members that no canonical line has, so that none is lost."""


def _canonical(values: bytes) -> list[Record]:
    return list(_canonical_lines.decode_lines(values))


_canonical_lines = msgspec.json.Decoder(_Canonical)


def is_canonical(lines: bytes) -> bool:
    """Whether these are lines as logkeep writes them, and there is one."""
    try:
        return bool(_canonical(lines))
    except JSON_ERRORS:
        return False


@dataclass(frozen=True)
class Lines:
    """Any object with lines of JSON or text. Its key says nothing of when its lines happened, but a line
    without a time takes the key's, where there is a date in it."""

    name: str = "lines"
    title: str = "lines of JSON or text"
    margin_ms: int = 0

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING

    def hint(self, key: str) -> KeyHint | None:
        return None if skipped(key) else KeyHint()

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        return read_anything(content, problems, default_ts=time_in_key(key))


_DATE = re.compile(
    r"(?<!\d)(?:year=)?((?:19|20)\d\d)[-/_]?(?:month=)?(0[1-9]|1[0-2])[-/_]?(?:day=)?(0[1-9]|[12]\d|3[01])"
    r"(?:[-/_.T]?(?:h(?:ou)?r?=)?([01]\d|2[0-3])(?=(?:[0-5]\d){0,2}(?!\d)))?",
    re.ASCII,
)


def time_in_key(key: str) -> int:
    """Epoch ms of the first date in a key, with its hour where that follows; -1 without any."""
    for found in _DATE.finditer(key):
        year, month, day, hour = found.groups()
        start = time_of_key(year, month, day, hour or "0")
        if start is not None:
            return start
    return -1


LAYOUTS = (Logkeep(), Lines())
