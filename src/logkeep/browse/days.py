"""Day by day: what of an archive came in, is archived, waits or is missing, and what the last verify says.

An hour without an object tells nothing by itself: no lines, no object. So it is *empty*, which may be a gap.
A gap that is known is one of these: an hour that holds fewer lines than were accepted for it, and what the
last verify missed, be it an object, a numbered part or a link of the chain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from logkeep.archiver import Archiver, recent_hours
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.objects import DayTotals
from logkeep.catalog.values import Check, CheckKind
from logkeep.errors import NotFound
from logkeep.spool.base import Spool
from logkeep.timeline import Clock, Hour, TimeRange, hour_end, hour_start
from logkeep.verify.last import LastVerify, last_verify
from logkeep.verify.report import Kind

HOURS_OF_DAY = 24
MOST_PROBLEMS = 50  # told of one day
COUNT = "count"  # of a Problem: other than what verify finds


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something of an hour that is not as it should be. `gap`: something is missing."""

    hour: Hour
    kind: str  # COUNT, or the kind of what verify found
    key: str  # "" where it is about no object
    detail: str
    gap: bool


@dataclass(frozen=True, kw_only=True)
class Day:
    """One UTC day, counted from the epoch."""

    day: int
    state: str  # sealed, waiting or differs
    accepted: int | None  # None: not every hour of it was counted from its first line on
    archived: int
    waiting: int
    objects: int
    late_objects: int
    raw_bytes: int
    stored_bytes: int
    hours: Sequence[int]  # of the day, of which something is archived or waits
    empty_hours: Sequence[
        int
    ]  # between the archive's first and last, of which nothing came, as far as is known
    verified_objects: int | None  # None: there is no verify that could have looked
    frozen_objects: int  # that the last verify found in cold storage
    problems: Sequence[Problem]  # the first MOST_PROBLEMS
    problem_count: int


@dataclass(frozen=True, kw_only=True)
class Days:
    first_hour: Hour | None  # of which the archive has an object
    last_hour: Hour | None
    verify: LastVerify | None
    days: Sequence[Day]  # newest first; those of which nothing is known are left out


