"""Plans over literal manifests: no object has to be real for a plan."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import BlockEntry, Manifest, encode
from logkeep.errors import DamagedArchive
from logkeep.restore.chunks import ChunkSpec, Piece
from logkeep.restore.plan import RestorePlan, Source, plan_restore
from logkeep.restore.request import RestoreRequest
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, TimeRange, hour_start

HOUR = Hour(480_000)
START = hour_start(HOUR)
MINUTE = 60_000


def put_object(bucket: FolderBucket, *, part: int = 0, hour: Hour = HOUR, size: int = 30) -> str:
    key = key_of("main", hour, part)
    bucket.put_new(key, b"x" * size, "application/gzip")
    return key


def put(
    bucket: FolderBucket, *, part: int = 0, hour: Hour = HOUR, first_lid: str = "100", last_lid: str = "199"
) -> str:
    """An object of three blocks of ten bytes, twenty minutes each."""
    key = put_object(bucket, part=part, hour=hour)
    blocks = tuple(
        BlockEntry(
            offset=10 * n,
            length=10,
            raw_bytes=100,
            lines=5,
            min_ts=hour_start(hour) + 20 * MINUTE * n,
            max_ts=hour_start(hour) + 20 * MINUTE * (n + 1) - 1,
        )
        for n in range(3)
    )
    manifest = Manifest(
        format_version=1,
        key=key,
        account="main",
        hour=hour,
        part=part,
        lines=15,
        raw_bytes=300,
        stored_bytes=30,
        min_ts=blocks[0].min_ts,
        max_ts=blocks[-1].max_ts,
        first_lid=first_lid,
        last_lid=last_lid,
        sha256="",
        blocks=blocks,
    )
    bucket.put_new(manifest_key(key), encode(manifest), "application/json")
    return key


def plan(bucket: FolderBucket, start: int, end: int, query: str = "") -> RestorePlan:
    return plan_restore(
        [Source(target=0, bucket=bucket)],
        RestoreRequest(name="x", source="main", range=TimeRange(start=start, end=end), query=query),
    )


def facts(planned: RestorePlan) -> dict[str, object]:
    """What the bucket's objects make of a plan."""
    names = ("objects", "unknown_objects", "blocks", "lines", "raw_bytes", "bytes", "exact", "chunks")
    return {name: getattr(planned, name) for name in names}


def test_a_whole_hour_is_one_chunk_of_the_whole_object(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    key = put(bucket)
    assert facts(plan(bucket, START, START + 60 * MINUTE)) == {
        "objects": 1,
        "unknown_objects": 0,
        "blocks": 3,
        "lines": 15,
        "raw_bytes": 300,
        "bytes": 30,
        "exact": True,
        "chunks": (ChunkSpec(pieces=(Piece(key=key, size=30, lines=15, raw_bytes=300),), lines=15),),
    }


def test_only_blocks_that_touch_the_range_are_read(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    key = put(bucket)
    assert facts(plan(bucket, START + 20 * MINUTE, START + 50 * MINUTE)) == {
        "objects": 1,
        "unknown_objects": 0,
        "blocks": 2,
        "lines": 10,
        "raw_bytes": 200,
        "bytes": 20,
        "exact": False,
        "chunks": (
            ChunkSpec(
                pieces=(Piece(key=key, size=30, ranges=((10, 20),), lines=10, raw_bytes=200),), lines=None
            ),
        ),
    }


def test_whole_blocks_of_a_part_of_an_object_have_a_known_count(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    put(bucket)
    planned = plan(bucket, START + 20 * MINUTE, START + 40 * MINUTE)
    assert (planned.blocks, planned.lines, planned.exact) == (1, 5, True)
    assert [chunk.lines for chunk in planned.chunks] == [5]


def test_a_range_between_two_blocks_and_an_empty_bucket_give_an_empty_plan(tmp_path: Path) -> None:
    nothing = {
        "objects": 0,
        "unknown_objects": 0,
        "blocks": 0,
        "lines": 0,
        "raw_bytes": 0,
        "bytes": 0,
        "exact": True,
        "chunks": (),
    }
    assert facts(plan(FolderBucket(tmp_path), START, START + 1)) == nothing


def test_with_a_query_the_plan_is_an_upper_bound(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    put(bucket)
    filtered = plan(bucket, START, START + 60 * MINUTE, query="level:error")
    assert (filtered.lines, filtered.exact, filtered.chunks[0].lines) == (15, False, None)
    everything = plan(bucket, START, START + 60 * MINUTE, query=" * ")
    assert (everything.lines, everything.exact, everything.chunks[0].lines) == (15, True, 15)


def test_an_object_without_manifest_is_one_chunk_of_unknown_count_that_needs_a_look_for_duplicates(
    tmp_path: Path,
) -> None:
    bucket = FolderBucket(tmp_path)
    known = put(bucket)
    foreign = put_object(bucket, part=1, size=7)
    planned = plan(bucket, START, START + 60 * MINUTE)
    assert (planned.objects, planned.unknown_objects, planned.lines, planned.bytes) == (2, 1, 15, 37)
    assert not planned.exact
    assert planned.chunks == (
        ChunkSpec(pieces=(Piece(key=known, size=30, lines=15, raw_bytes=300),), lines=15),
        ChunkSpec(pieces=(Piece(key=foreign, size=7),), dedupe=True),
    )


def test_a_manifest_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    key = put_object(bucket)
    bucket.put_new(manifest_key(key), b"{broken", "application/json")
    assert plan(bucket, START, START + 60 * MINUTE).unknown_objects == 1


def test_of_objects_of_one_hour_with_overlapping_ids_the_later_ones_are_looked_at(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    put(bucket, part=0, first_lid="100", last_lid="199")
    put(bucket, part=1, first_lid="200", last_lid="299")
    put(bucket, part=2, first_lid="150", last_lid="160")
    put(bucket, part=3, first_lid="no-number", last_lid="x")
    put(bucket, hour=Hour(HOUR + 1), first_lid="100", last_lid="199")
    planned = plan(bucket, START, START + 120 * MINUTE)
    looked_at = [piece.key for chunk in planned.chunks if chunk.dedupe for piece in chunk.pieces]
    assert looked_at == [key_of("main", HOUR, 2), key_of("main", HOUR, 3)]
    assert [chunk.dedupe for chunk in planned.chunks] == [False, True]


def test_objects_of_other_accounts_and_hours_are_left_alone(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    put(bucket, hour=Hour(HOUR - 1))
    put(bucket, hour=Hour(HOUR + 1))
    bucket.put_new(key_of("other", HOUR, 0), b"x", "application/gzip")
    assert plan(bucket, START, START + 60 * MINUTE).objects == 0


def foreign_plan(bucket: FolderBucket) -> RestorePlan:
    return plan_restore(
        [Source(target=1, bucket=bucket, layout=layout_of("lines"))],
        RestoreRequest(name="x", source="main", range=TimeRange(start=START, end=START + 1)),
    )


def test_many_small_objects_of_another_system_are_chunks_of_a_thousand(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    for number in range(1001):
        bucket.put_new(f"logs/{number:04d}.log", b"x", "text/plain")
    assert [len(chunk.pieces) for chunk in foreign_plan(bucket).chunks] == [1000, 1]


def test_an_object_whose_name_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.log")).write_bytes(b"x")
    with pytest.raises(DamagedArchive, match=r"udcff\.log' is not UTF-8"):
        foreign_plan(FolderBucket(tmp_path))
