"""Lines whose time is named by a JSON field or a strptime format, as bodies that carry that time.

The line itself must reach the archive exactly as it stands in the file, so its time cannot be written
into it. Mezmo's body keeps time and line apart ({"lines": [{"line": …, "timestamp": ms}]}), so these
bodies go to /logs/ingest. JSON carries UTF-8 alone: lines that are not UTF-8 go as plain text, byte for
byte, with the time of their receipt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from logkeep.errors import BadTime
from logkeep.timeline import EPOCH, instant_of_number, instant_of_text

TimeOf = Callable[[str], int | None]
"""Epoch ms of a line, or ns where it is that exact; None when it names no time."""

# Where a format may begin in a line: behind an address, a user and the like, not deep in the text.
_SEARCH_CHARS = 256

_DIRECTIVES: Mapping[str, str] = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"[ \d]?\d", "e": r"[ \d]?\d", "H": r"\d{1,2}",
    "I": r"\d{1,2}", "M": r"\d{1,2}", "S": r"\d{1,2}", "f": r"\d{1,6}", "j": r"\d{1,3}", "p": r"[AaPp][Mm]",
    "b": r"[A-Za-z]{3}", "B": r"[A-Za-z]{3,9}", "a": r"[A-Za-z]{3}", "A": r"[A-Za-z]{6,9}",
    "z": r"(?:[+-]\d{2}:?\d{2}(?::?\d{2})?|Z)", "Z": r"(?:UTC|GMT)", "%": "%",
}  # fmt: skip
_SHORTHANDS = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%e": "%d", "%D": "%m/%d/%y", "%R": "%H:%M"}


class _Line(msgspec.Struct, omit_defaults=True, gc=False):
    line: str
    timestamp: int | None = None
    app: str = ""
    file: str = ""
    env: str = ""
    level: str = ""


_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True)
class TimedBody:
    """`document` is Mezmo's body; `other` are the lines that JSON cannot carry, with their numbers."""

    document: bytes
    numbers: list[int]  # of the document's lines, from 1 in the body they came from
    other: bytes
    other_numbers: list[int]


class TimedLines:
    """Makes bodies. A line that names no time has the time of the line before it, as the further lines
    of a stack trace need. Use one per stream, in the stream's order."""

    def __init__(self, time_of: TimeOf, fields: Mapping[str, str]) -> None:
        self._time_of = time_of
        self._fields = {name: fields.get(name, "") for name in ("app", "file", "env", "level")}
        self._last: int | None = None

    def body(self, data: bytes) -> TimedBody:
        lines: list[_Line] = []
        numbers: list[int] = []
        other: list[bytes] = []
        other_numbers: list[int] = []
        for number, raw in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
            if not raw:
                continue
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                other.append(raw + b"\n")
                other_numbers.append(number)
                continue
            if (instant := self._time_of(text)) is not None:
                self._last = instant
            lines.append(_Line(line=text, timestamp=self._last, **self._fields))
            numbers.append(number)
        document = _encoder.encode({"lines": lines}) if lines else b""
        return TimedBody(
            document=document, numbers=numbers, other=b"".join(other), other_numbers=other_numbers
        )


def time_reader(text: str) -> TimeOf:
    """How to find a line's time: `text` is a strptime format if it holds a %, else a JSON field, with
    dots for nested ones. Raises BadTime."""
    return _by_format(text) if "%" in text else _by_field(text)


def _by_field(path: str) -> TimeOf:
    keys = path.split(".")
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def time_of(line: str) -> int | None:
        value: str | msgspec.Raw = line
        try:
            for key in keys:
                value = decoder.decode(value)[key]
            return _instant_of(msgspec.json.decode(value))
        except (msgspec.DecodeError, KeyError):
            return None

    return time_of


def _instant_of(value: object) -> int | None:
    if isinstance(value, str):
        instant = instant_of_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        instant = instant_of_number(value)
    else:
        return None
    if instant is None:
        return None
    ms, ns = instant
    return ms * 1_000_000 + ns if ns else ms


def _by_format(text: str) -> TimeOf:
    for short, long in _SHORTHANDS.items():
        text = text.replace(short, long)
    find = re.compile(_pattern(text)).search
    without_year = not re.search(r"%[Yy]", text)

    # Lines of one second repeat their time's text.
    @lru_cache(maxsize=4096)
    def ms_of(found: str) -> int | None:
        return _strptime(found, text, without_year=without_year)

    def time_of(line: str) -> int | None:
        match = find(line, 0, _SEARCH_CHARS)
        return ms_of(match[0]) if match else None

    return time_of


def _pattern(text: str) -> str:
    """A regular expression for what a strptime format reads. Raises BadTime."""
    parts = re.split(r"%(.)", text)
    for directive in parts[1::2]:
        if directive not in _DIRECTIVES:
            raise BadTime(
                f"--timestamp {text!r}: %{directive} is not known here",
                hint=f"known are {' '.join('%' + name for name in _DIRECTIVES)} {' '.join(_SHORTHANDS)}",
            )
    return "".join(_DIRECTIVES[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))


def _strptime(found: str, text: str, *, without_year: bool) -> int | None:
    try:
        if without_year:
            moment = _in_latest_year(found, text, datetime.now(UTC))
        else:
            moment = datetime.strptime(found, text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    ms = (moment - EPOCH) // timedelta(milliseconds=1)
    return ms if ms >= 0 else None


def _in_latest_year(found: str, text: str, now: datetime) -> datetime:
    """A time that names no year (syslog) is taken in the latest year that does not put it past tomorrow."""
    for year in (now.year + 1, now.year, now.year - 1):
        try:
            moment = datetime.strptime(f"{year} {found}", f"%Y {text}")
        except ValueError:  # 29 February of another year
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if aware <= now + timedelta(days=1):
            return moment
    raise ValueError(found)
