"""Objects of Fluent Bit's s3 and azure_blob outputs.

Source: fluent/fluent-bit-docs, pipeline/outputs/s3.md and azure_blob.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from logkeep.archive.foreign.anything import read_anything
from logkeep.archive.foreign.base import EVERYTHING, KeyHint, Problems, skipped, time_of_key
from logkeep.archive.foreign.fields import Names
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

_MARGIN_MS = 2 * HOUR_MS

_NAMES = Names(
    time=("date", "@timestamp", "timestamp", "time"),
    line=("log", "message", "msg", "MESSAGE"),
    host=("host", "hostname", "kubernetes.host", "_HOSTNAME"),
    app=("app", "kubernetes.container_name", "SYSLOG_IDENTIFIER", "ident"),
    file=("file", "filename", "filepath"),
    env=("env",),
    level=("level", "severity", "log_level"),
    tag=("tags", "tag"),
)


@dataclass(frozen=True)
class FluentBit:
    """`fluent-bit-logs/<tag>/2026/01/01/00/00/00-objectAbCd1234`, `…/2026/01/01/00_00_00.gz-apwgylqg`, or
    `…/2026/01/01/00/00/00/AbCd1234.gz`, which most configurations that are published ask for.

    The time is that of the object's first record. Those after it are as much younger as an upload waits,
    10 minutes unless set otherwise; 2 hours either way are for longer waits and records out of order.
    """

    name: str = "fluentbit"
    title: str = "Fluent Bit (s3, azure_blob)"
    margin_ms: int = _MARGIN_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING  # the tag is in front of the date

    def hint(self, key: str) -> KeyHint | None:
        start = None if skipped(key) else _first_time(key)
        return None if start is None else KeyHint.around(start, 0, older=_MARGIN_MS, younger=_MARGIN_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        first = _first_time(key)
        return read_anything(content, problems, default_ts=-1 if first is None else first, names=_NAMES)


def _first_time(key: str) -> int | None:
    match = _KEY.fullmatch(key)
    return time_of_key(*match.groups()) if match else None


_KEY = re.compile(
    r"(?:.*/)?(\d{4})/(\d\d)/(\d\d)/(\d\d)[/_-]?(\d\d)[/_-]?(\d\d)(?:[^0-9/][^/]*|/[^/]+)?", re.ASCII
)

LAYOUT = FluentBit()
