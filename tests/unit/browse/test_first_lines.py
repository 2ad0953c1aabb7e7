"""The first lines of an object: few bytes are read, and no line is told of at any length."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from logkeep.archive.foreign.layouts import LAYOUTS
from logkeep.browse.first_lines import FirstLines, first_lines
from logkeep.browse.found import Found
from logkeep.catalog.values import Archive, ArchiveState, Target
from logkeep.errors import ObjectMissing
from logkeep.storage.base import GZIP
from tests.unit.inplace.archive import Counting, put, record

ARCHIVE = Archive(id="main", account="main", state=ArchiveState.ON, created_at=0)
TARGET = Target(archive="main", account="main", provider="folder", options={}, place="", created_at=0)


def looked(folder: Path, key: str, *, limit: int = 20, layout: str = "") -> tuple[FirstLines, int]:
    """What is told, and how many stored bytes were read."""
    bucket = Counting(folder)
    found = Found(
        archive=ARCHIVE, target=TARGET, bucket=bucket, key=key, layout=LAYOUTS[layout] if layout else None
    )
    told = first_lines(found, limit=limit)
    return told, sum(length for _, (_, length) in bucket.read)


def texts(told: FirstLines) -> list[str]:
    return [one.record.line for one in told.lines]


def test_so_many_lines_are_told_and_whether_there_are_more(tmp_path: Path) -> None:
    key = put(tmp_path, [record(n, n + 1, f"line {n}", "info") for n in range(3)], [record(9, 9, "last")])
    told, _ = looked(tmp_path, key, limit=2)
    assert (texts(told), told.more, told.damage) == (["line 0", "line 1"], True, "")
    assert told.lines[0].record == record(0, 1, "line 0", "info")
    assert not told.lines[0].cut
    told, _ = looked(tmp_path, key, limit=4)
    assert (texts(told)[-1], told.more) == ("last", False)


def test_little_of_a_large_object_is_read(tmp_path: Path) -> None:
    noise = [record(n, n + 1, f"{n * 7919 % 104_729:x} " * 40) for n in range(40_000)]
    key = put(tmp_path, noise[:20_000], noise[20_000:])
    size = Counting(tmp_path).head(key).size
    told, read = looked(tmp_path, key, limit=100)
    assert (len(told.lines), told.more) == (100, True)
    assert read <= 256 << 10 < size


def test_a_long_line_is_cut_and_says_how_long_it_is(tmp_path: Path) -> None:
    key = put(tmp_path, [record(0, 1, "x" * 524_288, "warn", host="h" * 1000), record(1, 2, "short")])
    told, _ = looked(tmp_path, key)
    long, short = told.lines
    assert (long.cut, len(long.record.line), len(long.record.host)) == (True, 4096, 256)
    assert (long.record.lid, long.record.level) == ("1", "warn")
    assert long.bytes > 524_288
    assert (short.cut, short.record.line) == (False, "short")


def test_a_line_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    """A bomb: 64 MiB of one letter in a few KiB."""
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"a" * (64 << 20)))
    told, _ = looked(tmp_path, "bomb.gz")
    (line,) = told.lines
    assert (line.cut, len(line.record.line), told.more) == (True, 4096, True)
    assert "only the first" in line.problem
    assert line.bytes <= 6 << 20


def test_what_is_no_record_is_told_as_the_text_it_is(tmp_path: Path) -> None:
    Counting(tmp_path).put_new("odd.gz", gzip.compress(b'{"_line":"ok"}\n\xff\x00<b>\n[[[[\n'), GZIP)
    told, _ = looked(tmp_path, "odd.gz")
    assert texts(told) == ["ok", "\ufffd\x00<b>", "[[[["]
    assert [bool(one.problem) for one in told.lines] == [False, True, True]


@pytest.mark.parametrize("cut", [3, 10_000])
def test_damage_is_told_behind_what_came_before(tmp_path: Path, cut: int) -> None:
    key = put(tmp_path, [record(n, n + 1, f"line {n * 7919 % 104_729:x}") for n in range(5000)])
    path = tmp_path / key
    path.write_bytes(path.read_bytes()[:-cut])
    told, _ = looked(tmp_path, key, limit=100)
    assert len(told.lines) in (0, 100)
    path.write_bytes(b"no gzip at all")
    told, _ = looked(tmp_path, key)
    assert (told.lines, told.more) == ([], False)
    assert "cannot be decompressed" in told.damage


def test_an_object_of_another_system_is_read_as_its_layout_says(tmp_path: Path) -> None:
    lines = b'{"timestamp":"2026-11-20T09:00:00Z","message":"hello"}\nno json\n'
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(lines))
    told, _ = looked(tmp_path, "a.json.gz", layout="lines")
    assert told.lines[0].record.ts == 1_795_165_200_000
    assert (told.damage, [one.reason for one in told.problems]) == (
        "",
        ["the line has no time that can be read"],
    )


def test_an_object_that_is_missing_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing):
        looked(tmp_path, "gone.gz")


def test_an_empty_object_has_no_lines(tmp_path: Path) -> None:
    Counting(tmp_path).put_new("empty.gz", gzip.compress(b""), GZIP)
    assert looked(tmp_path, "empty.gz")[0] == FirstLines()
