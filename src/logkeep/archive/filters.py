"""Token filters: which blocks of an object may hold a word, without reading them.

A filter is a static set of pairs (hash of a token, block), for groups of up to 64 blocks. Pairs are spread
over pages of about 5 kB by their hash, so that a lookup reads one page of a group and no more. The bytes
are those of docs/archive-format.md, "Filters"; numpy unpacks them, and nothing else is needed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from logkeep.archive.manifest import FilterGroup
from logkeep.archive.tokens import Hashes

CONTENT_TYPE = "application/octet-stream"

PAGE_PAIRS = 4096
"""About as many pairs are in a page."""

# Numbers a page may hold for each pair that it does: one lookup in 200 finds a token that is not there.
_SPARSENESS = 200
_LOW_BITS = 7  # the best for that sparseness: 9.6 bits a pair
_LOW = (1 << _LOW_BITS) - 1
_COUNT_BYTES = _CRC_BYTES = 4
# A block with more tokens than one in so many bytes of lines is in no group: its filter would be large, and
# lines of random text are seldom searched.
_BYTES_PER_TOKEN = 40

_Numbers: TypeAlias = npt.NDArray[np.int64]


def fits(tokens: Hashes, raw_bytes: int) -> bool:
    """Whether a block's tokens are few enough to be kept."""
    return len(tokens) * _BYTES_PER_TOKEN <= raw_bytes


def encode_group(blocks: Sequence[Hashes], *, first: int, offset: int) -> tuple[FilterGroup, bytes]:
    """The pages of neighbouring blocks of which `first` is the number of the first, and what the manifest
    says of them. They are to stand at `offset` in the filter object. The same tokens give the same bytes."""
    pairs = sum(map(len, blocks))
    pages = max(1, -(-pairs // PAGE_PAIRS))
    width = max(1, -(-pairs * _SPARSENESS // (pages * len(blocks))))
    spread = [_spread(tokens, pages * width) * len(blocks) + block for block, tokens in enumerate(blocks)]
    numbers = np.concatenate(spread)
    numbers.sort(kind="stable")  # merges blocks, which are in order already
    numbers = numbers[np.diff(numbers, prepend=-1) > 0]
    page_of, inside = np.divmod(numbers, width * len(blocks))
    cuts = np.searchsorted(page_of, np.arange(1, pages))
    encoded = [_encode_page(page) for page in np.split(inside, cuts)]
    group = FilterGroup(
        first=first,
        blocks=len(blocks),
        offset=offset,
        width=width,
        pages=tuple(map(len, encoded)),
    )
    return group, b"".join(encoded)


def place_of(group: FilterGroup, token: int) -> tuple[int, int]:
    """(number of the page, place in it) where a group has the token of this hash."""
    return divmod(token * len(group.pages) * group.width >> 32, group.width)


def page_range(group: FilterGroup, page: int) -> tuple[int, int]:
    """(start, length) of a page in the filter object."""
    return group.offset + sum(group.pages[:page]), group.pages[page]


def blocks_at(group: FilterGroup, page: bytes, places: Sequence[int]) -> list[int]:
    """For each place in this page, a bit for each block of the group that may hold its token: bit N for
    the group's Nth block. All of them when the page is damaged."""
    numbers = _decode_page(page)
    if numbers is None:
        return [(1 << group.blocks) - 1] * len(places)
    found = []
    for place in places:
        start, end = np.searchsorted(numbers, [place * group.blocks, (place + 1) * group.blocks])
        found.append(sum(1 << int(number) % group.blocks for number in numbers[start:end]))
    return found


def _spread(tokens: Hashes, numbers: int) -> _Numbers:
    """32-bit hashes, evenly, as numbers from 0 on. Both factors are below 2^32."""
    scaled = tokens.astype(np.uint64) * np.uint64(numbers) >> np.uint64(32)
    return scaled.astype(np.int64)


def _encode_page(numbers: _Numbers) -> bytes:
    """Ascending numbers as Elias and Fano write them: low bits as they are, the rest by unary steps."""
    count = len(numbers)
    low = (numbers & _LOW).astype(np.uint8)
    low_bits = np.unpackbits(low[:, None], axis=1, count=_LOW_BITS, bitorder="little")
    steps = (numbers >> _LOW_BITS) + np.arange(count)
    high_bits = np.zeros(int(steps[-1]) + 1 if count else 0, np.uint8)
    high_bits[steps] = 1
    packed = (np.packbits(bits, bitorder="little").tobytes() for bits in (low_bits, high_bits))
    page = b"".join([count.to_bytes(_COUNT_BYTES, "little"), *packed])
    return page + zlib.crc32(page).to_bytes(_CRC_BYTES, "little")


def _decode_page(page: bytes) -> _Numbers | None:
    """The reverse of `_encode_page`; None for bytes that it never makes. Memory goes by the page's length."""
    body = page[:-_CRC_BYTES]
    if len(body) < _COUNT_BYTES or zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != page[-_CRC_BYTES:]:
        return None
    count = int.from_bytes(body[:_COUNT_BYTES], "little")
    low_end = _COUNT_BYTES + (count * _LOW_BITS + 7) // 8
    if low_end > len(body):
        return None
    bits = np.unpackbits(np.frombuffer(body[_COUNT_BYTES:], np.uint8), bitorder="little")
    high_start = (low_end - _COUNT_BYTES) * 8
    steps = np.flatnonzero(bits[high_start:])
    if len(steps) != count or len(bits) - high_start != (steps[-1] // 8 + 1 if count else 0) * 8:
        return None
    low = np.packbits(bits[: count * _LOW_BITS].reshape(-1, _LOW_BITS), axis=1, bitorder="little")[:, 0]
    numbers = (steps - np.arange(count)) << _LOW_BITS | low
    return numbers if bool(np.all(numbers[1:] > numbers[:-1])) else None
