"""Backfill over a real spool, catalog and engine: what was missed comes once, however often one asks."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep import backfill
from logkeep.archive.layout import key_of
from logkeep.archiver import Archiver
from logkeep.backfill import Backfill, Backfilled
from logkeep.catalog.values import AccountKind, Archive, Target
from logkeep.errors import Conflict, DamagedArchive
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.indexer import Indexer
from logkeep.record import Record, encode_lines
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.base import GZIP
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_end, hour_start
from logkeep.verify import verify
from tests.unit.archiver_doubles import (
    HOUR,
    append,
    frame,
    new_catalog,
    piece,
    put_object,
    records,
    set_up_archive,
)

ALL = TimeRange(start=hour_start(HOUR), end=hour_end(HOUR) + HOUR_MS)


class Killed(BaseException):
    """In place of a SIGKILL."""


class ReadFolder(FolderBucket):
    """Counts the blocks that are read from it."""

    blocks_read = 0

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.blocks_read += len(ranges)
        return super().get_ranges(key, ranges)


class Site:
    def __init__(self, folder: Path, engine: ChdbEngine) -> None:
        self.now = hour_end(HOUR)
        self.catalog = new_catalog(folder)
        self.archive = set_up_archive(self.catalog, folder)
        self.bucket = ReadFolder(folder / "archive" / "main")
        self.spool = SqliteSpool(
            folder / "spool.sqlite",
            clock=lambda: self.now,
            max_bytes=1 << 30,
            max_account_bytes=1 << 30,
            min_free_bytes=0,
        )
        engine.run("DROP TABLE IF EXISTS live")
        live = LiveLines(engine, folder)
        self.indexer = Indexer(self.spool, live)
        sealer = Sealer(
            spool=self.spool,
            objects=self.catalog.objects,
            archives=self.catalog.archives,
            bucket_of=lambda _target: self.bucket,
            server="server-1",
            clock=lambda: self.now,
            work_dir=folder,
        )
        self.archiver = Archiver(sealer, clock=lambda: self.now)
        self.backfill = Backfill(
            catalog=self.catalog,
            spool=self.spool,
            live=live,
            bucket_of=lambda _target: self.bucket,
            held=self.archiver.held,
            clock=lambda: self.now,
        )

    def receive(self, of: Sequence[Record], *, archive: str) -> None:
        append(self.spool, piece(of, archive=archive, rx=self.now))
        while self.indexer.index_some():
            pass

    def archived(self) -> list[str]:
        lines: list[str] = []
        for path in sorted(self.bucket.list("year=2026/"), key=lambda stat: stat.key):
            lines += gzip.decompress(self.bucket.get(path.key)).decode().splitlines()
        return sorted(lines)

    def remove(self) -> None:
        """As ArchiveDesk.remove does, discarding what waits."""
        with self.archiver.held("main"):
            self.catalog.archives.delete("main")
            self.spool.forget("main")

    def set_up_again(self, folder: Path) -> None:
        target = Target(
            archive="main",
            account="main",
            provider="folder",
            options={"path": str(folder)},
            place=folder.as_uri(),
            created_at=self.now,
        )
        self.catalog.archives.create(replace(self.archive, created_at=self.now), target)

    def close(self) -> None:
        self.archiver.close()
        self.spool.close()
        self.catalog.close()


@pytest.fixture
def site(tmp_path: Path, engine: ChdbEngine) -> Iterator[Site]:
    opened = Site(tmp_path, engine)
    yield opened
    opened.close()


def text(of: Sequence[Record]) -> list[str]:
    return sorted(encode_lines(of).decode().splitlines())


def test_lines_that_came_while_the_archive_was_off_are_added_byte_for_byte(site: Site) -> None:
    on, off = records(50), records(70, first_lid=5000, hour=Hour(HOUR + 1), text="while off")
    site.receive(on, archive="main")
    site.archiver.seal_due(now=True)
    site.receive(off, archive="")

    assert site.backfill.run("main", ALL) == Backfilled(retained=120, lines=70, hours=2)

    site.archiver.seal_due(now=True)
    assert site.archived() == text([*on, *off])
    assert verify(site.bucket).findings == ()


@pytest.mark.parametrize("sealed", [True, False], ids=["after a seal", "while they wait in the spool"])
def test_a_repeated_backfill_adds_nothing(site: Site, sealed: bool) -> None:
    site.receive(records(50), archive="main")
    site.receive(records(20, first_lid=5000), archive="")
    site.backfill.run("main", ALL)
    if sealed:
        site.archiver.seal_due(now=True)

    assert site.backfill.run("main", ALL) == Backfilled(retained=70, lines=0, hours=1)

    site.archiver.seal_due(now=True)
    assert len(site.archived()) == 70


def test_nothing_is_added_to_another_systems_archive(site: Site) -> None:
    site.receive(records(3), archive="")
    site.catalog.archives.update(replace(site.archive, layout="mezmo"))
    with pytest.raises(Conflict, match="another system's archive"):
        site.backfill.run("main", TimeRange(start=hour_start(HOUR), end=hour_end(HOUR)))
    assert site.spool.waiting("main") == []


def test_only_the_range_and_what_the_archive_asks_for_is_added(site: Site) -> None:
    site.catalog.archives.update(
        site.catalog.archives.get("main").__class__(**{**vars(site.archive), "query": "wanted"})
    )
    site.receive(records(30, text="wanted"), archive="")
    site.receive(records(30, first_lid=5000, text="other"), archive="")
    within = TimeRange(start=hour_start(HOUR) + 10, end=hour_start(HOUR) + 20)

    assert site.backfill.run("main", within) == Backfilled(retained=20, lines=10, hours=1)

    site.archiver.seal_due(now=True)
    assert site.archived() == text(records(30, text="wanted")[10:20])
    # lines that come back are not indexed a second time
    assert site.backfill.run("main", within).retained == 20


@pytest.mark.parametrize("sealed", [True, False], ids=["after a seal", "while they wait in the spool"])
@pytest.mark.parametrize("pages", [1, 3, 4])
def test_a_backfill_that_was_cut_short_adds_the_rest_when_it_is_repeated(
    site: Site, monkeypatch: pytest.MonkeyPatch, pages: int, sealed: bool
) -> None:
    came = [*records(25), *records(20, first_lid=5000, hour=Hour(HOUR + 1))]
    site.receive(came[:25], archive="")
    site.receive(came[25:], archive="")
    monkeypatch.setattr(backfill, "_PAGE", 7)
    appended: list[str] = []

    def kill(name: str) -> None:
        appended.append(name)
        if len(appended) == pages:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(backfill, "crash_point", kill)
        with pytest.raises(Killed):
            site.backfill.run("main", ALL)
    if sealed:
        site.archiver.seal_due(now=True)

    # of the fourth page, four lines are of the first hour and are appended by themselves
    added = min(7 * pages, 25)
    assert site.backfill.run("main", ALL) == Backfilled(retained=45, lines=45 - added, hours=2)

    site.archiver.seal_due(now=True)
    assert site.archived() == text(came)


@pytest.mark.parametrize("again", [False, True], ids=["gone", "another one of its name"])
def test_nothing_is_added_to_an_archive_that_was_removed_meanwhile(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    site.receive(records(20), archive="")
    monkeypatch.setattr(backfill, "_PAGE", 10)
    holds: list[str] = []

    @contextmanager
    def held(archive: str) -> Iterator[None]:
        holds.append(archive)
        if len(holds) == 2:  # the last moment: the backfill waits for this hold
            site.remove()
            if again:
                site.set_up_again(tmp_path / "again")
        with site.archiver.held(archive):
            yield

    with pytest.raises(Conflict, match="'main' was removed meanwhile"):
        replace(site.backfill, held=held).run("main", ALL)

    assert site.spool.waiting("main") == []
    if not again:
        site.set_up_again(tmp_path / "again")
    assert site.archiver.seal_due(now=True) == []


def test_lines_of_long_ago_are_not_overdue_but_sealed_together_some_time_after_they_were_added(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = records(30)
    site.receive(came, archive="")
    site.now += 48 * HOUR_MS
    monkeypatch.setattr(backfill, "_PAGE", 10)

    site.backfill.run("main", ALL)

    (status,) = site.archiver.status()
    assert (status.state, status.lag_s, status.waiting_lines) == ("ok", 0, 30)
    site.now += site.archive.seal_after_s * 1000 - 1
    assert site.archiver.seal_due() == []
    site.now += 1
    assert [one.lines for one in site.archiver.seal_due()] == [30]
    assert site.archived() == text(came)  # with the receipt times that they had


def test_lines_of_an_hour_that_has_an_object_wait_for_the_late_sweep(site: Site) -> None:
    site.receive(records(5), archive="main")
    site.archiver.seal_due(now=True)
    site.receive(records(5, first_lid=5000), archive="")
    site.now += 48 * HOUR_MS

    site.backfill.run("main", ALL)

    site.now += site.archive.late_sweep_s * 1000 - 1
    assert site.archiver.seal_due() == []
    site.now += 1
    assert [one.lines for one in site.archiver.seal_due()] == [5]


def test_only_blocks_that_touch_the_range_are_read(site: Site, tmp_path: Path) -> None:
    came = records(24_000, text="x" * 60)
    frames = [frame(came[start : start + 8000], seq=start + 1) for start in range(0, 24_000, 8000)]
    assert len(put_object(site.bucket, tmp_path, frames).blocks) == 3
    site.receive(came[9000:9010], archive="")
    within = TimeRange(start=came[9000].ts, end=came[9010].ts)

    assert site.backfill.run("main", within) == Backfilled(retained=10, lines=0, hours=1)
    assert site.bucket.blocks_read == 1


def test_the_memory_is_a_few_bytes_for_each_line_of_an_hour(site: Site, tmp_path: Path) -> None:
    count, at_once = 200_000, 10_000
    frames = [
        frame(records(at_once, first_lid=2 * start), seq=start + 1) for start in range(0, count, at_once)
    ]
    put_object(site.bucket, tmp_path, frames)
    there = [one for start in range(0, count, at_once) for one in records(3, first_lid=2 * start)]
    missing = [one for start in range(0, count, at_once) for one in records(2, first_lid=2 * start + at_once)]
    site.receive([*there, *missing], archive="")

    tracemalloc.start()
    try:
        done = site.backfill.run("main", ALL)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert done == Backfilled(retained=100, lines=40, hours=1)
    assert peak < 8 * count + (8 << 20)  # a set of them takes 93 bytes a line


@pytest.mark.parametrize(
    "line",
    [
        b"no JSON",
        b'{"_line":"no id"}',
        b'{"_lid":"no number"}',
        b'{"_lid":"-1"}',
        b'{"_lid":"99999999999999999999"}',
        b'{"_lid":"\xff"}',
    ],
)
def test_a_line_that_has_no_id_stops_it(site: Site, line: bytes) -> None:
    site.bucket.put_new(key_of("main", HOUR, 0), gzip.compress(line + b"\n"), GZIP)
    site.receive(records(5), archive="")

    with pytest.raises(DamagedArchive, match=r"main\.2026-11-20\.0900\.json\.gz has a line without an id"):
        site.backfill.run("main", ALL)

    assert site.spool.waiting("main") == []


def test_a_backfill_that_is_held_up_does_not_hold_up_another_archives(site: Site, tmp_path: Path) -> None:
    site.receive(records(5), archive="")
    site.catalog.accounts.create("other", AccountKind.LIVE, 0)
    place = tmp_path / "other"
    site.catalog.archives.create(
        Archive(id="other", account="other", state=site.archive.state, created_at=0),
        Target(
            archive="other",
            account="other",
            provider="folder",
            place=place.as_uri(),
            options={},
            created_at=0,
        ),
    )
    waits, go_on = threading.Event(), threading.Event()

    @contextmanager
    def held(archive: str) -> Iterator[None]:
        waits.set()
        assert go_on.wait(30)
        with site.archiver.held(archive):
            yield

    held_up = replace(site.backfill, held=held)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(held_up.run, "main", ALL)
        try:
            assert waits.wait(30)
            assert held_up.run("other", ALL) == Backfilled(retained=0, lines=0, hours=0)
        finally:
            go_on.set()
        assert first.result(30).lines == 5
