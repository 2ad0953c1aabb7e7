from __future__ import annotations

import gzip
import mmap
import tracemalloc
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from logkeep.archive import scan
from logkeep.archive.block import compress
from logkeep.archive.scan import Scan
from logkeep.errors import DamagedArchive
from logkeep.query.parse import parse
from logkeep.record import Record, encode_lines
from logkeep.timeline import TimeRange


def lines_of(texts: Iterable[str]) -> bytes:
    return encode_lines([Record(lid=str(at), ts=1000 + at, line=text) for at, text in enumerate(texts)])


def found(data: scan.ObjectBytes, query: str, within: TimeRange | None = None) -> bytes:
    return b"".join(line for lines in Scan(parse(query), within).lines(data) for line in lines)


def ids(data: scan.ObjectBytes, query: str, within: TimeRange | None = None) -> list[int]:
    return [int(line.split(b'"')[3]) for line in found(data, query, within).splitlines()]


TEXTS = ("Failed password", "failed login", "password changed", 'quo"te \\ Failed', "é failed\nline two", "")
BLOCK = compress(lines_of(TEXTS))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("failed", [0, 1, 3, 4]),
        ('"failed password"', [0]),
        ("login OR changed", [1, 2]),
        ("fail", []),
        ("password -failed", [2]),
        ("password (login OR changed OR failed)", [0, 2]),
        ("NOT failed", [2, 5]),
        ("/line two$/", [4]),
        ("é", [4]),
        ("*", [0, 1, 2, 3, 4, 5]),
        ("_lid", []),  # the literal is in every line, but not in its text
    ],
)
def test_a_query_finds_lines_in_order(query: str, expected: list[int]) -> None:
    assert ids(BLOCK, query) == expected


def test_lines_come_back_as_they_are_stored() -> None:
    assert found(BLOCK, "*") == lines_of(TEXTS)
    assert found(BLOCK, "changed") == lines_of(TEXTS).splitlines(keepends=True)[2]


@pytest.mark.parametrize("query", ["failed", "*", "NOT changed"])
def test_the_range_has_its_start_and_not_its_end(query: str) -> None:
    assert ids(BLOCK, query, TimeRange(start=1001, end=1004)) == [
        at for at in ids(BLOCK, query) if 1 <= at < 4
    ]


def test_lines_may_run_over_pieces_members_and_an_object_without_last_newline() -> None:
    texts = [f"line {at} {'x' * (at * 37 % 5000)} {'even' if at % 2 == 0 else 'odd'}" for at in range(1500)]
    whole = lines_of(texts)
    many = b"".join(gzip.compress(whole[at : at + 99_991]) for at in range(0, len(whole), 99_991))
    for data in (many, gzip.compress(whole[:-1]), many + b"\0" * 300_000):
        assert ids(data, "even") == list(range(0, 1500, 2))
        assert found(data, "*").rstrip(b"\n") == whole.rstrip(b"\n")


def test_an_empty_object_and_empty_members_have_no_lines() -> None:
    assert found(b"", "*") == b""
    assert found(gzip.compress(b"") + BLOCK + gzip.compress(b""), "changed") != b""


def test_a_mapped_file_is_scanned(tmp_path: Path) -> None:
    path = tmp_path / "object.json.gz"
    path.write_bytes(BLOCK)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert ids(mapped, "login") == [1]


def test_stored_bytes_may_come_in_any_chunks() -> None:
    data = BLOCK + gzip.compress(lines_of(["failed again"]))
    for length in (1, 7, len(BLOCK), len(data)):
        chunks = [data[at : at + length] for at in range(0, len(data), length)]
        pieces = list(Scan(parse("failed")).pieces(chunks))
        assert b"".join(line for piece in pieces for line in piece.lines) == found(data, "failed")


def test_damage_is_named_by_its_place_in_the_object() -> None:
    with pytest.raises(DamagedArchive, match=f"the block at byte {1000 + len(BLOCK)} "):
        list(Scan(parse("failed")).pieces([BLOCK + b"junk"], 1000))


@pytest.mark.parametrize(("query", "tested"), [("failed", 4), ("level:warn", 2), ("*", 6)])
def test_a_piece_tells_what_it_holds_and_how_many_lines_were_decoded(query: str, tested: int) -> None:
    lines = lines_of(TEXTS).replace(b'"_line":"Failed password"', b'"level":"warn","_line":"Failed password"')
    lines = lines.replace(b'"password changed"', b'"password changed, a warn"')
    (piece,) = Scan(parse(query)).pieces([compress(lines)])
    assert (piece.tested, piece.size) == (tested, len(lines))
    shown = [(one.lid, one.ts, one.level) for one in piece.records]
    assert shown[0] == ("0", 1000, "warn")
    assert len(shown) == len(piece.lines)


def test_lines_that_are_not_compressed_are_scanned_alike() -> None:
    whole = lines_of(TEXTS)
    (piece,) = Scan(parse("failed")).pieces_of_lines([whole])
    assert b"".join(piece.lines) == found(BLOCK, "failed")


def test_one_scan_serves_many_threads() -> None:
    ready = Scan(parse("failed"))
    with ThreadPoolExecutor(4) as pool:
        counts = list(
            pool.map(lambda data: sum(len(piece.lines) for piece in ready.pieces([data])), [BLOCK] * 50)
        )
    assert counts == [4] * 50


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"this is no gzip at all", "the block at byte 0 cannot be decompressed"),
        (BLOCK[:-9], "the block at byte 0 ends too early"),
        (BLOCK + BLOCK[:15], f"the block at byte {len(BLOCK)} ends too early"),
        (BLOCK + b"junk", f"the block at byte {len(BLOCK)} "),
        (BLOCK[:40] + b"\xff\xff" + BLOCK[42:], "the block at byte 0 "),
        (
            gzip.compress(lines_of(["a"]) + b"no failed JSON\n"),
            f"the line at byte {len(lines_of(['a']))} of the decompressed lines is no record",
        ),
        (
            gzip.compress(b'{"_line":"failed \xff"}\n'),
            "the line at byte 0 of the decompressed lines is no record",
        ),
        (
            gzip.compress(b'{"_line":"failed","_meta":' + b"[" * 100_000 + b"\n"),
            "the line at byte 0 of the decompressed lines is no record",
        ),
        (gzip.compress(b'["failed"]\n'), "the line at byte 0 of the decompressed lines is no record"),
    ],
)
def test_damage_is_named_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(DamagedArchive) as caught:
        found(data, "failed")
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize("query", ["*", "NOT x"])
def test_a_query_without_literals_reads_every_line(query: str) -> None:
    with pytest.raises(DamagedArchive):
        found(gzip.compress(lines_of(["a"]) + b"\n"), query)


def test_a_line_without_end_is_damage_and_takes_no_more_memory_than_it_may() -> None:
    bomb = gzip.compress(b"\0" * (256 << 20), 1)
    tracemalloc.start()
    with pytest.raises(DamagedArchive, match=r"the line at byte 0 .* has more than 16777216 bytes"):
        found(bomb, "failed")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 48 << 20
