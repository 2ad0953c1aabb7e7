"""Query parameters and JSON bodies of requests, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from logkeep import settings
from logkeep.errors import BadBody, BadSetting, InputError
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, parse_time

T = TypeVar("T")

MAX_NAME = 200  # characters of a title or a name, which people read


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


def bounded(request: Request, name: str, default: int, *, least: int = 1, most: int) -> int:
    """A whole number from `least` to `most`. Raises InputError."""
    value = whole_number(request, name, default)
    if not least <= value <= most:
        raise InputError(f"{name} is {value}, not {least} to {most}")
    return value


def flag(request: Request, name: str) -> bool:
    """Whether the parameter says true; false when it is left out. Raises InputError."""
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise InputError(f"{name} is {text!r}, not true or false")
    return text == "true"


def seconds(name: str, value: int | str) -> int:
    """A duration: seconds, or a text such as `10m`. Raises BadSetting with the name."""
    return _amount(name, value, settings.duration)


def size(name: str, value: int | str) -> int:
    """Bytes, or a text such as `512MiB`. Raises BadSetting with the name."""
    return _amount(name, value, settings.size)


def one_line(name: str, text: str, *, most: int = MAX_NAME) -> str:
    """The text without blanks around it. Raises BadSetting with the name, unless it is one short line."""
    text = text.strip()
    if len(text) > most or not (text.isprintable() or not text):
        raise BadSetting(
            f"{name} has {len(text)} characters, or more than one line",
            hint=f"write one line of at most {most} characters",
            field=name,
        )
    return text


async def json_body(request: Request, kind: type[T], *, limit: int = 64 * 1024) -> T:
    """The body as `kind`, a msgspec Struct. Raises BadBody, which names the field or the position and says
    nothing of the values."""
    chunks: list[bytes] = []
    length = 0
    try:
        async for chunk in request.stream():
            length += len(chunk)
            if length > limit:
                raise BadBody(f"the body has more than {limit} bytes")
            chunks.append(chunk)
    except ClientDisconnect:
        raise BadBody("the client went away in the middle of the body", position=length) from None
    try:
        return msgspec.json.decode(b"".join(chunks) or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"the body cannot be read: {error}", hint="send a JSON object") from None


def _amount(name: str, value: int | str, parse: Callable[[str], int]) -> int:
    try:
        return parse(str(value))
    except ValueError as error:
        raise BadSetting(
            f"{name} is {str(value)[:64]!r}, which cannot be used", hint=f"write {error}", field=name
        ) from None