@dataclass(kw_only=True)
class _Known:
    """What is known of one day, as it is put together."""

    totals: DayTotals
    accepted: dict[Hour, int] = field(default_factory=dict)
    waiting: dict[Hour, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    frozen: int = 0
    unread: set[str] = field(default_factory=set)  # keys of what verify could not read


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The days of archives. Safe from any thread."""

    catalog: Catalog
    spool: Spool
    archiver: Archiver
    clock: Clock

    def days(self, archive: str, within: TimeRange, *, limit: int) -> Days:
        """The newest `limit` days that `within` touches. Raises NotFound."""
        self.catalog.archives.get(archive)
        check = self._verify(archive)
        verify = last_verify(check) if check else None
        known = self._known(archive, within, verify, limit)
        span = self.catalog.objects.span(archive)
        looked = verify is not None and verify.target > 0
        return Days(
            first_hour=span[0] if span else None,
            last_hour=span[1] if span else None,
            verify=verify,
            days=[_day(known[day], span, looked=looked) for day in sorted(known, reverse=True)[:limit]],
        )

    def _verify(self, archive: str) -> Check | None:
        try:
            return self.catalog.checks.get(archive, CheckKind.VERIFY)
        except NotFound:
            return None

    def _known(
        self, archive: str, within: TimeRange, verify: LastVerify | None, limit: int
    ) -> Mapping[int, _Known]:
        asked = within.hours()
        # What was accepted is read first, then what waits, then what is sealed: a line that comes meanwhile
        # can only be waiting or archived beside what was counted, and none is seen by neither.
        received, waiting = self.spool.received(archive), self.spool.waiting(archive)
        known = _Days()
        place, until = (verify.target, verify.began) if verify else (0, 0)
        sealed = self.catalog.objects.days(archive, within, limit=limit, place=place, until=until)
        for totals in sealed:
            known[totals.day] = _Known(totals=totals)
        if len(sealed) == limit:  # older days are not asked for
            asked = range(max(asked.start, sealed[-1].day * HOURS_OF_DAY), asked.stop)
        for hour, count in received.items():
            if hour in asked:
                known.of(hour).accepted[hour] = count.lines
        for one in waiting:
            if one.hour in asked:
                known.of(one.hour).waiting[one.hour] = one.lines
        for problem in self._differing(archive, known.values()):
            if problem.hour in asked:
                known.of(problem.hour).problems.append(problem)
        if verify:
            _add_findings(known, verify, asked)
        return known

    def _differing(self, archive: str, known: Collection[_Known]) -> Iterable[Problem]:
        for found in self.archiver.differences(archive):
            yield _difference(found.hour, found.accepted, found.archived)
        # Counts of older hours are not compared as they come.
        recent = min(recent_hours(self.clock()))
        for one in list(known):
            day = _hours(one.totals.day)
            if not one.accepted or one.waiting or day[-1] >= recent:
                continue
            if sum(one.accepted.values()) != one.totals.lines:
                yield from self._differing_hours(archive, one)

    def _differing_hours(self, archive: str, known: _Known) -> Iterable[Problem]:
        day = _hours(known.totals.day)
        within = TimeRange(start=hour_start(day[0]), end=hour_end(day[-1]))
        kept = self.catalog.objects.lines_of_spool(archive, within, self.spool.spool_id())
        for hour, accepted in known.accepted.items():
            if kept.get(hour, 0) != accepted:
                yield _difference(hour, accepted, kept.get(hour, 0))


class _Days(dict[int, _Known]):
    def of(self, hour: Hour) -> _Known:
        day = hour // HOURS_OF_DAY
        return self.setdefault(day, _Known(totals=DayTotals(day, 0, 0, 0, 0, 0, 0)))


def _difference(hour: Hour, accepted: int, archived: int) -> Problem:
    detail = f"{accepted} lines were accepted, {archived} are archived or wait"
    return Problem(hour=hour, kind=COUNT, key="", detail=detail, gap=archived < accepted)


def _add_findings(known: _Days, verify: LastVerify, asked: range) -> None:
    for name, one in verify.located():
        if name.hour not in asked:
            continue
        day = known.of(name.hour)
        day.frozen += one.kind is Kind.FROZEN
        if one.kind in (Kind.FROZEN, Kind.NO_OBJECT):
            day.unread.add(one.key)
        if not one.note:
            problem = Problem(hour=name.hour, kind=one.kind, key=one.key, detail=one.detail, gap=one.gap)
            day.problems.append(problem)


def _day(known: _Known, span: tuple[Hour, Hour] | None, *, looked: bool) -> Day:
    totals, day = known.totals, _hours(known.totals.day)
    archived = {hour for hour in day if totals.hours >> (hour % HOURS_OF_DAY) & 1}
    counted = {hour for hour, lines in known.accepted.items() if lines}
    there = archived | known.waiting.keys()
    between = range(span[0], span[1] + 1) if span else range(0)
    empty = [hour for hour in day if hour in between and hour not in there | counted]
    problems = sorted(known.problems, key=lambda one: (one.hour, not one.gap, one.key, one.kind))
    differs = any(one.kind == COUNT for one in problems)
    return Day(
        day=totals.day,
        state="differs" if differs else "waiting" if known.waiting else "sealed",
        accepted=sum(known.accepted.values()) if there <= known.accepted.keys() else None,
        archived=totals.lines,
        waiting=sum(known.waiting.values()),
        objects=totals.objects,
        late_objects=totals.late_objects,
        raw_bytes=totals.raw_bytes,
        stored_bytes=totals.stored_bytes,
        hours=[hour % HOURS_OF_DAY for hour in sorted(there)],
        empty_hours=[hour % HOURS_OF_DAY for hour in empty],
        verified_objects=max(0, totals.looked_at - len(known.unread)) if looked else None,
        frozen_objects=known.frozen,
        problems=problems[:MOST_PROBLEMS],
        problem_count=len(problems),
    )


def _hours(day: int) -> Sequence[Hour]:
    return [Hour(hour) for hour in range(day * HOURS_OF_DAY, (day + 1) * HOURS_OF_DAY)]
