"""Days of a real archive: what came in, what is archived, what waits, what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.archive.layout import manifest_key
from logkeep.browse.days import MOST_PROBLEMS, Calendar, Day, Days, Problem
from logkeep.catalog.values import Check, CheckKind
from logkeep.checks import Checks
from logkeep.errors import NotFound, StorageUnavailable
from logkeep.index.engine import ChdbEngine
from logkeep.storage.base import Bucket
from logkeep.timeline import HOUR_MS, MAX_MS, Hour, TimeRange, hour_start
from tests.unit.archiver_doubles import HOUR, records
from tests.unit.test_archiver import Bench

ALL = TimeRange(start=0, end=MAX_MS)
DAY = HOUR // 24  # 2026-11-20; HOUR is its ninth
LATER = 40 * 24 * HOUR_MS  # beyond what counts are compared of


class Site:
    def __init__(self, folder: Path, engine: ChdbEngine) -> None:
        self.bench = Bench(folder)
        self.calendar = Calendar(
            catalog=self.bench.catalog,
            spool=self.bench.spool,
            archiver=self.bench.archiver,
            clock=lambda: self.bench.now,
        )
        self.down = False
        self.checks = Checks(
            catalog=self.bench.catalog,
            engine=engine,
            bucket_of=lambda _: self.bucket(),
            work=folder,
            clock=lambda: self.bench.now,
        )
        self._lid = 1000

    def bucket(self) -> Bucket:
        if self.down:
            raise StorageUnavailable("the bucket is down")
        return self.bench.bucket()

    def receive(self, lines: int, *, hour: int = 0) -> None:
        self.bench.receive(records(lines, hour=Hour(HOUR + hour), first_lid=self._lid))
        self._lid += lines

    def seal(self) -> list[str]:
        return [one.key for one in self.bench.archiver.seal_due(now=True)]

    def verify(self) -> None:
        self.bench.now += 1000
        self.checks.run("main", CheckKind.VERIFY)

    def days(self, within: TimeRange = ALL, limit: int = 400) -> Days:
        return self.calendar.days("main", within, limit=limit)

    def day(self) -> Day:
        (one,) = self.days().days
        return one


@pytest.fixture
def site(tmp_path: Path, engine: ChdbEngine) -> Iterator[Site]:
    opened = Site(tmp_path, engine)
    yield opened
    opened.bench.archiver.close()
    opened.bench.spool.close()
    opened.bench.catalog.close()


def test_an_archive_of_nothing_has_no_days(site: Site) -> None:
    assert site.days() == Days(first_hour=None, last_hour=None, verify=None, days=[])
    with pytest.raises(NotFound):
        site.calendar.days("nobody", ALL, limit=1)


def test_a_day_adds_up_its_hours_and_names_the_empty_ones_between(site: Site) -> None:
    site.receive(3)
    site.receive(2, hour=2)
    site.seal()
    site.receive(1)  # late
    site.seal()
    site.receive(4, hour=5)
    found = site.days()
    assert (found.first_hour, found.last_hour) == (HOUR, HOUR + 2)
    (day,) = found.days
    assert (day.day, day.state) == (DAY, "waiting")
    assert (day.accepted, day.archived, day.waiting) == (10, 6, 4)
    assert (day.objects, day.late_objects) == (3, 1)
    assert (day.hours, day.empty_hours) == ([9, 11, 14], [10])
    assert day.raw_bytes > day.stored_bytes > 0
    assert (day.verified_objects, day.problems) == (None, [])


def test_days_are_newest_first_and_only_those_of_the_range(site: Site) -> None:
    for hour in (0, 24, 72):
        site.receive(1, hour=hour)
    site.seal()
    site.receive(1, hour=96)
    assert [one.day - DAY for one in site.days().days] == [4, 3, 1, 0]
    assert [one.day - DAY for one in site.days(limit=2).days] == [4, 3]
    from_noon = TimeRange(start=hour_start(HOUR) + 1, end=hour_start(Hour(HOUR + 24)))
    assert [one.archived for one in site.days(from_noon).days] == [1]
    assert [one.empty_hours for one in site.days().days[2:]] == [
        [*range(9), *range(10, 24)],
        [*range(10, 24)],
    ]


def test_a_day_that_was_cut_off_by_the_limit_is_not_taken_for_lost(site: Site) -> None:
    for hour in (0, 24):
        site.receive(1, hour=hour)
    site.seal()
    site.bench.now += LATER
    assert [(one.day - DAY, one.state) for one in site.days(limit=1).days] == [(1, "sealed")]


def test_an_hour_with_fewer_lines_than_were_accepted_is_a_gap(site: Site) -> None:
    site.receive(3)
    site.receive(2, hour=1)
    key, _ = site.seal()
    catalog = site.bench.catalog
    (row,) = [one for one in catalog.objects.list() if one.key == key]
    shorten(site, lines=row.lines - 1)
    site.bench.archiver.compare_counts()
    expected = Problem(
        hour=HOUR, kind="count", key="", detail="3 lines were accepted, 2 are archived or wait", gap=True
    )
    day = site.day()
    assert (day.state, day.problems, day.problem_count) == ("differs", [expected], 1)
    # Counts of hours that are long over are compared when somebody looks.
    site.bench.now += LATER
    site.bench.archiver.compare_counts()
    assert site.bench.archiver.differences("main") == []
    later = site.day()
    assert (later.state, later.problems) == ("differs", [expected])


def shorten(site: Site, *, lines: int) -> None:
    """As if the catalog's row of the first hour told of so many lines."""
    with site.bench.catalog.objects._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE objects SET lines = {lines} WHERE hour = {HOUR}")


