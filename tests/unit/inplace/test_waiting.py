from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.archive.scan import Found
from logkeep.errors import Overloaded
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


def distances_and_ids(waiting: Waiting, distance: int | None) -> list[tuple[int, str]]:
    return [(line.distance, line.lid) for lines in waiting.take(distance) for line in lines]


def test_only_lines_nearer_than_the_distance_are_taken() -> None:
    waiting = Waiting(sign=1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=5, lid="1"), Record(ts=3, lid="2"), Record(ts=4, lid="3")))
    assert distances_and_ids(waiting, 3) == []
    assert distances_and_ids(waiting, 5) == [(3, "2"), (4, "3")]
    assert distances_and_ids(waiting, None) == [(5, "1")]


def test_the_newest_are_the_nearest_when_the_sign_says_so() -> None:
    waiting = Waiting(sign=-1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=5, lid="1"), Record(ts=5, lid="2"), Record(ts=4, lid="3")))
    assert distances_and_ids(waiting, -4) == [(-5, "2"), (-5, "1")]


def test_with_a_limit_the_nearest_are_kept_and_farther_ones_are_needless() -> None:
    waiting = Waiting(sign=1, limit=2)
    for start in range(0, 5000, 100):
        records = [Record(ts=ts, lid=str(ts + 1)) for ts in range(start, start + 100)]
        waiting.add(unit(start), 0, found(*records))
    assert not waiting.needless(1)
    assert waiting.needless(2)
    assert distances_and_ids(waiting, None) == [(0, "1"), (1, "2")]
    assert waiting.enough


def test_a_line_that_was_taken_is_not_taken_again() -> None:
    waiting = Waiting(sign=1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=1, lid="1")))
    assert distances_and_ids(waiting, 2) == [(1, "1")]
    waiting.add(unit(1), 0, found(Record(ts=1, lid="1"), Record(ts=1, lid="2")))
    assert distances_and_ids(waiting, None) == [(1, "2")]


def test_lines_that_memory_cannot_hold_wait_on_the_disk(tmp_path: Path) -> None:
    with Waiting(sign=1, limit=0, most_bytes=5_000, work=tmp_path) as waiting:
        for start in range(0, 1000, 20):
            times = [(start + n) * 37 % 1000 for n in range(20)]
            waiting.add(unit(start), 0, found(*[Record(ts=ts, lid=str(ts + 1)) for ts in times]))
        (folder,) = tmp_path.iterdir()
        assert len(list(folder.iterdir())) > 2 * 16
        assert distances_and_ids(waiting, 500) == [(ts, str(ts + 1)) for ts in range(500)]
        assert len(list(folder.iterdir())) < 16
        waiting.add(unit(1000), 0, found(Record(ts=600, lid="601"), Record(ts=600, lid="7")))
        rest = distances_and_ids(waiting, None)
        assert rest[100:103] == [(600, "7"), (600, "601"), (601, "602")]
        assert len(rest) == 501
        assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_limit_holds_for_lines_on_the_disk_too(tmp_path: Path) -> None:
    with Waiting(sign=1, limit=30, most_bytes=10_000, work=tmp_path) as waiting:
        for start in range(0, 200, 20):
            records = [Record(ts=ts, lid=str(ts + 1)) for ts in range(start, start + 20)]
            waiting.add(unit(start), 0, found(*records))
        assert not waiting.needless(10)
        assert distances_and_ids(waiting, 20) == [(ts, str(ts + 1)) for ts in range(20)]
        assert not waiting.enough
        assert waiting.needless(1000)
        assert distances_and_ids(waiting, None) == [(ts, str(ts + 1)) for ts in range(20, 30)]
        assert waiting.enough


def test_a_line_that_comes_too_late_for_its_place_is_taken_next() -> None:
    waiting = Waiting(sign=1, limit=0)
    waiting.add(unit(0), 0, found(Record(ts=5, lid="1"), Record(ts=9, lid="2")))
    assert distances_and_ids(waiting, 6) == [(5, "1")]
    waiting.add(unit(1), 0, found(Record(ts=3, lid="3"), Record(ts=7, lid="4")))
    assert distances_and_ids(waiting, 6) == [(3, "3")]
    assert distances_and_ids(waiting, None) == [(7, "4"), (9, "2")]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        Waiting(sign=1, limit=0, most_bytes=1, work=tmp_path / "file" / "below") as waiting,
        pytest.raises(Overloaded, match="cannot be written to"),
    ):
        waiting.add(unit(0), 0, found(Record(ts=5, lid="1")))


def test_a_search_in_little_memory_reads_each_object_once(tmp_path: Path) -> None:
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
        with Waiting(sign=sign, limit=0, most_bytes=20_000) as waiting, reading:
            lines = [line for batch in in_order(reading, waiting) for line in batch]
        taken = [(sign * one.distance, int(one.lid)) for one in lines]
        assert taken == sorted(expected, reverse=sign < 0)
        assert reading.tally.outcome.blocks_read == 4


@settings(max_examples=50)
@given(
    lines=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=60),
    limit=st.sampled_from([0, 1, 5]),
    sign=st.sampled_from([1, -1]),
    most_bytes=st.sampled_from([1, 2000, 1 << 20]),
)
def test_taking_in_order_is_sorting(
    lines: list[tuple[int, int]], limit: int, sign: int, most_bytes: int
) -> None:
    with Waiting(sign=sign, limit=limit, most_bytes=most_bytes) as waiting:
        for number, (ts, lid) in enumerate(lines):
            waiting.add(unit(number), 0, found(Record(ts=ts, lid=str(lid or ""))))
        taken = [(sign * distance, lid) for distance, lid in distances_and_ids(waiting, None)]
    with_id = {(ts, lid) for ts, lid in lines if lid}
    without = [(ts, 1 << 63) for ts, lid in lines if not lid]
    expected = sorted([*with_id, *without], reverse=sign < 0)[: limit or None]
    assert taken == [(ts, str(lid) if lid < 1 << 63 else "") for ts, lid in expected]


def test_a_merge_ends_when_it_is_to_stop(tmp_path: Path) -> None:
    read: list[bool] = []

    def stopped() -> bool:
        read.append(True)
        return len(read) > 5

    with Waiting(sign=1, limit=0, most_bytes=1, work=tmp_path, stopped=stopped) as waiting:
        for start in range(20):
            waiting.add(unit(start), 0, found(Record(ts=start, lid=str(start + 1))))
        next(waiting.take(None))
    assert len(read) == 6
