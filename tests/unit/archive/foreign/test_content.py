"""Whatever an object is compressed with, its content comes out in bounded pieces."""

from __future__ import annotations

import gzip
import resource
import zlib
from collections.abc import Callable, Iterator
from random import Random

import cramjam
import pytest
import zstandard

from logkeep.archive.foreign.content import decompressed
from logkeep.archive.foreign.source import PIECE_BYTES
from logkeep.errors import DamagedArchive, StorageUnavailable

LINES = b"".join(b'{"_ts":%d,"_line":"a line of some length, number %d"}\n' % (n, n * n) for n in range(9000))
HALF = len(LINES) // 2


def cut(stored: bytes, size: int) -> Iterator[bytes]:
    return (stored[at : at + size] for at in range(0, len(stored), size))


def content(stored: bytes, size: int = 1000) -> bytes:
    return b"".join(decompressed(cut(stored, size), "some/key.gz", len(stored)))


def until_damaged(stored: bytes) -> tuple[bytes, str]:
    found = b""
    try:
        for piece in decompressed(cut(stored, 1000), "some/key.gz", len(stored)):
            found += piece
    except DamagedArchive as damage:
        return found, str(damage)
    raise AssertionError("nothing was damaged")


def zstd(data: bytes, **options: object) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]


def snappy_framed(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress(data))


def snappy_bare(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


def lz4_with(**options: bool) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        compressor = cramjam.lz4.Compressor(**options)
        compressor.compress(data)
        return bytes(compressor.finish())

    return compress


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zlib, fast": lambda data: zlib.compress(data, 1),
    "zstd": zstd,
    "zstd with a checksum and no size": lambda data: zstd(
        data, write_checksum=True, write_content_size=False
    ),
    "snappy, framed": snappy_framed,
    "snappy, bare": snappy_bare,
    "lz4, linked blocks": lz4_with(block_linked=True, content_checksum=True),
    "lz4, single blocks": lz4_with(block_linked=False, content_checksum=False),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [b"", b"x", b"the\n", b'{"a": 1}\n', LINES], ids=len)
def test_magic_bytes_decide_the_compression(codec: str, data: bytes) -> None:
    if codec == "snappy, bare" and not data:
        return  # a single zero, which nobody writes and nothing tells from a zero
    assert content(CODECS[codec](data)) == data


@pytest.mark.parametrize("codec", [name for name in CODECS if name not in ("plain", "snappy, bare")])
def test_a_codec_within_gzip_is_unpacked_too(codec: str) -> None:
    assert content(gzip.compress(CODECS[codec](LINES))) == LINES


@pytest.mark.parametrize("codec", ["gzip", "zlib", "zstd", "snappy, framed", "lz4, linked blocks"])
def test_several_members_follow_one_another(codec: str) -> None:
    compress = CODECS[codec]
    assert content(compress(LINES[:HALF]) + compress(b"") + compress(LINES[HALF:])) == LINES


def test_members_of_one_byte_pieces_are_the_same() -> None:
    assert content(gzip.compress(LINES[:999]) + gzip.compress(LINES[999:2000]), 1) == LINES[:2000]


def test_zeros_behind_a_gzip_member_are_padding() -> None:
    assert content(gzip.compress(LINES) + bytes(700)) == LINES


def test_a_frame_that_readers_skip_is_skipped() -> None:
    skipped = (0x184D2A57).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"hello"
    assert content(zstd(LINES) + skipped) == LINES


