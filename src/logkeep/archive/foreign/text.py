"""Lines of text to records, each with the time that it begins with.

A line without a time has that of the line before it, as the lines of a stack trace do; before any, the
time that the object's name gives, where it gives one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TypeAlias

import msgspec

from logkeep.instants import instant_of
from logkeep.record import Record, text_of

TimeOfLine: TypeAlias = Callable[[str], tuple[int, int] | None]

# 2026-11-20T09:12:13.123Z · 2026-11-20 09:12:13,123 +0100 · [2026-11-20 09:12:13] · 1700000000123
_ISO = re.compile(
    r"[\s\[(\"<]{0,3}(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?"
    r"(?: ?(Z|UTC|[+-]\d\d:?\d\d))?(?!\d)",
    re.ASCII,
)
_EPOCH = re.compile(r"\s{0,3}(\d{10}(?:\.\d{1,9})?|\d{13}|\d{16}|\d{19})(?=[\s,;|])", re.ASCII)
_WEB = re.compile(  # Apache's and nginx's: 1.2.3.4 - - [20/Nov/2026:09:12:13 +0000]
    r"[^\[]{0,300}\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\]", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TextLines:
    """Reads text. Keeps the time of the last line, so it is for one object only."""

    def __init__(
        self, *, default_ts: int = -1, time_of: TimeOfLine | None = None, json_too: bool = False
    ) -> None:
        """`json_too` takes lines of JSON as the text they are; else they are left to another reader."""
        self._json_too = json_too
        self._last = (default_ts, 0)
        self._time_of = time_of or leading_time

    def __call__(self, values: bytes) -> list[Record]:
        """Raises msgspec.DecodeError for several lines of which one begins as JSON does, so that those are
        read one by one."""
        lines = values.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if len(lines) > 1 and not self._json_too and (values.startswith(b"{") or b"\n{" in values):
            raise msgspec.DecodeError("some lines are JSON")
        try:
            texts = [line.removesuffix("\r") for line in values.decode().split("\n")][: len(lines)]
        except UnicodeDecodeError:
            pairs = [text_of(line.removesuffix(b"\r")) for line in lines]
        else:
            pairs = list(zip(texts, repeat("")))
        return self._records(pairs)

    def _records(self, pairs: Sequence[tuple[str, str]]) -> list[Record]:
        found = []
        time_of, last = self._time_of, self._last
        for line, raw in pairs:
            if line:
                last = time_of(line) or last
                found.append(Record(ts=last[0], ns=last[1], line=line, raw=raw))
        if last[0] >= 0 and (not found or found[0].ts >= 0):  # else these are read again, one by one
            self._last = last
        return found


def leading_time(line: str) -> tuple[int, int] | None:
    """(epoch ms, nanoseconds below) that a line begins with, taken as UTC without an offset."""
    if found := _ISO.match(line):
        day, clock, fraction, zone = found.groups()
        second = instant_of(f"{day}T{clock}.000{_ZONES.get(zone) or zone}")
        if second is None or not fraction:
            return second
        ns = int(fraction.ljust(9, "0"))
        return second[0] + ns // 1_000_000, ns % 1_000_000
    if found := _EPOCH.match(line):
        return instant_of(int(found[1]) if found[1].isdigit() else float(found[1]))
    if found := _WEB.match(line):
        day, month, year, clock, hours, minutes = found.groups()
        if month in _MONTHS:
            return instant_of(f"{year}-{_MONTHS.index(month) + 1:02d}-{day}T{clock}{hours}:{minutes}")
    return None


_ZONES = {None: "Z", "Z": "Z", "UTC": "Z", "+0000": "Z", "+00:00": "Z"}
