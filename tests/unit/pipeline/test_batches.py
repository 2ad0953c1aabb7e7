from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.pipeline.batches import Batches, Cut
from logkeep.pipeline.outbox import Outbox, Parcel, Place, Posted, Put
from logkeep.pipeline.sqlite_outbox import SqliteOutbox

QUEUE = "p/a"
MANY = 1 << 30


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    opened = SqliteOutbox(tmp_path / "outbox.sqlite", clock=lambda: 1, min_free_bytes=0)
    yield opened
    opened.close()


def put(outbox: SqliteOutbox, *lines: bytes, via: str = "") -> None:
    parcel = Parcel(queue=QUEUE, lines=len(lines), payload=b"".join(lines), via=via)
    outbox.put([Put(pipeline="p", parcels=[parcel])])


def all_of(outbox: SqliteOutbox, batches: Batches, *, max_lines: int, max_bytes: int) -> list[Cut]:
    """Every batch, acknowledged one after the other."""
    found: list[Cut] = []
    while cut := batches.next(max_lines=max_lines, max_bytes=max_bytes):
        outbox.delivered(QUEUE, cut.upto, counts={})
        found.append(cut)
    return found


class Counting:
    """An outbox that counts the frames which are read from it."""

    def __init__(self, outbox: SqliteOutbox) -> None:
        self._outbox = outbox
        self.frames = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._outbox, name)

    def queued(self, queue: str, *, max_lines: int, max_bytes: int) -> Sequence[Posted]:
        found = self._outbox.queued(queue, max_lines=max_lines, max_bytes=max_bytes)
        self.frames += len(found)
        return found


def test_nothing_waits_nothing_is_cut(outbox: SqliteOutbox) -> None:
    batches = Batches(outbox, QUEUE, whole_frames=False)
    assert batches.next(max_lines=5, max_bytes=MANY) is None


def test_a_batch_is_filled_across_frames(outbox: SqliteOutbox) -> None:
    for n in range(5):
        put(outbox, b"%da\n" % n, b"%db\n" % n)
    batches = Batches(outbox, QUEUE, whole_frames=False)
    cuts = all_of(outbox, batches, max_lines=3, max_bytes=MANY)
    assert [len(cut.batch.lines) for cut in cuts] == [3, 3, 3, 1]
    assert [cut.upto for cut in cuts] == [Place(2, 1), Place(4, 0), Place(5, 1), Place(6, 0)]


def test_a_line_is_in_a_batch_of_its_own_when_it_is_larger_than_one(outbox: SqliteOutbox) -> None:
    longest = b"x" * 2_000_000 + b"\n"
    put(outbox, b"1\n", longest, b"2\n", b"3\n")
    batches = Batches(outbox, QUEUE, whole_frames=False)
    cuts = all_of(outbox, batches, max_lines=100, max_bytes=1000)
    assert [cut.batch.lines for cut in cuts] == [(b"1\n",), (longest,), (b"2\n", b"3\n")]


def test_a_frame_of_many_batches_is_read_once_and_its_rest_once_more(outbox: SqliteOutbox) -> None:
    counting = Counting(outbox)
    for _ in range(2):
        put(outbox, *[b"%d\n" % n for n in range(1050)])
    batches = Batches(counting, QUEUE, whole_frames=False)  # type: ignore[arg-type]
    cuts = all_of(outbox, batches, max_lines=100, max_bytes=MANY)
    assert [len(cut.batch.lines) for cut in cuts] == [100] * 21
    assert counting.frames == 3


def test_the_limits_may_change_from_batch_to_batch(outbox: SqliteOutbox) -> None:
    put(outbox, *[b"%d\n" % n for n in range(9)])
    batches = Batches(outbox, QUEUE, whole_frames=False)
    sizes = []
    for size in (4, 2, 100):
        cut = batches.next(max_lines=100, max_bytes=size)
        assert cut is not None
        outbox.delivered(QUEUE, cut.upto, counts={})
        sizes.append(len(cut.batch.lines))
    assert sizes == [2, 1, 6]


def test_whole_frames_have_a_key_each_and_no_limits(outbox: SqliteOutbox) -> None:
    put(outbox, b"1\n", b"2\n", via="x")
    put(outbox, b"3\n")
    batches = Batches(outbox, QUEUE, whole_frames=True)
    cuts = all_of(outbox, batches, max_lines=1, max_bytes=1)
    first, second = (cut.batch for cut in cuts)
    assert [list(one.lines) for one in (first, second)] == [[b"1\n", b"2\n"], [b"3\n"]]
    assert [(one.via, one.queue) for one in (first, second)] == [("x", QUEUE), ("", QUEUE)]
    assert [cut.upto for cut in cuts] == [Place(2, 0), Place(3, 0)]
    key = f"{outbox.outbox_id()}/p/a"
    assert first.key.startswith(f"{key}/1-")
    assert second.key.startswith(f"{key}/2-")


def test_a_frame_of_the_same_number_with_other_lines_has_another_key() -> None:
    """As an outbox has it that was put back from an older copy."""
    keys = []
    for lines in (b"1\n", b"2\n", b"1\n"):
        held = Held([("", 1)])
        held.frames = [Posted(seq=1, first=0, lines=(lines,), via="", rx=0)]
        cut = Batches(cast(Outbox, held), QUEUE, whole_frames=True).next(max_lines=1, max_bytes=1)
        assert cut is not None
        keys.append(cut.batch.key)
    assert keys[0] == keys[2] != keys[1]


class Held:
    """As much of an outbox as batches need, in memory."""

    def __init__(self, frames: Sequence[tuple[str, int]]) -> None:
        self.frames: list[Posted] = []
        for seq, (via, count) in enumerate(frames, 1):
            lines = tuple(b"%d-%d\n" % (seq, n) for n in range(count))
            self.frames.append(Posted(seq=seq, first=0, lines=lines, via=via, rx=0))
        self.head = Place(0, 0)

    def outbox_id(self) -> str:
        return "id"

    def queued(self, _: str, *, max_lines: int, max_bytes: int) -> list[Posted]:
        found: list[Posted] = []
        for one in self.frames:
            if one.seq < self.head.seq:
                continue
            first = self.head.line if one.seq == self.head.seq else 0
            found.append(Posted(seq=one.seq, first=first, lines=one.lines[first:], via=one.via, rx=0))
            lines = [line for frame in found for line in frame.lines]
            if len(lines) >= max_lines or sum(map(len, lines)) >= max_bytes:
                break
        return found


@given(
    frames=st.lists(st.tuples(st.sampled_from(["", "x"]), st.integers(1, 12)), max_size=8),
    limits=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 60)), min_size=1, max_size=5),
)
def test_all_lines_are_in_order_in_batches_within_limits(
    frames: list[tuple[str, int]], limits: list[tuple[int, int]]
) -> None:
    held = Held(frames)
    batches = Batches(held, QUEUE, whole_frames=False)  # type: ignore[arg-type]
    lines: list[bytes] = []
    turn = 0
    while True:
        max_lines, max_bytes = limits[turn % len(limits)]
        turn += 1
        cut = batches.next(max_lines=max_lines, max_bytes=max_bytes)
        if cut is None:
            break
        size = len(cut.batch.payload)
        assert 1 <= len(cut.batch.lines) <= max_lines
        assert size <= max_bytes or len(cut.batch.lines) == 1
        assert {frames[int(line.split(b"-")[0]) - 1][0] for line in cut.batch.lines} == {cut.batch.via}
        lines += cut.batch.lines
        held.head = cut.upto
    assert lines == [line for one in held.frames for line in one.lines]
