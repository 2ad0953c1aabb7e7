"""Looking at what the chosen archives have, before anything is restored. What a bucket does not tell in time
spoils nothing: the form says so, and the plan will tell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from logkeep.errors import InputError
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_start, iso, parse_time
from logkeep.web import calendar
from logkeep.web.archive_words import name_of
from logkeep.web.calendar import Month
from logkeep.web.problem import Problem
from logkeep.web.restores.choices import Archive
from logkeep.web.restores.days import merged
from logkeep.web.restores.stretch import Known, Picture, hour_of_text, picture_of
from logkeep.web.visit import Visit

T = TypeVar("T")

PATIENCE_S = 4.0
_MOST_DAYS = 400  # that the API tells at once
_BY_HOUR = 31 * 24  # hours; longer stretches are shown by the day
_USUAL_HOURS = 24  # of the stretch that a new form proposes

Answer = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """`notes` say what could not be looked at."""

    month: Month | None  # None where there is no archive to show one of
    picture: Picture | None = None  # None while the range is not one
    first: Hour | None = None
    last: Hour | None = None
    notes: Sequence[str] = field(default_factory=list)


async def look(
    visit: Visit, archives: Sequence[Archive], *, start: str, end: str, month: str, now: int
) -> Looked:
    """`start`, `end` and `month` as they stand in the form, whatever they are."""
    shown, notes = _that_can_be_shown(archives)
    if not shown:
        return Looked(month=None, notes=notes)
    within = range_of(start, end, now=now)
    name = _month_shown(month, within, now)
    of_month, of_range, hours = await asyncio.gather(
        _days(visit, shown, TimeRange(start=_ms(name, 0), end=_ms(name, 1))),
        _days(visit, shown, within) if within else _nothing(),
        _hours(visit, shown, within) if within and not shown[0]["layout"] else _nothing(),
    )
    notes += [note for told in (of_month, of_range, hours) for note in told.notes if note not in notes]
    first, last = _ends(of_month.answers)
    return Looked(
        month=calendar.build_month(
            name,
            merged([one["days"] for one in of_month.answers]),
            today=datetime.now(UTC).date().isoformat(),
            first_hour=None if first is None else iso(hour_start(first)),
            last_hour=None if last is None else iso(hour_start(last)),
            chosen=_days_of(within),
        ),
        picture=_picture(within, of_range, hours, first, last, counted=not shown[0]["layout"]),
        first=first,
        last=last,
        notes=notes,
    )


async def lacks(visit: Visit, restore: Answer) -> Picture | None:
    """What its archives are known to lack of its range; None where nobody can tell."""
    within = TimeRange(start=parse_time(restore["from"], now=0), end=parse_time(restore["to"], now=0))
    ours = [one for one in await _read_by(visit, restore) if not one["layout"]]
    days = await _days(visit, ours, within)
    first, last = _ends(days.answers)
    return _picture(within, days, await _nothing(), first, last, counted=True)


def range_of(start: str, end: str, *, now: int) -> TimeRange | None:
    """The range that two texts name; None while they name none."""
    if not (start and end):
        return None
    try:
        return TimeRange(start=parse_time(start, now=now), end=parse_time(end, now=now))
    except InputError:
        return None


async def usual_range(visit: Visit, archives: Sequence[Archive]) -> tuple[str, str] | None:
    """The last day that the archives have something of."""
    shown, _ = _that_can_be_shown(archives)
    told = await _days(visit, shown, None, limit=1)
    last = [hour for one in told.answers if (hour := hour_of_text(one["last_hour"])) is not None]
    if not last:
        return None
    end = hour_start(Hour(max(last) + 1))
    return short(end - _USUAL_HOURS * HOUR_MS), short(end)


def short(ms: int) -> str:
    """As a person would write it: no more than the time has."""
    text = iso(ms)
    return text.removesuffix(":00.000Z") + "Z" if text.endswith(":00.000Z") else text


@dataclass(frozen=True, kw_only=True)
class _Told:
    answers: Sequence[Answer]
    notes: Sequence[str]
    asked: bool = True


async def _nothing() -> _Told:
    return _Told(answers=(), notes=(), asked=False)


async def _read_by(visit: Visit, restore: Answer) -> Sequence[Archive]:
    """The archives that a restore reads; none of those that are gone."""
    try:
        if restore["archive"]:
            return [await visit.api.get(f"/v1/archives/{quote(restore['archive'], safe='')}")]
        found: Sequence[Archive] = (await visit.api.get("/v1/archives", account=restore["source"]))[
            "archives"
        ]
    except Problem as problem:
        if problem.status != 404:
            raise
        return ()
    return [one for one in found if one["account"] == restore["source"] and not one["pipeline"]]


def _ends(answers: Sequence[Answer]) -> tuple[Hour | None, Hour | None]:
    """The first and the last hour that any of the archives has something of."""
    first = [hour for one in answers if (hour := hour_of_text(one["first_hour"])) is not None]
    last = [hour for one in answers if (hour := hour_of_text(one["last_hour"])) is not None]
    return min(first, default=None), max(last, default=None)


def _that_can_be_shown(archives: Sequence[Archive]) -> tuple[Sequence[Archive], list[str]]:
    """Archives of ours together; one of another system alone, as only its bucket knows what is there."""
    ours = [one for one in archives if not one["layout"]]
    foreign = [one for one in archives if one["layout"]]
    if not ours:
        return foreign[:1], [f"{name_of(one)} is read as well, and not shown here" for one in foreign[1:]]
    return ours, [
        f"{name_of(one)}, kept by {one['layout']}, is read as well, and not shown here" for one in foreign
    ]


async def _days(
    visit: Visit, archives: Sequence[Archive], within: TimeRange | None, limit: int = _MOST_DAYS
) -> _Told:
    span = {"from_": iso(within.start), "to": iso(within.end)} if within else {}
    return await _of_each(
        [
            (one, visit.api.get(f"/v1/archives/{quote(one['id'], safe='')}/days", limit=limit, **span))
            for one in archives
        ]
    )


async def _hours(visit: Visit, archives: Sequence[Archive], within: TimeRange) -> _Told:
    if len(within.hours()) > _BY_HOUR:
        return await _nothing()
    span = {"from_": iso(within.start), "to": iso(within.end)}
    return await _of_each(
        [
            (one, visit.api.get(f"/v1/archives/{quote(one['id'], safe='')}/hours", limit=10_000, **span))
            for one in archives
        ]
    )


async def _of_each(asked: Sequence[tuple[Archive, Awaitable[Answer]]]) -> _Told:
    answers = await asyncio.gather(*(_patiently(request) for _, request in asked))
    notes = [
        f"{name_of(archive)} could not be looked at: {answer}"
        for (archive, _), answer in zip(asked, answers, strict=True)
        if isinstance(answer, str)
    ]
    return _Told(answers=[one for one in answers if not isinstance(one, str)], notes=notes)


async def _patiently(request: Awaitable[Answer]) -> Answer | str:
    """What it answers, or why there is nothing."""
    task = asyncio.ensure_future(request)
    done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
    if not done:
        task.cancel()  # it ends with its thread, and nobody waits for that
        return f"its bucket did not answer in {PATIENCE_S:g} s"
    try:
        return task.result()
    except Problem as problem:
        return problem.detail


def _picture(
    within: TimeRange | None,
    days: _Told,
    hours: _Told,
    first: Hour | None,
    last: Hour | None,
    *,
    counted: bool,
) -> Picture | None:
    if within is None or not days.answers:
        return None
    told = [one["days"] for one in days.answers]
    cut = [one[-1]["day"] for one in told if len(one) >= _MOST_DAYS]
    return picture_of(
        within,
        Known(
            days=merged(told),
            hours=[hour for one in hours.answers for hour in one["hours"]] if hours.asked else None,
            first=first,
            last=last,
            told_from=hour_of_text(f"{max(cut)}T00:00:00Z") or Hour(0) if cut else Hour(0),
            counted=counted,
        ),
    )


def _month_shown(month: str, within: TimeRange | None, now: int) -> str:
    if calendar.parse_month(month):
        return month
    return iso(within.start if within else now)[:7]


def _days_of(within: TimeRange | None) -> tuple[str, str]:
    """The first and last day of a range, as a calendar marks them."""
    if within is None:
        return "", ""
    return iso(within.start)[:10], iso(within.end - 1)[:10]


def _ms(month: str, which: int) -> int:
    instant = hour_of_text(calendar.bounds_of_month(month)[which])
    return hour_start(instant or Hour(0))
