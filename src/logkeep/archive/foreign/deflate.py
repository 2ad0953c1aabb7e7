"""gzip (RFC 1952) with any number of members, and zlib (RFC 1950)."""

from __future__ import annotations

from collections.abc import Iterator

from isal import igzip_lib

from logkeep.archive.block import CODEC_ERROR
from logkeep.archive.foreign.source import PIECE_BYTES, Source

_STORED_BYTES = 64 << 10  # what follows a member's end is copied, so that is kept short


def gzip(source: Source) -> Iterator[bytes]:
    """The members' contents. Zeros behind a member are padding."""
    while True:
        while (start := source.head(1)) == b"\0":
            source.exactly(1)
        if not start:
            return
        yield from _member(source, igzip_lib.DECOMP_GZIP)


def zlib(source: Source) -> Iterator[bytes]:
    while source.head(1):
        yield from _member(source, igzip_lib.DECOMP_ZLIB)


def _member(source: Source, form: int) -> Iterator[bytes]:
    member = igzip_lib.IgzipDecompressor(form)
    while not member.eof:
        stored = b""
        if member.needs_input and not (stored := source.some(_STORED_BYTES)):
            raise source.damaged("the compressed data ends too early")
        try:
            piece = member.decompress(stored, max_length=PIECE_BYTES)
        except CODEC_ERROR as error:
            raise source.damaged(error) from error
        if piece:
            yield piece
    source.put_back(member.unused_data)
