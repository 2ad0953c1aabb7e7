"""Fetch: the pieces of a chunk, as files that the engine can read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from logkeep.errors import DamagedArchive, Overloaded
from logkeep.restore.chunks import Piece
from logkeep.storage.base import Bucket

_SLICE_BYTES = 8 << 20  # one read from the bucket
_SLICES_AT_ONCE = 4  # bounds what is in memory; a remote bucket reads them side by side


@contextmanager
def fetched(
    bucket_of: Callable[[int], Bucket], pieces: Sequence[Piece], folder: Path
) -> Iterator[list[Path]]:
    """A file per piece, in their order, in `folder`, which is made for it and removed in the end.

    Whole objects of a folder bucket are linked, not copied. Raises StorageError, DamagedArchive for an
    object that is not as long as it should be, and Overloaded when there is no room for the files.
    """
    shutil.rmtree(folder, ignore_errors=True)
    files = [folder / f"{number:05d}.json.gz" for number in range(len(pieces))]
    try:
        with _room_in(folder):
            folder.mkdir(parents=True)
            for piece, file in zip(pieces, files, strict=True):
                _fetch(bucket_of(piece.target), piece, file)
        yield files
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
