"""Codecs whose frames are walked block by block, so that no block gives more than its format allows:
Zstandard (RFC 8878), LZ4 (its Frame Format Description 1.6) and Snappy (its framing_format.txt; a
bare block).

Checksums of LZ4 frames are not checked.
"""

from __future__ import annotations

from collections.abc import Iterator

import cramjam
import zstandard

from logkeep.archive.foreign.source import Source

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
LZ4_MAGIC = b"\x04\x22\x4d\x18"
SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
MAX_SNAPPY_BYTES = 128 << 20  # of a bare block, which is decompressed at once

_SKIPPED_FRAMES = range(0x184D2A50, 0x184D2A60)  # of Zstandard and LZ4 alike
_ZSTD_WINDOW_BYTES = 128 << 20  # what `zstd --long` uses; a frame may ask for a million times that
_ZSTD_BLOCK_BYTES = 128 << 10
_LZ4_BLOCK_BYTES = {4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20}
_LZ4_HISTORY = 65_535
_SNAPPY_CHUNK_BYTES = 65_536
_SNAPPY_TRIED_BYTES = 32 << 10


def zstd(source: Source) -> Iterator[bytes]:
    while magic := source.up_to(4):
        if magic == ZSTD_MAGIC:
            yield from _zstd_frame(source)
        elif int.from_bytes(magic, "little") in _SKIPPED_FRAMES:
            _skip(source, _number(source.exactly(4)))
        else:
            raise source.damaged("what follows is no Zstandard frame")


def _zstd_frame(source: Source) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
    descriptor = source.exactly(1)[0]
    single = descriptor >> 5 & 1
    size_bytes = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    header = source.exactly((1 - single) + (0, 1, 2, 4)[descriptor & 3] + size_bytes)
    stored = ZSTD_MAGIC + bytes([descriptor]) + header
    last = 0
    while not last:
        head = source.exactly(3)
        number = _number(head)
        last, kind, size = number & 1, number >> 1 & 3, number >> 3
        if size > _ZSTD_BLOCK_BYTES or kind == 3:
            raise source.damaged("no Zstandard block begins so")
        stored += head + source.exactly(1 if kind == 1 else size)
        if last and descriptor & 4:
            stored += source.exactly(4)
        try:
            piece = frame.decompress(stored)
        except zstandard.ZstdError as error:
            raise source.damaged(error) from error
        stored = b""
        if piece:
            yield piece


def lz4(source: Source) -> Iterator[bytes]:
    while magic := source.up_to(4):
        if magic == LZ4_MAGIC:
            yield from _lz4_frame(source)
        elif int.from_bytes(magic, "little") in _SKIPPED_FRAMES:
            _skip(source, _number(source.exactly(4)))
        else:
            raise source.damaged("what follows is no LZ4 frame")


def _lz4_frame(source: Source) -> Iterator[bytes]:
    flags, sizes = source.exactly(2)
    limit = _LZ4_BLOCK_BYTES.get(sizes >> 4)
    if flags >> 6 != 1 or limit is None or flags & 1:
        raise source.damaged("an LZ4 frame of this version, or with a dictionary, cannot be read")
    source.exactly((8 if flags & 8 else 0) + 1)  # the content's size, the header's checksum
    history = b""
    while size := _number(source.exactly(4)):
        plain, size = size >> 31, size & 0x7FFF_FFFF
        if size > limit:
            raise source.damaged("no LZ4 block begins so")
        block = source.exactly(size)
        if flags & 16:
            source.exactly(4)
        piece = block if plain else _lz4_block(source, block, history, limit)
        if not flags & 32:  # blocks may refer to those before
            history = (history + piece)[-_LZ4_HISTORY:]
        if piece:
            yield piece
    if flags & 4:
        source.exactly(4)


def _lz4_block(source: Source, block: bytes, history: bytes, limit: int) -> bytes:
    """A block that may refer to `history`, as one that begins by saying it.

    Only the last sequence of a block may lack a copy. So the history's last 4 bytes are said first, and
    copied to where they belong.
    """
    said = b""
    if len(history) >= 4:
        said = _lz4_literals(history[-4:] + history[:-4]) + len(history).to_bytes(2, "little")
        limit += len(history) + 4
    found = bytearray(limit)
    try:
        size = cramjam.lz4.decompress_block_into(said + block, found, output_len=limit)
    except (cramjam.DecompressionError, ValueError, OSError) as error:
        raise source.damaged(error) from error
    return bytes(memoryview(found)[len(history) + 4 if said else 0 : size])


def _lz4_literals(literals: bytes) -> bytes:
    """The start of a sequence: a token for these literals and a copy of 4 bytes, and the literals."""
    count = len(literals)
    if count < 15:
        return bytes([count << 4]) + literals
    more, rest = divmod(count - 15, 255)
    return b"\xf0" + b"\xff" * more + bytes([rest]) + literals


def snappy(source: Source) -> Iterator[bytes]:
    """The framed form, in which each chunk gives at most 64 KiB; checksums are checked."""
    while head := source.up_to(4):
        kind, size = head[0], _number(head[1:])
        if len(head) < 4 or 0x02 <= kind <= 0x7F:
            raise source.damaged("no Snappy chunk begins so")
        chunk = source.exactly(size)
        if kind in (0, 1):
            if size > _SNAPPY_CHUNK_BYTES * 2:
                raise source.damaged("a Snappy chunk is larger than the format allows")
            yield _snappy(source, head + chunk)


def _snappy(source: Source, chunk: bytes) -> bytes:
    try:
        return bytes(cramjam.snappy.decompress(SNAPPY_MAGIC + chunk))
    except (cramjam.DecompressionError, OSError) as error:
        raise source.damaged(error) from error


def is_bare_snappy(source: Source, stored: int) -> bool:
    """Whether all there is, `stored` bytes, is a bare Snappy block.

    It has no magic bytes: a length as a varint, then a literal. A block is hardly longer than what it holds
    (6 bytes in 65,536) and at most 22 times shorter. A short text may look like one, so that is tried; a
    long one cannot, since its length would begin with two bytes that no text begins with.
    """
    head = source.head(6)
    size = shift = 0
    for at, byte in enumerate(head[:5]):
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if head[at + 1 : at + 2] == b"" or head[at + 1] & 3:
                return False
            fits = stored <= size + size // 6 + 32 and size <= 22 * stored
            return fits and (stored > _SNAPPY_TRIED_BYTES or _can_be_read(source.head(stored)))
    return False


def _can_be_read(block: bytes) -> bool:
    try:
        cramjam.snappy.decompress_raw(block)
    except (cramjam.DecompressionError, OSError):
        return False
    return True


def bare_snappy(source: Source) -> Iterator[bytes]:
    """A bare block. It has to be decompressed at once; one of more than MAX_SNAPPY_BYTES is refused."""
    stored = source.up_to(MAX_SNAPPY_BYTES + 1)
    try:
        if len(stored) > MAX_SNAPPY_BYTES or cramjam.snappy.decompress_raw_len(stored) > MAX_SNAPPY_BYTES:
            raise source.damaged(f"a bare Snappy block of more than {MAX_SNAPPY_BYTES} bytes is not read")
        yield bytes(cramjam.snappy.decompress_raw(stored))
    except (cramjam.DecompressionError, OSError) as error:
        raise source.damaged(error) from error


def _skip(source: Source, count: int) -> None:
    while count:
        skipped = source.some(min(count, 1 << 20))
        if not skipped:
            raise source.damaged("the compressed data ends too early")
        count -= len(skipped)


def _number(little: bytes) -> int:
    return int.from_bytes(little, "little")
