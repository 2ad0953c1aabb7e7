"""gzip (RFC 1952) with any number of members, and zlib (RFC 1950)."""

from __future__ import annotations

from collections.abc import Iterator

from isal import igzip_lib

from logkeep.archive.block import CODEC_ERROR
from logkeep.archive.foreign.source import PIECE_BYTES, Source

# What follows a member's end is copied, so that is kept short: most members are as long as the one before.
_STORED_BYTES = range(2 << 10, 64 << 10)


def gzip(source: Source) -> Iterator[bytes]:
    """The members' contents. Zeros behind a member are padding."""
    stored_bytes = _STORED_BYTES.stop
    while True:
        while (start := source.head(1)) == b"\0":
            source.exactly(1)
        if not start:
            return
        begin = source.at
        yield from _member(source, igzip_lib.DECOMP_GZIP, stored_bytes)
        stored_bytes = source.at - begin


def zlib(source: Source) -> Iterator[bytes]:
    while source.head(1):
        yield from _member(source, igzip_lib.DECOMP_ZLIB)


def _member(source: Source, form: int, stored_bytes: int = _STORED_BYTES.stop) -> Iterator[bytes]:
    """`stored_bytes` is how many it may have."""
    at_once = min(max(stored_bytes, _STORED_BYTES.start), _STORED_BYTES.stop)
    member = igzip_lib.IgzipDecompressor(form)
    while not member.eof:
        stored = b""
        if member.needs_input and not (stored := source.some(at_once)):
            raise source.damaged("the compressed data ends too early")
        try:
            piece = member.decompress(stored, max_length=PIECE_BYTES)
        except CODEC_ERROR as error:
            raise source.damaged(error) from error
        if piece:
            yield piece
        at_once = min(2 * at_once, _STORED_BYTES.stop)
    source.put_back(member.unused_data)
