from __future__ import annotations

import random
import zlib
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.archive.filters import blocks_at, encode_group, fits, page_range, place_of
from logkeep.archive.manifest import FilterGroup
from logkeep.archive.tokens import Hashes

hashes = st.integers(0, (1 << 32) - 1)
blocks_of_hashes = st.lists(st.frozensets(hashes, max_size=60), min_size=1, max_size=64)


def arrays(blocks: Sequence[Sequence[int] | frozenset[int]]) -> list[Hashes]:
    return [np.array(sorted(one), dtype=np.uint32) for one in blocks]


def lookup(group: FilterGroup, pages: bytes, token: int) -> int:
    page, place = place_of(group, token)
    start, length = page_range(group, page)
    [found] = blocks_at(group, pages[start - group.offset : start - group.offset + length], [place])
    return found


@settings(max_examples=100, derandomize=True, deadline=None)
@given(blocks=blocks_of_hashes, others=st.lists(hashes, max_size=5))
def test_every_token_is_found_in_its_blocks(blocks: list[frozenset[int]], others: list[int]) -> None:
    group, pages = encode_group(arrays(blocks), first=7, offset=1000)

    assert sum(group.pages) == len(pages)
    for token in {*others, *(token for one in blocks for token in one)}:
        there = sum(1 << number for number, one in enumerate(blocks) if token in one)
        assert lookup(group, pages, token) & there == there


def many(blocks: int, tokens: int) -> list[list[int]]:
    rng = random.Random(1)
    return [[rng.getrandbits(32) for _ in range(tokens)] for _ in range(blocks)]


def test_one_lookup_in_200_finds_a_token_that_is_not_there() -> None:
    group, pages = encode_group(arrays(many(28, 3000)), first=0, offset=0)
    rng = random.Random(2)
    asked = 2000

    found = sum(lookup(group, pages, rng.getrandbits(32)).bit_count() for _ in range(asked))

    assert asked * 28 / 400 < found < asked * 28 / 150


def test_a_pair_takes_less_than_ten_bits_and_a_page_about_5_kb() -> None:
    group, pages = encode_group(arrays(many(28, 13_400)), first=0, offset=0)

    assert len(pages) * 8 / (28 * 13_400) < 9.7
    assert all(4500 < length < 5400 for length in group.pages)


def test_the_same_tokens_give_the_same_bytes() -> None:
    assert encode_group(arrays(many(3, 500)), first=0, offset=0) == encode_group(
        arrays(many(3, 500)), first=0, offset=0
    )


def test_the_bytes_are_those_of_the_format() -> None:
    """Frozen: archives of every release have them."""
    group, pages = encode_group(arrays([[1 << 31], [5, 1 << 31]]), first=0, offset=0)

    assert group == FilterGroup(first=0, blocks=2, offset=0, width=300, pages=(12,))
    assert pages.hex() == "0300000001560b19e69cbfbc"


def test_a_block_of_very_many_tokens_does_not_fit() -> None:
    tokens = np.arange(1000, dtype=np.uint32)
    assert (fits(tokens, 40_000), fits(tokens, 39_999)) == (True, False)


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"\0",
        b"\0" * 8,
        b"\xff" * 40,
        (1 << 31).to_bytes(4, "little") + bytes(60),
        (3).to_bytes(4, "little") + b"\xff" * 20,
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_a_damaged_page_rules_nothing_out(page: bytes, sealed: bool) -> None:
    if sealed:  # by somebody who wants to be believed
        page += zlib.crc32(page).to_bytes(4, "little")
    group = FilterGroup(first=0, blocks=3, offset=0, width=5, pages=(40,))

    assert blocks_at(group, page, [0, 1 << 32]) == [0b111, 0b111]


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 1 << 33), st.booleans())
def test_no_bytes_break_a_lookup(page: bytes, place: int, sealed: bool) -> None:
    if sealed:
        page += zlib.crc32(page).to_bytes(4, "little")
    group = FilterGroup(first=0, blocks=64, offset=0, width=1 << 32, pages=(40,))

    [found] = blocks_at(group, page, [place])
    assert 0 <= found < 1 << 64


def test_a_flipped_bit_is_noticed() -> None:
    group, pages = encode_group(arrays(many(4, 100)), first=0, offset=0)
    broken = bytearray(pages)
    broken[len(broken) // 2] ^= 1

    assert blocks_at(group, bytes(broken), [1, 2]) == [0b1111, 0b1111]


@pytest.mark.parametrize(
    "change", [{"blocks": 65}, {"blocks": 0}, {"width": 0}, {"pages": []}, {"pages": [0]}]
)
def test_a_manifest_with_groups_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    group = {"first": 0, "blocks": 1, "offset": 0, "width": 1, "pages": [8], **change}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(group, FilterGroup)
