"""Time as logkeep counts it: epoch milliseconds, and UTC hours counted from the epoch.

An `Hour` is `epoch milliseconds // 3_600_000`. Ranges are half open: from is inside, to is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NewType

from logkeep.errors import BadRange, BadTime

Hour = NewType("Hour", int)
Clock = Callable[[], int]  # returns epoch milliseconds

HOUR_MS = 3_600_000
# What a record's time may be: from the epoch to the last full year that fits nanoseconds in 64 bits.
MIN_MS = 0
MAX_MS = 9_214_646_400_000  # 2262-01-01T00:00:00Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_RELATIVE = re.compile(r"([+-])(\d{1,9})(ms|s|m|h|d|w)")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": HOUR_MS, "d": 24 * HOUR_MS, "w": 7 * 24 * HOUR_MS}


def hour_of(ms: int) -> Hour:
    """The UTC hour that holds the instant `ms`."""
    return Hour(ms // HOUR_MS)


def hour_start(hour: Hour) -> int:
    return hour * HOUR_MS


def hour_end(hour: Hour) -> int:
    return (hour + 1) * HOUR_MS


def as_datetime(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def iso(ms: int) -> str:
    """`2026-11-20T09:00:00.000Z`."""
    return as_datetime(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """Epoch milliseconds, `start` inside, `end` outside."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise BadRange(
                f"the time range ends at {iso(self.end)}, not after its start at {iso(self.start)}",
                hint="'from' is inside the range and 'to' is not; 'to' must be later",
            )

    def hours(self) -> range:
        """Every hour that the range touches."""
        return range(hour_of(self.start), hour_of(self.end - 1) + 1)

    def overlaps(self, first_ms: int, last_ms: int) -> bool:
        """Whether any instant from `first_ms` to `last_ms`, both included, is inside."""
        return first_ms < self.end and last_ms >= self.start


def parse_time(text: str, *, now: int) -> int:
    """Epoch milliseconds of what a person or a client writes for a point in time.

    Takes ISO 8601 (no offset means UTC), `now`, an offset from now such as `-2h`, `-30m`, `-7d`,
    or an epoch number in s, ms, us or ns. Raises BadTime.
    """
    text = text.strip()
    if text == "now":
        return now
    if match := _RELATIVE.fullmatch(text):
        sign, amount, unit = match.groups()
        ms: int | None = now + int(f"{sign}{amount}") * _UNIT_MS[unit]
    else:
        ms = _ms_of_iso(text)
    if ms is None or not MIN_MS <= ms <= MAX_MS:
        raise BadTime(
            f"{text!r} is not a point in time",
            hint="write ISO 8601 (2026-11-20T09:00:00Z), an offset from now (-2h), or epoch milliseconds",
        )
    return ms


def _ms_of_iso(text: str) -> int | None:
    instant = instant_of_text(text)
    return None if instant is None else instant[0]


def instant_of_number(value: int | float) -> tuple[int, int] | None:
    """(epoch ms, nanoseconds below the ms) of an epoch number; its size tells s, ms, us or ns.

    None when it is no time from 1970 to 2262.
    """
    if isinstance(value, float):
        if not 0 <= value < 1e19:  # also refuses NaN
            return None
        if value < 1e11:
            whole = round(value * 1e6)  # a double holds microseconds of today's seconds
            instant = (whole // 1000, whole % 1000 * 1000)
            return instant if instant[0] < MAX_MS else None
        value = int(value)
    if value < 0:
        return None
    if value < 100_000_000_000:  # seconds, to the year 5138
        instant = (value * 1000, 0)
    elif value < 100_000_000_000_000:
        instant = (value, 0)
    elif value < 100_000_000_000_000_000:
        instant = (value // 1000, value % 1000 * 1000)
    else:
        instant = (value // 1_000_000, value % 1_000_000)
    return instant if instant[0] < MAX_MS else None


_BELOW_MICROS = re.compile(r"[.,]\d{6}(\d{1,3})")
_BASIC_DATE_CHARS = 8  # 20261120; as an epoch number it would be a time in 1970


def instant_of_text(text: str) -> tuple[int, int] | None:
    """(epoch ms, nanoseconds below the ms) of an ISO 8601 text or an epoch number in digits.

    A text without an offset is taken as UTC. None when it is no time from 1970 to 2262.
    """
    if text.isdigit() and len(text) != _BASIC_DATE_CHARS:
        return _instant_of_digits(text)  # fromisoformat would read some of them as YYYYMMDD?HHMM
    below_us = 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _instant_of_digits(text)
    if len(text) > 22 and (tail := _BELOW_MICROS.search(text)):
        below_us = int(tail[1].ljust(3, "0"))  # fromisoformat drops what is below a microsecond
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        since = moment - EPOCH
    except OverflowError:
        return None
    ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    if not MIN_MS <= ms < MAX_MS:
        return None
    return ms, since.microseconds % 1000 * 1000 + below_us


def _instant_of_digits(text: str) -> tuple[int, int] | None:
    if not text.isascii() or len(text) > 30:
        return None
    if text.isdigit():
        return instant_of_number(int(text))
    whole, dot, fraction = text.partition(".")
    if not (dot and whole.isdigit() and fraction.isdigit()):
        return None
    if len(whole) <= 11:
        ns = int(fraction[:9].ljust(9, "0"))
        ms = int(whole) * 1000 + ns // 1_000_000
        return (ms, ns % 1_000_000) if ms < MAX_MS else None
    return instant_of_number(int(whole))
