"""Ranges that are near share a request, and come back cut to what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import DamagedArchive
from logkeep.storage.ranges import fetch_ranges, spanning

MIB = 1024 * 1024
OBJECT = bytes(number % 251 for number in range(4000))


def fetch(start: int, length: int) -> bytes:
    return OBJECT[start : start + length]


@pytest.mark.parametrize(
    ("ranges", "spans"),
    [
        ([], []),
        ([(5, 3)], [(5, 3)]),
        ([(20, 10), (0, 10)], [(0, 30)]),
        ([(0, 100), (10, 5)], [(0, 100)]),
        ([(0, 10), (10 + MIB, 5)], [(0, 15 + MIB)]),
        ([(0, 10), (11 + MIB, 5)], [(0, 10), (11 + MIB, 5)]),
    ],
)
def test_near_ranges_share_a_request(ranges: list[tuple[int, int]], spans: list[tuple[int, int]]) -> None:
    assert spanning(ranges) == spans


@given(st.lists(st.tuples(st.integers(0, 3900), st.integers(1, 100)), max_size=20))
def test_each_range_comes_back_as_it_is(ranges: list[tuple[int, int]]) -> None:
    assert fetch_ranges(fetch, "k", ranges) == [fetch(*one) for one in ranges]


def test_ranges_far_from_each_other_are_fetched_each_for_itself() -> None:
    asked: list[tuple[int, int]] = []

    def far(start: int, length: int) -> bytes:
        asked.append((start, length))
        return bytes([start // MIB]) * length

    ranges = [(40 * MIB, 2), (0, 1), (20 * MIB, 3)]

    assert fetch_ranges(far, "k", ranges) == [b"\x28\x28", b"\x00", b"\x14\x14\x14"]
    assert sorted(asked) == sorted(ranges)


def test_a_range_that_is_cut_short_is_damage() -> None:
    with pytest.raises(DamagedArchive, match="k ends before byte 4005"):
        fetch_ranges(fetch, "k", [(0, 10), (3995, 10)])
