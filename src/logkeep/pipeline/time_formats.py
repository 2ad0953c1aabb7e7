"""How the times in events are written: an epoch number, ISO 8601, or as strptime has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

from logkeep.archive.foreign.time_format import times_by
from logkeep.errors import BadSetting
from logkeep.instants import instant_of
from logkeep.timeline import EPOCH, MAX_MS, MIN_MS, as_datetime

Instant: TypeAlias = tuple[int, int]  # epoch ms, nanoseconds below
Reader: TypeAlias = Callable[[object, int], Instant | None]
"""From a value and the time that the event has now, epoch ms."""

_UNIT_NS = {"epoch_s": 1_000_000_000, "epoch_ms": 1_000_000, "epoch_us": 1000, "epoch_ns": 1}
_MOST_CHARS = 80
_DIGITS = re.compile(r"(\d{1,25})(?:\.(\d{1,20}))?", re.ASCII)
_BELOW_MICROS = re.compile(r"[.,]\d{6}(\d{1,3})", re.ASCII)
_DAY_MS = 24 * 3_600_000


def reader(form: str, zone: tzinfo) -> Reader:
    """A function from a decoded value to its time; None when it is none of this format from 1970 to 2262.
    `zone` is that of times that name none. Raises BadSetting for a format that is none."""
    if form == "iso8601":
        return _iso(zone)
    if form in _UNIT_NS:
        return _epoch(_UNIT_NS[form])
    return _written(form, zone)


def _iso(zone: tzinfo) -> Reader:
    def read(value: object, _now: int) -> Instant | None:
        if type(value) is not str or len(value) > _MOST_CHARS:
            return None
        if value[-1:] == "Z":
            return instant_of(value)  # it remembers the seconds that it has seen
        if value.isdigit() and len(value) != len("20261120"):
            return None  # fromisoformat would read some numbers as a date and a time
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        below = _BELOW_MICROS.search(value) if len(value) > len("2026-11-20T09:12:13.123") else None
        return _instant(moment, zone, int(below[1].ljust(3, "0")) if below else 0)

    return read


def _instant(moment: datetime, zone: tzinfo, below_us: int = 0) -> Instant | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        since = moment - EPOCH
    except OverflowError:
        return None
    ms = since.days * _DAY_MS + since.seconds * 1000 + since.microseconds // 1000
    return (ms, since.microseconds % 1000 * 1000 + below_us) if MIN_MS <= ms < MAX_MS else None


def _epoch(unit_ns: int) -> Reader:
    def read(value: object, _now: int) -> Instant | None:
        if type(value) is int:
            ns = value * unit_ns
        elif type(value) is float:
            if not 0 <= value < 1e20:
                return None
            # A double holds the microseconds of a time of today, and little more.
            ns = round(value * (unit_ns / 1000)) * 1000
        elif type(value) is str and (found := _DIGITS.fullmatch(value)):
            fraction = (found[2] or "0")[:9].ljust(9, "0")
            ns = int(found[1]) * unit_ns + int(fraction) * unit_ns // 10**9
        else:
            return None
        ms, below = divmod(ns, 1_000_000)
        return (ms, below) if MIN_MS <= ms < MAX_MS else None

    return read


def _written(form: str, zone: tzinfo) -> Reader:
    """By strptime's directives, where one space stands for any number of them. A time without a year gets
    the one that brings it nearest to the event's, as in syslog."""
    has_year = "%Y" in form or "%y" in form
    has_day = "%j" in form or ("%d" in form and any(month in form for month in ("%m", "%b", "%B")))
    if not (has_year or has_day) or len(form) > _MOST_CHARS:
        raise BadSetting(f"{form!r} is no format of a time with its day", hint=_HINT, field="formats")
    form = " ".join(form.split())
    try:
        columns = times_by(form if has_year else f"%Y {form}")
        columns(("",))
    except re.error as error:  # from strptime
        raise BadSetting(
            f"{form!r} has a directive twice", hint="each can be there once", field="formats"
        ) from error
    except BadSetting as error:
        raise BadSetting(error.message, hint=error.hint, field="formats") from error
    local = zone is not UTC and "%z" not in form and "%Z" not in form

    def of_text(text: str) -> Instant | None:
        if "  " in text:
            text = " ".join(text.split())
        (ms,), (ns,) = columns((text,))
        if ms < 0 or not local:
            return (ms, ns) if ms >= 0 else None
        return _instant(as_datetime(ms).replace(tzinfo=None), zone, ns)

    def read(value: object, _now: int) -> Instant | None:
        return of_text(value) if type(value) is str else None

    def read_without_year(value: object, now: int) -> Instant | None:
        if type(value) is not str:
            return None
        year = as_datetime(max(now, 0)).year
        found = [of_text(f"{each} {value}") for each in (year - 1, year, year + 1)]
        return min((each for each in found if each), key=lambda each: abs(each[0] - now), default=None)

    return read if has_year else read_without_year


_HINT = "write iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns, or strptime's directives"
