from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from logkeep import archiver as module
from logkeep.archive.layout import manifest_key
from logkeep.archive.reader import read_manifest
from logkeep.archiver import Archiver, ArchiveStatus, OpenHour
from logkeep.catalog.values import ArchiveObject, ArchivePolicy, ObjectState
from logkeep.errors import StorageUnavailable
from logkeep.record import Record, encode_lines
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, hour_end
from logkeep.verify import verify
from tests.unit.archiver_doubles import HOUR, KEY, MemoryObjects, append, frame, piece, put_object, records

END = hour_end(HOUR)
MINUTE = 60_000
POINTS = ["planned", "built", "uploaded", "manifest", "catalog", "archived", "trimmed"]


class Killed(BaseException):
    """Stands for the end of the process at a crash point."""


class FailingBucket(FolderBucket):
    """A folder whose puts fail while `down`."""

    down = False

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if self.down:
            raise StorageUnavailable("the bucket is down", hint="wait")
        super().put_new(key, data, content_type)


@dataclass
class Bench:
    """An archiver over a real spool and folders, with a clock that is set by hand."""

    folder: Path
    now: int = END
    max_object_bytes: int = 512 << 20
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    buckets: dict[str, FailingBucket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spool = self.open_spool("spool.sqlite")
        self.restart()

    def open_spool(self, name: str) -> SqliteSpool:
        return SqliteSpool(self.folder / name, clock=lambda: self.now, max_bytes=1 << 30, min_free_bytes=0)

    def restart(self) -> None:
        """A new archiver, as after a new start of the process."""
        self.archiver = Archiver(
            spool=self.spool,
            objects=self.objects,
            policy=self.policy,
            open_bucket=lambda policy: self.bucket(policy.account),
            clock=lambda: self.now,
            work_dir=self.folder,
        )

    def policy(self, account: str) -> ArchivePolicy:
        return ArchivePolicy(
            account=account,
            url="",
            seal_after_s=600,
            late_sweep_s=21_600,
            max_object_bytes=self.max_object_bytes,
        )

    def bucket(self, account: str = "main") -> FailingBucket:
        return self.buckets.setdefault(account, FailingBucket(self.folder / "archive" / account))

    def receive(self, of: Sequence[Record], *, account: str = "main") -> None:
        append(self.spool, piece(of, account=account, rx=self.now))
        self.spool.indexed(self.spool.last_seq())

    def keys(self, account: str = "main") -> list[str]:
        return [stat.key for stat in self.bucket(account).list("year=2026/")]

    def lines(self, key: str = KEY, account: str = "main") -> bytes:
        return gzip.decompress(self.bucket(account).get(key))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.spool.close()


def part(number: int) -> str:
    return KEY.replace("0900", f"0900.{number}")


def test_an_hour_is_sealed_ten_minutes_after_its_end(bench: Bench) -> None:
    bench.now = END - 1000
    bench.receive(records(5))
    assert bench.archiver.next_due() == END + 10 * MINUTE

    bench.now = END + 10 * MINUTE - 1
    assert bench.archiver.seal_due() == []
    bench.now += 1
    [sealed] = bench.archiver.seal_due()

    manifest = read_manifest(bench.bucket(), KEY)
    assert manifest is not None
    assert sealed == ArchiveObject(
        account="main",
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
    )
    assert bench.lines() == encode_lines(records(5))
    assert (bench.spool.waiting(), bench.spool.stored_bytes(), bench.archiver.next_due()) == ([], 0, None)
    assert not list(bench.folder.glob("*.json.gz"))


def test_an_old_hour_is_sealed_ten_minutes_after_its_first_line_came(bench: Bench) -> None:
    bench.now = END + 900 * MINUTE
    bench.receive(records(5))

    assert bench.archiver.next_due() == END + 910 * MINUTE


def test_lines_for_a_sealed_hour_wait_for_the_late_sweep_and_get_a_number(bench: Bench) -> None:
    bench.receive(records(5))
    bench.archiver.seal_due(now=True)
    bench.receive(records(2, first_lid=2000))
    due = END + 360 * MINUTE
    assert bench.archiver.next_due() == due

    bench.now = due - 1
    assert bench.archiver.seal_due() == []
    bench.now = due
    assert [one.key for one in bench.archiver.seal_due()] == [part(1)]

    assert bench.lines(part(1)) == encode_lines(records(2, first_lid=2000))
    assert verify(bench.bucket()).findings == ()


def test_now_seals_hours_that_are_open_and_only_of_the_account_asked_for(bench: Bench) -> None:
    bench.now = END - 30 * MINUTE
    bench.receive(records(5))
    bench.receive(records(5), account="other")

    assert [one.account for one in bench.archiver.seal_due(now=True, account="other")] == ["other"]

    assert [one.account for one in bench.spool.waiting()] == ["main"]


def test_a_large_hour_continues_in_the_next_number(bench: Bench) -> None:
    for number in range(5):
        bench.receive(records(100, first_lid=1000 * (number + 1)))
    bench.max_object_bytes = 2 * len(encode_lines(records(100, first_lid=5000)))

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
    bench.max_object_bytes = 1

    assert [one.lines for one in bench.archiver.seal_due(now=True)] == [10, 10]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("late", [False, True], ids=["nothing more", "more lines"])
def test_killed_at_any_point_every_line_is_archived_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, point: str, late: bool
) -> None:
    bench.receive(records(50))
    with monkeypatch.context() as patch:
        patch.setattr(module, "crash_point", lambda name: _kill_at(f"seal.{point}", name))
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
    assert (bench.spool.waiting(), bench.spool.stored_bytes(), bench.objects.planned()) == ([], 0, [])
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
    assert list(bench.objects.rows) == [("main", HOUR, 2)]
    assert verify(bench.bucket()).findings == ()


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
    bench.receive(records(5), account="ill")
    bench.receive(records(5), account="well")
    bench.bucket("ill").down = True
    bench.now = END + 10 * MINUTE

    assert [one.account for one in bench.archiver.seal_due()] == ["well"]
    assert bench.archiver.status() == [
        ArchiveStatus(
            account="ill",
            state="failing",
            lag_s=0,
            open_hours=(
                OpenHour(
                    hour=HOUR,
                    lines=5,
                    bytes=len(encode_lines(records(5))),
                    due_at=END + 10 * MINUTE,
                ),
            ),
            waiting_lines=5,
            waiting_bytes=len(encode_lines(records(5))),
            last_error="the bucket is down (wait)",
        )
    ]
    bench.bucket("ill").down = False
    assert bench.archiver.seal_due() == []  # not before its next try
    bench.now = bench.archiver.next_due() or 0
    assert bench.now == END + 10 * MINUTE + 1000
    assert [one.account for one in bench.archiver.seal_due()] == ["ill"]
    assert [(one.state, one.last_error) for one in bench.archiver.status(["ill"])] == [("ok", None)]


