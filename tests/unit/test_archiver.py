from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from logkeep import sealing
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import digest
from logkeep.archive.marker import read_marker
from logkeep.archive.reader import read_manifest
from logkeep.archiver import Archiver, ArchiveStatus, OpenHour
from logkeep.catalog.catalog import open_catalog
from logkeep.catalog.values import ArchiveObject, ArchiveState, ObjectState, Target
from logkeep.errors import StorageUnavailable
from logkeep.record import Record, encode_lines
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, hour_end
from logkeep.verify import verify
from tests.e2e.server import eventually
from tests.unit.archiver_doubles import (
    HOUR,
    KEY,
    append,
    frame,
    new_catalog,
    piece,
    put_object,
    records,
    set_up_archive,
)

END = hour_end(HOUR)
MINUTE = 60_000
POINTS = ["planned", "marker", "built", "uploaded", "manifest", "catalog", "archived", "trimmed"]


class Killed(BaseException):
    """Stands for the end of the process at a crash point."""


class FailingBucket(FolderBucket):
    """A folder whose puts fail while `down`."""

    down = False

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if self.down:
            raise StorageUnavailable("the bucket is down", hint="wait")
        super().put_new(key, data, content_type)


class Bench:
    """An archiver over a real spool, catalog and folders, with a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = END
        self.catalog = new_catalog(folder)
        self.buckets: dict[str, FailingBucket] = {}
        set_up_archive(self.catalog, folder)
        self.spool = self.open_spool("spool.sqlite")
        self.restart()

    def open_spool(self, name: str) -> SqliteSpool:
        return SqliteSpool(
            self.folder / name,
            clock=lambda: self.now,
            max_bytes=1 << 30,
            max_account_bytes=1 << 30,
            min_free_bytes=0,
        )

    def restart(self) -> None:
        """A new archiver, as after a new start of the process."""
        self.sealer = Sealer(
            spool=self.spool,
            objects=self.catalog.objects,
            archives=self.catalog.archives,
            bucket_of=lambda target: self.bucket_at(target.place),
            server="server-1",
            clock=lambda: self.now,
            work_dir=self.folder,
        )
        self.archiver = Archiver(self.sealer, clock=lambda: self.now)

    def change(self, archive: str = "main", **settings: Any) -> None:
        self.catalog.archives.update(replace(self.catalog.archives.get(archive), **settings))

    def bucket_at(self, place: str) -> FailingBucket:
        return self.buckets.setdefault(place, FailingBucket(Path(place.removeprefix("file://"))))

    def bucket(self, archive: str = "main") -> FailingBucket:
        target = self.catalog.archives.get(archive).target
        return self.bucket_at(self.catalog.archives.target(target).place)

    def receive(self, of: Sequence[Record], *, account: str = "main", archive: str | None = None) -> None:
        append(self.spool, piece(of, account=account, archive=archive, rx=self.now))
        self.spool.indexed(self.spool.last_seq())

    def keys(self, archive: str = "main") -> list[str]:
        return [stat.key for stat in self.bucket(archive).list("year=2026/")]

    def lines(self, key: str = KEY, archive: str = "main") -> bytes:
        return gzip.decompress(self.bucket(archive).get(key))

    def status(self, archive: str = "main") -> ArchiveStatus:
        return next(one for one in self.archiver.status() if one.archive == archive)

    def due_at(self) -> int:
        return min(hour.due_at for hour in self.status().open_hours)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.archiver.close()
    bench.spool.close()
    bench.catalog.close()


def part(number: int) -> str:
    return KEY.replace("0900", f"0900.{number}")


def test_an_hour_is_sealed_ten_minutes_after_its_end(bench: Bench) -> None:
    bench.now = END - 1000
    bench.receive(records(5))
    assert bench.due_at() == END + 10 * MINUTE

    bench.now = END + 10 * MINUTE - 1
    assert bench.archiver.seal_due() == []
    bench.now += 1
    [sealed] = bench.archiver.seal_due()

    manifest = read_manifest(bench.bucket(), KEY)
    assert manifest is not None
    assert sealed == ArchiveObject(
        account="main",
        archive="main",
        target=bench.catalog.archives.get("main").target,
        hour=HOUR,
        part=0,
        state=ObjectState.SEALED,
        after_seq=0,
        upto_seq=1,
        spool_id=bench.spool.spool_id(),
        key=KEY,
        lines=5,
        raw_bytes=manifest.raw_bytes,
        stored_bytes=manifest.stored_bytes,
        sha256=manifest.sha256,
        min_ts=manifest.min_ts,
        max_ts=manifest.max_ts,
        sealed_at=bench.now,
        chain=1,
        manifest_sha256=digest(bench.bucket().get(manifest_key(KEY))),
    )
    assert bench.lines() == encode_lines(records(5))
    assert (bench.spool.waiting(), bench.spool.stored_bytes(), bench.archiver.start_due()) == ([], 0, None)
    assert not list(bench.folder.glob("*.json.gz"))


def test_an_old_hour_is_sealed_ten_minutes_after_its_first_line_came(bench: Bench) -> None:
    bench.now = END + 900 * MINUTE
    bench.receive(records(5))

    assert bench.due_at() == END + 910 * MINUTE


def test_lines_for_a_sealed_hour_wait_for_the_late_sweep_and_get_a_number(bench: Bench) -> None:
    bench.receive(records(5))
    bench.archiver.seal_due(now=True)
    bench.receive(records(2, first_lid=2000))
    due = END + 360 * MINUTE
    assert bench.due_at() == due

    bench.now = due - 1
    assert bench.archiver.seal_due() == []
    bench.now = due
    assert [one.key for one in bench.archiver.seal_due()] == [part(1)]

    assert bench.lines(part(1)) == encode_lines(records(2, first_lid=2000))
    assert verify(bench.bucket()).findings == ()


def test_now_seals_hours_that_are_open_and_only_of_the_account_asked_for(bench: Bench) -> None:
    bench.now = END - 30 * MINUTE
    set_up_archive(bench.catalog, bench.folder, account="other")
    bench.receive(records(5))
    bench.receive(records(5), account="other")

    assert [one.account for one in bench.archiver.seal_due(now=True, account="other")] == ["other"]

    assert [one.account for one in bench.spool.waiting()] == ["main"]


def test_a_large_hour_continues_in_the_next_number(bench: Bench) -> None:
    for number in range(5):
        bench.receive(records(100, first_lid=1000 * (number + 1)))
    bench.change(max_object_bytes=2 * len(encode_lines(records(100, first_lid=5000))))

    sealed = bench.archiver.seal_due(now=True)

    assert [(one.part, one.after_seq, one.upto_seq, one.lines) for one in sealed] == [
        (0, 0, 2, 200),
        (1, 2, 4, 200),
        (2, 4, 5, 100),
    ]
    assert verify(bench.bucket()).findings == ()


def test_a_frame_over_the_largest_object_is_an_object_of_its_own(bench: Bench) -> None:
    bench.receive(records(10))
    bench.receive(records(10, first_lid=2000))
    bench.change(max_object_bytes=1)

    assert [one.lines for one in bench.archiver.seal_due(now=True)] == [10, 10]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("late", [False, True], ids=["nothing more", "more lines"])
def test_killed_at_any_point_every_line_is_archived_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, point: str, late: bool
) -> None:
    bench.receive(records(50))
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "crash_point", lambda name: _kill_at(f"seal.{point}", name))
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    bench.now += 1
    if late:
        bench.receive(records(7, first_lid=9000))

    bench.restart()
    bench.archiver.seal_due(now=True)

    more = records(7, first_lid=9000) if late else []
    archived = b"".join(bench.lines(key) for key in sorted(bench.keys(), key=len))
    assert archived == encode_lines([*records(50), *more])
    assert (bench.spool.waiting(), bench.spool.stored_bytes(), bench.catalog.objects.planned()) == ([], 0, [])
    assert verify(bench.bucket()).findings == ()


def _kill_at(point: str, name: str) -> None:
    if name == point:
        raise Killed


def test_an_object_of_somebody_else_is_left_alone_and_the_next_number_is_taken(bench: Bench) -> None:
    put_object(bench.bucket(), bench.folder, [frame(records(3, first_lid=1))])
    put_object(bench.bucket(), bench.folder, [frame(records(3, first_lid=11))], part=1)
    before = [bench.lines(), bench.lines(part(1))]
    bench.receive(records(5))

    [sealed] = bench.archiver.seal_due(now=True)

    assert (sealed.part, sealed.key, bench.lines(part(2))) == (2, part(2), encode_lines(records(5)))
    assert [bench.lines(), bench.lines(part(1))] == before
    assert [one.part for one in bench.catalog.objects.list()] == [2]
    assert verify(bench.bucket()).ok  # these objects are in no chain, which is only noted


def test_our_lines_under_other_bytes_are_taken_as_ours(bench: Bench) -> None:
    lines = encode_lines(records(5))
    bench.bucket().put_new(KEY, gzip.compress(lines, 9, mtime=0), GZIP)
    bench.receive(records(5))

    [sealed] = bench.archiver.seal_due(now=True)

    assert (sealed.key, bench.keys()) == (KEY, [KEY])
    assert verify(bench.bucket()).findings == ()


def test_a_manifest_of_another_object_stops_its_hour_only(bench: Bench) -> None:
    other = put_object(FolderBucket(bench.folder / "x"), bench.folder, [frame(records(3))])
    stored = (bench.folder / "x" / manifest_key(other.key)).read_bytes()
    bench.bucket().put_new(manifest_key(KEY), stored, JSON)
    bench.receive(records(5))
    bench.receive(records(5, hour=Hour(HOUR + 1)))

    sealed = bench.archiver.seal_due(now=True)

    assert [one.hour for one in sealed] == [HOUR + 1]
    [status] = bench.archiver.status()
    assert status.state == "failing"
    assert "belongs to another object" in (status.last_error or "")
    assert [(one.hour, one.lines) for one in bench.spool.waiting()] == [(HOUR, 5)]


def test_a_failing_bucket_holds_up_only_its_account_and_heals(bench: Bench) -> None:
    for account in ("ill", "well"):
        set_up_archive(bench.catalog, bench.folder, account=account)
        bench.receive(records(5), account=account)
    bench.bucket("ill").down = True
    bench.now = END + 10 * MINUTE

    assert [one.account for one in bench.archiver.seal_due()] == ["well"]
    assert bench.status("ill") == ArchiveStatus(
        archive="ill",
        account="ill",
        state="failing",
        lag_s=0,
        open_hours=(
            OpenHour(hour=HOUR, lines=5, bytes=len(encode_lines(records(5))), due_at=END + 10 * MINUTE),
        ),
        waiting_lines=5,
        waiting_bytes=len(encode_lines(records(5))),
        last_error="the bucket is down (wait)",
        next_try=END + 10 * MINUTE + 1000,
        differences=(),
    )
    assert bench.status("ill").alarm
    bench.bucket("ill").down = False
    assert bench.archiver.seal_due() == []  # not before its next try
    bench.now = bench.status("ill").next_try or 0
    assert [one.account for one in bench.archiver.seal_due()] == ["ill"]
    assert (bench.status("ill").state, bench.status("ill").last_error) == ("ok", None)


def test_tries_come_ever_later_up_to_five_minutes(bench: Bench) -> None:
    bench.receive(records(5))
    bench.bucket().down = True
    bench.now = END + 10 * MINUTE
    pauses = []
    for _ in range(11):
        bench.archiver.seal_due()
        next_try = bench.status().next_try or 0
        pauses.append((next_try - bench.now) // 1000)
        bench.now = next_try

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_lag_counts_from_when_the_oldest_lines_were_due(bench: Bench) -> None:
    bench.receive(records(5))
    bench.now = END + 25 * MINUTE

    status = bench.status()
    assert (status.lag_s, status.waiting_lines, status.state) == (15 * 60, 5, "ok")
    bench.now += 1
    assert (bench.status().state, bench.status().alarm) == ("late", True)


def test_a_new_spool_beside_an_old_catalog_loses_nothing(bench: Bench) -> None:
    bench.receive(records(5))
    bench.archiver.seal_due(now=True)
    bench.spool.close()
    bench.spool = bench.open_spool("new.sqlite")
    bench.restart()
    bench.now += MINUTE
    bench.receive(records(5, first_lid=7000))

    bench.archiver.seal_due(now=True)

    assert bench.lines(part(1)) == encode_lines(records(5, first_lid=7000))


def test_a_plan_of_another_spool_takes_no_lines_of_this_one_with_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receive(records(20))
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "crash_point", lambda name: _kill_at("seal.planned", name))
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    bench.spool.close()
    bench.spool = bench.open_spool("new.sqlite")
    bench.restart()

    bench.receive(records(3, first_lid=7000))
    bench.archiver.seal_due(now=True)
    bench.receive(records(5, first_lid=8000))
    bench.archiver.seal_due(now=True)

    archived = b"".join(bench.lines(key) for key in sorted(bench.keys(), key=len))
    assert archived == encode_lines([*records(3, first_lid=7000), *records(5, first_lid=8000)])
    assert (bench.spool.waiting(), bench.catalog.objects.planned()) == ([], [])


def test_a_clock_that_goes_back_before_a_kill_doubles_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receive(records(3))
    bench.now -= 2000
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "crash_point", lambda name: _kill_at("seal.catalog", name))
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    bench.restart()
    bench.archiver.seal_due(now=True)

    assert bench.keys() == [KEY]
    assert (bench.lines(), bench.spool.waiting()) == (encode_lines(records(3)), [])


def test_rounds_of_several_threads_do_not_meet(bench: Bench) -> None:
    for number in range(20):
        bench.receive(records(10, hour=Hour(HOUR - number), first_lid=1000 * (number + 1)))
    threads = [Thread(target=bench.archiver.seal_due, args=(True,)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    report = verify(bench.bucket())
    assert (report.objects, report.lines, report.findings) == (20, 200, ())


def move(bench: Bench, folder: str) -> int:
    """Have the archive write to another folder. Returns the target that it leaves."""
    place = (bench.folder / folder).as_uri()
    before = bench.catalog.archives.get("main").target
    target = Target(archive="main", account="main", provider="folder", options={}, place=place, created_at=0)
    bench.catalog.archives.move("main", target)
    return before


def test_the_first_object_comes_after_the_marker_that_ties_place_and_account(bench: Bench) -> None:
    bench.receive(records(5))
    bench.archiver.seal_due(now=True)

    marker = read_marker(bench.bucket(), "main")
    assert marker is not None
    assert (marker.account, marker.archive, marker.server) == ("main", "main", "server-1")
    target = bench.catalog.archives.target(bench.catalog.archives.get("main").target)
    assert target.marked_at == bench.now


def test_a_place_of_another_server_is_not_written_to(bench: Bench) -> None:
    bench.receive(records(5))
    target = bench.catalog.archives.target(bench.catalog.archives.get("main").target)
    replace(bench.sealer, server="server-2").claim(bench.bucket(), target)
    bench.catalog.archives.marked(target.id, 0)

    assert bench.archiver.seal_due(now=True) == []

    assert "another server archives the account main" in (bench.status().last_error or "")
    assert bench.keys() == []
    bench.sealer.claim(bench.bucket(), target, take_over=True)
    assert len(bench.archiver.seal_due(now=True)) == 1


def test_manifests_are_a_chain_that_goes_on_after_the_catalog_was_lost(bench: Bench) -> None:
    for number in range(3):
        bench.receive(records(5, hour=Hour(HOUR + number), first_lid=1000 * (number + 1)))
        bench.archiver.seal_due(now=True)
    (bench.folder / "lost").mkdir()
    bench.catalog.close()
    bench.catalog = new_catalog(bench.folder / "lost")
    set_up_archive(bench.catalog, bench.folder)
    bench.spool.close()
    bench.spool = bench.open_spool("new.sqlite")
    bench.restart()
    bench.receive(records(5, hour=Hour(HOUR + 5), first_lid=9000))

    [sealed] = bench.archiver.seal_due(now=True)

    assert sealed.chain == 4
    assert verify(bench.bucket()).findings == ()


def test_what_was_begun_in_a_place_is_finished_there_after_a_move(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receive(records(20))
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "crash_point", lambda name: _kill_at("seal.uploaded", name))
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    old = bench.bucket()
    move(bench, "elsewhere")
    bench.restart()
    bench.receive(records(3, first_lid=7000))

    bench.archiver.seal_due(now=True)

    assert gzip.decompress(old.get(KEY)) == encode_lines(records(20))
    assert (bench.keys(), bench.lines()) == ([KEY], encode_lines(records(3, first_lid=7000)))
    assert bench.spool.waiting() == []


def test_a_former_place_that_fails_holds_up_only_the_hour_that_was_begun_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receive(records(20))
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "crash_point", lambda name: _kill_at("seal.planned", name))
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    bench.bucket().down = True
    move(bench, "elsewhere")
    bench.restart()
    bench.receive(records(3, hour=Hour(HOUR + 1), first_lid=7000))

    assert [one.hour for one in bench.archiver.seal_due(now=True)] == [HOUR + 1]

    assert bench.status().state == "failing"
    assert [one.hour for one in bench.spool.waiting()] == [HOUR]


def test_parts_count_anew_in_another_place_and_go_on_after_the_way_back(bench: Bench) -> None:
    bench.receive(records(5))
    bench.archiver.seal_due(now=True)
    first = bench.catalog.archives.target(move(bench, "elsewhere"))
    bench.receive(records(5, first_lid=2000))
    assert [one.part for one in bench.archiver.seal_due(now=True)] == [0]
    bench.catalog.archives.move("main", first)
    bench.receive(records(5, first_lid=3000))

    assert [one.part for one in bench.archiver.seal_due(now=True)] == [1]

    assert verify(bench.bucket()).findings == ()


def test_nothing_is_written_while_paused_and_what_came_before_is_sealed_when_off(bench: Bench) -> None:
    bench.receive(records(5))
    bench.change(state=ArchiveState.PAUSED)
    assert bench.archiver.seal_due(now=True) == []
    assert bench.status().state == "paused"
    bench.change(state=ArchiveState.OFF)

    assert [one.lines for one in bench.archiver.seal_due(now=True)] == [5]
    assert bench.status().state == "off"


def test_a_count_that_differs_is_an_alarm_until_it_is_right_again(bench: Bench) -> None:
    bench.receive(records(5))
    bench.archiver.seal_due(now=True)
    [sealed] = bench.catalog.objects.list()
    with bench.catalog._database.writing() as connection:
        connection.exec_driver_sql("UPDATE objects SET lines = 4")

    bench.archiver.compare_counts()

    [difference] = bench.status().differences
    assert (difference.hour, difference.accepted, difference.archived) == (HOUR, 5, 4)
    assert (bench.status().state, bench.status().alarm) == ("differs", True)
    with bench.catalog._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE objects SET lines = {sealed.lines}")
    bench.archiver.compare_counts()
    assert (bench.status().state, bench.status().differences) == ("ok", ())


class HangingBucket(FailingBucket):
    """Does not answer before `answer` is set."""

    def __init__(self, root: Path, answer: Event) -> None:
        super().__init__(root)
        self.answer = answer
        self.asked = Event()

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        self.asked.set()
        assert self.answer.wait(60)
        super().put_new(key, data, content_type)


def test_buckets_that_hang_do_not_keep_those_of_others_from_being_sealed(bench: Bench) -> None:
    answer = Event()
    hanging: list[HangingBucket] = []
    for account in (f"hanging-{number}" for number in range(8)):
        archive = set_up_archive(bench.catalog, bench.folder, account=account)
        place = f"s3://slow/{account}"
        hanging.append(HangingBucket(bench.folder / account, answer))
        bench.buckets[place] = hanging[-1]
        moved = Target(archive=account, account=account, provider="s3", options={}, place=place, created_at=0)
        bench.catalog.archives.move(archive.id, moved)
        bench.receive(records(5), account=account)
    bench.receive(records(5))
    bench.now = END + 10 * MINUTE
    bench.archiver.start_due()
    try:
        eventually(lambda: bench.keys() == [KEY], "the archive of the other bucket to be sealed")
        assert 1 <= sum(one.asked.is_set() for one in hanging) <= 4
    finally:
        answer.set()
    eventually(lambda: bench.spool.waiting() == [], "all to be sealed once the bucket answers")


def test_a_spool_put_back_from_an_older_copy_loses_no_line_that_comes_after(bench: Bench) -> None:
    bench.receive(records(3))
    bench.spool.close()
    shutil.copyfile(bench.folder / "spool.sqlite", bench.folder / "copy.sqlite")
    bench.spool = bench.open_spool("spool.sqlite")
    bench.restart()
    for number in range(4):
        bench.receive(records(5, first_lid=2000 + 100 * number))
    bench.archiver.seal_due(now=True)
    bench.spool.close()
    bench.spool = bench.open_spool("copy.sqlite")
    highest = bench.catalog.objects.highest_seq(bench.spool.spool_id())
    bench.spool.belongs_to(bench.catalog.installation.number(), sealed_upto=highest)
    bench.restart()
    late = records(7, first_lid=9000)
    bench.receive(late)

    bench.archiver.seal_due(now=True)

    assert bench.lines(part(1)) == encode_lines(late)
    assert bench.spool.waiting() == []


def test_a_catalog_put_back_from_an_older_copy_holds_up_nothing_and_forks_no_chain(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receive(records(5))
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "crash_point", lambda name: _kill_at("seal.planned", name))
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    bench.catalog.close()
    (bench.folder / "older").mkdir()
    shutil.copyfile(bench.folder / "catalog.sqlite", bench.folder / "older" / "catalog.sqlite")
    bench.catalog = open_catalog(f"sqlite:///{bench.folder / 'catalog.sqlite'}")
    bench.restart()
    for number in range(3):
        bench.receive(records(5, first_lid=2000 + 100 * number, hour=Hour(HOUR + number)))
        bench.archiver.seal_due(now=True)
    bench.catalog.close()
    bench.catalog = open_catalog(f"sqlite:///{bench.folder / 'older' / 'catalog.sqlite'}")
    bench.restart()
    bench.receive(records(5, first_lid=9000))

    [sealed] = bench.archiver.seal_due(now=True)

    assert bench.lines(sealed.key) == encode_lines(records(5, first_lid=9000))
    assert bench.status().last_error is None
    assert verify(bench.bucket()).findings == ()


def test_a_link_that_was_not_put_is_looked_for_in_the_bucket_again(bench: Bench) -> None:
    """The catalog is a new one and knows nothing of the chain; the first manifest fails."""
    for number in range(3):
        bench.receive(records(5, hour=Hour(HOUR + number), first_lid=1000 * (number + 1)))
        bench.archiver.seal_due(now=True)
    (bench.folder / "lost").mkdir()
    bench.catalog.close()
    bench.catalog = new_catalog(bench.folder / "lost")
    set_up_archive(bench.catalog, bench.folder)
    bench.spool.close()
    bench.spool = bench.open_spool("new.sqlite")
    bench.restart()
    bench.receive(records(5, hour=Hour(HOUR + 5), first_lid=9000))
    put = bench.bucket().put_new

    def put_no_manifest(key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if key.startswith("_manifest/"):
            raise StorageUnavailable("the bucket is down", hint="wait")
        put(key, data, content_type)

    bench.bucket().put_new = put_no_manifest  # type: ignore[method-assign]
    assert bench.archiver.seal_due(now=True) == []
    bench.bucket().put_new = put  # type: ignore[method-assign]

    [sealed] = bench.archiver.seal_due(now=True)

    assert sealed.chain == 4
    assert verify(bench.bucket()).findings == ()


def test_a_pause_stops_a_backlog_at_the_object_in_the_making(bench: Bench) -> None:
    for number in range(10):
        bench.receive(records(5, hour=Hour(HOUR - number), first_lid=1000 * (number + 1)))
    put = bench.bucket().put_new

    def put_and_pause(key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        put(key, data, content_type)
        bench.change(state=ArchiveState.PAUSED)

    bench.bucket().put_new = put_and_pause  # type: ignore[method-assign]

    assert len(bench.archiver.seal_due(now=True)) == 1
    assert len(bench.spool.waiting()) == 9


def test_an_archive_made_again_under_its_name_begins_behind_what_was_given_up(bench: Bench) -> None:
    append(bench.spool, piece(records(5), rx=bench.now))
    bench.catalog.archives.delete("main")
    bench.spool.forget("main")
    bench.catalog.accounts.delete("main")
    set_up_archive(bench.catalog, bench.folder)
    bench.restart()
    append(bench.spool, piece(records(3, first_lid=5000), rx=bench.now))
    bench.bucket().down = True
    bench.archiver.seal_due(now=True)
    bench.spool.indexed(bench.spool.last_seq())
    bench.spool.trim()
    bench.bucket().down = False

    bench.archiver.seal_due(now=True)

    assert bench.lines() == encode_lines(records(3, first_lid=5000))


def test_a_line_that_came_by_a_clock_ahead_does_not_wait_for_its_time(bench: Bench) -> None:
    bench.now = END + 365 * 24 * 60 * MINUTE
    bench.receive(records(3))
    bench.now = END

    assert bench.due_at() == END + 10 * MINUTE
