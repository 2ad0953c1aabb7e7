"""How the times of a user's own layout are written: an epoch number, ISO 8601, or strptime's directives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from typing import cast

from logkeep.archive.foreign import time_columns
from logkeep.archive.foreign.base import times
from logkeep.archive.foreign.fields import Times
from logkeep.archive.foreign.text import TimeOfLine
from logkeep.errors import BadSetting
from logkeep.timeline import EPOCH, MAX_MS, MIN_MS

_NS_OF = {"epoch_s": 1_000_000_000, "epoch_ms": 1_000_000, "epoch_us": 1000, "epoch_ns": 1}
_FACTORS = {"epoch_s": 1000, "epoch_ms": 1}
_WIDTHS = {
    "%Y": r"\d{4}",
    "%y": r"\d\d",
    "%m": r"\d\d?",
    "%d": r"\d\d?",
    "%H": r"\d\d?",
    "%I": r"\d\d?",
    "%M": r"\d\d",
    "%S": r"\d\d",
    "%f": r"\d{1,6}",
    "%j": r"\d{1,3}",
    "%b": r"[^\W\d_]{3}",
    "%B": r"[^\W\d_]{3,9}",
    "%a": r"[^\W\d_]{3}",
    "%A": r"[^\W\d_]{6,9}",
    "%p": r"[AaPp][Mm]",
    "%z": r"(?:Z|[+-]\d\d:?\d\d)",
    "%Z": r"[A-Z]{3,4}",
    "%%": "%",
}
_DIRECTIVE = re.compile(r"%.|[^%]+|%", re.DOTALL)

_MOST_CHARS = 80

Instant = tuple[int, int]


def times_by(name: str) -> Times:
    """Reads a column of times. Raises BadSetting for a format that is none."""
    if name in ("", "auto", "iso8601"):
        return times
    read = _reader(name)

    def columns(values: Sequence[object]) -> tuple[Iterable[int], Iterable[int]]:
        if name in _FACTORS and set(map(type, values)) == {int}:
            factor, numbers = _FACTORS[name], cast("Sequence[int]", values)
            if min(numbers) >= 0 and max(numbers) < MAX_MS // factor:
                return [number * factor for number in numbers], repeat(0)
        if name in _NS_OF and (column := time_columns.of_epochs(values, _NS_OF[name])) is not None:
            return column
        found = [read(value) or (-1, 0) for value in values]
        return [ms for ms, _ in found], [ns for _, ns in found]

    return columns


def leading_time_by(name: str) -> TimeOfLine | None:
    """Reads the time that a line of text begins with; None for the formats that are known anyway."""
    if name in ("", "auto", "iso8601"):
        return None
    read = _reader(name)
    pattern = re.compile(
        r"[\s\[(\"<]{0,3}(" + (r"-?\d+(?:\.\d+)?" if name in _NS_OF else _pattern(name)) + ")"
    )

    def leading(line: str) -> Instant | None:
        found = pattern.match(line)
        return read(found[1]) if found else None

    return leading


def _reader(name: str) -> Callable[[object], Instant | None]:
    if name in _NS_OF:
        unit = _NS_OF[name]
        return lambda value: _of_epoch(value, unit)
    if "%" not in name:
        raise BadSetting(
            f"{name!r} is no format of a time",
            hint=f"write {', '.join(_NS_OF)}, iso8601, or strptime's directives, like %d/%m/%Y %H:%M:%S",
            field="time",
        )
    _pattern(name)  # refuses what it does not know
    return lambda value: (
        _of_text(value, name) if isinstance(value, str) and len(value) <= _MOST_CHARS else None
    )


def _of_epoch(value: object, unit_ns: int) -> Instant | None:
    try:
        if isinstance(value, str):
            whole, _, fraction = value.partition(".")
            ns = int(whole) * unit_ns + (
                int(fraction[:9].ljust(9, "0")) * unit_ns // 10**9 if fraction else 0
            )
        elif isinstance(value, float):
            ns = round(value * 1e6) * (unit_ns // 1_000_000) if unit_ns >= 1_000_000 else int(value * unit_ns)
        elif isinstance(value, int) and not isinstance(value, bool):
            ns = value * unit_ns
        else:
            return None
    except (ValueError, OverflowError):
        return None
    ms, below = divmod(ns, 1_000_000)
    return (ms, below) if MIN_MS <= ms < MAX_MS else None


def _of_text(value: str, form: str) -> Instant | None:
    plain = _plain_pattern(form)
    if plain is None:
        return _by_strptime(value, form)
    found = plain.fullmatch(value)
    if found is None:
        return None
    parts = found.groupdict()
    day = _day(parts["Y"], parts.get("m") or parts.get("b") or "1", parts.get("d") or "1")
    hour, minute, second = int(parts.get("H") or 0), int(parts.get("M") or 0), int(parts.get("S") or 0)
    if day is None or hour > 23 or minute > 59 or second > 59:
        return None
    micros = int((parts.get("f") or "").ljust(6, "0"))
    ms = (
        day
        + hour * 3_600_000
        + minute * 60_000
        + second * 1000
        + micros // 1000
        - _zone(parts.get("z") or "")
    )
    return (ms, micros % 1000 * 1000) if MIN_MS <= ms < MAX_MS else None


@lru_cache(maxsize=64)
def _plain_pattern(form: str) -> re.Pattern[str] | None:
    """For formats of the usual directives, each once: ten times as fast as strptime. None for others."""
    parts = []
    for found in _DIRECTIVE.finditer(form):
        part = found[0]
        if part in _PLAIN:
            parts.append(f"(?P<{part[1]}>{_WIDTHS[part]})")
        elif part.startswith("%") and part != "%%":
            return None
        else:
            parts.append(re.escape(part.replace("%%", "%")))
    pattern = "".join(parts)
    once = all(pattern.count(f"(?P<{part[1]}>") <= 1 for part in _PLAIN)
    if not once or "(?P<Y>" not in pattern or ("(?P<m>" in pattern) == ("(?P<b>" in pattern):
        return None
    return re.compile(pattern, re.ASCII)


_PLAIN = ("%Y", "%m", "%d", "%H", "%M", "%S", "%f", "%b", "%z")


@lru_cache(maxsize=4096)
def _day(year: str, month: str, day: str) -> int | None:
    try:
        moment = datetime.strptime(f"{year} {month} {day}", "%Y %m %d" if month.isdigit() else "%Y %b %d")
    except ValueError:
        return None
    return (moment.replace(tzinfo=UTC) - EPOCH).days * 86_400_000


@lru_cache(maxsize=256)
def _zone(text: str) -> int:
    if text in ("", "Z"):
        return 0
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return (-minutes if text[0] == "-" else minutes) * 60_000


@lru_cache(maxsize=8192)
def _by_strptime(value: str, form: str) -> Instant | None:
    try:
        moment = datetime.strptime(value, form)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        since = moment - EPOCH
    except OverflowError:
        return None
    ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return (ms, since.microseconds % 1000 * 1000) if MIN_MS <= ms < MAX_MS else None


def _pattern(form: str) -> str:
    parts = []
    for found in _DIRECTIVE.finditer(form):
        part = found[0]
        if part.startswith("%"):
            if part not in _WIDTHS:
                raise BadSetting(
                    f"the time format {form!r} has {part}, which is not read",
                    hint=f"use of strptime's directives only {' '.join(_WIDTHS)}",
                    field="time",
                )
            parts.append(_WIDTHS[part])
        else:
            parts.append(re.escape(part))
    return "".join(parts)
