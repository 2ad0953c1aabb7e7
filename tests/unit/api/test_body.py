from __future__ import annotations

import asyncio
import gzip
import random
import time

import pytest
import zstandard

from logkeep.api.body import BODY_BYTES, read_body
from logkeep.errors import BadBody, TooLarge, UnknownMediaType

from .requests import request

TEXT = b'{"line":"hello"}\n' * 1000
GZIP, ZSTD = gzip.compress(TEXT), zstandard.compress(TEXT)
NOISE = random.Random(1).randbytes(300_000)


def read(*chunks: bytes, encoding: str = "", length: str = "") -> bytes:
    headers = {"content-encoding": encoding} if encoding else {}
    headers |= {"content-length": length} if length else {}
    return asyncio.run(read_body(request(*chunks, headers=headers)))


def unsized(data: bytes) -> bytes:
    """A zstd frame that does not say how much it holds."""
    compressor = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compressobj()
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("body", "encoding", "content"),
    [
        (TEXT, "", TEXT),
        (TEXT, "identity", TEXT),
        (GZIP, "gzip", TEXT),
        (GZIP, "X-GZIP", TEXT),
        (GZIP, " gzip ", TEXT),
        (gzip.compress(NOISE), "gzip", NOISE),
        (GZIP + gzip.compress(b"") + gzip.compress(b"more"), "gzip", TEXT + b"more"),
        (GZIP + bytes(512), "gzip", TEXT),
        (ZSTD, "zstd", TEXT),
        (unsized(TEXT), "zstd", TEXT),
        (zstandard.compress(NOISE), "zstd", NOISE),
        (ZSTD + zstandard.compress(b"") + unsized(b"more"), "zstd", TEXT + b"more"),
        (b"", "", b""),
        (b"", "gzip", b""),
        (b"", "zstd", b""),
    ],
)
def test_a_body_is_unpacked(body: bytes, encoding: str, content: bytes) -> None:
    assert read(body, encoding=encoding) == content
    halves = body[: len(body) // 2], b"", body[len(body) // 2 :]
    assert read(*halves, encoding=encoding, length=str(len(body))) == content


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_is_cut_off_anywhere_is_refused(encoding: str) -> None:
    bodies = {
        "gzip": [GZIP, GZIP + GZIP],
        "zstd": [ZSTD, unsized(TEXT), ZSTD + ZSTD, zstandard.compress(NOISE)],
    }
    for body in bodies[encoding]:
        whole_frame = len(body) // 2 if body[: len(body) // 2] * 2 == body else 0
        ends = {*range(1, min(40, len(body))), *range(max(1, len(body) - 40), len(body))} - {whole_frame}
        for end in sorted(ends):
            with pytest.raises(BadBody, match="is cut off") as caught:
                read(body[:end], encoding=encoding)
            assert caught.value.position == end


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, "gzip"),
        (TEXT, "zstd"),
        (GZIP, "zstd"),
        (ZSTD, "gzip"),
        (GZIP + b"and more text", "gzip"),
        (ZSTD + b"and more text", "zstd"),
        (GZIP[:-8] + bytes(4) + GZIP[-4:], "gzip"),
        (GZIP[:-4] + bytes(4), "gzip"),
        (GZIP[:20] + bytes(20) + GZIP[40:], "gzip"),
        (unsized(TEXT)[:-4] + bytes(4), "zstd"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(BadBody, match=f"the body is not {encoding}"):
        read(body, encoding=encoding)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "utf-8"])
def test_an_encoding_that_is_not_taken_is_named(encoding: str) -> None:
    with pytest.raises(UnknownMediaType, match=f"Content-Encoding '{encoding}' is not taken"):
        read(GZIP, encoding=encoding)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstandard.compress, unsized], ids=["plain", "gzip", "zstd", "unsized zstd"]
)
def test_the_limit_is_on_what_a_body_unpacks_to(pack: type[bytes]) -> None:
    encoding = {bytes: "", gzip.compress: "gzip"}.get(pack, "zstd")
    assert len(read(pack(bytes(BODY_BYTES)), encoding=encoding)) == BODY_BYTES
    with pytest.raises(TooLarge, match="more than 10485760 bytes"):
        read(pack(bytes(BODY_BYTES + 1)), encoding=encoding)


def test_a_bomb_is_refused_at_the_limit() -> None:
    bombs = {"gzip": gzip.compress(bytes(1 << 20)) * 200, "zstd": zstandard.compress(bytes(1 << 20)) * 200}
    for encoding, bomb in bombs.items():
        with pytest.raises(TooLarge):
            read(bomb, encoding=encoding)
    with pytest.raises(TooLarge):
        read(zstandard.compress(bytes(1 << 30)), encoding="zstd")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_of_very_many_empty_members_takes_no_more_than_its_time(encoding: str) -> None:
    member = gzip.compress(b"") if encoding == "gzip" else zstandard.compress(b"")
    started = time.process_time()
    assert read(member * (BODY_BYTES // len(member)), encoding=encoding) == b""
    assert time.process_time() - started < 10  # it was quadratic once: minutes


def test_a_body_that_declares_too_much_is_refused_unread() -> None:
    with pytest.raises(TooLarge, match="the body has 10485761 bytes"):
        read(b"x", length=str(BODY_BYTES + 1))


def test_a_client_that_goes_away_is_no_defect() -> None:
    with pytest.raises(BadBody, match="the client went away") as caught:
        asyncio.run(read_body(request(b"abc", disconnect=True)))
    assert caught.value.position == 3
