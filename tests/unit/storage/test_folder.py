"""What a folder promises beyond every other bucket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logkeep.errors import StorageDenied
from logkeep.storage.base import GZIP
from logkeep.storage.folder import FolderBucket

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"


def test_nothing_but_the_object_is_left_in_the_folder(tmp_path: Path) -> None:
    FolderBucket(tmp_path / "new" / "archive").put_new(KEY, b"abc", GZIP)

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / "new" / "archive" / KEY]


def test_what_a_killed_process_left_is_not_listed_and_is_removed_after_a_day(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    left = (tmp_path / KEY).with_name(".main.2026-11-20.0900.json.gz.0badc0de.partial")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert list(bucket.list()) == []

    os.utime(left, (1, 1))
    bucket.put_new(KEY, b"whole", GZIP)

    assert not left.exists()


def test_a_file_where_a_folder_must_be_is_denied(tmp_path: Path) -> None:
    (tmp_path / "year=2026").write_bytes(b"")

    with pytest.raises(StorageDenied, match="a file is where a folder must be"):
        FolderBucket(tmp_path).put_new(KEY, b"", GZIP)


def test_a_link_is_not_shared_with_the_file_that_was_put(tmp_path: Path) -> None:
    built = tmp_path / "built"
    built.write_bytes(b"abc")
    bucket = FolderBucket(tmp_path / "archive")
    bucket.put_new("a", built, GZIP)

    built.write_bytes(b"changed")

    assert bucket.get("a") == b"abc"
