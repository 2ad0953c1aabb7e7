"""OTLP's protobuf of log records, through the published classes of its messages."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from logkeep.archive.foreign.base import Problems, joined
from logkeep.archive.foreign.otlp import Origin, instant, level_of, line_of, origin_of, record_of, with_times
from logkeep.record import Record

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData

_BATCH = 200  # records


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


def _proto_records(data: LogsData) -> Iterator[Record]:
    for resource_logs in data.resource_logs:
        resource = _proto_members(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = scope_logs.scope
            members = {
                "name": scope.name,
                "version": scope.version,
                "attributes": _proto_members(scope.attributes),
            }
            origin = origin_of(dict(resource), {name: value for name, value in members.items() if value})
            for record in scope_logs.log_records:
                yield _record_of_proto(origin, record)


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
    """Records of one LogsData message."""
    # Imported when it is needed: commands that read no protobuf start in half of the time.
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

    message = joined(content, problems)
    if message is None:
        return
    try:
        data = LogsData.FromString(message)
    except DecodeError:
        problems.add(0, "the object is no protobuf message of OTLP logs", message[:200])
        return
    records = _proto_records(data)
    while batch := list(islice(records, _BATCH)):
        yield with_times(batch, problems)
