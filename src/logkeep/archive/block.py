"""Blocks: each is one gzip member of whole lines, so that any run of them is a valid .gz file."""

from __future__ import annotations

from typing import cast

from isal import igzip_lib, isal_zlib

from logkeep.errors import DamagedArchive

# A block is closed when it holds this many bytes of lines.
BLOCK_BYTES = 1 << 20
# No block holds more than this. A block overshoots BLOCK_BYTES by less than one frame of the spool; the
# room above lets other writers choose larger blocks, and bounds what a reader must hold.
MAX_BLOCK_BYTES = 64 << 20

# 0.7 to 0.9 GB/s a core; zlib's level 6 gives 8 % smaller blocks at a tenth of the speed.
LEVEL = 2
LEVELS = range(4)  # isal's: 0 is the fastest, 3 the smallest
_GZIP = 31  # window bits 15, with gzip header and trailer

CODEC_ERROR = cast("type[Exception]", isal_zlib.error)  # isal's stubs declare it as an instance


def compress(lines: bytes, level: int = LEVEL) -> bytes:
    """One gzip member. The same lines give the same bytes: there is no name and no time in it."""
    return isal_zlib.compress(lines, level, _GZIP)


def decompress(block: bytes, raw_bytes: int, where: str) -> bytes:
    """The lines of a block that should hold exactly `raw_bytes`, never producing more than that.

    Checks gzip's own CRC. Raises DamagedArchive, naming `where`.
    """
    member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    try:
        lines = member.decompress(block, max_length=raw_bytes + 1)
        if not member.eof and len(lines) == raw_bytes:
            lines += member.decompress(b"", max_length=1)  # the trailer may still have to be read
    except CODEC_ERROR as error:
        raise DamagedArchive(f"{where} cannot be decompressed: {error}") from error
    if len(lines) != raw_bytes or not member.eof or member.unused_data:
        raise DamagedArchive(f"{where} does not hold the {raw_bytes} bytes of lines that it should")
    return lines
