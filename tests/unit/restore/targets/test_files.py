"""Files of a restore: all lines once, the same files again, and never another's overwritten."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from tests.unit.restored_lines import HOSTILE, plain, restored, scope

from logkeep.errors import Conflict, InputError, Overloaded
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import RestoredLines
from logkeep.record import Record, encode_lines
from logkeep.restore.targets.files import FILE_FORMATS, FilesWritten, write_files
from logkeep.storage.folder import FolderBucket

ABOUT = {"restore": "ex1", "name": "incident", "from": "2026-11-20T09:00:00.000Z", "query": "a"}
READ: dict[str, Callable[[bytes], bytes]] = {"ndjson": bytes, "ndjson.gz": gzip.decompress}

Write = Callable[..., FilesWritten | None]


@pytest.fixture
def table(engine: ChdbEngine, tmp_path: Path) -> Iterator[RestoredLines]:
    """25 lines in two parts whose times interleave."""
    with restored(engine, tmp_path, plain(25)[::2], plain(25)[1::2]) as filled:
        yield filled


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "out")


@pytest.fixture
def write(engine: ChdbEngine, table: RestoredLines, bucket: FolderBucket, tmp_path: Path) -> Write:
    """Writes the table's lines, ten a file; nothing may be left of it in the work folder."""

    def written(**how: Any) -> FilesWritten | None:
        usual: dict[str, Any] = {
            "bucket": bucket,
            "prefix": "r-1",
            "format": "ndjson",
            "work": tmp_path / "work",
            "stopped": lambda: False,
            "lines_a_file": 10,
            "about": ABOUT,
        }
        try:
            return write_files(engine, scope(table), **{**usual, **how})
        finally:
            assert not list(tmp_path.glob("work/*"))

    return written


def keys(bucket: FolderBucket) -> list[str]:
    return [stat.key for stat in bucket.list()]