def test_tries_come_ever_later_up_to_five_minutes(bench: Bench) -> None:
    bench.receive(records(5))
    bench.bucket().down = True
    bench.now = END + 10 * MINUTE
    pauses = []
    for _ in range(11):
        bench.archiver.seal_due()
        next_try = bench.archiver.next_due() or 0
        pauses.append((next_try - bench.now) // 1000)
        bench.now = next_try

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_lag_counts_from_when_the_oldest_lines_were_due(bench: Bench) -> None:
    bench.receive(records(5))
    bench.now = END + 25 * MINUTE

    [status] = bench.archiver.status(["main"])

    assert (status.lag_s, status.waiting_lines, status.state) == (15 * 60, 5, "ok")


def test_an_account_without_lines_has_a_status_when_asked_for(bench: Bench) -> None:
    assert bench.archiver.status(["quiet"]) == [
        ArchiveStatus(
            account="quiet",
            state="ok",
            lag_s=0,
            open_hours=(),
            waiting_lines=0,
            waiting_bytes=0,
            last_error=None,
        )
    ]


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
        patch.setattr(module, "crash_point", lambda name: _kill_at("seal.planned", name))
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
    assert (bench.spool.waiting(), bench.objects.planned()) == ([], [])


def test_a_clock_that_goes_back_before_a_kill_doubles_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receive(records(3))
    bench.now -= 2000
    with monkeypatch.context() as patch:
        patch.setattr(module, "crash_point", lambda name: _kill_at("seal.catalog", name))
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
