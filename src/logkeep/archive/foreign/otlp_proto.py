"""OTLP's protobuf of log records, through the published classes of its messages.

A message is not decoded as a whole: an empty record is two bytes of it and two hundred when it is decoded.
The fields down to the records are walked here (protobuf.dev, Encoding), and records are decoded some at a
time.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from logkeep.archive.foreign.base import Problems, joined
from logkeep.archive.foreign.otlp import Origin, instant, level_of, line_of, origin_of, record_of, with_times
from logkeep.record import Record

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

_BATCH = 200  # records
_BATCH_BYTES = 1 << 20
_MOST_BYTES = 4 << 20  # of one record, and of what a resource's or a scope's records share
_NO_MESSAGE = "the object is no protobuf message of OTLP logs"

Field: TypeAlias = tuple[int, int, int, int]
"""Of a message: the field's number, where the field begins, where its content does, and where it ends."""


def _plain_proto(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "kvlist_value":
        return _proto_members(value.kvlist_value.values)
    if kind == "array_value":
        return [_inner_proto(each) for each in value.array_value.values]
    return getattr(value, kind)


def _inner_proto(value: AnyValue) -> Any:
    plain = value.string_value or _plain_proto(value)  # mostly it is a text, and asking for the kind is slow
    return b64encode(plain).decode() if type(plain) is bytes else plain


def _proto_members(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _inner_proto(pair.value) for pair in pairs}


def _record_of_proto(origin: Origin, record: LogRecord) -> Record:
    body = record.body
    string = body.string_value
    members: dict[str, Any] = {}
    if trace := record.trace_id:
        members["traceId"] = trace.hex()
    if span := record.span_id:
        members["spanId"] = span.hex()
    if flags := record.flags:
        members["flags"] = flags
    if number := int(record.severity_number):
        members["severityNumber"] = number
    if event := record.event_name:
        members["eventName"] = event
    if dropped := record.dropped_attributes_count:
        members["droppedAttributesCount"] = dropped
    return record_of(
        origin,
        instant(record.time_unix_nano, record.observed_time_unix_nano),
        level_of(record.severity_text, number),
        (string, "") if string else _line_of_proto(body),
        _proto_members(record.attributes),
        members,
    )


def _line_of_proto(body: AnyValue) -> tuple[str, str]:
    plain = _plain_proto(body)
    return (plain, "") if type(plain) is str else line_of(plain)


def read_proto(content: Iterator[bytes], problems: Problems) -> Iterator[list[Record]]:
    """Records of one LogsData message. What is behind damage is lost, and one problem tells it."""
    # Imported when it is needed: commands that read no protobuf start in half of the time.
    from google.protobuf.message import DecodeError

    message = joined(content, problems)
    if message is None:
        return
    try:
        for batch in batches(message, problems):
            yield with_times(batch, problems)
    except (DecodeError, ValueError):
        problems.add(0, _NO_MESSAGE, message[:200])


def batches(message: bytes, problems: Problems) -> Iterator[list[Record]]:
    """All records of a whole LogsData message, some at a time; one without a time has `ts` -1. What is too
    large goes to `problems`. Raises ValueError, or protobuf's DecodeError, for what is no message."""
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs

    for _, _, at, end in _fields_of(message, 0, len(message), 1):
        shared = ResourceLogs.FromString(_others(message, at, end, problems))
        resource = _proto_members(shared.resource.attributes)
        for _, _, scope_at, scope_end in _fields_of(message, at, end, 2):
            about = ScopeLogs.FromString(_others(message, scope_at, scope_end, problems))
            origin = origin_of(dict(resource), _proto_scope(about))
            for some in _chunks(message, scope_at, scope_end, problems):
                yield [_record_of_proto(origin, record) for record in ScopeLogs.FromString(some).log_records]


def _proto_scope(about: ScopeLogs) -> dict[str, Any]:
    scope = about.scope
    members = {
        "name": scope.name,
        "version": scope.version,
        "attributes": _proto_members(scope.attributes),
    }
    return {name: value for name, value in members.items() if value}


def _chunks(message: bytes, at: int, end: int, problems: Problems) -> Iterator[bytes]:
    """Fields of some records each."""
    parts: list[bytes] = []
    size = 0
    for _, start, _, behind in _fields_of(message, at, end, 2):
        if behind - start > _MOST_BYTES:
            problems.add(start, f"the record has more than {_MOST_BYTES} bytes", message[start : start + 800])
            continue
        parts.append(message[start:behind])
        size += behind - start
        if len(parts) >= _BATCH or size >= _BATCH_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _others(message: bytes, at: int, end: int, problems: Problems) -> bytes:
    """The fields of a resource or scope that are not its records; none, with a problem, when they are too
    large."""
    parts = []
    size = 0
    for number, start, _, behind in _fields(message, at, end):
        if number == 2:
            continue
        size += behind - start
        if size > _MOST_BYTES:
            problems.add(
                start,
                f"what records share has more than {_MOST_BYTES} bytes; they are read without",
                message[at : at + 800],
            )
            return b""
        parts.append(message[start:behind])
    return b"".join(parts)


def _fields_of(message: bytes, at: int, end: int, wanted: int) -> Iterator[Field]:
    return (field for field in _fields(message, at, end) if field[0] == wanted)


def _fields(message: bytes, at: int, end: int) -> Iterator[Field]:
    """Fields of the message from `at` to `end`; of those that have no length the number is given as 0.

    Raises ValueError where there is none.
    """
    while at < end:
        start = at
        tag, at = _varint(message, at)
        kind = tag & 7
        behind = at + _LENGTHS.get(kind, 0)
        if kind == 2:
            size, at = _varint(message, at)
            behind = at + size
        elif kind == 0:
            _, behind = _varint(message, at)
        elif kind not in _LENGTHS:
            raise ValueError("no field is of this type")
        if behind > end:
            raise ValueError("a field ends behind its message")
        yield (tag >> 3 if kind == 2 else 0), start, at, behind
        at = behind


_LENGTHS = {1: 8, 5: 4}  # in bytes, by the type of a field


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """(number, where it ends)."""
    if message[at : at + 1] < b"\x80" and at < len(message):  # most are of one byte
        return message[at], at + 1
    number = shift = 0
    for byte in message[at : at + 10]:
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise ValueError("a number does not end")
