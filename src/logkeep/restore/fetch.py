"""Fetch: the pieces of a chunk, as files that the engine can read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import zstandard

from logkeep.archive.foreign.base import Layout, Problem, Problems
from logkeep.archive.foreign.read import read_foreign
from logkeep.errors import DamagedArchive, LogkeepError, ObjectFrozen, ObjectMissing, Overloaded
from logkeep.restore.chunks import Piece
from logkeep.restore.salvage import sound_blocks
from logkeep.storage.base import Bucket

_SLICE_BYTES = 8 << 20  # one read from the bucket
_SLICES_AT_ONCE = 4  # bounds what is in memory; a remote bucket reads them side by side
_BATCH_BYTES = 128 << 20  # raw lines that are translated before they are loaded
_LEVEL = 1  # of zstd

BAD_OBJECT = (DamagedArchive, ObjectMissing)
"""What is wrong with an object itself, so that trying again does not help."""


class BadPiece(Exception):
    """One piece of a chunk cannot be read; `error` says why."""

    def __init__(self, piece: Piece, error: LogkeepError) -> None:
        super().__init__(str(error))
        self.piece = piece
        self.error = error


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files that are loaded in one go, in the order of their names, and the piece that each is of."""

    files: tuple[Path, ...]
    pieces: tuple[Piece, ...]
    raw_bytes: int  # of the translated lines; 0 where nothing was translated
    stored_bytes: int  # that were read for it

    @property
    def keys(self) -> tuple[str, ...]:
        """The objects that the files are of."""
        return tuple(piece.key for piece in self.pieces)

    @property
    def glob(self) -> str:
        return str(self.files[0].parent / "*.json*")


@contextmanager
def fetched(bucket_of: Callable[[int], Bucket], pieces: Sequence[Piece], folder: Path) -> Iterator[Batch]:
    """A file per piece, in their order, in `folder`, which is made for it and removed in the end.

    Whole objects of a folder bucket are linked, not copied. Raises BadPiece for an object that is gone or
    not as long as it should be, StorageError, and Overloaded when there is no room for the files.
    """
    files = [folder / f"{number:05d}.json.gz" for number in range(len(pieces))]
    with _folder(folder):
        with _room_in(folder):
            for piece, file in zip(pieces, files, strict=True):
                with _blamed_on(piece):
                    _fetch(bucket_of(piece.target), piece, file)
        yield Batch(
            files=tuple(files),
            pieces=tuple(pieces),
            raw_bytes=0,
            stored_bytes=sum(piece.stored_bytes for piece in pieces),
        )


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Something that a translation passed over; `whole`: the rest of the object."""

    piece: Piece
    problem: Problem
    whole: bool = False


class Translation:
    """The lines of objects of other systems, or of damaged ones, as our own lines, batch by batch.

    `found` are the first things that could not be read, `lines` counts the lines among them all. Without
    `passing` an object that cannot be read to its end raises BadPiece.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        bucket_of: Callable[[int], Bucket],
        layout_of: Callable[[Piece], Layout],
        *,
        passing: bool,
    ) -> None:
        self.found: list[Unreadable] = []
        self.lines = 0
        self._pieces = pieces
        self._bucket_of = bucket_of
        self._layout_of = layout_of
        self._passing = passing

    def batches(self, folder: Path) -> Iterator[Batch]:
        """Each batch is there until the next is asked for. Raises StorageError, Overloaded, BadPiece."""
        source = self._lines()
        following = next(source, None)
        while following is not None:
            with _folder(folder):
                batch, following = self._batch(folder, source, following)
                yield batch

    def _batch(
        self, folder: Path, source: Iterator[tuple[Piece, bytes]], first: tuple[Piece, bytes]
    ) -> tuple[Batch, tuple[Piece, bytes] | None]:
        """The next batch, and what comes after it."""
        files: list[Path] = []
        pieces: list[Piece] = []
        size = stored = 0
        following: tuple[Piece, bytes] | None = first
        compressor = zstandard.ZstdCompressor(level=_LEVEL)
        with _room_in(folder):
            while following is not None and size < _BATCH_BYTES:
                piece = following[0]
                files.append(folder / f"{len(files):05d}.jsonl.zst")
                pieces.append(piece)
                with files[-1].open("wb") as out:
                    while following is not None and following[0] is piece and size < _BATCH_BYTES:
                        out.write(compressor.compress(following[1]))  # frames in a row are one stream
                        size += len(following[1])
                        following = next(source, None)
                if following is None or following[0] is not piece:
                    stored += piece.stored_bytes
        batch = Batch(
            files=tuple(files),
            pieces=tuple(pieces),
            raw_bytes=size,
            stored_bytes=stored,
        )
        return batch, following

    def _lines(self) -> Iterator[tuple[Piece, bytes]]:
        for piece in self._pieces:
            problems = Problems(piece.key)
            try:
                with _blamed_on(piece):
                    for lines in self._lines_of(piece, problems):
                        yield piece, lines
            except BadPiece as bad:
                if not self._passing:
                    raise
                problem = Problem(key=piece.key, offset=0, reason=bad.error.message)
                self.found.append(Unreadable(piece=piece, problem=problem, whole=True))
            self.lines += problems.count
            self.found += (Unreadable(piece=piece, problem=one) for one in problems.first)

    def _lines_of(self, piece: Piece, problems: Problems) -> Iterator[bytes]:
        bucket = self._bucket_of(piece.target)
        if piece.lines:
            return sound_blocks(bucket, piece, problems)
        return read_foreign(bucket, self._layout_of(piece), piece.key, piece.size, problems)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with _room_in(folder):
            folder.mkdir(parents=True)
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _blamed_on(piece: Piece) -> Iterator[None]:
    try:
        yield
    except BAD_OBJECT as error:
        raise BadPiece(piece, error) from error
    except ObjectFrozen as error:
        raise BadPiece(piece, error) from error


def _fetch(bucket: Bucket, piece: Piece, file: Path) -> None:
    size = bucket.head(piece.key).size
    if size != piece.size:
        raise DamagedArchive(
            f"object {piece.key} has {size} bytes and should have {piece.size}",
            hint="run 'logkeep verify' to see what else is damaged",
        )
    local = None if piece.ranges else bucket.local_path(piece.key)
    if local is not None:
        file.symlink_to(local)
        return
    slices = list(_slices(piece.ranges or ((0, piece.size),)))
    with file.open("wb") as out:
        for first in range(0, len(slices), _SLICES_AT_ONCE):
            out.writelines(bucket.get_ranges(piece.key, slices[first : first + _SLICES_AT_ONCE]))


def _slices(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, length in ranges:
        for offset in range(0, length, _SLICE_BYTES):
            yield start + offset, min(_SLICE_BYTES, length - offset)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Overloaded(
            f"objects cannot be fetched into {folder.parent}: {error.strerror}",
            hint="is the disk full? Free space and restore again",
        ) from error
