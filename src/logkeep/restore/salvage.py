"""What can be saved of a damaged piece of an object: its blocks that are what their manifest says."""

from __future__ import annotations

from collections.abc import Iterator

from logkeep.archive.foreign.base import Problems
from logkeep.archive.reader import read_blocks, read_manifest
from logkeep.errors import DamagedArchive, ObjectMissing
from logkeep.restore.chunks import Piece
from logkeep.storage.base import Bucket


def sound_blocks(bucket: Bucket, piece: Piece, problems: Problems) -> Iterator[bytes]:
    """The lines of each block of the piece whose checksum and length are right; the others are problems, at
    their offset in the stored bytes. Of a broken block nothing is taken: what decompresses before the
    break is found may already be wrong. Raises StorageError, DamagedArchive without a manifest."""
    manifest = read_manifest(bucket, piece.key)
    if manifest is None:
        raise DamagedArchive(f"the manifest of object {piece.key} is gone")
    for one in manifest.blocks:
        if not _within(piece, one.offset):
            continue
        try:
            yield from read_blocks(bucket, piece.key, [one])
        except (DamagedArchive, ObjectMissing) as error:
            problems.add(one.offset, f"{one.lines} lines are lost: {error.message}")
            problems.count += one.lines - 1


def _within(piece: Piece, offset: int) -> bool:
    return not piece.ranges or any(start <= offset < start + length for start, length in piece.ranges)
