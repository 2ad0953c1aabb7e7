"""Lines that were found and wait for nearer ones, in bounded memory.

A line may be handed on when no unit that was not read yet can hold a nearer one. With a limit only the
nearest lines are kept. Where more wait than memory may hold, the farther half is dropped and `cut` says from
which distance on: the search goes on to there, then reads the units behind it once more. So memory is
bounded by MAX_WAITING_BYTES, or by the lines of one millisecond where those are more.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import count, repeat
from typing import NamedTuple

from logkeep.archive.scan import Found
from logkeep.inplace.places import Unit
from logkeep.record import Record

# What lines may wait in, about: their bytes, and what each of them takes beside its bytes.
MAX_WAITING_BYTES = 192 << 20
_LINE_OVERHEAD = 500
_NO_ID = 1 << 63  # lines without an id come behind those of the same time that have one, as in a table
_SPARE = 1024


class Line(NamedTuple):
    """Sorts by what comes before the line: no two lines have all of it in common."""

    distance: int
    lid: int  # as a distance, too
    rank: int
    number: int
    line: bytes
    record: Record
    unit: Unit


class Waiting:
    """Lines are added from any thread and taken from one. `limit` is how many are wanted, 0 for all."""

    def __init__(self, *, sign: int, limit: int, most_bytes: int = MAX_WAITING_BYTES) -> None:
        self._sign = sign
        self._left = limit or None
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._bytes = 0
        self._last: Line | None = None  # the last that was taken
        self._floor: int | None = None  # nearer lines than this were taken in an earlier pass
        self.cut: int | None = None

    def add(self, unit: Unit, first: int, found: Found) -> None:
        """Lines of a unit, of which `first` were found before these."""
        sign = self._sign
        lines = list(
            map(
                Line,
                [sign * one.ts for one in found.records],
                [sign * id_number(one.lid) for one in found.records],
                repeat(sign * unit.rank),
                count(sign * first, sign),
                found.lines,
                found.records,
                repeat(unit),
            )
        )
        with self._lock:
            if self._floor is not None or self.cut is not None:
                lines = [line for line in lines if self._wanted(line.distance)]
            self._lines += lines
            self._bytes += _size(lines)
            if self._left is not None and len(self._lines) > self._left * 2 + _SPARE:
                self._shrink(self._left)
            if self._bytes > self._most_bytes:
                self._drop_half()

    def needless(self, distance: int) -> bool:
        """Whether no line at this distance or farther is wanted: enough nearer ones wait."""
        with self._lock:
            if self._left is None or len(self._lines) < self._left:
                return False
            self._shrink(self._left)
            return len(self._lines) == self._left and self._lines[-1].distance < distance

    def take(self, distance: int | None) -> list[Line]:
        """The lines nearer than this (None: all), in order; each once, and no more than are wanted."""
        with self._lock:
            self._lines.sort()
            end = len(self._lines)
            if distance is not None:
                end = bisect_left(self._lines, distance, key=_distance_of)
            nearer = self._lines[:end]
            del self._lines[:end]
            self._bytes -= _size(nearer)
            taken = list(_once(nearer, self._last))[: self._left]
            if taken:
                self._last = taken[-1]
            if self._left is not None:
                self._left -= len(taken)
            return taken

    @property
    def enough(self) -> bool:
        return self._left == 0

    def next_pass(self) -> None:
        """All lines nearer than the cut were taken; the others come now."""
        with self._lock:
            self._floor, self.cut = self.cut, None

    def _wanted(self, distance: int) -> bool:
        return (self._floor is None or distance >= self._floor) and (self.cut is None or distance < self.cut)

    def _shrink(self, most: int) -> None:
        self._lines.sort()
        self._lines = list(_once(self._lines, self._last))[:most]
        self._bytes = _size(self._lines)

    def _drop_half(self) -> None:
        self._lines.sort()
        cut = self._lines[len(self._lines) // 2].distance
        keep = bisect_left(self._lines, cut, key=_distance_of)
        if keep == 0:  # half of them and more are of the nearest millisecond
            cut += 1
            keep = bisect_left(self._lines, cut, key=_distance_of)
        if keep < len(self._lines):
            self.cut = cut
            del self._lines[keep:]
        self._bytes = _size(self._lines)


def id_number(lid: str) -> int:
    """The id as the engine orders it; _NO_ID for none."""
    return (int(lid) if lid.isdecimal() and len(lid) <= 20 else 0) or _NO_ID


def _once(lines: Iterable[Line], before: Line | None) -> Iterator[Line]:
    """Without the lines that have time and id of the one before."""
    distance, lid = (before.distance, before.lid) if before else (None, None)
    for line in lines:
        if line.lid != lid or line.distance != distance or not -_NO_ID < line.lid < _NO_ID:
            yield line
            distance, lid = line.distance, line.lid


def _distance_of(line: Line) -> int:
    return line.distance


def _size(lines: Iterable[Line]) -> int:
    return sum([len(line.line) + _LINE_OVERHEAD for line in lines])