@pytest.mark.parametrize("codec", [name for name in CODECS if name not in ("plain", "snappy, bare")])
def test_what_came_before_the_end_of_a_truncated_object_is_given(codec: str) -> None:
    whole = CODECS[codec](LINES)
    found, message = until_damaged(whole[: len(whole) * 3 // 4])
    assert LINES.startswith(found)
    assert "some/key.gz cannot be decompressed at byte" in message


def test_most_of_a_truncated_gzip_object_is_there() -> None:
    whole = gzip.compress(LINES)
    found, message = until_damaged(whole[: len(whole) * 3 // 4])
    assert len(found) > len(LINES) // 2
    assert f"at byte {len(whole) * 3 // 4}: the compressed data ends too early" in message


def test_a_truncated_member_behind_a_whole_one_costs_no_line_of_the_whole_one() -> None:
    found, _ = until_damaged(gzip.compress(LINES) + gzip.compress(LINES)[:300])
    assert found.startswith(LINES)


def test_garbage_behind_a_member_is_damage() -> None:
    found, _ = until_damaged(gzip.compress(LINES) + b"garbage behind it")
    assert found == LINES


@pytest.mark.parametrize("codec", ["gzip", "zlib", "zstd", "snappy, framed", "lz4, single blocks"])
def test_a_changed_byte_is_damage_or_changes_only_what_has_no_checksum(codec: str) -> None:
    whole = bytearray(CODECS[codec](LINES))
    whole[len(whole) // 2] ^= 0xFF
    try:
        found = content(bytes(whole))
    except DamagedArchive:
        return
    assert codec.startswith(("lz4", "zstd"))
    assert len(found) <= 2 * len(LINES)


def test_compression_within_compression_within_compression_is_refused() -> None:
    with pytest.raises(DamagedArchive, match="compressed more than 2 times"):
        content(gzip.compress(gzip.compress(gzip.compress(LINES))))


@pytest.mark.parametrize(
    "text", [b"the first line", b"x^2 + 1 = 0 and more", b"hpl", b"[]", b'{"', b"\xc3\xa4"]
)
def test_a_short_text_stays_as_it_is(text: bytes) -> None:
    found = text if not text.startswith(b"x^") else b""
    try:
        assert content(text) == text
    except DamagedArchive:
        assert found == b""  # the one text that begins like zlib


def bomb(codec: str) -> bytes:
    """A gigabyte of zeros, in about a megabyte."""
    zeros = bytes(1 << 20)
    if codec == "gzip":
        stream = zlib.compressobj(1, zlib.DEFLATED, 31)
        return b"".join([stream.compress(zeros) for _ in range(64)] + [stream.flush()]) * 16
    if codec == "zstd":
        chunker = zstandard.ZstdCompressor().compressobj()
        return b"".join([chunker.compress(zeros) for _ in range(1024)]) + chunker.flush()
    return lz4_with(block_linked=False, content_checksum=False)(bytes(64 << 20)) * 16


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4"])
def test_a_gigabyte_of_zeros_takes_little_memory(codec: str) -> None:
    stored = bomb(codec)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = largest = 0
    for piece in decompressed(iter([stored]), "bomb.gz", len(stored)):
        size += len(piece)
        largest = max(largest, len(piece))
    assert size == 1 << 30
    assert largest <= 1 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # in KiB


def test_a_zstandard_frame_that_asks_for_a_huge_window_is_refused() -> None:
    header = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\xf8"  # a window of 2 to the 41
    block = (1 | 1 << 1 | 5 << 3).to_bytes(3, "little") + b"x"
    _, message = until_damaged(header + block)
    assert "cannot be decompressed" in message


def test_a_bare_snappy_block_that_says_to_be_huge_is_refused() -> None:
    stored = b"\xff\xff\xff\xff\x0f\x00" + bytes(200 << 20)
    with pytest.raises(DamagedArchive, match="bare Snappy block of more than"):
        content(stored, 1 << 20)


def test_small_members_are_given_together() -> None:
    members = [gzip.compress(b"%d\n" % number * 100) for number in range(2000)]
    pieces = list(decompressed(iter([b"".join(members)]), "k", sum(map(len, members))))
    assert b"".join(pieces) == b"".join([b"%d\n" % number * 100 for number in range(2000)])
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert len(pieces) == -(-sum(map(len, pieces)) // PIECE_BYTES)


@pytest.mark.parametrize("lengths", [(10, 200_000, 10, 10), (200_000, 10, 200_000), (0, 1, 0, 5000, 0)])
def test_members_may_be_of_any_length(lengths: tuple[int, ...]) -> None:
    random = Random(1)
    parts = [random.randbytes(length) for length in lengths]
    assert content(b"".join(map(gzip.compress, parts)), 1 << 20) == b"".join(parts)


def test_what_came_before_a_storage_error_is_given() -> None:
    def stored() -> Iterator[bytes]:
        yield gzip.compress(b"first" * 10) + gzip.compress(b"second")
        raise StorageUnavailable("it does not answer")

    found = decompressed(stored(), "k", 1000)
    assert next(found) == b"first" * 10 + b"second"
    with pytest.raises(StorageUnavailable):
        next(found)
