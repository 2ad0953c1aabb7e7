from __future__ import annotations

import gzip
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import decode
from logkeep.archive.writer import lines_of
from logkeep.convert.store import frames_of, parts_of, store_object
from logkeep.errors import Conflict
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, hour_start

HOUR = Hour(489_900)
START = hour_start(HOUR)


def frames(*records: Record) -> list[Frame]:
    return list(frames_of(BytesIO(encode_lines(records)), "main", HOUR))


def test_lines_get_their_account_and_those_without_an_id_one_by_their_place() -> None:
    [frame] = frames(
        Record(ts=START, account='an"other', line="a"),
        Record(lid="77", ts=START + 1, ns=5, rx=START + 9, host="h", line='{"_ts":1}'),
        Record(ts=START + 2, rx=START + 9, level="info"),
        Record(lid="0", ts=START + 3, line="b"),
    )
    assert lines_of(frame) == encode_lines(
        [
            Record(lid=str(HOUR * 2**32 + 1), ts=START, account="main", line="a"),
            Record(lid="77", ts=START + 1, ns=5, rx=START + 9, account="main", host="h", line='{"_ts":1}'),
            Record(lid=str(HOUR * 2**32 + 3), ts=START + 2, rx=START + 9, account="main", level="info"),
            Record(lid=str(HOUR * 2**32 + 4), ts=START + 3, account="main", line="b"),
        ]
    )
    assert (frame.lines, frame.min_ts, frame.max_ts) == (4, START, START + 3)
    assert (frame.first_lid, frame.last_lid) == (77, HOUR * 2**32 + 4)


def test_frames_have_about_a_mebibyte_and_ids_go_on_from_one_to_the_next() -> None:
    found = frames(*(Record(ts=START, line="x" * 100_000) for _ in range(25)))
    assert [frame.lines for frame in found] == [11, 11, 3]
    assert [frame.first_lid - HOUR * 2**32 for frame in found] == [1, 12, 23]


@pytest.mark.parametrize(
    ("frames_each", "expected"),
    [(3.5, [[0, 1, 2]]), (2.5, [[0, 1], [2]]), (1.5, [[0], [1], [2]]), (0, [[0], [1], [2]])],
)
def test_an_object_holds_no_more_than_its_limit_but_one_frame(
    frames_each: float, expected: list[list[int]]
) -> None:
    many = frames(*(Record(ts=START, line="x" * 100_000) for _ in range(33)))
    most = int(frames_each * many[0].raw_bytes)
    assert [[frame.seq - 1 for frame in part] for part in parts_of(many, most)] == expected


def store(folder: Path, *records: Record) -> tuple[str, bool]:
    bucket = FolderBucket(folder / "archive")
    found: Iterator[Frame] = iter(frames(*records))
    manifest, there = store_object(bucket, found, folder, account="main", hour=HOUR, part=0)
    assert decode(bucket.get(manifest_key(manifest.key)), "") == manifest
    return manifest.key, there


def test_what_is_stored_again_is_found_to_be_there(tmp_path: Path) -> None:
    record = Record(ts=START, line="a")
    key = key_of("main", HOUR, 0)
    assert store(tmp_path, record) == (key, False)
    assert store(tmp_path, record) == (key, True)
    assert {path.name for path in tmp_path.iterdir()} == {"archive"}


def test_another_object_under_the_key_is_left_alone(tmp_path: Path) -> None:
    store(tmp_path, Record(ts=START, line="a"))
    with pytest.raises(Conflict, match=r"has another object year=.*empty place"):
        store(tmp_path, Record(ts=START, line="b"))


def test_a_manifest_of_another_object_is_left_alone(tmp_path: Path) -> None:
    store(tmp_path, Record(ts=START, line="a"))
    key = key_of("main", HOUR, 0)
    old = tmp_path / "archive"
    manifest = (old / manifest_key(key)).read_bytes()
    other = FolderBucket(tmp_path / "other" / "archive")
    other.put_new(manifest_key(key), manifest, JSON)
    with pytest.raises(Conflict, match=r"the manifest .* belongs to another object"):
        store(tmp_path / "other", Record(ts=START, line="b"))


def test_bytes_of_another_compressor_are_taken_for_what_they_are(tmp_path: Path) -> None:
    record = Record(ts=START, line="a")
    store(tmp_path, record)
    key = key_of("main", HOUR, 0)
    lines = gzip.decompress((tmp_path / "archive" / key).read_bytes())
    other = tmp_path / "other"
    FolderBucket(other / "archive").put_new(key, gzip.compress(lines, 9, mtime=0), GZIP)
    assert store(other, record) == (key, True)
