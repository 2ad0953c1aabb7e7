"""Receiver: Mezmo's ingestion bodies, as its real clients send them.

Two shapes: `{"lines":[…]}` (the documented API, its agent) and `{"e":"ls","ls":[…]}` (the npm and PyPI
loggers). A line is `{"line": text, "timestamp": ms or ISO 8601, "app", "level", "env", "file", "host",
"meta": object or JSON in a text, …}`; the npm logger's agent form writes `t` for the time and `f` for
the file. Source of the shapes: docs.mezmo.com/log-analysis-api and the clients' own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import msgspec

from logkeep.errors import BadBody
from logkeep.instants import instant_of, instants_of
from logkeep.receivers.lines import LINE_BYTES, Origin, check_line_count, too_long
from logkeep.receivers.ndjson import broken_json, not_utf8
from logkeep.record import NO_META, Columns, Received, Record, Refusal
from logkeep.surrogates import mended


class _Line(msgspec.Struct, gc=False):
    line: Any = None
    timestamp: Any = None
    t: Any = None
    app: Any = None
    level: Any = None
    env: Any = None
    file: Any = None
    f: Any = None
    host: Any = None
    hostname: Any = None  # the PyPI logger's
    meta: msgspec.Raw = NO_META
    # What has no field of its own in a record is kept in its meta.
    label: Any = None
    annotation: Any = None
    pid: Any = None
    prival: Any = None
    containerid: Any = None


class _PlainLine(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The line that the loggers mostly send, every field of the type it should have."""

    line: str
    timestamp: str | int | float | None = None
    app: str | None = None
    level: str | None = None
    env: str | None = None
    file: str | None = None
    host: str | None = None
    hostname: str | None = None
    meta: msgspec.Raw = NO_META


class _Body(msgspec.Struct):
    lines: list[_Line] | None = None
    ls: list[_Line] | None = None


class _PlainBody(msgspec.Struct):
    lines: list[_PlainLine] | None = None
    ls: list[_PlainLine] | None = None


_decoder = msgspec.json.Decoder(_Body)
_plain_decoder = msgspec.json.Decoder(_PlainBody)
_EXTRAS = ("label", "annotation", "pid", "prival", "containerid")


def receive_mezmo(body: bytes, origin: Origin) -> Received:
    """Records of a Mezmo body. Raises BadBody, with the position where the JSON breaks off."""
    if (columns := _plain_columns(body, origin)) is not None:
        return Received(columns=columns)
    try:
        parsed = _decoder.decode(body)
    except msgspec.DecodeError as error:
        if (whole := mended(body)) is not body:
            return receive_mezmo(whole, origin)
        raise broken_json(error, len(body)) from None
    except UnicodeDecodeError:
        raise not_utf8(body) from None
    except RecursionError:
        raise BadBody("the body is nested too deeply", hint="flatten the lines' meta") from None
    lines = parsed.lines if parsed.lines is not None else parsed.ls
    if lines is None:
        raise BadBody("the body has neither 'lines' nor 'ls'", hint='send {"lines":[{"line":"…"}]}')
    check_line_count(len(lines))
    refused = _refusals(lines, len(body))
    unwanted = {refusal.line for refusal in refused}
    kept = [line for number, line in enumerate(lines, 1) if number not in unwanted] if unwanted else lines
    return Received(columns=Columns.of([_record(line, origin) for line in kept]), refused=refused)


def _plain_columns(body: bytes, origin: Origin) -> Columns | None:
    """The hot path, for bodies of plain lines alone; None for any other."""
    try:
        parsed = _plain_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    lines = parsed.lines if parsed.lines is not None else parsed.ls
    if lines is None:
        return None
    check_line_count(len(lines))
    # A character has at most four bytes, so that no line of these is over the limit.
    if len(body) > LINE_BYTES and max([len(line.line) for line in lines], default=0) > LINE_BYTES // 4:
        return None
    times, below = _times([line.timestamp for line in lines])
    return Columns(
        line=[line.line for line in lines],
        ts=times,
        ns=below,
        host=[line.host or line.hostname or origin.host for line in lines],
        app=[line.app or origin.app for line in lines],
        file=[line.file or origin.file for line in lines],
        env=[line.env or origin.env for line in lines],
        level=[line.level or origin.level for line in lines],
        tag=repeat(origin.tag),
        meta=[NO_META if line.meta is NO_META else _unwrapped(line.meta) for line in lines],
    )


def _times(values: Sequence[object]) -> tuple[list[int], Iterable[int]]:
    if (times := instants_of(values)) is not None:
        return times, repeat(0)
    instants = [instant_of(value) or (-1, 0) for value in values]
    return [ms for ms, _ in instants], [ns for _, ns in instants]


def _refusals(lines: list[_Line], body_size: int) -> list[Refusal]:
    refused = []
    for number, line in enumerate(lines, 1):
        if type(line.line) is not str:
            refused.append(Refusal(line=number, code="no-text", reason="'line' is missing or no text"))
        elif body_size > LINE_BYTES and (size := len(line.line.encode(errors="replace"))) > LINE_BYTES:
            refused.append(too_long(number, size))
    return refused


def _record(line: _Line, origin: Origin) -> Record:
    instant = instant_of(line.timestamp) or instant_of(line.t) or (-1, 0)
    return Record(
        ts=instant[0],
        ns=instant[1],
        host=_text(line.host) or _text(line.hostname) or origin.host,
        app=_text(line.app) or origin.app,
        file=_text(line.file) or _text(line.f) or origin.file,
        env=_text(line.env) or origin.env,
        level=_text(line.level) or origin.level,
        tag=origin.tag,
        meta=_meta(line),
        line=line.line,
    )


def _text(value: object) -> str:
    if type(value) is str:
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _meta(line: _Line) -> msgspec.Raw:
    extras = {name: value for name in _EXTRAS if (value := getattr(line, name)) is not None}
    meta = _unwrapped(line.meta)
    if not extras:
        return meta
    if meta == NO_META:
        return msgspec.Raw(msgspec.json.encode(extras))
    if bytes(meta).startswith(b"{"):
        own = msgspec.json.decode(meta, type=dict[str, msgspec.Raw])
        return msgspec.Raw(msgspec.json.encode({**extras, **own}))
    return msgspec.Raw(msgspec.json.encode({**extras, "meta": meta}))


def _unwrapped(meta: msgspec.Raw) -> msgspec.Raw:
    """The meta on one line and in UTF-8. The clients put a JSON object into a text unless told
    otherwise; keep the object."""
    raw = bytes(meta)
    if raw in (b"", b"null"):
        return NO_META
    raw = raw if raw.isascii() else raw.decode(errors="replace").encode()
    if raw.startswith(b'"') and (inner := _object_in(msgspec.json.decode(raw, type=str))):
        raw = inner
    # Outside of JSON texts a line break is white space, inside it cannot be.
    return msgspec.Raw(raw.replace(b"\n", b" ").replace(b"\r", b" "))


def _object_in(text: str) -> bytes | None:
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return None
    return text.strip().encode()
