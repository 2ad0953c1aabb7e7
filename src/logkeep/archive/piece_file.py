"""A file of pieces on their way, compressed: written from its start to its end, read in the same order."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import zstandard

from logkeep.errors import LogkeepError

NoRoom: TypeAlias = Callable[[Path, OSError], LogkeepError]
"""The error to raise where a file cannot be written."""

_SIZE = struct.Struct("<I")


class PieceFile:
    """Bytes in the pieces and the order in which they were appended: zstd frames with their sizes."""

    def __init__(self, path: Path, compressor: zstandard.ZstdCompressor, no_room: NoRoom) -> None:
        """The compressor may be shared by files that are written by one thread."""
        self.path = path
        self._compressor = compressor
        self._no_room = no_room

    def append(self, piece: bytes) -> None:
        """Raises what `no_room` makes when it cannot be written."""
        frame = self._compressor.compress(piece)
        try:
            with self.path.open("ab") as file:
                file.write(_SIZE.pack(len(frame)) + frame)
        except OSError as error:
            raise self._no_room(self.path, error) from error

    def __iter__(self) -> Iterator[bytes]:
        """What was appended, piece by piece. The file is open only while a piece is read."""
        at, end = 0, self.path.stat().st_size
        decompressor = zstandard.ZstdDecompressor()
        while at < end:
            with self.path.open("rb") as file:
                file.seek(at)
                (size,) = _SIZE.unpack(file.read(_SIZE.size))
                frame = file.read(size)
            at += _SIZE.size + size
            yield decompressor.decompress(frame)
