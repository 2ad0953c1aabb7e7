from __future__ import annotations

from pathlib import Path

import pytest

from logkeep.restore.chunks import Piece
from logkeep.restore.fetch import BadPiece, fetched
from logkeep.storage.folder import FolderBucket


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    made = FolderBucket(tmp_path / "bucket")
    made.put_new("a.json.gz", b"0123456789", "application/gzip")
    return made


def test_a_whole_object_of_a_folder_is_linked_not_copied(bucket: FolderBucket, tmp_path: Path) -> None:
    with fetched(lambda _target: bucket, [Piece(key="a.json.gz", size=10)], tmp_path / "work") as batch:
        assert [file.name for file in batch.files] == ["00000.json.gz"]
        assert (batch.keys, batch.stored_bytes) == (("a.json.gz",), 10)
        assert batch.files[0].is_symlink()
        assert batch.files[0].read_bytes() == b"0123456789"
    assert not (tmp_path / "work").exists()


def test_ranges_of_an_object_are_put_together_in_one_file(bucket: FolderBucket, tmp_path: Path) -> None:
    pieces = [Piece(key="a.json.gz", size=10, ranges=((0, 2), (5, 3)))]
    with fetched(lambda _target: bucket, pieces, tmp_path / "work") as batch:
        assert batch.files[0].read_bytes() == b"01567"


def test_what_an_interrupted_run_left_in_the_folder_is_gone(bucket: FolderBucket, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "00007.json.gz").write_bytes(b"old")
    with fetched(lambda _target: bucket, [Piece(key="a.json.gz", size=10)], tmp_path / "work"):
        assert [file.name for file in (tmp_path / "work").iterdir()] == ["00000.json.gz"]


def test_an_object_that_is_not_as_long_as_planned_is_named(bucket: FolderBucket, tmp_path: Path) -> None:
    pieces = [Piece(key="a.json.gz", size=11)]
    with (
        pytest.raises(BadPiece, match=r"a\.json\.gz has 10 bytes and should have 11"),
        fetched(lambda _target: bucket, pieces, tmp_path / "work"),
    ):
        pass
    assert not (tmp_path / "work").exists()


def test_an_object_that_is_gone_is_named(bucket: FolderBucket, tmp_path: Path) -> None:
    pieces = [Piece(key="b.json.gz", size=11)]
    with (
        pytest.raises(BadPiece, match=r"b\.json\.gz"),
        fetched(lambda _target: bucket, pieces, tmp_path / "work"),
    ):
        pass
