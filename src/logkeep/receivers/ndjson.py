"""Receiver: JSON lines of any schema, one record a line, and JSON documents.

The line is kept exactly as it came. A few of its top-level fields say when and where it happened:
the time is the first of `timestamp`, `@timestamp`, `time`, `ts`, `_ts`, `date` that holds one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import msgspec

from logkeep.errors import BadBody
from logkeep.instants import instant_of, instants_of
from logkeep.receivers.lines import (
    LINE_BYTES,
    Origin,
    check_line_count,
    cut_long_lines,
    text_record,
    too_long,
)
from logkeep.record import Columns, Received, Record, Refusal
from logkeep.surrogates import mended


class _Fields(msgspec.Struct, gc=False):
    """The fields of a JSON line that become fields of its record. Any type may come in any of them."""

    timestamp: Any = None
    at_timestamp: Any = msgspec.field(default=None, name="@timestamp")
    time: Any = None
    ts: Any = None
    own_ts: Any = msgspec.field(default=None, name="_ts")
    date: Any = None
    host: Any = None
    app: Any = None
    file: Any = None
    env: Any = None
    level: Any = None
    tag: Any = None


class _TextFields(msgspec.Struct, gc=False):
    """The same where all of them are the texts they mostly are; a quarter faster over all."""

    timestamp: str | int | float | None = None
    at_timestamp: str | int | float | None = msgspec.field(default=None, name="@timestamp")
    time: str | int | float | None = None
    ts: str | int | float | None = None
    own_ts: str | int | float | None = msgspec.field(default=None, name="_ts")
    date: str | int | float | None = None
    host: str | None = None
    app: str | None = None
    file: str | None = None
    env: str | None = None
    level: str | None = None
    tag: str | None = None


_text_decoder = msgspec.json.Decoder(_TextFields)
_decoder = msgspec.json.Decoder(_Fields)
_document = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw])
_BYTE = re.compile(r"\(byte (\d+)\)")


def receive_ndjson(body: bytes, origin: Origin) -> Received:
    """Records of a body of JSON lines. A line that is not a JSON object is kept as text."""
    refused: list[Refusal] = []
    if len(body) > LINE_BYTES:
        check_line_count(body.count(b"\n"))
        body, refused = cut_long_lines(body)
    try:
        columns = _all_at_once(body, origin)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        columns = None
    if columns is None:
        columns = Columns.of([_element(line, origin) for line in body.split(b"\n") if line])
    return Received(columns=columns, refused=refused)


def receive_document(body: bytes, origin: Origin) -> Received:
    """Records of one JSON document: an object, or an array whose elements are objects or texts.

    Raises BadBody with the position when it is neither.
    """
    try:
        document = _document.decode(body)
        check_line_count(len(document))
        elements = [_text(element) for element in document] if isinstance(document, list) else [body.strip()]
    except msgspec.DecodeError as error:
        if (whole := mended(body)) is not body:
            return receive_document(whole, origin)
        raise broken_json(error, len(body)) from None
    except UnicodeDecodeError:
        raise not_utf8(body) from None
    except RecursionError:
        raise BadBody("the body is nested too deeply", hint="flatten it, or send it as text") from None
    refused = [too_long(n, len(e)) for n, e in enumerate(elements, 1) if len(e) > LINE_BYTES]
    records = [_element(element, origin) for element in elements if len(element) <= LINE_BYTES]
    return Received(columns=Columns.of(records), refused=refused)


def broken_json(error: msgspec.DecodeError, size: int) -> BadBody:
    """The error to answer to a body of `size` bytes that is not the JSON it should be."""
    found = _BYTE.search(str(error))
    return BadBody(
        f"the body cannot be read: {error}",
        position=int(found[1]) if found else size,
        hint="send one JSON document in UTF-8, or NDJSON with Content-Type application/x-ndjson",
    )


def not_utf8(body: bytes) -> BadBody:
    """The error to answer to a JSON document with bytes that are no UTF-8."""
    text = body.decode(errors="surrogateescape")
    readable = re.match("[^\udc80-\udcff]*", text)
    position = len(readable[0].encode()) if readable else 0
    return BadBody(
        f"the body is not UTF-8 at byte {position}",
        position=position,
        hint="JSON must be UTF-8; lines in any other encoding can be sent as text/plain",
    )


def _text(element: msgspec.Raw) -> bytes:
    """What an element says: a text's own characters, the JSON of anything else as it came."""
    raw = bytes(element)
    return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw


def _all_at_once(body: bytes, origin: Origin) -> Columns | None:
    """The hot path (measured: bench/RESULTS.md). None when the body's values may not be its lines."""
    lines = [line for line in body.decode().split("\n") if line]
    fields = _text_decoder.decode_lines(body)
    if len(fields) != len(lines) or not _meet(lines):
        return None
    times, below = _times(fields)
    tags = [f.tag for f in fields]
    return Columns(
        line=lines,
        ts=times,
        ns=below,
        host=_or([f.host for f in fields], origin.host),
        app=_or([f.app for f in fields], origin.app),
        file=_or([f.file for f in fields], origin.file),
        env=_or([f.env for f in fields], origin.env),
        level=_or([f.level for f in fields], origin.level),
        tag=[(_tags(tag) if tag else ()) or origin.tag for tag in tags] if any(tags) else repeat(origin.tag),
    )


def _or(values: Sequence[str | None], default: str) -> Iterable[str]:
    """The values, with the default for what is missing or empty."""
    if values.count(None) == len(values):
        return repeat(default)
    return [value or default for value in values]


def _meet(lines: Sequence[str]) -> bool:
    """Whether lines that hold as many JSON values as there are lines hold one each.

    A value may go on over lines and a line may hold several. Between a line that ends in `}` and one that
    begins with `{` none goes on: where all lines meet so, each holds at least one value, so exactly one.
    """
    count = len(lines)
    if [line[0] for line in lines].count("{") < count:
        return False
    return [line[-1] for line in lines].count("}") == count or [line[-2:] for line in lines[:-1]].count(
        "}\r"
    ) == count - 1


def _times(fields: Sequence[_TextFields]) -> tuple[list[int], Iterable[int]]:
    """Milliseconds and what is below them, of each line; -1 where it names no time."""
    if (times := instants_of([f.timestamp for f in fields])) is not None:
        return times, repeat(0)
    instants = [instant_of(f.timestamp) or _other_time(f) for f in fields]
    return [ms for ms, _ in instants], [ns for _, ns in instants]


def _element(line: bytes, origin: Origin) -> Record:
    """The record of one line, whatever its fields are."""
    try:
        text = line.decode()
        f = _fields(line)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return text_record(line, origin)
    instant = instant_of(f.timestamp) or _other_time(f)
    return Record(
        ts=instant[0],
        ns=instant[1],
        host=_name(f.host) or origin.host,
        app=_name(f.app) or origin.app,
        file=_name(f.file) or origin.file,
        env=_name(f.env) or origin.env,
        level=_name(f.level) or origin.level,
        tag=_tags(f.tag) or origin.tag,
        line=text,
    )


def _fields(line: bytes) -> _Fields:
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        if (whole := mended(line)) is not line:
            return _decoder.decode(whole)
        raise


def _other_time(f: _Fields | _TextFields) -> tuple[int, int]:
    for value in (f.at_timestamp, f.time, f.ts, f.own_ts, f.date):
        if value is not None and (instant := instant_of(value)):
            return instant
    return -1, 0


def _name(value: object) -> str:
    """Text of a field that should be text. Nested values stay in the line alone."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(filter(None, value.split(",")))
    return tuple(filter(None, map(_name, value))) if isinstance(value, list) else ()
