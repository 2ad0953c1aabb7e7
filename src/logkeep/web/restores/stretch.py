"""What archives have of a stretch of time: a picture of its lines, and what is missing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_end, hour_start, instant_of_text

_MOST_BARS = 96
_STEPS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 720, 1440, 2160, 8760, 87_600, 876_000)  # hours


@dataclass(frozen=True, kw_only=True)
class Bar:
    start: int
    end: int
    amount: int  # lines, or bytes where nobody counted lines
    empty: bool  # whether an hour of it is between the archive's first and last, and has nothing


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the API told. `hours` of each hour, where it was asked for them; else the days have to do."""

    days: Sequence[Mapping[str, Any]]
    hours: Sequence[Mapping[str, Any]] | None
    first: Hour | None  # that any of the archives has something of
    last: Hour | None
    told_from: Hour  # from here on the days are complete
    counted: bool = True  # whether there are numbers of lines


@dataclass(frozen=True, kw_only=True)
class Picture:
    within: TimeRange
    counted: bool
    bars: Sequence[Bar]
    total: int  # of the bars
    waiting: int  # lines that are not archived yet
    empty: Sequence[tuple[int, int]]  # stretches (start, end) without anything, oldest first
    problems: Sequence[Mapping[str, Any]]  # what is known to be missing or damaged
    outside: bool  # whether all of it is before the archive's first hour or after its last

    @property
    def largest(self) -> int:
        return max((bar.amount for bar in self.bars), default=0)

    @property
    def empty_hours(self) -> int:
        return sum(end - start for start, end in self.empty) // HOUR_MS


def picture_of(within: TimeRange, known: Known) -> Picture:
    hours = within.hours()
    empty = sorted(_empty_hours(hours, known))
    amounts = dict(_amounts(known))
    bars = list(_bars(within, amounts, frozenset(empty)))
    return Picture(
        within=within,
        counted=known.counted,
        bars=bars,
        total=sum(bar.amount for bar in bars),
        waiting=_waiting(known),
        empty=[(hour_start(first), hour_end(last)) for first, last in _runs(empty)],
        problems=[
            problem for day in known.days for problem in day["problems"] if _hour(problem["hour"]) in hours
        ],
        outside=known.first is None
        or known.last is None
        or not (hours.start <= known.last and known.first < hours.stop),
    )


def hour_of_text(text: str | None) -> Hour | None:
    return _hour(text) if text else None


def _hour(text: str) -> Hour:
    instant = instant_of_text(text)
    return Hour(-1 if instant is None else instant[0] // HOUR_MS)


def _empty_hours(hours: range, known: Known) -> Iterator[Hour]:
    """Hours of the range between the first and the last of the archive, of which it has nothing."""
    if known.first is None or known.last is None or not known.counted:
        return
    told = {_hour(f"{day['day']}T00:00:00Z") // 24: day for day in known.days}
    for number in range(max(hours.start, known.first, known.told_from), min(hours.stop, known.last + 1)):
        day = told.get(number // 24)
        # Of a day that nothing is told of, nothing is there.
        if day is None or number % 24 in day["empty_hours"]:
            yield Hour(number)


def _amounts(known: Known) -> Iterator[tuple[int, int]]:
    """(start, amount) of each hour, or of each day."""
    if known.hours is not None:
        for one in known.hours:
            yield hour_start(_hour(one["hour"])), one["archived"]
        return
    for day in known.days:
        amount = day["archived"] if known.counted else day["stored_bytes"]
        yield hour_start(_hour(f"{day['day']}T00:00:00Z")), amount or 0


def _bars(within: TimeRange, amounts: Mapping[int, int], empty: frozenset[Hour]) -> Iterator[Bar]:
    hours = within.hours()
    step = next(one for one in _STEPS if len(hours) <= one * _MOST_BARS)
    begin = hours.start // step * step
    sums: dict[int, int] = {}
    for start, amount in amounts.items():
        if hours.start // 24 * 24 <= start // HOUR_MS < hours.stop:
            place = max(begin, start // HOUR_MS // step * step)
            sums[place] = sums.get(place, 0) + amount
    gaps = {hour // step * step for hour in empty}
    for place in range(begin, hours.stop, step):
        yield Bar(
            start=hour_start(Hour(place)),
            end=hour_start(Hour(place + step)),
            amount=sums.get(place, 0),
            empty=place in gaps,
        )


def _waiting(known: Known) -> int:
    if known.hours is not None:
        return sum(one["waiting"] for one in known.hours)
    return sum(day["waiting"] or 0 for day in known.days)


def _runs(hours: Iterable[Hour]) -> Iterator[tuple[Hour, Hour]]:
    """(first, last) of hours one after the other."""
    begin: Hour | None = None
    last: Hour | None = None
    for hour in hours:
        if begin is None or last is None:
            begin = hour
        elif hour != last + 1:
            yield begin, last
            begin = hour
        last = hour
    if begin is not None and last is not None:
        yield begin, last
