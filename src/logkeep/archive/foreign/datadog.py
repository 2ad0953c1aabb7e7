"""Datadog log archives.

Sources: docs.datadoghq.com/logs/log_configuration/archives (the source of that page, in
DataDog/documentation), and what Vector's `datadog_archives` sink wrote (vectordotdev/vector).
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
    lids,
    tags_of,
    texts,
    time_of_key,
    times,
)
from logkeep.record import NO_META, Record
from logkeep.timeline import HOUR_MS, TimeRange


class _Line(msgspec.Struct, gc=False):
    """`source`, `attributes`, `trace_id` and `span_id` go into meta as they are."""

    id: Any = msgspec.field(default="", name="_id")
    date: Any = None
    host: Any = ""
    service: Any = ""
    status: Any = ""
    message: Any = ""
    tags: msgspec.Raw = NO_META


def _records(lines: Sequence[_Line], metas: Sequence[msgspec.Raw]) -> list[Record]:
    ts, ns = times([line.date for line in lines])
    tag_lists = tags_of([line.tags for line in lines])
    envs = {each: _env_of(each) for each in set(tag_lists)}
    return list(
        map(
            Record,
            lids([line.id for line in lines]),
            ts,
            ns,
            repeat(-1),
            repeat(""),
            texts([line.host for line in lines]),
            texts([line.service for line in lines]),
            repeat(""),
            [envs[each] for each in tag_lists],
            levels([line.status for line in lines]),
            tag_lists,
            metas,
            texts([line.message for line in lines]),
        )
    )


def _env_of(tags: Sequence[str]) -> str:
    return next((tag[4:] for tag in tags if tag.startswith("env:")), "")


@dataclass(frozen=True)
class Datadog:
    """`dt=20180515/hour=14/archive_143201.1234.<id>.json.gz`, gzip or Zstandard.

    The folder is of the time at which the object was made. Datadog takes logs of up to 18 hours before
    and 2 hours ahead, and makes an object every 15 minutes: a day back, 2 hours ahead.
    """

    name: str = "datadog"
    title: str = "Datadog log archive"
    margin_ms: int = DAY_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return dated_folders(within, "dt=%Y%m%d/hour=%H/", "dt=%Y%m%d/")

    def hint(self, key: str) -> KeyHint | None:
        match = _KEY.fullmatch(key)
        start = match and time_of_key(*match.groups())
        return None if start is None else KeyHint.around(start, HOUR_MS, older=DAY_MS, younger=2 * HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        return ndjson.read(content, problems, ndjson.WithRest(_Line, _records))


_KEY = re.compile(r"dt=(\d{4})(\d\d)(\d\d)/hour=(\d\d)/archive_[^/]+\.json(?:\.[a-z]+)?", re.ASCII)

LAYOUT = Datadog()
