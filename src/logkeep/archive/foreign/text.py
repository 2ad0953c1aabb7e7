"""Lines of text to records, each with the time that it begins with.

A line without a time has that of the line before it, as the lines of a stack trace do; before any, the
time that the object's name gives, where it gives one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import TypeAlias

import msgspec

from logkeep.archive.foreign import time_columns
from logkeep.archive.foreign.base import Problems
from logkeep.instants import instant_of
from logkeep.record import NO_META, Record, text_of

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


# How files begin that are no text. Three letters could begin a line of text, so that a control character has
# to follow; of none of these formats it is far.
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x7fELF": "a program",
    b"SQLite format 3\0": "an SQLite database",
}
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_HEAD_BYTES = 64 << 10


def binary_format(head: bytes) -> str:
    """`a Parquet file`: what content that begins so is, when it is known to be no text; else ""."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic) and _CONTROL.search(head, 0, _HEAD_BYTES):
            return name
    return ""


def is_text(head: bytes) -> bool:
    """Whether content that begins so is taken for text: without NULs, unless it is JSON, whose lines are
    checked one by one."""
    if binary_format(head):
        return False
    return b"\0" not in head[:_HEAD_BYTES] or head.lstrip().startswith((b"{", b"["))


def text_only(content: Iterator[bytes], problems: Problems) -> Iterator[bytes]:
    """The content; none of it, with a problem, when it is known to be no text."""
    head = b""
    for piece in content:
        head += piece
        if len(head) >= _MAGIC_BYTES:
            break
    if name := binary_format(head):
        problems.add(0, f"the object is {name} and has no lines", head)
        return
    if head:
        yield head
    yield from content


_MAGIC_BYTES = 2 * max(map(len, _MAGIC))


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
            if self._time_of is leading_time and (records := _all_timed(list(filter(None, texts)))):
                self._last = records[-1].ts, records[-1].ns
                return records
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


def _all_timed(lines: Sequence[str]) -> list[Record] | None:
    """Records of lines that all begin with ISO 8601 times of one kind; None of others."""
    if not lines or not _ISO.match(lines[0]):
        return None
    found = list(map(_ISO.match, lines))
    if (column := time_columns.of_texts([(each and each[0]) or "" for each in found], leading_time)) is None:
        return None
    ts, ns = column
    nothing = repeat("")
    return list(
        map(
            Record,
            nothing,
            ts,
            ns,
            repeat(-1),
            *repeat(nothing, 6),
            repeat(()),
            repeat(NO_META),
            lines,
        )
    )


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
