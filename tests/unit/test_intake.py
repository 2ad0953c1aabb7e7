from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import Overloaded
from logkeep.intake import FUTURE_MS, Intake
from logkeep.record import Columns, IdSource, Received, Record, decode_line
from logkeep.spool.base import FRAME_BYTES, Frame, Piece, Spool
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import HOUR_MS

NOW = 1_795_165_933_123
NINE = NOW // HOUR_MS
NINE_MS = NINE * HOUR_MS


def received(records: Sequence[Record]) -> Received:
    return Received(columns=Columns.of(records))


class Site:
    """Intake into a real spool."""

    def __init__(self, folder: Path, max_bytes: int = 1 << 30) -> None:
        self.spool = SqliteSpool(
            folder / "spool.sqlite", clock=lambda: NOW, max_bytes=max_bytes, min_free_bytes=0
        )
        self.appends = 0
        self.intake = Intake(self.spool, IdSource(lambda: NOW), lambda: NOW, self._count)

    def accept(self, *records: Record, account: str = "main", reply: bytes = b"ok", key: str = "") -> bytes:
        return asyncio.run(self.intake.accept(account, received(records), reply=reply, key=key))

    def frames(self) -> list[Frame]:
        return self.spool.since(0, max_bytes=1 << 30)

    def _count(self) -> None:
        self.appends += 1


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.spool.close()


def records_of(frame: Frame) -> list[Record]:
    return [decode_line(line) for line in zstandard.ZstdDecompressor().decompress(frame.data).splitlines()]


def test_records_get_an_id_a_receipt_time_and_their_account(site: Site) -> None:
    assert (
        site.accept(Record(ts=NINE_MS, ns=7, line="a"), Record(ts=NINE_MS + 1, line="b"), reply=b"2") == b"2"
    )
    first = int(IdSource(lambda: NOW).take(1)[0])
    [frame] = site.frames()
    assert records_of(frame) == [
        Record(lid=str(first), ts=NINE_MS, ns=7, rx=NOW, account="main", line="a"),
        Record(lid=str(first + 1), ts=NINE_MS + 1, rx=NOW, account="main", line="b"),
    ]
    meta = (
        frame.account,
        frame.hour,
        frame.lines,
        frame.min_ts,
        frame.max_ts,
        frame.first_lid,
        frame.last_lid,
    )
    assert meta == ("main", NINE, 2, NINE_MS, NINE_MS + 1, first, first + 1)
    assert (frame.rx, site.appends) == (NOW, 1)


@pytest.mark.parametrize(
    ("ts", "kept"),
    [
        (-1, NOW),
        (0, 0),
        (NINE_MS - 1, NINE_MS - 1),
        (NOW + FUTURE_MS, NOW + FUTURE_MS),
        (NOW + FUTURE_MS + 1, NOW),
        (9_214_646_399_999, NOW),
    ],
)
def test_a_line_without_a_time_or_with_one_far_ahead_gets_its_receipt_time(
    site: Site, ts: int, kept: int
) -> None:
    site.accept(Record(ts=ts, ns=5, line="x"))
    [frame] = site.frames()
    [record] = records_of(frame)
    assert (record.ts, record.ns, frame.hour) == (kept, 5 if kept == ts else 0, kept // HOUR_MS)


def test_lines_are_split_by_their_hour_and_keep_their_order(site: Site) -> None:
    times = [NINE_MS + HOUR_MS, NINE_MS - 1, NINE_MS, -1, NINE_MS + HOUR_MS - 1, NINE_MS + HOUR_MS, NINE_MS]
    site.accept(*(Record(ts=ts, line=str(number)) for number, ts in enumerate(times)))
    by_hour = {frame.hour: [record.line for record in records_of(frame)] for frame in site.frames()}
    assert by_hour == {NINE - 1: ["1"], NINE: ["2", "3", "4", "6"], NINE + 1: ["0", "5"]}


def test_a_key_is_the_accounts_own(site: Site) -> None:
    assert site.accept(Record(line="a"), reply=b"1", key="k") == b"1"
    assert site.accept(Record(line="b"), reply=b"2", key="k") == b"1"
    assert site.accept(Record(line="c"), reply=b"3", key="k", account="other") == b"3"
    assert site.accept(Record(line="d"), reply=b"4") == b"4"
    assert site.accept(Record(line="e"), reply=b"5") == b"5"
    assert [record.line for frame in site.frames() for record in records_of(frame)] == ["a", "c", "d", "e"]


def test_no_records_are_answered_too(site: Site) -> None:
    assert site.accept(reply=b"0") == b"0"
    assert site.frames() == []


def test_a_full_spool_keeps_none_and_tells_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path, max_bytes=0)
    with pytest.raises(Overloaded):
        site.accept(Record(line="x"))
    assert (site.frames(), site.appends) == ([], 0)
    site.spool.close()


class PieceKeeper:
    """A spool that shows the pieces as intake makes them, before they become frames."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    async def append(self, pieces: list[Piece], *, reply: bytes, key: str = "") -> bytes:
        self.pieces += pieces
        return key.encode() or reply


def pieces_of(records: list[Record]) -> list[Piece]:
    keeper = PieceKeeper()
    intake = Intake(cast(Spool, keeper), IdSource(lambda: NOW), lambda: NOW, lambda: None)
    asyncio.run(intake.accept("main", received(records), reply=b""))
    return keeper.pieces


@pytest.mark.parametrize("length", [10, 1_000, 20_000, 500_000])
def test_pieces_are_about_a_frame(length: int) -> None:
    count = max(3, 5 * FRAME_BYTES // length)
    pieces = pieces_of([Record(ts=NOW, line="x" * length) for _ in range(count)])
    assert sum(piece.lines for piece in pieces) == count
    assert max(len(piece.payload) for piece in pieces) < 1.2 * FRAME_BYTES
    assert len(pieces) <= 2 + sum(len(piece.payload) for piece in pieces) / FRAME_BYTES * 1.7


@given(st.lists(st.tuples(st.integers(-1, 3 * HOUR_MS), st.sampled_from([1, 300, 5_000])), max_size=60))
def test_what_a_piece_says_of_its_lines_is_true(lines: list[tuple[int, int]]) -> None:
    pieces = pieces_of([Record(ts=ts, line="x" * size) for ts, size in lines])
    seen = []
    for piece in pieces:
        records = [decode_line(line) for line in piece.payload.splitlines()]
        times, lids = [record.ts for record in records], [int(record.lid) for record in records]
        assert piece == Piece(
            account="main",
            hour=piece.hour,
            lines=len(records),
            min_ts=min(times),
            max_ts=max(times),
            first_lid=lids[0],
            last_lid=lids[-1],
            rx=NOW,
            payload=piece.payload,
        )
        assert {ts // HOUR_MS for ts in times} == {piece.hour}
        assert lids == sorted(lids)
        seen += lids
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == len(lines)
