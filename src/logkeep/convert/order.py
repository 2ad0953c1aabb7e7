"""The lines of one hour in the order of their times, each once. External: memory stays flat.

Lines of equal times stay in the order in which they came. Of lines with one id and one time the first that
came is kept, as a restore and a search do it; an id of 0 is none. Lines with one id and several times are all
kept, but only those of the first time with their id: in an archive of ours an id is of one line.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard

from logkeep.convert.split import LineFile, heads, no_room

# What is sorted in memory at a time; the one before may still be there. Lines are counted because each takes
# memory beside its bytes.
_RUN_BYTES = 64 << 20
_RUN_LINES = 500_000
_PIECE_BYTES = 128 << 10  # of each run, that is in memory while they are merged
_IDS_AT_ONCE = 4_000_000

_ID = re.compile(rb'\{"_lid":"\d+",')  # how a canonical line with an id begins

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Keyed = tuple[int, int, bytes]  # time, place in the order of arrival, line


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Lines that arrived one after the other, in the order of their times."""

    lines: Sequence[bytes]
    times: Ints
    places: Ints
    ids: Ints  # in the order of arrival, 0 for none
    at: Ints  # the time of each, in the order of arrival

    def __iter__(self) -> Iterator[Keyed]:
        return zip(self.times.tolist(), self.places.tolist(), self.lines, strict=True)


class Ordered:
    """The lines of an hour, once through. `repeats` says how many were left out when all are through."""

    def __init__(self, pieces: Iterable[bytes], folder: Path) -> None:
        """Lines in the order of arrival; `folder` is for files, which are left there."""
        self._pieces = pieces
        self._folder = folder
        self.repeats = 0

    def __iter__(self) -> Iterator[bytes]:
        """Raises StorageUnavailable when the disk is full."""
        runs: list[Iterable[Keyed]] = []
        ids: list[Ints] = []
        at: list[Ints] = []
        for number, run in enumerate(_runs(self._pieces)):
            ids.append(run.ids)
            at.append(run.at)
            if runs and isinstance(runs[-1], _Run):
                runs[-1] = _spilled(runs[-1], self._folder / f"run{number - 1}")
            runs.append(run)
        if len(runs) > 1 and isinstance(runs[-1], _Run):
            runs[-1] = _spilled(runs[-1], self._folder / f"run{len(runs) - 1}")
        keyed = heapq.merge(*runs) if len(runs) > 1 else iter(runs[0] if runs else ())
        if not ids:
            return iter(())
        repeats, shared = repeated(np.concatenate(ids), np.concatenate(at))
        self.repeats = int(repeats.sum())
        if not self.repeats and not shared.any():
            return (line for _, _, line in keyed)
        return (
            _without_id(line) if shared[place] else line for _, place, line in keyed if not repeats[place]
        )


def _without_id(line: bytes) -> bytes:
    found = _ID.match(line)
    return b"{" + line[found.end() :] if found else line


def repeated(ids: Ints, at: Ints) -> tuple[Marks, Marks]:
    """Which of the ids were there before with the same time, and which of the others are there with an
    earlier time; 0 is neither. Looks at a part of the ids at a time."""
    repeats, shared = np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.bool_)
    parts = len(ids) // _IDS_AT_ONCE + 1
    for part in range(parts):
        places = np.concatenate(
            [
                start + np.flatnonzero((some > 0) & (some % parts == part))
                for start in range(0, len(ids), _IDS_AT_ONCE)
                for some in (ids[start : start + _IDS_AT_ONCE],)
            ]
            or [np.zeros(0, np.int64)]
        )
        places = places[np.lexsort((at[places], ids[places]))]  # stable: equals stay as they came
        before, behind = places[:-1], places[1:]
        same_id, same_time = ids[before] == ids[behind], at[before] == at[behind]
        repeats[behind[same_id & same_time]] = True
        shared[behind[same_id & ~same_time]] = True
    return repeats, shared


def _runs(pieces: Iterable[bytes]) -> Iterator[_Run]:
    lines: list[bytes] = []
    times: list[int] = []
    ids: list[int] = []
    size = first = 0
    for piece in pieces:
        lines += BytesIO(piece).readlines()
        for head in heads(piece):
            times.append(head.ts)
            ids.append(head.lid)
        size += len(piece)
        if size >= _RUN_BYTES or len(lines) >= _RUN_LINES:
            yield _run(lines, times, ids, first)
            first += len(lines)
            lines, times, ids, size = [], [], [], 0
    if lines:
        yield _run(lines, times, ids, first)


def _run(lines: list[bytes], times: list[int], ids: list[int], first: int) -> _Run:
    at = np.array(times, np.int64)
    order = np.argsort(at, kind="stable")
    return _Run(
        lines=[lines[place] for place in order.tolist()],
        times=at[order],
        places=order + first,
        ids=np.array(ids, np.int64),
        at=at,
    )


class _Spilled:
    """A run on the disk."""

    def __init__(self, path: Path) -> None:
        self.lines = LineFile(path.with_suffix(".lines"), zstandard.ZstdCompressor(level=1))
        self.keys = path.with_suffix(".keys")

    def __iter__(self) -> Iterator[Keyed]:
        offset = 0
        for piece in self.lines:
            lines = BytesIO(piece).readlines()
            keys = np.fromfile(self.keys, np.int64, 2 * len(lines), offset=offset).reshape(-1, 2)
            offset += keys.nbytes
            for (time, place), line in zip(keys.tolist(), lines, strict=True):
                yield time, place, line


def _spilled(run: _Run, path: Path) -> _Spilled:
    spilled = _Spilled(path)
    try:
        np.column_stack((run.times, run.places)).tofile(spilled.keys)
    except OSError as error:
        raise no_room(path, error) from error
    for piece in joined(run.lines, _PIECE_BYTES):
        spilled.lines.append(piece)
    return spilled


def joined(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The lines in pieces of at least `size` bytes, the last one perhaps fewer."""
    piece: list[bytes] = []
    waiting = 0
    for line in lines:
        piece.append(line)
        waiting += len(line)
        if waiting >= size:
            yield b"".join(piece)
            piece, waiting = [], 0
    if piece:
        yield b"".join(piece)
