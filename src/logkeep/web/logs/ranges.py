"""The stretch of time that the page of logs looks at: chosen, moved, widened."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.errors import BadRange
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, iso, parse_time
from logkeep.web.logs.address import ALL

LIVE_START = "-1h"
"""Where the range begins if nobody says."""

PRESETS = (
    ("-5m", "5 min"),
    ("-15m", "15 min"),
    ("-1h", "1 h"),
    ("-6h", "6 h"),
    ("-24h", "24 h"),
    ("-7d", "7 d"),
    ("-30d", "30 d"),
    (ALL, "All"),
)
_AROUND_MS = 15 * 60_000  # before and after a time to jump to, in a range without an end


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Epoch ms, `start` inside and `end` not; None: open on that side."""

    start: int | None
    end: int | None

    @property
    def api(self) -> dict[str, str]:
        """The parameters of the API."""
        sides = {"from_": self.start, "to": self.end}
        return {name: iso(ms) for name, ms in sides.items() if ms is not None}

    @property
    def whole(self) -> TimeRange | None:
        """The range where both sides are known."""
        if self.start is None or self.end is None:
            return None
        return TimeRange(start=self.start, end=self.end)

    def texts(self) -> tuple[str, str]:
        """How an address says it."""
        return written(self.start), "" if self.end is None else written(self.end)


def stretch(start: str, end: str, *, now: int) -> Stretch:
    """What the texts of an address mean: "all" as start is from the first line on; an end that is not given
    is now, or open behind "all". Raises BadTime, BadRange."""
    if start == ALL:
        return Stretch(start=None, end=parse_time(end, now=now) if end else None)
    made = Stretch(start=parse_time(start, now=now), end=parse_time(end, now=now) if end else now)
    if made.whole is None:
        raise BadRange("the range has no end", hint="name one")
    return made


def written(ms: int | None) -> str:
    """The shortest ISO 8601 text; "all" for None."""
    if ms is None:
        return ALL
    text = iso(ms)
    return text.replace(":00.000Z", "Z").replace(".000Z", "Z")


def earlier(range_: TimeRange) -> TimeRange:
    """As long, and right before."""
    return _within(range_.start - _length(range_), range_.start)


def later(range_: TimeRange, *, now: int) -> TimeRange:
    """As long, and right behind; not beyond now unless it was already."""
    end = min(range_.end + _length(range_), max(now, range_.end))
    return _within(end - _length(range_), end)


def wider(range_: TimeRange, *, now: int) -> TimeRange:
    """Twice as long with the same middle; what would be in the future is put before instead."""
    half = max(1, _length(range_) // 2)
    end = range_.end + half
    beyond = max(0, end - max(now, range_.end))
    return _within(range_.start - half - beyond, end - beyond)


def around(ms: int, range_: TimeRange | None) -> TimeRange:
    """As long as the range, with the time in its middle."""
    half = _AROUND_MS if range_ is None else max(1, _length(range_) // 2)
    return _within(ms - half, ms + half)


def _length(range_: TimeRange) -> int:
    return range_.end - range_.start


def _within(start: int, end: int) -> TimeRange:
    start = max(start, MIN_MS)
    return TimeRange(start=start, end=min(max(end, start + 1), MAX_MS))
