"""OTLP's JSON of log records: opentelemetry-proto, logs.proto, and the JSON encoding of its specification."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from logkeep.archive.foreign import json_stream
from logkeep.archive.foreign.base import JSON_ERRORS, MAX_DOCUMENT_BYTES, Problems
from logkeep.archive.foreign.crowded import is_crowded, too_crowded
from logkeep.archive.foreign.ndjson import Shape
from logkeep.archive.foreign.otlp import Origin, instant, level_of, line_of, origin_of, record_of, with_times
from logkeep.record import Record

_AT_ONCE = 200  # records
MOST_VALUES = 3_000_000  # of one message; 16 MiB of attributes with short values have 2 million
_SAMPLE_BYTES = 800


class _Value(msgspec.Struct, gc=False):
    stringValue: str | None = None  # noqa: N815 - names of OTLP, here and below
    intValue: int | None = None  # noqa: N815 - as digits, mostly
    boolValue: bool | None = None  # noqa: N815
    doubleValue: float | str | None = None  # noqa: N815 - or "NaN" and such
    kvlistValue: _Pairs | None = None  # noqa: N815
    arrayValue: _Array | None = None  # noqa: N815
    bytesValue: str | None = None  # noqa: N815


class _Pair(msgspec.Struct, gc=False):
    key: str = ""
    value: _Value | None = None


class _Pairs(msgspec.Struct, gc=False):
    values: list[_Pair] = []


class _Array(msgspec.Struct, gc=False):
    values: list[_Value] = []


class _LogRecord(msgspec.Struct, gc=False):
    timeUnixNano: int = 0  # noqa: N815
    observedTimeUnixNano: int = 0  # noqa: N815
    severityNumber: Any = None  # noqa: N815
    severityText: Any = None  # noqa: N815
    body: _Value | None = None
    attributes: list[_Pair] = []
    droppedAttributesCount: Any = None  # noqa: N815
    flags: Any = None
    traceId: Any = None  # noqa: N815
    spanId: Any = None  # noqa: N815
    eventName: Any = None  # noqa: N815


class _Scope(msgspec.Struct, gc=False):
    name: Any = None
    version: Any = None
    attributes: list[_Pair] = []


class _ScopeLogs(msgspec.Struct, gc=False):
    scope: _Scope | None = None
    logRecords: list[msgspec.Raw] = []  # noqa: N815
    schemaUrl: Any = None  # noqa: N815


class _Resource(msgspec.Struct, gc=False):
    attributes: list[_Pair] = []


class _ResourceLogs(msgspec.Struct, gc=False):
    resource: _Resource | None = None
    scopeLogs: list[_ScopeLogs] = []  # noqa: N815
    schemaUrl: Any = None  # noqa: N815


class _Document(msgspec.Struct, gc=False):
    resourceLogs: list[_ResourceLogs]  # noqa: N815


def _plain(value: _Value | None) -> Any:
    """The JSON value that an AnyValue stands for; bytes for bytes."""
    if value is None:
        return None
    if value.stringValue is not None:
        return value.stringValue
    if value.intValue is not None:
        return value.intValue
    if value.boolValue is not None:
        return value.boolValue
    if value.doubleValue is not None:
        return value.doubleValue
    if value.kvlistValue is not None:
        return _members(value.kvlistValue.values)
    if value.arrayValue is not None:
        return [_inner(each) for each in value.arrayValue.values]
    return None if value.bytesValue is None else _decoded(value.bytesValue)


def _decoded(base64: str) -> bytes | str:
    """The text itself when it is no base64."""
    try:
        return b64decode(base64, validate=True)
    except ValueError:
        return base64


def _inner(value: _Value | None) -> Any:
    """As `_plain`, with bytes as the base64 that they came as."""
    if value is not None and value.bytesValue is not None:
        return value.bytesValue
    return _plain(value)


def _members(pairs: Iterable[_Pair]) -> dict[str, Any]:
    return {
        pair.key: string
        if (value := pair.value) is not None and (string := value.stringValue) is not None
        else _inner(value)
        for pair in pairs
    }


def _records_of_documents(documents: Sequence[_Document]) -> list[Record]:
    return [record for document in documents for batch in _batches_of(document) for record in batch]


def _batches_of(document: _Document) -> Iterator[list[Record]]:
    for resource_logs in document.resourceLogs:
        resource = _members(resource_logs.resource.attributes) if resource_logs.resource else {}
        for scope_logs in resource_logs.scopeLogs:
            scope = _json_scope(scope_logs.scope)
            origin = origin_of(dict(resource), scope)
            for start in range(0, len(scope_logs.logRecords), _AT_ONCE):
                yield _json_records(origin, scope_logs.logRecords[start : start + _AT_ONCE])


def _json_records(origin: Origin, raws: Sequence[msgspec.Raw]) -> list[Record]:
    """Some records, which stay in a core's cache until they are made. One that cannot be read is without a
    time, so that it is reported and the others are not lost."""
    try:
        records = _log_records.decode_lines(b"\n".join(map(bytes, raws)))
        if len(records) == len(raws):
            return [_record_of_json(origin, record) for record in records]
    except JSON_ERRORS:
        pass
    return [_json_record(origin, bytes(raw)) for raw in raws]


def _json_record(origin: Origin, raw: bytes) -> Record:
    try:
        return _record_of_json(origin, _log_records.decode(raw))
    except JSON_ERRORS:
        return Record()


def _json_scope(scope: _Scope | None) -> Mapping[str, Any]:
    if scope is None:
        return {}
    members = {"name": scope.name, "version": scope.version, "attributes": _members(scope.attributes)}
    return {name: value for name, value in members.items() if value}


def _record_of_json(origin: Origin, record: _LogRecord) -> Record:
    body = record.body
    string = body.stringValue if body is not None else None
    members = {}
    if record.traceId:
        members["traceId"] = record.traceId
    if record.spanId:
        members["spanId"] = record.spanId
    if record.flags:
        members["flags"] = record.flags
    if record.severityNumber:
        members["severityNumber"] = record.severityNumber
    if record.eventName:
        members["eventName"] = record.eventName
    if record.droppedAttributesCount:
        members["droppedAttributesCount"] = record.droppedAttributesCount
    return record_of(
        origin,
        instant(record.timeUnixNano, record.observedTimeUnixNano),
        level_of(record.severityText, record.severityNumber),
        (string, "") if string is not None else line_of(_plain(body)),
        _members(record.attributes) if record.attributes else {},
        members,
    )


# Not strict: 64-bit numbers are digits in OTLP's JSON.
_log_records = msgspec.json.Decoder(_LogRecord, strict=False)
_document = msgspec.json.Decoder(_Document)
_SHAPE = Shape(_document, _records_of_documents)


def batches(message: bytes) -> Iterator[list[Record]]:
    """All records of a whole LogsData message, some at a time; one that cannot be read is Record(), one
    without a time has `ts` -1. Raises, at once, what decoding JSON may raise."""
    return _batches_of(_document.decode(message))


def read_json(content: Iterator[bytes], problems: Problems) -> Iterator[list[Record]]:
    """Records of LogsData messages one after another. Mostly it is one, whose records are given on a few at
    a time, while they are in a core's cache."""
    pieces: list[bytes] = []
    size = 0
    for piece in content:
        pieces.append(piece)
        size += len(piece)
        if size > MAX_DOCUMENT_BYTES:
            break
    else:
        message = b"".join(pieces)
        if is_crowded(message, MOST_VALUES):
            problems.add(0, too_crowded(MOST_VALUES), message[:_SAMPLE_BYTES])
            return
        try:
            document = _document.decode(message)
        except JSON_ERRORS:
            pass
        else:
            for batch in _batches_of(document):
                yield with_times(batch, problems)
            return
    yield from json_stream.read(chain(pieces, content), problems, _SHAPE)
