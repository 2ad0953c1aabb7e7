from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import msgspec
import pytest

from logkeep.archive.block import BLOCK_BYTES
from logkeep.archive.layout import manifest_key
from logkeep.archive.reader import (
    FoundObject,
    find_objects,
    manifest_of_same_lines,
    read_blocks,
    read_lines,
    read_manifest,
)
from logkeep.archive.writer import write_object
from logkeep.errors import DamagedArchive, StorageUnavailable
from logkeep.record import encode_lines
from logkeep.spool.base import Frame
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_start
from tests.unit.archiver_doubles import HOUR, KEY, frame, put_object, records


def many_frames() -> list[Frame]:
    """40,000 lines in frames of 1,000, together more than two blocks."""
    return [frame(records(1000, first_lid=1000 * n), seq=n) for n in range(1, 41)]


def test_an_object_is_the_lines_of_its_frames(tmp_path: Path) -> None:
    write_object(many_frames(), tmp_path / "o", account="main", hour=HOUR, part=0)

    expected = b"".join(encode_lines(records(1000, first_lid=1000 * n)) for n in range(1, 41))
    assert gzip.decompress((tmp_path / "o").read_bytes()) == expected


def test_a_manifest_says_what_the_object_is(tmp_path: Path) -> None:
    manifest = write_object(many_frames(), tmp_path / "o", account="main", hour=HOUR, part=3)

    stored = (tmp_path / "o").read_bytes()
    assert msgspec.structs.replace(manifest, blocks=()) == msgspec.structs.replace(
        manifest,
        key=KEY.replace("0900", "0900.3"),
        account="main",
        hour=HOUR,
        part=3,
        lines=40_000,
        raw_bytes=len(gzip.decompress(stored)),
        stored_bytes=len(stored),
        min_ts=hour_start(HOUR),
        max_ts=hour_start(HOUR) + 999,
        first_lid="1000",
        last_lid="40999",
        sha256=hashlib.sha256(stored).hexdigest(),
        blocks=(),
    )


def test_blocks_hold_whole_frames_of_at_least_a_mebibyte(tmp_path: Path) -> None:
    manifest = write_object(many_frames(), tmp_path / "o", account="main", hour=HOUR, part=0)

    frame_bytes = max(one.raw_bytes for one in many_frames())
    assert len(manifest.blocks) > 2
    assert all(BLOCK_BYTES <= one.raw_bytes < BLOCK_BYTES + frame_bytes for one in manifest.blocks[:-1])
    stored = (tmp_path / "o").read_bytes()
    for one in manifest.blocks:
        lines = gzip.decompress(stored[one.offset : one.offset + one.length])
        assert (len(lines), lines.count(b"\n")) == (one.raw_bytes, one.lines)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    one = write_object(many_frames(), tmp_path / "1", account="main", hour=HOUR, part=0)
    two = write_object(iter(many_frames()), tmp_path / "2", account="main", hour=HOUR, part=0)

    assert one == two
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize("change", [{"data": b"no zstd"}, {"raw_bytes": 5}, {"raw_bytes": 1 << 30}])
def test_a_frame_that_is_not_what_it_says_is_damage(tmp_path: Path, change: dict[str, object]) -> None:
    one = frame(records(10), seq=77)
    fields = {name: getattr(one, name) for name in Frame.__dataclass_fields__}

    with pytest.raises(DamagedArchive, match="frame 77 of the spool"):
        write_object([Frame(**{**fields, **change})], tmp_path / "o", account="main", hour=HOUR, part=0)


def test_an_object_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedArchive, match="no frames"):
        write_object([], tmp_path / "o", account="main", hour=HOUR, part=0)


def test_a_work_folder_that_cannot_be_written_is_unavailable() -> None:
    with pytest.raises(StorageUnavailable, match="cannot be built"):
        write_object([frame(records(5000))], Path("/dev/full"), account="main", hour=HOUR, part=0)


def test_chosen_blocks_are_read_alone(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "archive")
    manifest = put_object(bucket, tmp_path, many_frames())

    whole = gzip.decompress(bucket.get(KEY))
    first, second, *_ = manifest.blocks
    assert list(read_blocks(bucket, KEY, [second, first])) == [
        whole[first.raw_bytes : first.raw_bytes + second.raw_bytes],
        whole[: first.raw_bytes],
    ]


@pytest.mark.parametrize("members", [1, 2, 700])
def test_lines_are_read_without_a_manifest(tmp_path: Path, members: int) -> None:
    lines = b"".join(b'{"_line":"%d"}\n' % number for number in range(300_000))
    step = len(lines) // members + 1
    parts = [gzip.compress(lines[at : at + step], 1) for at in range(0, len(lines), step)]
    bucket = FolderBucket(tmp_path)
    bucket.put_new(KEY, b"".join(parts), GZIP)

    chunks = list(read_lines(bucket, KEY, bucket.head(KEY).size))

    assert b"".join(chunks) == lines
    assert all(chunk.endswith(b"\n") for chunk in chunks)