@pytest.mark.parametrize("form", READ)
def test_lines_are_cut_into_files_in_their_order(write: Write, bucket: FolderBucket, form: str) -> None:
    done = write(format=form)
    names = [f"part-{number:05d}.{form}" for number in range(3)]
    assert keys(bucket) == ["r-1/_SUCCESS.json", *(f"r-1/{name}" for name in names)]
    stored = [bucket.get(f"r-1/{name}") for name in names]
    contents = [READ[form](data) for data in stored]
    assert contents == [encode_lines(plain(25)[start : start + 10]) for start in (0, 10, 20)]
    assert done == FilesWritten(files=3, lines=25, bytes=sum(map(len, stored)))
    assert msgspec.json.decode(bucket.get("r-1/_SUCCESS.json")) == {
        **ABOUT,
        "format": form,
        "lines": 25,
        "files": [
            {"name": name, "lines": lines, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, lines, data in zip(names, (10, 10, 5), stored, strict=True)
        ],
    }


def test_parquet_files_hold_the_lines_in_their_order(write: Write, bucket: FolderBucket) -> None:
    done = write(format="parquet", prefix="")
    assert done is not None
    assert (done.files, done.lines) == (3, 25)
    files = [str(bucket.local_path(f"part-{number:05d}.parquet")) for number in range(3)]
    with duckdb.connect() as reader:
        ids = [[lid for (lid,) in reader.execute(f"SELECT lid FROM '{file}'").fetchall()] for file in files]
    assert list(itertools.chain(*ids)) == [str(number) for number in range(1, 26)]
    assert [len(some) for some in ids] == [10, 10, 5]


@pytest.mark.parametrize("form", FILE_FORMATS)
def test_the_same_again_changes_nothing(write: Write, bucket: FolderBucket, form: str) -> None:
    first = write(format=form)
    content = {key: bucket.get(key) for key in keys(bucket)}
    assert write(format=form) == first
    assert {key: bucket.get(key) for key in keys(bucket)} == content


@pytest.mark.parametrize("form", FILE_FORMATS)
def test_what_was_stopped_goes_on(write: Write, bucket: FolderBucket, form: str) -> None:
    asked = iter([False, False, True])
    assert write(format=form, stopped=lambda: next(asked)) is None
    assert keys(bucket) == [f"r-1/part-{number:05d}.{form}" for number in range(2)]
    done = write(format=form)
    assert done is not None
    assert (done.files, done.lines) == (3, 25)
    assert len(keys(bucket)) == 4


def test_parquet_files_are_known_again_after_the_engine_has_merged(
    engine: ChdbEngine, tmp_path: Path, bucket: FolderBucket
) -> None:
    """Groups of rows follow the engine's parts, so the bytes may change while the lines do not."""

    def write(filled: RestoredLines) -> FilesWritten | None:
        return write_files(
            engine,
            scope(filled),
            bucket=bucket,
            prefix="p",
            format="parquet",
            work=tmp_path / "work",
            stopped=lambda: False,
        )

    lines = plain(200_000, step=1)
    with restored(engine, tmp_path, lines[::3], lines[1::3], lines[2::3], name="ex2") as filled:
        first = write(filled)
        stored = bucket.get("p/part-00000.parquet")
        engine.run(f"ALTER TABLE {filled.name} RESET SETTING max_bytes_to_merge_at_max_space_in_pool")
        engine.run(f"OPTIMIZE TABLE {filled.name} FINAL")
        assert write(filled) == first
        assert bucket.get("p/part-00000.parquet") == stored


@pytest.mark.parametrize("form", FILE_FORMATS)
@pytest.mark.parametrize(
    "other",
    [
        lambda data: data[:0],
        lambda data: data[:-1] + b"x",
        lambda data: b"x" * len(data),
        lambda data: data[:9] + b"x" * (len(data) - 18) + data[-9:],
        lambda data: data + b"x",
    ],
)
def test_files_of_others_are_left_alone(
    write: Write, bucket: FolderBucket, form: str, other: Callable[[bytes], bytes]
) -> None:
    write(format=form, prefix="ours")
    theirs = other(bucket.get(f"ours/part-00001.{form}"))
    bucket.put_new(f"r-1/part-00001.{form}", theirs, "application/octet-stream")
    with pytest.raises(Conflict, match=f"there is another object r-1/part-00001.{form} in file:") as caught:
        write(format=form)
    assert "choose another folder" in caught.value.hint
    assert bucket.get(f"r-1/part-00001.{form}") == theirs
    assert "r-1/_SUCCESS.json" not in keys(bucket)


@pytest.mark.parametrize("change", [{"host": ""}, {"rx": -1}, {"rx": 6}, {"tag": ("a",)}])
def test_parquet_of_other_lines_is_anothers(
    engine: ChdbEngine, tmp_path: Path, write: Write, bucket: FolderBucket, change: dict[str, Any]
) -> None:
    other = [msgspec.structs.replace(one, **change) if one.lid == "4" else one for one in plain(10)]
    with restored(engine, tmp_path, other, name="ex3") as table:
        write_files(
            engine,
            scope(table),
            bucket=bucket,
            prefix="r-1",
            format="parquet",
            work=tmp_path / "work",
            stopped=lambda: False,
        )
    with pytest.raises(Conflict, match="part-00000"):
        write(format="parquet")


def test_another_restores_end_is_left_alone(write: Write, bucket: FolderBucket) -> None:
    write()
    with pytest.raises(Conflict, match="there is another object r-1/_SUCCESS"):
        write(about={**ABOUT, "restore": "ex2"})
    assert msgspec.json.decode(bucket.get("r-1/_SUCCESS.json"))["restore"] == "ex1"


def test_a_millisecond_is_never_cut(engine: ChdbEngine, tmp_path: Path, bucket: FolderBucket) -> None:
    records = [Record(lid=str(number), ts=5 if number < 30 else number, line="x") for number in range(1, 50)]
    with restored(engine, tmp_path, records, name="ex4") as table:
        write_files(
            engine,
            scope(table),
            bucket=bucket,
            prefix="",
            format="ndjson",
            work=tmp_path / "work",
            stopped=lambda: False,
            lines_a_file=10,
        )
    parts = [bucket.get(key) for key in keys(bucket) if key.startswith("part")]
    assert [part.count(b"\n") for part in parts] == [29, 10, 10]
    assert b"".join(parts) == encode_lines(records)


def test_hostile_lines_are_written_as_they_came(
    engine: ChdbEngine, tmp_path: Path, bucket: FolderBucket
) -> None:
    with restored(engine, tmp_path, HOSTILE, name="ex5") as table:
        write_files(
            engine,
            scope(table),
            bucket=bucket,
            prefix="/a/b/",
            format="ndjson.gz",
            work=tmp_path / "work",
            stopped=lambda: False,
        )
    assert gzip.decompress(bucket.get("a/b/part-00000.ndjson.gz")) == encode_lines(HOSTILE)


def test_no_lines_are_no_files_but_an_end(engine: ChdbEngine, tmp_path: Path, bucket: FolderBucket) -> None:
    with restored(engine, tmp_path, name="ex6") as table:
        done = write_files(
            engine,
            scope(table),
            bucket=bucket,
            prefix="r-1",
            format="parquet",
            work=tmp_path / "work",
            stopped=lambda: False,
        )
    assert done == FilesWritten(files=0, lines=0, bytes=0)
    assert msgspec.json.decode(bucket.get("r-1/_SUCCESS.json")) == {
        "format": "parquet",
        "lines": 0,
        "files": [],
    }


@pytest.mark.parametrize(
    ("how", "message"),
    [({"format": "text"}, "format is 'text'"), ({"lines_a_file": 0}, "0 lines cannot be a file's")],
)
def test_what_cannot_be_written_is_refused(
    write: Write, bucket: FolderBucket, how: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write(**how)
    assert keys(bucket) == []


def test_no_room_for_the_files_helps_to_try_again(write: Write, tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"")
    with pytest.raises(Overloaded, match="files cannot be written into"):
        write(work=tmp_path / "full")


_PROGRAM = """
import sys
from pathlib import Path
from logkeep.index.engine import ChdbEngine
from logkeep.restore.targets.files import write_files
from logkeep.storage.folder import FolderBucket
from tests.unit.restored_lines import plain, restored, scope

folder = Path(sys.argv[1])
engine = ChdbEngine(folder / "index")
with restored(engine, folder, plain(25)) as table:
    done = write_files(
        engine, scope(table), bucket=FolderBucket(folder / "out"), prefix="r-1", format=sys.argv[2],
        work=folder / "work", stopped=lambda: False, lines_a_file=10,
    )
engine.close()
print(done.files, done.lines)
"""


@pytest.mark.parametrize("form", FILE_FORMATS)
def test_a_run_that_was_killed_is_begun_again(tmp_path: Path, bucket: FolderBucket, form: str) -> None:
    def run(crash_at: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(tmp_path), form],
            env={**os.environ, "LOGKEEP_CRASH_AT": crash_at},
            cwd=Path(__file__).parents[4],
            capture_output=True,
            check=False,
        )

    assert run("restore.file_written:2").returncode == -signal.SIGKILL
    assert len(keys(bucket)) == 2
    before = {key: bucket.get(key) for key in keys(bucket)}
    assert run("").stdout == b"3 25\n"
    assert len(keys(bucket)) == 4
    assert {key: bucket.get(key) for key in before} == before
