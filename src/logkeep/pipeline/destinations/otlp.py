"""OpenTelemetry: OTLP/HTTP with protobuf.

https://opentelemetry.io/docs/specs/otlp/#otlphttp and, for names, the semantic conventions.

Resource: `service.name` (app), `host.name`, `deployment.environment.name` (env). Log record: the line is the
body, as bytes when it is not UTF-8; `log.record.uid` is its id, `log.file.path` its file, `tags` and
`logkeep.account` what they say; each member of meta is an attribute of its own name and JSON type.

A server may take a request and reject some of its records without saying which (partial success). Nothing is
sent again then, for what was taken would be there twice: every event of the batch counts as refused, and the
reason says how many of them were. A batch of which all are rejected is refused as others are, and its parts
are tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from logkeep.errors import DeliveryRefused
from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import Answer, check, unreadable
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.events import event_ns, meta_of
from logkeep.pipeline.destinations.web import Web
from logkeep.record import Record, bytes_of

_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_ORIGIN = ("service.name", "host.name", "deployment.environment.name")
_INT64 = range(-(1 << 63), 1 << 63)
_DEEPEST = 16  # of meta; what is below goes as JSON text, for protobuf's readers stop at a depth of 100
# The data model's severities (opentelemetry.io/docs/specs/otel/logs/data-model), with syslog's names.
_SEVERITIES = {
    **dict.fromkeys(("trace",), 1),
    **dict.fromkeys(("debug",), 5),
    **dict.fromkeys(("info", "informational"), 9),
    **dict.fromkeys(("notice",), 10),
    **dict.fromkeys(("warn", "warning"), 13),
    **dict.fromkeys(("error", "err", "severe"), 17),
    **dict.fromkeys(("critical", "crit"), 18),
    **dict.fromkeys(("alert",), 19),
    **dict.fromkeys(("fatal", "emergency", "emerg", "panic"), 21),
}

_encode = msgspec.json.Encoder().encode


class OtlpDestination:
    whole_frames = False

    def __init__(self, spec: model.ToOtlp, secrets: Mapping[str, str], hop: str) -> None:
        del hop
        self._web = Web(spec, secrets)

    def send(self, batch: Batch) -> Sent:
        answer = self._web.send(_request(batch.records).SerializeToString(), _PROTOBUF)
        check(answer, _words(answer))
        told = _told(answer, len(batch.lines))
        rejected = told.partial_success.rejected_log_records
        if rejected <= 0:
            return Sent()
        said = answer.shown(told.partial_success.error_message) or "it says no reason"
        if rejected >= len(batch.lines):
            raise DeliveryRefused(
                f"{answer.host} rejected {rejected} of {len(batch.lines)} events: {said}",
                hint="the receiver will not take these events as they are",
            )
        reason = f"{rejected} of these {len(batch.lines)} events were refused: {said}; the others arrived"
        return Sent(refused=tuple(Refused(place, reason) for place in range(len(batch.lines))))

    def close(self) -> None:
        self._web.close()


def _request(records: Sequence[Record]) -> ExportLogsServiceRequest:
    """One resource for each application, host and environment."""
    request = ExportLogsServiceRequest()
    found: dict[tuple[str, str, str], ScopeLogs] = {}
    for record in records:
        origin = (record.app, record.host, record.env)
        scope = found.get(origin)
        if scope is None:
            of_resource = request.resource_logs.add()
            for name, value in zip(_ORIGIN, origin, strict=True):
                if value:
                    of_resource.resource.attributes.add(key=name).value.string_value = value
            scope = found[origin] = of_resource.scope_logs.add()
        _fill(scope.log_records.add(), record)
    return request


def _fill(entry: LogRecord, record: Record) -> None:
    """Messages are filled where they are: made apart and copied, they take twice as long."""
    entry.time_unix_nano = event_ns(record)
    entry.observed_time_unix_nano = max(record.rx, 0) * 1_000_000
    entry.severity_number = _SEVERITIES.get(record.level.lower(), 0)  # type: ignore[assignment]  # an int, as sent
    entry.severity_text = record.level
    if record.raw:
        entry.body.bytes_value = bytes_of(record)
    else:
        entry.body.string_value = record.line
    attributes, told = entry.attributes, set()  # names: none may be there twice
    for name, value in (
        ("log.record.uid", record.lid),
        ("log.file.path", record.file),
        ("logkeep.account", record.account),
    ):
        if value:
            told.add(name)
            attributes.add(key=name).value.string_value = value
    if record.tag:
        told.add("tags")
        _set(attributes.add(key="tags").value, list(record.tag))
    meta = meta_of(record)
    for name, member in (meta if isinstance(meta, dict) else {"meta": meta}).items():
        if name not in told and meta is not None:
            _set(attributes.add(key=name).value, member)


def _set(value: AnyValue, member: Any, depth: int = 1) -> None:
    """A JSON value with its type. null is a value that is not set."""
    if isinstance(member, str):
        value.string_value = member
    elif isinstance(member, bool):
        value.bool_value = member
    elif isinstance(member, int):
        if member in _INT64:
            value.int_value = member
        else:
            value.string_value = str(member)
    elif isinstance(member, float):
        value.double_value = member
    elif member is not None and depth >= _DEEPEST:
        value.string_value = _encode(member).decode()
    elif isinstance(member, list):
        value.array_value.SetInParent()  # for a list without elements
        for one in member:
            _set(value.array_value.values.add(), one, depth + 1)
    elif isinstance(member, dict):
        value.kvlist_value.SetInParent()
        for name, one in member.items():
            _set(value.kvlist_value.values.add(key=name).value, one, depth + 1)


def _told(answer: Answer, events: int) -> ExportLogsServiceResponse:
    """What a server says that took the request. One that answers in another form says nothing.

    Raises the error of an answer that should be readable and is not.
    """
    told = ExportLogsServiceResponse()
    if not answer.body:
        return told
    try:
        if answer.cut:
            raise unreadable(answer, events)
        if answer.content_type == _PROTOBUF:
            told.ParseFromString(answer.body)
        elif answer.content_type == _JSON:
            Parse(answer.body, told, ignore_unknown_fields=True)
    except (DecodeError, ParseError, UnicodeDecodeError):
        raise unreadable(answer, events) from None
    return told


def _words(answer: Answer) -> str | None:
    """The message of the Status that a server's refusal holds."""
    if answer.status < 300 or answer.content_type != _PROTOBUF:
        return None
    status = Status()
    try:
        status.ParseFromString(answer.body)
    except DecodeError:
        return None
    return str(status.message)
