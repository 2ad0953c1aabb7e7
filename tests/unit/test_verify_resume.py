"""A verify that was interrupted goes on: what its file holds is not read again and not forgotten."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.archive.layout import manifest_key, object_key
from logkeep.errors import BadSetting, StorageUnavailable
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour
from logkeep.verify import Kind, Report, Sample, verify
from tests.unit.archiver_doubles import HOUR, frame, put_object, records
from tests.unit.chained import change, put_chain

PARTS = [(HOUR, 0), (HOUR, 1), (Hour(HOUR + 1), 0), (Hour(HOUR + 2), 0)]
PROGRAM = """
import sys
from pathlib import Path
from logkeep.storage.folder import FolderBucket
from logkeep.verify import verify
verify(FolderBucket(Path(sys.argv[1])), resume=Path(sys.argv[2]))
"""


class Watched(FolderBucket):
    """Notes the objects of which blocks are read, and fails at one of them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []
        self.fails_at = ""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        if key == self.fails_at:
            raise StorageUnavailable("the bucket went away")
        self.read.append(key)
        return super().get_ranges(key, ranges)


@pytest.fixture
def bucket(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "archive")


@pytest.fixture
def keys(bucket: Watched, tmp_path: Path) -> list[str]:
    """Of four objects, of which two are of one hour and the third is damaged."""
    keys = [object_key(key) or "" for key in put_chain(bucket, tmp_path, PARTS)]
    change(bucket, keys[2], lambda stored: stored[:100] + b"\0\0\0" + stored[103:])
    return keys


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "verified"


def same(report: Report, other: Report) -> bool:
    """But for the time that it took, and what was done before."""
    return replace(report, started=0, ended=0, seconds=0, objects_before=0) == replace(
        other, started=0, ended=0, seconds=0, objects_before=0
    )


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_run_that_failed_goes_on(bucket: Watched, keys: list[str], file: Path, done: int) -> None:
    whole = verify(bucket)
    bucket.fails_at = keys[done]
    with pytest.raises(StorageUnavailable):
        verify(bucket, resume=file, clock=lambda: 1000)
    bucket.fails_at, bucket.read = "", []

    report = verify(bucket, resume=file, clock=lambda: 9000)

    assert same(report, whole)
    assert (report.objects_before, report.started, report.ended) == (done, 1000, 9000)
    assert bucket.read == keys[done:]
    assert {one.key for one in report.findings} == {keys[2]}


@pytest.mark.parametrize("done", [1, 2, 3, 4])
def test_a_run_that_was_killed_goes_on(
    bucket: Watched, keys: list[str], file: Path, tmp_path: Path, done: int
) -> None:
    environment = {**os.environ, "LOGKEEP_CRASH_AT": f"verify.object:{done}"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "archive"), str(file)]
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL

    report = verify(bucket, resume=file)

    assert (report.objects_before, bucket.read) == (done, keys[done:])
    assert same(report, verify(bucket))


def test_it_goes_on_from_a_file_that_was_cut_anywhere(bucket: Watched, keys: list[str], file: Path) -> None:
    whole = verify(bucket, resume=file)
    written = file.read_bytes()
    ends = [end for end in range(1, len(written) + 1) if written[end - 1 : end] == b"\n"]
    for end in cuts(written, ends):
        file.write_bytes(written[:end])
        bucket.read = []

        report = verify(bucket, resume=file, clock=lambda: whole.started)

        lines = sum(one <= end for one in ends)
        assert same(report, whole)
        assert bucket.read == keys[max(0, lines - 1) :]
        assert file.read_bytes() == written


def cuts(written: bytes, ends: Sequence[int]) -> Iterator[int]:
    """Around the ends of lines, and some between."""
    near = {end + step for end in ends for step in (-1, 0, 1)}
    yield from sorted({*range(0, len(written), 97), *near} & set(range(len(written) + 1)))


def test_what_is_behind_a_torn_line_is_read_again(bucket: Watched, keys: list[str], file: Path) -> None:
    verify(bucket, resume=file)
    head, first, second, *others = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([head, first, second[:-20] + b"\n", *others]))
    bucket.read = []

    report = verify(bucket, resume=file)

    assert (report.objects_before, bucket.read) == (1, keys[1:])