def test_a_last_line_without_newline_gets_one(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.put_new(KEY, gzip.compress(b"a\nb"), GZIP)

    assert b"".join(read_lines(bucket, KEY, bucket.head(KEY).size)) == b"a\nb\n"


@pytest.mark.parametrize("stored", [b"no gzip at all", gzip.compress(b"a\n" * 1000)[:-5], b"\x1f\x8b"])
def test_what_is_no_whole_gzip_file_is_damage(tmp_path: Path, stored: bytes) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.put_new(KEY, stored, GZIP)

    with pytest.raises(DamagedArchive, match=r"main\.2026-11-20\.0900"):
        list(read_lines(bucket, KEY, len(stored)))


def test_objects_are_found_by_account_and_hours_with_their_manifests(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "archive")
    later = Hour(HOUR + 1)
    first = put_object(bucket, tmp_path, [frame(records(3))])
    late = put_object(bucket, tmp_path, [frame(records(4))], part=1)
    put_object(bucket, tmp_path, [frame(records(5, hour=later))])
    put_object(bucket, tmp_path, [frame(records(6))], account="other")
    bucket.put_new("year=2026/month=11/day=20/notes.txt", b"", GZIP)

    hour = TimeRange(start=hour_start(HOUR), end=hour_start(later))
    found = find_objects(bucket, "main", hour)

    assert found == [
        FoundObject(key=one.key, account="main", hour=HOUR, part=part, size=one.stored_bytes, manifest=one)
        for part, one in enumerate([first, late])
    ]
    assert [(one.hour - HOUR, one.account, one.part) for one in find_objects(bucket)] == [
        (0, "main", 0),
        (0, "main", 1),
        (0, "other", 0),
        (1, "main", 0),
    ]
    far = TimeRange(start=hour_start(HOUR) + 90 * 24 * HOUR_MS, end=hour_start(HOUR) + 91 * 24 * HOUR_MS)
    assert find_objects(bucket, None, far) == []


def test_an_object_is_found_with_no_manifest_or_a_damaged_one(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.put_new(KEY, b"xyz", GZIP)
    [bare] = find_objects(bucket)
    bucket.put_new(manifest_key(KEY), b"{}", JSON)
    [damaged] = find_objects(bucket)

    assert (bare.manifest, bare.damage, read_manifest(bucket, KEY.replace("main", "other"))) == (
        None,
        "",
        None,
    )
    assert damaged.manifest is None
    assert damaged.damage.startswith(f"{manifest_key(KEY)} is not a manifest")


def test_other_bytes_of_the_same_lines_are_recognised(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "archive")
    path = tmp_path / "o"
    ours = write_object(many_frames(), path, account="main", hour=HOUR, part=0)
    stored = path.read_bytes()
    blocks = [gzip.decompress(stored[one.offset : one.offset + one.length]) for one in ours.blocks]
    theirs = b"".join(gzip.compress(lines, 1, mtime=0) for lines in blocks)
    bucket.put_new(KEY, theirs, GZIP)

    manifest = manifest_of_same_lines(bucket, ours, path)

    assert manifest is not None
    assert manifest.sha256 == hashlib.sha256(theirs).hexdigest()
    assert list(read_blocks(bucket, KEY, manifest.blocks)) == blocks


@pytest.mark.parametrize("other", [b"", b"no gzip", gzip.compress(b"other\n")])
def test_other_lines_are_not_taken_for_ours(tmp_path: Path, other: bytes) -> None:
    bucket = FolderBucket(tmp_path / "archive")
    ours = write_object([frame(records(10))], tmp_path / "o", account="main", hour=HOUR, part=0)
    bucket.put_new(KEY, other, GZIP)

    assert manifest_of_same_lines(bucket, ours, tmp_path / "o") is None


def test_a_filter_is_written_beside_the_object(tmp_path: Path) -> None:
    plain = write_object(many_frames(), tmp_path / "o", account="main", hour=HOUR, part=0)
    filtered = write_object(
        many_frames(), tmp_path / "p", account="main", hour=HOUR, part=0, filters=tmp_path / "f"
    )
    again = write_object(
        iter(many_frames()), tmp_path / "p", account="main", hour=HOUR, part=0, filters=tmp_path / "g"
    )

    assert filtered == again
    assert filtered.filters is not None
    data = (tmp_path / "f").read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (filtered.filters.bytes, filtered.filters.sha256)
    assert (tmp_path / "g").read_bytes() == data
    assert [(one.first, one.blocks) for one in filtered.filters.groups] == [(0, len(filtered.blocks))]
    assert filtered.values == {"_host": ("web-1",), "_app": ("",), "level": ("",)}
    known = [msgspec.structs.replace(one, host=1, app=1, level=1) for one in plain.blocks]
    assert list(filtered.blocks) == known
    assert plain == msgspec.structs.replace(filtered, blocks=plain.blocks, values={}, filters=None)


def test_a_filter_that_cannot_be_written_is_an_error_that_passes() -> None:
    with pytest.raises(StorageUnavailable):
        write_object(
            many_frames(), Path("/dev/null"), account="main", hour=HOUR, part=0, filters=Path("/dev/full")
        )
