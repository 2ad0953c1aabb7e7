"""A month as a calendar: its days as cells, with what an archive has of each, and the choice of a range by
two clicks. Days and months are texts, `2026-11-20` and `2026-11`; all of it is UTC."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

WEEKDAYS = tuple(zip(calendar.day_abbr, calendar.day_name, strict=True))  # from Monday on
MONTHS = tuple(calendar.month_name)  # by number; the first has none
_FIRST, _LAST = date(1970, 1, 1), date(2261, 12, 31)  # of times that lines may have

Link = Callable[[str], str]
"""From a day or a month to the URL that it leads to."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A day of the month. `known` is what GET /v1/archives/{id}/days tells of it, None for nothing."""

    day: str
    number: int
    known: Mapping[str, Any] | None
    share: float  # of the bytes of the month's largest day
    marks: Sequence[tuple[str, str]]  # (name, words), the worst first
    today: bool
    future: bool
    between: bool  # whether the archive has something before and after it
    start: bool = False  # the first day of the chosen range
    end: bool = False  # the last one
    chosen: bool = False

    @property
    def lines(self) -> int | None:
        """Archived or waiting; None where nobody counted them."""
        if self.known is None:
            return 0
        archived: int | None = self.known["archived"]
        return None if archived is None else archived + int(self.known["waiting"])


@dataclass(frozen=True, kw_only=True)
class Month:
    name: str  # 2026-11
    title: str  # November 2026
    weeks: Sequence[Sequence[Cell | None]]  # Monday first; None is a day of another month
    before: str  # the months beside it; "" at the ends of time
    after: str

    @property
    def cells(self) -> Iterable[Cell]:
        return (cell for week in self.weeks for cell in week if cell is not None)


@dataclass(frozen=True, kw_only=True)
class MonthOfYear:
    """A month in a strip of a year's months."""

    name: str
    label: str
    title: str
    lines: int | None
    objects: int
    share: float  # of the bytes of the year's largest month
    problems: int
    current: bool


def parse_day(text: str) -> date | None:
    """The day that a text names; None for what is none, or is beyond the times of lines."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text and _FIRST <= found <= _LAST else None


def parse_month(text: str) -> date | None:
    """The first day of the month that a text names."""
    return parse_day(f"{text}-01")


def month_of_time(iso: str) -> str:
    """The month that holds an ISO 8601 time of the API."""
    return iso[:7]


def bounds_of_month(name: str) -> tuple[str, str]:
    """(from, to) of a month, as the API reads times. The month must be one."""
    first = date.fromisoformat(f"{name}-01")
    return _time(first), _time(_months_later(first, 1))


def bounds_of_year(name: str) -> tuple[str, str]:
    """Of the year that holds the month."""
    year = int(name[:4])
    return _time(date(year, 1, 1)), _time(date(year + 1, 1, 1))


def bounds_of_day(day: str, hour: int | None = None) -> tuple[str, str]:
    """Of a day, or of one hour of it."""
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    if hour is None:
        return _moment(start), _moment(start + timedelta(days=1))
    return _moment(start + timedelta(hours=hour)), _moment(start + timedelta(hours=hour + 1))


def beside(day: str) -> tuple[str, str]:
    """The days before and after it."""
    one = date.fromisoformat(day)
    return (one - timedelta(days=1)).isoformat(), (one + timedelta(days=1)).isoformat()


def build_month(
    name: str,
    days: Iterable[Mapping[str, Any]],
    *,
    today: str,
    first_hour: str | None = None,
    last_hour: str | None = None,
    chosen: tuple[str, str] = ("", ""),
) -> Month:
    """The calendar of a month. `days`, `first_hour` and `last_hour` are as the API tells them; `chosen` are
    the first and the last day of a range, or the first alone."""
    first = date.fromisoformat(f"{name}-01")
    known = {str(one["day"]): one for one in days if str(one["day"]).startswith(name)}
    largest = max((one["stored_bytes"] or 0 for one in known.values()), default=0)
    begin, end = chosen[0], chosen[1] or chosen[0]

    def cell(number: int) -> Cell | None:
        if not number:
            return None
        day = f"{name}-{number:02d}"
        one = known.get(day)
        return Cell(
            day=day,
            number=number,
            known=one,
            share=(one["stored_bytes"] or 0) / largest if one and largest else 0.0,
            marks=marks_of(one) if one else (),
            today=day == today,
            future=day > today,
            between=bool(first_hour and last_hour and first_hour[:10] <= day <= last_hour[:10]),
            start=bool(begin) and day == begin,
            end=bool(end) and day == end,
            chosen=bool(begin) and begin <= day <= end,
        )

    weeks = [[cell(number) for number in week] for week in calendar.monthcalendar(first.year, first.month)]
    return Month(
        name=name,
        title=f"{MONTHS[first.month]} {first.year}",
        weeks=weeks,
        before=_name(_months_later(first, -1)),
        after=_name(_months_later(first, 1)),
    )


def build_year(name: str, days: Iterable[Mapping[str, Any]]) -> Sequence[MonthOfYear]:
    """The twelve months of the year that holds the month `name`."""
    by_month: dict[str, list[Mapping[str, Any]]] = {}
    for one in days:
        by_month.setdefault(str(one["day"])[:7], []).append(one)
    sizes = {month: sum(one["stored_bytes"] or 0 for one in found) for month, found in by_month.items()}
    largest = max(sizes.values(), default=0)
    year = name[:4]
    months = []
    for number in range(1, 13):
        month = f"{year}-{number:02d}"
        found = by_month.get(month, [])
        counted = [one["archived"] for one in found if one["archived"] is not None]
        months.append(
            MonthOfYear(
                name=month,
                label=calendar.month_abbr[number],
                title=f"{MONTHS[number]} {year}",
                lines=sum(counted) if counted or not found else None,
                objects=sum(one["objects"] for one in found),
                share=sizes.get(month, 0) / largest if largest else 0.0,
                problems=sum(one["problem_count"] for one in found),
                current=month == name,
            )
        )
    return months


def marks_of(day: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """What a day's cell, or an hour's row, tells beside its lines: (name, words), the worst first."""
    marks: list[tuple[str, str]] = []
    gaps = sum(one["gap"] for one in day["problems"])
    if gaps:
        marks.append(("gap", "something is missing"))
    if day["state"] == "differs" and not gaps:
        marks.append(("differs", "counts differ"))
    elif day["problem_count"] > gaps:
        marks.append(("wrong", "verify found something wrong"))
    if day["waiting"]:
        marks.append(("waiting", f"{day['waiting']:,} lines wait"))
    if day["late_objects"]:
        marks.append(("late", _counted(day["late_objects"], "late or further object")))
    if empty := len(day["empty_hours"]):
        marks.append(("empty", f"{_counted(empty, 'hour')} without lines"))
    if day["frozen_objects"]:
        marks.append(("frozen", f"{_counted(day['frozen_objects'], 'object')} in cold storage"))
    verified = day["verified_objects"]
    if verified is not None and verified >= day["objects"] > 0 and not day["problem_count"]:
        marks.append(("verified", "verified"))
    return marks


def pick(day: str, start: str, end: str) -> tuple[str, str]:
    """The range after a click on `day`: the first click begins one, the second ends it, whichever of the two
    is earlier. Both are days of it; the end is "" while only one was chosen."""
    if not start or end:
        return day, ""
    return min(day, start), max(day, start)


def _months_later(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _name(first: date) -> str:
    return first.isoformat()[:7] if _FIRST <= first <= _LAST else ""


def _time(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
