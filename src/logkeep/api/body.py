"""Request bodies: bounded, also in what they unpack to."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from gzip import BadGzipFile, GzipFile
from typing import cast

import zstandard
from isal import igzip, igzip_lib
from starlette.requests import ClientDisconnect, Request

from logkeep.errors import BadBody, TooLarge, UnknownMediaType

BODY_BYTES = 10 * 1024 * 1024
_PATIENCE_S = 120  # a client that trickles must not hold memory for ever
_SMALL_BYTES = 64 * 1024  # so little may take its time, and a timer for each costs more than it saves
# isal's stubs leave one without types and declare the other as an instance.
_GUNZIP: Callable[..., GzipFile] = igzip.IGzipFile
_CODEC_ERROR = cast("type[Exception]", igzip_lib.IsalError)
_ZSTD_WINDOW_BYTES = 1 << 27
_SLICE_BYTES = 4096  # what is copied for every frame, and there may be a million of them


async def read_body(request: Request) -> bytes:
    """The unpacked body. Raises TooLarge, BadBody or UnknownMediaType."""
    text = request.headers.get("content-length", "")
    declared = int(text) if text.isdigit() else BODY_BYTES  # of a chunked body nobody knows yet
    if declared > BODY_BYTES:
        raise _too_large("the body has", declared)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_PATIENCE_S if declared > _SMALL_BYTES else None):
            async for chunk in request.stream():
                size += len(chunk)
                if size > BODY_BYTES:
                    raise _too_large("the body has more than", BODY_BYTES)
                chunks.append(chunk)
    except TimeoutError:
        raise BadBody(f"the body did not come within {_PATIENCE_S} s", position=size) from None
    except ClientDisconnect:
        raise BadBody("the client went away in the middle of the body", position=size) from None
    return _unpacked(b"".join(chunks), request.headers.get("content-encoding", "identity").strip().lower())


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("identity", ""):
        return body
    if encoding in ("gzip", "x-gzip"):
        return _gunzip(body)
    if encoding == "zstd":
        return _unzstd(body)
    raise UnknownMediaType(
        f"Content-Encoding {encoding!r} is not taken", hint="send gzip, zstd or no encoding"
    )


def _gunzip(body: bytes) -> bytes:
    try:
        with _GUNZIP(fileobj=io.BytesIO(body)) as members:
            data = members.read(BODY_BYTES + 1)
    except EOFError:
        raise BadBody("the gzip body is cut off", position=len(body)) from None
    except (_CODEC_ERROR, BadGzipFile) as error:
        raise BadBody(f"the body is not gzip: {error}") from None
    if len(data) > BODY_BYTES:
        raise _too_large("the body unpacks to more than", BODY_BYTES)
    return data


def _unzstd(body: bytes) -> bytes:
    try:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        with decompressor.stream_reader(body, read_across_frames=True) as reader:
            data = reader.read(BODY_BYTES + 1)
        if len(data) > BODY_BYTES:
            raise _too_large("the body unpacks to more than", BODY_BYTES)
        _check_last_frame(body, decompressor)
    except zstandard.ZstdError as error:
        raise BadBody(f"the body is not zstd: {error}") from None
    return data


def _check_last_frame(body: bytes, decompressor: zstandard.ZstdDecompressor) -> None:
    """Raise BadBody unless the last frame is whole. The reader ends without a word where the bytes do,
    and what tells of a frame's end has no bound: so it unpacks again what is known to fit."""
    open_frame = None
    for start in range(0, len(body), _SLICE_BYTES):
        rest = body[start : start + _SLICE_BYTES]
        while rest:
            open_frame = open_frame or decompressor.decompressobj()
            open_frame.decompress(rest)
            if not open_frame.eof:
                break
            rest, open_frame = open_frame.unused_data, None
    if open_frame:
        raise BadBody("the zstd body is cut off", position=len(body))


def _too_large(what: str, size: int | str) -> TooLarge:
    return TooLarge(
        f"{what} {size} bytes; the limit is {BODY_BYTES}", hint="send the lines in several smaller bodies"
    )
