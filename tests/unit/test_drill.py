from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import manifest_key
from logkeep.catalog.values import Check, CheckKind
from logkeep.drill import DrillResult, drill, drop_drill, next_check_due
from logkeep.errors import StorageUnavailable
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import restored_ids
from logkeep.storage.base import GZIP
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour
from tests.unit.archiver_doubles import HOUR, KEY, frame, put_object, records
from tests.unit.chained import change, put_chain, remove

Run = Callable[..., DrillResult]  # takes the seed


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    opened = ChdbEngine(tmp_path_factory.mktemp("index"))
    yield opened
    opened.close()


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "archive")


@pytest.fixture
def run(bucket: FolderBucket, engine: ChdbEngine, tmp_path: Path) -> Run:
    """A drill of the bucket; it must leave no table and no file."""

    def drilled(seed: int = 0) -> DrillResult:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        result = drill(bucket, "main", rng=Random(seed), work=work, engine=engine)
        assert tables(engine) == []
        assert list(work.iterdir()) == []
        return result

    return drilled


def tables(engine: ChdbEngine) -> list[str]:
    rows = engine.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return [row["name"] for row in rows]


def test_an_hour_comes_back_line_by_line(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    put_chain(bucket, tmp_path, [(HOUR, 0), (HOUR, 1)], lines=5000)

    result = run()

    assert result == DrillResult(
        ok=True,
        hour=HOUR,
        objects=2,
        lines=10_000,
        seconds=result.seconds,
        detail="the hour of 2026-11-20T09:00:00.000Z: 10,000 lines of 2 objects are there",
    )


def test_the_hour_is_picked_at_random(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    put_chain(bucket, tmp_path, [(Hour(HOUR + n), 0) for n in range(3)])
    put_chain(bucket, tmp_path, [(Hour(HOUR + 9), 0)], account="other")

    picked = [run(seed).hour for seed in range(12)]

    assert set(picked) == {HOUR, HOUR + 1, HOUR + 2}
    assert picked == [run(seed).hour for seed in range(12)]


def test_an_empty_archive_has_nothing_to_drill(bucket: FolderBucket, run: Run) -> None:
    assert run() == DrillResult(
        ok=True, hour=None, objects=0, lines=0, seconds=0.0, detail="nothing is archived yet"
    )


def test_an_archive_of_another_writer_is_drilled_without_counts(bucket: FolderBucket, run: Run) -> None:
    lines = b"".join(b'{"_lid":"%d","_ts":1795165200000,"_line":"a"}\n' % n for n in range(1, 8))
    bucket.put_new(KEY, gzip.compress(lines), GZIP)

    assert (run().ok, run().lines) == (True, 7)


def test_a_damaged_object_is_named(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    manifest = put_object(bucket, tmp_path, [frame(records(3000, text="x" * 99))])
    at = manifest.stored_bytes // 2
    change(bucket, KEY, lambda stored: stored[:at] + b"\xff" * 50 + stored[at + 50 :])

    result = run()

    assert not result.ok
    assert f"object {KEY} cannot be read" in result.detail


def test_an_object_that_was_cut_is_named(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    put_object(bucket, tmp_path, [frame(records(100))])
    change(bucket, KEY, lambda stored: stored[:-9])

    result = run()

    assert not result.ok
    assert f"object {KEY} has " in result.detail


def test_lines_that_do_not_come_out_are_counted(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    manifest = put_object(bucket, tmp_path, [frame(records(100))])
    [block] = manifest.blocks
    said = msgspec.structs.replace(manifest, lines=101, blocks=(msgspec.structs.replace(block, lines=101),))
    change(bucket, manifest_key(KEY), lambda _: manifests.encode(said))

    result = run()

    assert not result.ok
    assert "gave 100 lines of this hour, the manifests say 101" in result.detail


def test_lines_of_another_hour_are_missing(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    two = records(10) + records(5, hour=Hour(HOUR + 1), first_lid=5000)
    put_object(bucket, tmp_path, [frame(two)])

    assert "gave 10 lines of this hour, the manifests say 15" in run().detail


@pytest.mark.parametrize("part", [0, 1])
def test_an_id_twice_is_found(bucket: FolderBucket, tmp_path: Path, run: Run, part: int) -> None:
    first, second = records(10), records(4, first_lid=1006)
    if part:
        put_object(bucket, tmp_path, [frame(first)])
        put_object(bucket, tmp_path, [frame(second)], part=1)
    else:
        put_object(bucket, tmp_path, [frame([*first, *second])])

    result = run()

    assert not result.ok
    assert result.detail.endswith(": 4 lines have the id of another line")


def test_ids_are_compared_in_several_passes(
    bucket: FolderBucket, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logkeep.drill._IDS_AT_ONCE", 3)
    put_object(bucket, tmp_path, [frame([*records(20), *records(7)])])

    assert run().detail.endswith(": 7 lines have the id of another line")


def test_a_manifest_without_its_object_is_found(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    put_chain(bucket, tmp_path, [(HOUR, 0), (HOUR, 1)])
    remove(bucket, KEY)

    result = run()

    assert not result.ok
    assert f"{KEY} has a manifest, but cannot be restored by it" in result.detail


def test_a_manifest_that_cannot_be_read_is_found(bucket: FolderBucket, tmp_path: Path, run: Run) -> None:
    put_chain(bucket, tmp_path, [(HOUR, 0)])
    change(bucket, manifest_key(KEY), lambda data: data[:40])

    assert not run().ok


def test_what_an_interrupted_drill_left_is_dropped(
    bucket: FolderBucket, tmp_path: Path, run: Run, engine: ChdbEngine
) -> None:
    put_chain(bucket, tmp_path, [(HOUR, 0)])
    engine.run("CREATE TABLE drill_lines (x UInt8) ENGINE = Memory")

    assert run().ok

    engine.run("CREATE TABLE drill_lines (x UInt8) ENGINE = Memory")
    drop_drill(engine)
    drop_drill(engine)
    assert tables(engine) == []


class Failing(FolderBucket):
    """Fails when an object is to be read. What the engine has by then is looked at."""

    def __init__(self, root: Path, engine: ChdbEngine) -> None:
        super().__init__(root)
        self.engine = engine
        self.restores: set[str] = set()
        self.tables: list[str] = []

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - of the seam
        self.restores, self.tables = restored_ids(self.engine), tables(self.engine)
        raise StorageUnavailable("the bucket went away")


def test_a_bucket_that_fails_is_no_result(tmp_path: Path, engine: ChdbEngine) -> None:
    bucket = Failing(tmp_path / "archive", engine)
    put_chain(bucket, tmp_path, [(HOUR, 0)])

    with pytest.raises(StorageUnavailable):
        drill(bucket, "main", rng=Random(0), work=tmp_path / "work", engine=engine)

    assert tables(engine) == []
    # The restore desk drops tables of restores that it does not know; this one is none of them.
    assert (bucket.tables, bucket.restores) == (["drill_lines"], set())


def check(at: int) -> Check:
    return Check(archive="main", kind=CheckKind.DRILL, at=at, ok=True, summary="")


@pytest.mark.parametrize(
    ("checks", "every_s", "now", "due"),
    [
        ([], 0, 5000, None),
        ([], 10, 5000, 11_000),
        ([], 10, 11_000, 11_000),
        ([], 10, 90_000, 90_000),
        ([check(50_000)], 10, 55_000, 60_000),
        ([check(50_000), check(20_000)], 10, 55_000, 60_000),
        ([check(50_000)], 10, 70_000, 70_000),
        ([check(900_000)], 10, 70_000, 80_000),
        ([check(50_000)], 0, 70_000, None),
    ],
)
def test_a_check_is_due_one_interval_after_the_last(
    checks: list[Check], every_s: int, now: int, due: int | None
) -> None:
    assert next_check_due(checks, every_s, created_at=1000, now=now) == due
