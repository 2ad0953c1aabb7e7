"""Sumo Logic, archive of a collector: NDJSON below `dt=…/hour=…/minute=…`.

Keys are `[v2/]dt=<date>/hour=<h>/minute=<m>/<deployment>/<collector>/<source>/[v1/]<name>.txt.gzip`, their
time that of receipt. The date is taken with and without dashes, hours and minutes with one digit or two.
Source: sumologic-documentation, docs/manage/data-archiving/archive.md.

Host is `sourceHost`, app `sourceCategory`, file `sourceName`: the path of a file source, else the source's
name. Other members are in meta.
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
    dated_folders,
    levels,
    lids,
    texts,
    time_of_key,
    times,
)
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_KEY = re.compile(
    r"(?:v2/)?dt=(\d{4})-?(\d\d)-?(\d\d)/hour=(\d\d?)/minute=(\d\d?)/"
    r"[^/]+/[^/]+/[^/]+/(?:v1/)?[^/]+\.txt(?:\.gz|\.gzip)?",
    re.ASCII,
)
_MINUTE_MS = 60_000


class _Message(msgspec.Struct, gc=False):
    id: Any = msgspec.field(default="", name="_id")
    date: Any = None
    host: Any = msgspec.field(default="", name="sourceHost")
    category: Any = msgspec.field(default="", name="sourceCategory")
    name: Any = msgspec.field(default="", name="sourceName")
    level: Any = ""
    message: Any = ""


def _records(messages: Sequence[_Message], metas: Sequence[msgspec.Raw]) -> list[Record]:
    ts, ns = times([one.date for one in messages])
    return list(
        map(
            Record,
            lids([one.id for one in messages]),
            ts,
            ns,
            repeat(-1),
            repeat(""),
            texts([one.host for one in messages]),
            texts([one.category for one in messages]),
            texts([one.name for one in messages]),
            repeat(""),
            levels([one.level for one in messages]),
            repeat(()),
            metas,
            texts([one.message for one in messages]),
        )
    )


@dataclass(frozen=True)
class Sumo:
    """Messages are archived some minutes after their receipt; collectors may have held them for a day."""

    name: str = "sumo"
    title: str = "Sumo Logic archive"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        dated = dated_folders(within, "dt=%Y%m%d/")
        if dated == EVERYTHING:
            return EVERYTHING
        dashed = dated_folders(within, "dt=%Y-%m-%d/")
        return [*dashed, *dated, *(f"v2/{one}" for one in (*dashed, *dated))]

    def hint(self, key: str) -> KeyHint | None:
        match = _KEY.fullmatch(key)
        start = match and time_of_key(*match.groups())
        if start is None:
            return None
        return KeyHint.around(start, _MINUTE_MS, older=DAY_MS, younger=HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return ndjson.read(content, problems, ndjson.WithRest(_Message, _records))


LAYOUT = Sumo()
