"""Objects of a range, and their lines, over a folder of literal objects."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import msgspec
import pytest

from logkeep.archive.foreign.base import Problems
from logkeep.archive.foreign.find import find_foreign
from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.foreign.read import read_foreign
from logkeep.errors import DamagedArchive
from logkeep.record import decode_line
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, TimeRange, parse_time

DATADOG = layout_of("datadog")
START = parse_time("2026-01-02T12:00:00Z", now=0)


def line(number: int) -> bytes:
    return b'{"date":%d,"message":"line %d"}\n' % (START + number, number)


def put(root: Path, key: str, data: bytes) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_objects_whose_keys_do_not_rule_the_range_out_are_found_in_order(tmp_path: Path) -> None:
    keys = [
        "dt=20260102/hour=09/archive_090000.1.a.json.gz",  # lines are at most 2 hours younger
        "dt=20260102/hour=10/archive_100000.1.a.json.gz",
        "dt=20260102/hour=12/archive_120000.1.a.json.gz",
        "dt=20260102/hour=12/archive_120000.2.a.json.gz",
        "dt=20260103/hour=12/archive_120000.1.a.json.gz",
        "dt=20260103/hour=14/archive_140000.1.a.json.gz",
    ]
    for key in keys:
        put(tmp_path, key, b"x")
    put(tmp_path, "dt=20260102/hour=12/archive_120000.3.a.json.gz", b"")
    put(tmp_path, "dt=20260102/hour=12/logzio-verified", b"x")
    put(tmp_path, "dt=20260102/hour=12/other", b"x")
    bucket = FolderBucket(tmp_path)
    found = find_foreign(bucket, DATADOG, TimeRange(start=START, end=START + HOUR_MS))
    assert [each.key for each in found] == keys[1:5]
    assert found[0].size == 1
    assert [each.key for each in find_foreign(bucket, DATADOG, None)] == keys


def test_keys_that_say_nothing_are_always_found(tmp_path: Path) -> None:
    put(tmp_path, "b", b"x")
    put(tmp_path, "a/c", b"x")
    found = find_foreign(FolderBucket(tmp_path), layout_of("lines"), TimeRange(start=0, end=1))
    assert [(each.key, each.hint) for each in found] == [("a/c", None), ("b", None)]


def read(root: Path, data: bytes, size: int | None = None) -> tuple[list[bytes], Problems, str]:
    """Pieces, problems and the damage that ended it."""
    put(root, "k", data)
    problems = Problems("k")
    pieces = []
    try:
        for piece in read_foreign(FolderBucket(root), DATADOG, "k", size or len(data), problems):
            pieces.append(piece)
    except DamagedArchive as damage:
        return pieces, problems, damage.message
    return pieces, problems, ""


def test_canonical_lines_come_in_pieces_of_about_a_mebibyte(tmp_path: Path) -> None:
    content = b"".join(line(number) for number in range(60_000))
    pieces, problems, damage = read(tmp_path, gzip.compress(content))
    assert (problems.count, damage) == (0, "")
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert max(map(len, pieces)) < 2 << 20
    assert min(map(len, pieces[:-1])) >= 1 << 20
    lines = b"".join(pieces).splitlines()
    assert [decode_line(each).line for each in lines] == [f"line {number}" for number in range(60_000)]
    assert decode_line(lines[7]).ts == START + 7


def test_lines_before_the_damage_are_given_and_damage_is_raised(tmp_path: Path) -> None:
    content = b"".join(line(number) for number in range(60_000))
    stored = gzip.compress(content)
    pieces, _, damage = read(tmp_path, stored[: len(stored) // 2])
    found = [decode_line(each).line for each in b"".join(pieces).splitlines()]
    assert len(found) > 20_000
    assert found == [f"line {number}" for number in range(len(found))]
    assert damage.startswith("k cannot be decompressed at byte")


def test_a_replaced_object_is_told(tmp_path: Path) -> None:
    pieces, _, damage = read(tmp_path, gzip.compress(line(1)), size=10)
    assert pieces == []
    assert "and had 10 when it was found" in damage


def test_a_line_of_200_mb_and_garbage_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    stream = zlib.compressobj(1, zlib.DEFLATED, 31)
    stored = [stream.compress(line(1) + b"garbage\n")]
    stored += [stream.compress(b"x" * (1 << 20)) for _ in range(200)]
    stored += [stream.compress(b"\n\0\0\0\n" + line(2)), stream.flush()]
    pieces, problems, damage = read(tmp_path, b"".join(stored))
    assert damage == ""
    assert [decode_line(each).line for each in b"".join(pieces).splitlines()] == ["line 1", "line 2"]
    first = len(line(1))
    assert [each.offset for each in problems.first] == [first, first + 8, first + 8 + (200 << 20) + 1]
    assert problems.first[0].sample == "garbage\n"


def test_lines_of_foreign_layouts_have_canonical_members_only(tmp_path: Path) -> None:
    pieces, _, _ = read(tmp_path, line(1))
    assert [msgspec.json.decode(piece) for piece in pieces] == [{"_ts": START + 1, "_line": "line 1"}]


@pytest.mark.parametrize("data", [b"\n", b"\r\n\r\n", gzip.compress(b"")])
def test_an_object_without_lines_is_no_problem(tmp_path: Path, data: bytes) -> None:
    pieces, problems, damage = read(tmp_path, data)
    assert (pieces, problems.count, damage) == ([], 0, "")
