"""Lines that were found and wait for nearer ones, in bounded memory.

A line may be handed on when no unit that was not read yet can hold a nearer one. With a limit only the
nearest lines are kept. Where more wait than memory may hold, all of them go to the disk as a sorted run, and
are merged with the others when their turn comes. A line that comes too late for its place, because its unit
tells other times than it holds, is handed on all the same: with the next that are taken.
"""

from __future__ import annotations

import heapq
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, repeat, takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

from logkeep.archive.scan import Found
from logkeep.inplace.places import Unit
from logkeep.inplace.runs import Line, Run, Scratch, distance_of

# What lines may wait in, about: their bytes, and what each of them takes beside its bytes.
MAX_WAITING_BYTES = 128 << 20
_LINE_OVERHEAD = 400
NO_ID = 1 << 63  # lines without an id come behind those of the same time that have one, as in a table
_SPARE = 1024
_MOST_RUNS = 16  # of one size, before they are made one: each takes memory for what is read of it
_BATCH = 4096


class Waiting:
    """Lines are added from any thread and taken from one. `limit` is how many are wanted, 0 for all.

    `work` is a folder for files on their way, None for that of the system. A context manager: its end
    removes them. What is taken after `stopped` says so is not to be used.
    """

    def __init__(
        self,
        *,
        sign: int,
        limit: int,
        most_bytes: int = MAX_WAITING_BYTES,
        work: Path | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sign = sign
        self._left = limit or None
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._bytes = 0
        self._last: Line | None = None  # the last that was taken
        self._scratch = Scratch(work)
        self._stopped = stopped
        self._runs: list[Run] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def add(self, unit: Unit, first: int, found: Found) -> None:
        """Lines of a unit, of which `first` were found before these. Raises Overloaded when they have to go
        to the disk and there is no room."""
        sign, source = self._sign, unit.source
        lines = list(
            map(
                Line,
                [sign * one.ts for one in found.records],
                [sign * id_number(one.lid) for one in found.records],
                repeat(sign * unit.rank),
                count(sign * first, sign),
                found.lines,
                [one.lid for one in found.records],
                repeat(source.key),
                repeat(source.place),
            )
        )
        with self._lock:
            self._lines += lines
            self._bytes += _size(lines)
            if self._left is not None and len(self._lines) > self._left * 2 + _SPARE:
                self._shrink(self._left)
            if self._bytes > self._most_bytes:
                self._spill()

    def needless(self, distance: int) -> bool:
        """Whether no line at this distance or farther is wanted: enough nearer ones wait, in memory or in
        one run; a line may be in both, so they are not counted together."""
        with self._lock:
            if self._left is None:
                return False
            if any(run.left >= self._left and run.last < distance for run in self._runs):
                return True
            if len(self._lines) < self._left:
                return False
            self._shrink(self._left)
            return len(self._lines) == self._left and self._lines[-1].distance < distance

    def take(self, distance: int | None) -> Iterator[list[Line]]:
        """The lines nearer than this (None: all), in order; each once, and no more than are wanted. Iterate
        to the end before anything else is asked. Raises Overloaded."""
        with self._lock:
            self._lines.sort()
            end = len(self._lines)
            if distance is not None:
                end = bisect_left(self._lines, distance, key=distance_of)
            nearer = self._lines[:end]
            del self._lines[:end]
            self._bytes -= _size(nearer)
            runs = self._runs = [run for run in self._runs if run.left]
        if not runs:
            if taken := list(_once(nearer, self._last))[: self._left]:
                self._taken(taken)
                yield taken
            return
        merged = heapq.merge(nearer, *(run.nearer(distance) for run in self._few(runs)))
        lines = _once(merged, self._last)
        while not self.enough and (taken := list(islice(lines, min(_BATCH, self._left or _BATCH)))):
            self._taken(taken)
            yield taken

    @property
    def enough(self) -> bool:
        return self._left == 0

    def _taken(self, lines: list[Line]) -> None:
        self._last = lines[-1]
        if self._left is not None:
            self._left -= len(lines)

    def _shrink(self, most: int) -> None:
        self._lines.sort()
        self._lines = list(_once(self._lines, self._last))[:most]
        self._bytes = _size(self._lines)

    def _spill(self) -> None:
        self._lines.sort()
        if lines := list(_once(self._lines, self._last)):
            self._runs.append(self._scratch.written(lines, merges=0))
        self._lines, self._bytes = [], 0

    def _few(self, runs: list[Run]) -> list[Run]:
        """The runs, after those of one size were made one where they were many."""
        merges = 0
        while merges <= max(run.merges for run in runs):
            while len(same := [run for run in runs if run.merges == merges]) >= _MOST_RUNS:
                merged = heapq.merge(*(run.nearer(None) for run in same[:_MOST_RUNS]))
                lines = takewhile(lambda _: not self._stopped(), _once(merged, None))
                one = self._scratch.written(lines, merges=merges + 1)
                with self._lock:
                    self._runs = [run for run in self._runs if run not in same[:_MOST_RUNS]] + [one]
                runs = [run for run in runs if run not in same[:_MOST_RUNS]] + [one]
            merges += 1
        return runs


def id_number(lid: str) -> int:
    """The id as the engine orders it; NO_ID for none."""
    number = int(lid) if lid.isdecimal() and len(lid) <= 20 else 0
    return number if 0 < number < NO_ID else NO_ID


def _once(lines: Iterable[Line], before: Line | None) -> Iterator[Line]:
    """Without the lines that have time and id of the one before."""
    distance, lid = (before.distance, before.id_distance) if before else (None, None)
    for line in lines:
        if line.id_distance != lid or line.distance != distance or not -NO_ID < line.id_distance < NO_ID:
            yield line
            distance, lid = line.distance, line.id_distance


def _size(lines: Iterable[Line]) -> int:
    return sum([len(line.line) + _LINE_OVERHEAD for line in lines])
