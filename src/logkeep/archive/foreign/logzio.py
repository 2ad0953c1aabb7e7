"""Archives of Logz.io, and any other gzip or plain JSON lines and text below a prefix.

Source: docs.logz.io, archive and restore. It names neither the objects nor their fields; what a log holds
when it is sent is in README of logzio-python-handler. So every object is read, but the marker
`logzio-verified`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from logkeep.archive.foreign.anything import read_anything
from logkeep.archive.foreign.base import EVERYTHING, KeyHint, Problems, skipped
from logkeep.archive.foreign.fields import Names
from logkeep.archive.foreign.plain import time_in_key
from logkeep.record import Record
from logkeep.timeline import TimeRange

_NAMES = Names(
    time=("@timestamp", "timestamp", "time", "date"),
    line=("message", "msg", "log"),
    host=("host", "hostname"),
    app=("type", "app", "logger"),
    file=("path_name", "file"),
    env=("env", "environment"),
    level=("log_level", "level", "loglevel", "severity"),
    tag=("tags",),
)


@dataclass(frozen=True)
class Logzio:
    """Any object. Its key says nothing of its lines."""

    name: str = "logzio"
    title: str = "Logz.io archive"
    margin_ms: int = 0

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        del within
        return EVERYTHING

    def hint(self, key: str) -> KeyHint | None:
        return None if skipped(key) else KeyHint()

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        return read_anything(content, problems, default_ts=time_in_key(key), names=_NAMES)


LAYOUT = Logzio()