def test_a_verify_tells_of_what_was_there_when_it_began(site: Site) -> None:
    site.receive(3)
    site.receive(3, hour=1)
    site.seal()
    site.verify()
    found = site.days()
    assert found.verify is not None
    assert (found.verify.ok, found.verify.depth, found.verify.elsewhere) == (True, "full", 0)
    assert site.day().verified_objects == 2
    site.bench.now += 1000
    site.receive(1)
    site.seal()
    assert (site.day().objects, site.day().verified_objects) == (3, 2)


def test_what_a_verify_missed_is_a_gap_of_its_hour(site: Site) -> None:
    for hour in range(3):
        site.receive(3, hour=hour)
    site.receive(3, hour=30)
    _, lost, wiped, hurt = site.seal()
    site.bench.bucket().delete(lost)
    for key in (wiped, manifest_key(wiped)):
        site.bench.bucket().delete(key)
    path = site.bench.bucket().local_path(hurt)
    assert path is not None
    path.write_bytes(path.read_bytes()[:-1])
    site.verify()
    next_day, day = site.days().days
    assert [(one.hour - HOUR, one.kind, one.key, one.gap) for one in day.problems] == [
        (1, "no-object", lost, True),
        (2, "no-object", wiped, True),
    ]
    assert (day.state, day.objects, day.verified_objects) == ("sealed", 3, 1)
    # The chain misses the manifest that went, which the next one names.
    assert {(one.kind, one.gap) for one in next_day.problems} >= {("chain", True), ("size", False)}


def test_a_verify_that_could_not_be_done_or_was_of_another_place_verified_nothing(site: Site) -> None:
    site.receive(1)
    site.seal()
    site.down = True
    site.verify()
    found = site.days()
    assert found.verify is not None
    assert (found.verify.ok, found.verify.target, found.days[0].verified_objects) == (False, 0, None)
    site.down = False
    site.verify()
    archives = site.bench.catalog.archives
    target = archives.target(archives.get("main").target)
    archives.move("main", replace(target, place=f"{target.place}-2", options={"path": "/nowhere"}))
    assert site.day().verified_objects == 1


def test_of_many_problems_the_first_are_told(site: Site) -> None:
    site.receive(1)
    (key,) = site.seal()
    found = {"kind": "block", "key": key, "detail": "bad", "note": False}
    put_report(site, [found] * (MOST_PROBLEMS + 5))
    assert (len(site.day().problems), site.day().problem_count) == (MOST_PROBLEMS, MOST_PROBLEMS + 5)


def test_what_is_in_cold_storage_was_not_verified(site: Site) -> None:
    site.receive(1)
    (key,) = site.seal()
    put_report(site, [{"kind": "frozen", "key": key, "detail": "cold", "note": True}])
    day = site.day()
    assert (day.verified_objects, day.frozen_objects, day.problems) == (0, 1, [])


def put_report(site: Site, findings: list[dict[str, object]]) -> None:
    """As if a verify had found this."""
    report = {"started": "2026-11-20T11:00:00Z", "depth": "full", "target": 1, "findings": findings}
    check = Check(
        archive="main", kind=CheckKind.VERIFY, at=1, ok=True, summary="", report=json.dumps(report).encode()
    )
    site.bench.catalog.checks.put(check)
