"""Hashes of the tokens of lines, as token filters keep them (docs/archive-format.md, "Filters").

A token is what the query language says (query/values.py). The hash looks at its length and at its first
and last eight bytes, with bit 0x20 set in each, so that it needs no lower-casing; tokens that it cannot
tell apart cost a block that is read in vain, and no line. `Hasher` goes over a MiB of lines in about two
milliseconds: it must cost sealing less than compressing does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

MIN_BYTES = 3
"""Shorter tokens are in no filter: nearly every block has nearly all of them."""

Hashes: TypeAlias = npt.NDArray[np.uint32]
_Words: TypeAlias = npt.NDArray[np.uint64]
_Places: TypeAlias = npt.NDArray[np.int64]
_Flags: TypeAlias = npt.NDArray[np.bool_]

_WORD = 8  # bytes
_CASE = 0x2020202020202020
_LONG = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
_BITS_64 = (1 << 64) - 1

# Which bits of a word belong to a token of so many bytes.
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD + 1)], dtype=np.uint64)
# What is kept is about a hundred bytes for each token of a piece.
_PIECE_BYTES = 1 << 20
_SLOT_BITS = 15
_NONE = np.zeros(0, np.uint64)
_SLOT_SHIFT = np.uint64(64 - _SLOT_BITS)


def token_hash(token: bytes) -> int | None:
    """The 32-bit hash of one token; None for a token that is in no filter."""
    size = len(token)
    if size < MIN_BYTES:
        return None
    folded = bytes(byte | 0x20 for byte in token)
    key = int.from_bytes(folded[:_WORD], "little")
    if size > _WORD:
        key ^= (int.from_bytes(folded[-_WORD:], "little") + size) * _LONG & _BITS_64
    if key == 0:
        return None
    key = (key ^ key >> 33) * _MIX_1 & _BITS_64
    key = (key ^ key >> 33) * _MIX_2 & _BITS_64
    return key >> 32


class Hasher:
    """Hashes the tokens of texts, one after the other, in memory that it keeps: asking the system for it
    anew would take as long as the work. One thread at a time may use it."""

    def __init__(self) -> None:
        self._kept: dict[str, npt.NDArray[np.uint8]] = {}
        self._table = np.empty(1 << _SLOT_BITS, np.uint64)

    def hashes(self, text: bytes) -> Hashes:
        """The distinct hashes of all tokens of a text, ascending. Lines in it are parted by NUL bytes: the
        text is cut there, and takes memory by its longest stretch without one."""
        found = np.concatenate([_NONE, *(self._distinct(self._keys(piece)) for piece in _pieces(text))])
        found ^= found >> np.uint64(33)
        found *= np.uint64(_MIX_1)
        found ^= found >> np.uint64(33)
        found *= np.uint64(_MIX_2)
        ordered = (found >> np.uint64(32)).astype(np.uint32)
        ordered.sort()
        kept: Hashes = ordered[np.concatenate([ordered[:1] == ordered[:1], ordered[1:] != ordered[:-1]])]
        return kept

    def _keys(self, text: memoryview) -> _Words:
        """The key of each token that is not too short, in order."""
        # With nothing before and behind it no token touches an end, and whole words can be read anywhere.
        size = len(text)
        room = self._bytes("room", (size + 4 * _WORD - 1) // _WORD * _WORD)
        room[:_WORD] = 0
        room[_WORD : _WORD + size] = np.frombuffer(text, np.uint8)
        room[_WORD + size :] = 0
        edges = np.flatnonzero(self._edges(room))
        count = len(edges) // 2
        starts = np.positive(edges[0::2], out=self._words("starts", count).view(np.int64))
        sizes = np.subtract(edges[1::2], starts, out=self._words("sizes", count).view(np.int64))
        words = room.view(np.uint64)
        keys = self._words_at(words, starts, self._words("keys", count))
        keys |= np.uint64(_CASE)
        keys &= np.take(_MASKS, sizes, mode="clip", out=self._words("masks", count))
        long = np.flatnonzero(np.greater(sizes, _WORD, out=self._bytes("long", count).view(np.bool_)))
        if len(long):
            sizes = sizes[long]
            ends = self._words_at(words, starts[long] + (sizes - _WORD), self._words("ends", len(long)))
            ends |= np.uint64(_CASE)
            ends += sizes.view(np.uint64)
            ends *= np.uint64(_LONG)
            keys[long] ^= ends
        return keys

    def _edges(self, room: npt.NDArray[np.uint8]) -> _Flags:
        """Where a token of MIN_BYTES or more begins, and where the byte behind its end is, in turns.

        Short ones, a quarter of all, are sorted out here, where a byte costs next to nothing.
        """
        shifted = np.bitwise_or(room, 0x20, out=self._bytes("shifted", len(room)))
        inside = self._bytes("inside", len(room)).view(np.bool_)
        some = self._bytes("some", len(room)).view(np.bool_)
        np.subtract(shifted, ord("a"), out=shifted)
        np.less(shifted, 26, out=inside)
        np.subtract(room, ord("0"), out=shifted)
        inside |= np.less(shifted, 10, out=some)
        inside |= np.greater_equal(room, 0x80, out=some)
        three = np.logical_and(inside[:-2], inside[1:-1], out=some[:-2])
        three &= inside[2:]
        edges = self._bytes("edges", len(room)).view(np.bool_)
        edges[:3] = False
        np.greater(three[:-1], inside[3:], out=edges[3:])
        edges[1:-2] |= np.greater(three[1:], inside[:-3], out=shifted.view(np.bool_)[1:-2])
        return edges

    def _words_at(self, words: _Words, places: _Places, found: _Words) -> _Words:
        """The eight bytes from each place on, of two neighbouring words. (A shift by 64 bits gives 0.)"""
        count = len(places)
        first = np.right_shift(places, 3, out=self._words("first", count).view(np.int64))
        shifts = np.bitwise_and(places, 7, out=self._words("shifts", count).view(np.int64)).view(np.uint64)
        shifts <<= np.uint64(3)
        np.take(words, first, mode="clip", out=found)
        found >>= shifts
        first += 1
        rest = np.take(words, first, mode="clip", out=self._words("rest", count))
        rest <<= np.subtract(np.uint64(64), shifts, out=shifts)
        found |= rest
        return found

    def _distinct(self, keys: _Words) -> _Words:
        """The keys, most of them once, without 0. One look at a table drops nearly all that repeat; sorting
        all of them would take longer than everything else."""
        count, table = len(keys), self._table
        places = np.multiply(keys, np.uint64(_LONG), out=self._words("places", count))
        places >>= _SLOT_SHIFT
        slots = places.view(np.int64)
        table.fill(0)
        table[slots] = keys
        winners = np.take(table, slots, mode="clip", out=self._words("winners", count))
        others = keys[np.not_equal(winners, keys, out=self._bytes("lost", count).view(np.bool_))]
        return np.concatenate([table[table != 0], others[others != 0]])

    def _words(self, name: str, count: int) -> _Words:
        return self._bytes(name, count * _WORD).view(np.uint64)

    def _bytes(self, name: str, count: int) -> npt.NDArray[np.uint8]:
        """Kept memory of that name, with anything in it."""
        kept = self._kept.get(name)
        if kept is None or len(kept) < count:
            kept = self._kept[name] = np.empty(
                max(count + count // 4, _WORD) // _WORD * _WORD + _WORD, np.uint8
            )
        return kept[:count]


def _pieces(text: bytes) -> Iterator[memoryview]:
    view = memoryview(text)
    start, size = 0, len(text)
    while start < size:
        end = size
        if end - start > _PIECE_BYTES:
            end = text.rfind(b"\0", start, start + _PIECE_BYTES) + 1 or text.find(b"\0", start) + 1 or end
        yield view[start:end]
        start = end
