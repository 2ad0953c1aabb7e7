from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.archive.scan import Found
from logkeep.inplace.places import Place, Source, Unit
from logkeep.inplace.reading import Reading
from logkeep.inplace.search import in_order
from logkeep.inplace.waiting import Waiting
from logkeep.query.parse import parse
from logkeep.record import Record, encode_lines
from logkeep.storage.folder import FolderBucket

from .archive import put, record

SOURCE = Source(place=0, bucket=FolderBucket(Path("/nowhere")), key="k", size=1)


def unit(rank: int) -> Unit:
    return Unit(source=SOURCE, rank=rank, first_ms=0, last_ms=100, block=None, alone=False)


def found(*records: Record) -> Found:
    lines = [encode_lines([one]) for one in records]
    return Found(lines, list(records), len(lines), sum(map(len, lines)))


def times_and_ids(waiting: Waiting, distance: int | None) -> list[tuple[int, str]]:
    return [(line.record.ts, line.record.lid) for line in waiting.take(distance)]


def test_only_lines_nearer_than_the_distance_are_taken() -> None:
    waiting = Waiting(sign=1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=5, lid="1"), Record(ts=3, lid="2"), Record(ts=4, lid="3")))
    assert times_and_ids(waiting, 3) == []
    assert times_and_ids(waiting, 5) == [(3, "2"), (4, "3")]
    assert times_and_ids(waiting, None) == [(5, "1")]


def test_the_newest_are_the_nearest_when_the_sign_says_so() -> None:
    waiting = Waiting(sign=-1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=5, lid="1"), Record(ts=5, lid="2"), Record(ts=4, lid="3")))
    assert times_and_ids(waiting, -4) == [(5, "2"), (5, "1")]


def test_with_a_limit_the_nearest_are_kept_and_farther_ones_are_needless() -> None:
    waiting = Waiting(sign=1, limit=2)
    for start in range(0, 5000, 100):
        records = [Record(ts=ts, lid=str(ts + 1)) for ts in range(start, start + 100)]
        waiting.add(unit(start), 0, found(*records))
    assert not waiting.needless(1)
    assert waiting.needless(2)
    assert times_and_ids(waiting, None) == [(0, "1"), (1, "2")]
    assert waiting.enough


def test_a_line_that_was_taken_is_not_taken_again() -> None:
    waiting = Waiting(sign=1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=1, lid="1")))
    assert times_and_ids(waiting, 2) == [(1, "1")]
    waiting.add(unit(1), 0, found(Record(ts=1, lid="1"), Record(ts=1, lid="2")))
    assert times_and_ids(waiting, None) == [(1, "2")]


def test_lines_that_memory_cannot_hold_are_dropped_behind_a_cut() -> None:
    waiting = Waiting(sign=1, limit=0, most_bytes=10_000)
    waiting.add(unit(0), 0, found(*[Record(ts=ts, lid=str(ts + 1)) for ts in range(100)]))
    assert waiting.cut is not None
    first = times_and_ids(waiting, None)
    assert first == [(ts, str(ts + 1)) for ts in range(waiting.cut)]
    waiting.next_pass()
    waiting.add(unit(0), 0, found(*[Record(ts=ts, lid=str(ts + 1)) for ts in range(40, 60)]))
    assert times_and_ids(waiting, None) == [(ts, str(ts + 1)) for ts in range(50, 60)]


def test_lines_of_one_millisecond_are_kept_however_many() -> None:
    waiting = Waiting(sign=1, limit=0, most_bytes=1000)
    waiting.add(unit(0), 0, found(*[Record(ts=7, lid=str(lid)) for lid in range(1, 100)]))
    assert waiting.cut is None
    assert len(waiting.take(None)) == 99


def test_a_search_in_little_memory_finds_everything_in_order(tmp_path: Path) -> None:
    """Objects whose lines are spread over the whole hour, so that all of them have to wait."""
    expected = []
    for part in range(4):
        blocks = [[record((n * 37 + part) % 1000, part * 1000 + n + 1, "x")] for n in range(50)]
        blocks = [[one for block in blocks for one in block]]
        put(tmp_path, *blocks, part=part, manifest=part % 2 == 0)
        expected += [(one.ts, int(one.lid)) for one in blocks[0]]
    for sign in (1, -1):
        reading = Reading(
            [Place(bucket=FolderBucket(tmp_path))],
            parse("*"),
            None,
            newest_first=sign < 0,
            large=None,
            stopped=lambda: False,
        )
        waiting = Waiting(sign=sign, limit=0, most_bytes=20_000)
        with reading:
            lines = [line for batch in in_order(reading, waiting) for line in batch]
        assert [(one.record.ts, int(one.record.lid)) for one in lines] == sorted(expected, reverse=sign < 0)
        assert reading.tally.outcome.blocks_read > 4


@settings(max_examples=50)
@given(
    lines=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=60),
    limit=st.sampled_from([0, 1, 5]),
    sign=st.sampled_from([1, -1]),
)
def test_taking_in_order_is_sorting(lines: list[tuple[int, int]], limit: int, sign: int) -> None:
    waiting = Waiting(sign=sign, limit=limit)
    for number, (ts, lid) in enumerate(lines):
        waiting.add(unit(number), 0, found(Record(ts=ts, lid=str(lid or ""))))
    taken = [(line.record.ts, line.record.lid) for line in waiting.take(None)]
    with_id = {(ts, lid) for ts, lid in lines if lid}
    without = [(ts, 1 << 63) for ts, lid in lines if not lid]
    expected = sorted([*with_id, *without], reverse=sign < 0)[: limit or None]
    assert taken == [(ts, str(lid) if lid < 1 << 63 else "") for ts, lid in expected]
