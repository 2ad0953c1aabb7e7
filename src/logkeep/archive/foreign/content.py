"""The decompressed content of an object. Its magic bytes decide, whatever its name and headers say.

gzip of one or several members, zlib, Zstandard, LZ4 frames, Snappy framed and bare, and plain; also one
within another, as Firehose writes CloudWatch's gzip into its own. Everything is decompressed in pieces, so
an object may be of any size in little memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from logkeep.archive.foreign import deflate, framed
from logkeep.archive.foreign.source import PIECE_BYTES, Source
from logkeep.errors import DamagedArchive, LogkeepError

Codec: TypeAlias = Callable[[Source], Iterator[bytes]]

MAX_NESTING = 2
_HEAD_BYTES = 16
_MAGIC: tuple[tuple[bytes, Codec], ...] = (
    (b"\x1f\x8b", deflate.gzip),
    (framed.ZSTD_MAGIC, framed.zstd),
    (framed.LZ4_MAGIC, framed.lz4),
    (framed.SNAPPY_MAGIC, framed.snappy),
    # RFC 1950's first two bytes for a window of 32 KiB; no text begins with them but one with "x^"
    (b"\x78\x01", deflate.zlib),
    (b"\x78\x5e", deflate.zlib),
    (b"\x78\x9c", deflate.zlib),
    (b"\x78\xda", deflate.zlib),
)


def decompressed(stored: Iterator[bytes], key: str, size: int) -> Iterator[bytes]:
    """The content of an object of `size` bytes, in pieces of at most 1 MiB, none of them empty.

    Raises DamagedArchive, with the key and the byte, for what cannot be decompressed, behind all that came
    before it, and for content compressed more than MAX_NESTING times.
    """
    source = Source(stored, key)
    codec = _codec(source.head(_HEAD_BYTES))
    if codec is None and framed.is_bare_snappy(source, size):
        codec = framed.bare_snappy  # Vector's; it only shows by its structure
    for _ in range(MAX_NESTING):
        if codec is None:
            break
        source = Source(codec(source), key)
        codec = _codec(source.head(_HEAD_BYTES))
    if codec is not None:
        raise DamagedArchive(
            f"{key} is compressed more than {MAX_NESTING} times", hint="no log archive should be; look at it"
        )
    yield from _joined(source.pieces())


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, those of small gzip members together: many lines at once are read faster than few."""
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            if waiting and size + len(piece) > PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
            waiting.append(piece)
            size += len(piece)
    except LogkeepError:  # what came before is given in any case
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)


def _codec(head: bytes) -> Codec | None:
    return next((codec for magic, codec in _MAGIC if head.startswith(magic)), None)
