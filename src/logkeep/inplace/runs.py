"""Sorted runs of lines on the disk, each read once, from its start as far as it is asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
import zstandard

from logkeep.archive.piece_file import PieceFile
from logkeep.errors import Overloaded

# Of a run that is read, a piece is in memory.
_PIECE_BYTES = 128 << 10
_PIECE_LINES = 500


class Line(NamedTuple):
    """Sorts by what comes before the line itself: no two lines have all of it in common."""

    distance: int
    id_distance: int
    rank: int
    number: int
    line: bytes  # canonical, with its newline
    lid: str
    key: str  # of its object
    place: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Line]).decode


class Run:
    """Lines in order, of which `left` were not read yet and `last` is the distance of the last. It is made
    of runs that were merged `merges` times. Belongs to one thread."""

    def __init__(self, file: PieceFile, *, lines: int, last: int, merges: int) -> None:
        self.left = lines
        self.last = last
        self.merges = merges
        self._file = file
        self._pieces = iter(file)
        self._piece: list[Line] = []
        self._at = 0  # in the piece

    def nearer(self, distance: int | None) -> Iterator[Line]:
        """Those that were not read yet and are nearer than this (None: all)."""
        while self.left:
            if self._at == len(self._piece):
                self._piece, self._at = _decode(next(self._pieces)), 0
            end = len(self._piece)
            if distance is not None:
                end = bisect_left(self._piece, distance, lo=self._at, key=distance_of)
            some = self._piece[self._at : end]
            self._at = end
            self.left -= len(some)
            if not self.left:
                self._piece, self._at = [], 0
                self._file.path.unlink(missing_ok=True)
            yield from some
            if self._at < len(self._piece):
                return


class Scratch:
    """A temporary folder in `work`, or in that of the system, for what memory cannot hold. Made when it is
    used; `close` removes it."""

    def __init__(self, work: Path | None) -> None:
        self._work = work
        self._folder: TemporaryDirectory[str] | None = None
        self._numbers = count()

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def path(self) -> Path:
        """For a new file. Raises Overloaded."""
        try:
            if self._folder is None:
                if self._work is not None:
                    self._work.mkdir(parents=True, exist_ok=True)
                self._folder = TemporaryDirectory(prefix="logkeep-sorted-", dir=self._work)
        except OSError as error:
            raise no_room(self._work or Path("the folder for temporary files"), error) from error
        return Path(self._folder.name) / str(next(self._numbers))

    def written(self, lines: Iterable[Line], *, merges: int) -> Run:
        """A run of these lines, which are in order. Raises Overloaded."""
        file = PieceFile(self.path(), zstandard.ZstdCompressor(level=1), no_room)
        written = last = 0
        for piece in _pieces(lines):
            file.append(_encode(piece))
            written += len(piece)
            last = piece[-1].distance
        return Run(file, lines=written, last=last, merges=merges)


def distance_of(line: Line) -> int:
    return line.distance


def no_room(path: Path, error: OSError) -> Overloaded:
    return Overloaded(
        f"lines that wait for others cannot be written to {path}: {error.strerror}",
        hint="is the disk full? Free space, or search a shorter range",
    )


def _pieces(lines: Iterable[Line]) -> Iterator[list[Line]]:
    piece: list[Line] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line.line)
        if size >= _PIECE_BYTES or len(piece) >= _PIECE_LINES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
