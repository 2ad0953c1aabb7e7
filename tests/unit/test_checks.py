"""Scheduled checks over a real folder, catalog and engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.archive.layout import manifest_key
from logkeep.catalog.values import CheckKind
from logkeep.checks import Checks
from logkeep.errors import Conflict, StorageUnavailable
from logkeep.index.engine import ChdbEngine
from logkeep.storage.base import Bucket
from logkeep.timeline import Hour
from tests.unit.archiver_doubles import HOUR, records
from tests.unit.test_archiver import Bench

DAY_MS = 86_400_000


class Site:
    def __init__(self, folder: Path, engine: ChdbEngine) -> None:
        self.bench = Bench(folder)
        self.down = False
        for number in range(3):
            self.bench.receive(records(40, hour=Hour(HOUR + number), first_lid=1000 * (number + 1)))
        self.keys = [one.key for one in self.bench.archiver.seal_due(now=True)]
        (folder / "work").mkdir()
        self.checks = Checks(
            catalog=self.bench.catalog,
            engine=engine,
            bucket_of=lambda _target: self.bucket(),
            work=folder / "work",
            clock=lambda: self.bench.now,
        )

    def bucket(self) -> Bucket:
        if self.down:
            raise StorageUnavailable("the bucket is down", hint="wait")
        return self.bench.bucket()

    def remove(self, key: str) -> None:
        self.bench.bucket().delete(key)
        self.bench.bucket().delete(manifest_key(key))


@pytest.fixture
def site(tmp_path: Path, engine: ChdbEngine) -> Iterator[Site]:
    opened = Site(tmp_path, engine)
    yield opened
    opened.bench.archiver.close()
    opened.bench.spool.close()
    opened.bench.catalog.close()


def test_a_sound_archive_passes_both_checks_and_the_results_are_kept(site: Site) -> None:
    verified = site.checks.run("main", CheckKind.VERIFY)
    drilled = site.checks.run("main", CheckKind.DRILL)

    assert (verified.ok, verified.summary) == (True, "3 objects, 120 lines: all as it should be")
    assert drilled.ok
    assert "40 lines of 1 object are there" in drilled.summary
    assert {one.kind: one.ok for one in site.bench.catalog.checks.list("main")} == dict.fromkeys(
        CheckKind, True
    )


def test_an_end_that_was_cut_off_is_found_by_what_the_catalog_knows(site: Site) -> None:
    site.remove(site.keys[-1])

    check = site.checks.run("main", CheckKind.VERIFY)

    assert not check.ok
    assert "newest manifests" in check.summary


def test_a_damaged_object_fails_both(site: Site) -> None:
    for key in site.keys:
        path = site.bench.bucket().local_path(key)
        assert path is not None
        path.write_bytes(path.read_bytes()[:-9] + b"something")

    assert not site.checks.run("main", CheckKind.VERIFY).ok
    assert not site.checks.run("main", CheckKind.DRILL).ok


@pytest.mark.parametrize("kind", list(CheckKind))
def test_a_check_that_cannot_be_done_says_why(site: Site, kind: CheckKind) -> None:
    site.down = True

    check = site.checks.run("main", kind)

    assert (check.ok, check.summary) == (False, "it could not be done: the bucket is down (wait)")


@pytest.mark.parametrize("kind", CheckKind)
def test_another_systems_archive_is_not_checked(site: Site, kind: CheckKind) -> None:
    archives = site.bench.catalog.archives
    archives.update(replace(archives.get("main"), layout="mezmo"))
    with pytest.raises(Conflict, match="another system's archive"):
        site.checks.run("main", kind)
    assert site.bench.catalog.checks.list("main") == []


def test_checks_are_off_until_asked_for_and_then_run_when_due(site: Site) -> None:
    assert site.checks.round() > 0
    assert site.bench.catalog.checks.list() == []
    archives = site.bench.catalog.archives
    archives.update(replace(archives.get("main"), verify_every_s=86_400))
    site.bench.now += DAY_MS

    assert site.checks.round() == 0.0
    assert [one.kind for one in site.bench.catalog.checks.list()] == [CheckKind.VERIFY]
    assert site.checks.round() > 0  # not again before another day is over
    site.bench.now += DAY_MS
    assert site.checks.round() == 0.0
