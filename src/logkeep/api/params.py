"""Query parameters and JSON bodies of requests, checked."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from logkeep.errors import BadBody, InputError
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, parse_time

T = TypeVar("T")


def time_range(start: str, end: str, *, now: int) -> TimeRange:
    """The range from `start` to `end`; an empty text leaves that side open. Raises BadTime, BadRange."""
    return TimeRange(
        start=parse_time(start, now=now) if start else MIN_MS,
        end=parse_time(end, now=now) if end else MAX_MS,
    )


def whole_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError(f"{name} is {text!r}, not a whole number")
    return int(text)


async def json_body(request: Request, kind: type[T], *, limit: int = 64 * 1024) -> T:
    """The body as `kind`, a msgspec Struct. Raises BadBody, which names the field or the position."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise BadBody(f"the body has more than {limit} bytes")
            chunks.append(chunk)
    except ClientDisconnect:
        raise BadBody("the client went away in the middle of the body", position=size) from None
    try:
        return msgspec.json.decode(b"".join(chunks) or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"the body cannot be read: {error}", hint="send a JSON object") from None