def test_an_object_of_another_size_is_checked_again(bucket: Watched, keys: list[str], file: Path) -> None:
    verify(bucket, resume=file)
    change(bucket, keys[3], lambda stored: stored[:-1])

    report = verify(bucket, resume=file)

    assert report.objects_before == 3
    assert Kind.SIZE in [one.kind for one in report.findings if one.key == keys[3]]


def test_an_object_with_another_manifest_is_checked_again(
    bucket: Watched, keys: list[str], file: Path
) -> None:
    verify(bucket, resume=file)
    change(bucket, manifest_key(keys[3]), lambda data: data.replace(b"{", b"{ ", 1))
    bucket.read = []

    assert verify(bucket, resume=file).objects_before == 3
    assert verify(bucket, resume=file).objects_before == 4
    assert bucket.read == [keys[3]]


def test_another_depth_is_another_check(bucket: Watched, keys: list[str], file: Path) -> None:
    for sample, before in [
        (None, 0),
        (Sample(fraction=0.5), 0),
        (Sample(fraction=0.5), 4),
        (Sample(fraction=0.5, seed=1), 0),
        (None, 0),
        (None, 4),
    ]:
        assert verify(bucket, sample=sample, resume=file).objects_before == before


def test_an_id_in_a_part_that_came_later_is_counted(bucket: Watched, tmp_path: Path, file: Path) -> None:
    put_object(bucket, tmp_path, [frame(records(10, first_lid=50))])
    verify(bucket, resume=file)
    put_object(bucket, tmp_path, [frame(records(10, first_lid=57))], part=1)

    report = verify(bucket, resume=file)

    assert report.objects_before == 1
    assert [(one.kind, one.detail[:7]) for one in report.findings] == [(Kind.DUPLICATE, "3 lines")]


def test_ids_that_can_no_longer_be_compared_are_found(bucket: Watched, tmp_path: Path, file: Path) -> None:
    manifest = put_object(bucket, tmp_path, [frame(records(10, first_lid=50))])
    verify(bucket, resume=file)
    put_object(bucket, tmp_path, [frame(records(10, first_lid=57))], part=1)
    change(bucket, manifest.key, lambda stored: b"\0" * len(stored))

    report = verify(bucket, resume=file)

    [finding] = report.findings
    assert (finding.kind, finding.detail[:35]) == (Kind.BLOCK, "the hour's ids cannot be compared: ")


def test_the_file_of_another_place_is_refused(
    bucket: Watched, keys: list[str], file: Path, tmp_path: Path
) -> None:
    verify(bucket, resume=file)
    written = file.read_bytes()

    with pytest.raises(BadSetting, match="is of a verify of"):
        verify(FolderBucket(tmp_path / "elsewhere"), resume=file)
    assert file.read_bytes() == written


@pytest.mark.parametrize(
    "other",
    [
        b"my notes",
        b"my notes\nand more\n",
        b"\n",
        b'{"logkeep_verify":2,"place":"x","started":1}\n',
        b"\x1f\x8b\xff\n",
    ],
)
def test_a_file_that_is_something_else_is_refused_and_kept(bucket: Watched, file: Path, other: bytes) -> None:
    file.write_bytes(other)

    with pytest.raises(BadSetting, match="is no file of a verify"):
        verify(bucket, resume=file)
    assert file.read_bytes() == other


def test_a_file_that_cannot_be_made_is_an_error(bucket: Watched, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="No such file or directory"):
        verify(bucket, resume=tmp_path / "missing" / "file")


def test_a_full_disk_is_an_error_that_may_pass(bucket: Watched, keys: list[str], file: Path) -> None:
    with file_size_limit(700), pytest.raises(StorageUnavailable, match="cannot be written: File too large"):
        verify(bucket, resume=file)
    assert file.stat().st_size == 700

    report = verify(bucket, resume=file)

    assert report.objects_before > 0
    assert same(report, verify(bucket))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Files of this process can be no longer meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
