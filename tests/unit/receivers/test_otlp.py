from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from logkeep.archive.foreign import otlp_json, otlp_proto
from logkeep.errors import BadBody, TooLarge
from logkeep.receivers.lines import BODY_LINES, LINE_BYTES, Origin
from logkeep.receivers.otlp import receive_otlp_json, receive_otlp_protobuf
from logkeep.record import Received, Record

NOWHERE = Origin()
ORIGIN = Origin(host="h", app="a", file="f", env="e", level="l", tag=("t",))
NS = 1_795_165_933_123_456_789


def message(*records: dict[str, Any], **resource: str) -> dict[str, Any]:
    attributes = [
        {"key": name.replace("_", "."), "value": {"stringValue": v}} for name, v in resource.items()
    ]
    return {
        "resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [*records]}]}]
    }


def from_json(sent: dict[str, Any], origin: Origin = NOWHERE) -> Received:
    return receive_otlp_json(json.dumps(sent).encode(), origin)


def from_protobuf(sent: dict[str, Any], origin: Origin = NOWHERE) -> Received:
    request: ExportLogsServiceRequest = ParseDict(sent, ExportLogsServiceRequest())
    return receive_otlp_protobuf(request.SerializeToString(), origin)


both = pytest.mark.parametrize("receive", [from_json, from_protobuf])
Receive = Callable[..., Received]


@both
def test_a_record_becomes_a_line(receive: Receive) -> None:
    sent = {
        "timeUnixNano": str(NS),
        "severityText": "WARN",
        "body": {"stringValue": "disk is slow"},
        "attributes": [{"key": "log.file.path", "value": {"stringValue": "/var/log/x"}}],
    }
    [record] = receive(message(sent, host_name="web-1", service_name="shop")).records
    assert (record.line, record.level, record.host, record.app) == ("disk is slow", "warn", "web-1", "shop")
    assert (record.ts, record.ns, record.file) == (NS // 10**6, NS % 10**6, "/var/log/x")


@both
def test_what_a_record_does_not_say_the_request_says(receive: Receive) -> None:
    sent = message({"body": {"stringValue": "x"}}, service_name="shop")
    [record] = receive(sent, ORIGIN).records
    assert (record.host, record.app, record.env, record.level) == ("h", "shop", "e", "l")
    assert (record.file, record.tag) == ("f", ("t",))


@both
def test_a_record_without_a_time_is_kept_and_has_none(receive: Receive) -> None:
    [record] = receive(message({"body": {"stringValue": "x"}})).records
    assert record.ts == -1


@both
def test_a_record_without_a_body_is_kept_for_what_else_it_says(receive: Receive) -> None:
    sent = message({"eventName": "login", "attributes": [{"key": "user", "value": {"stringValue": "ada"}}]})
    [record] = receive(sent).records
    assert record.line == ""
    assert json.loads(bytes(record.meta)) == {"attributes": {"user": "ada"}, "eventName": "login"}


@both
def test_long_and_empty_records_are_refused_by_number_and_the_others_taken(receive: Receive) -> None:
    sent = message(
        {"body": {"stringValue": "é" * (LINE_BYTES // 2)}},
        {"body": {"stringValue": "é" * (LINE_BYTES // 2) + "x"}},
        {},
        {"body": {"stringValue": "last"}},
    )
    received = receive(sent)
    assert [record.line[-4:] for record in received.records] == ["éééé", "last"]
    assert [(one.line, one.code) for one in received.refused] == [(2, "too-long"), (3, "unreadable")]


def test_a_record_of_the_wrong_shape_is_refused_and_the_others_taken() -> None:
    sent = message({"body": "a text"}, {"body": {"stringValue": "last"}})
    received = from_json(sent)
    assert [record.line for record in received.records] == ["last"]
    assert [(one.line, one.code) for one in received.refused] == [(1, "unreadable")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"resourceLogs":[', "cannot be read"),
        (b'{"lines":[]}', "resourceLogs"),
        (b'{"resourceLogs":[{"schemaUrl":"\xff"}]}', "not UTF-8"),
        (b'{"resourceLogs":' + b"[" * 5_000, "cannot be read"),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(BadBody, match=said):
        receive_otlp_json(body, NOWHERE)


@pytest.mark.parametrize("body", [b"hello", b"\x0a\xff\xff\xff\x7f", b"\x0a\x03\x12\x02\x12"])
def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="no ExportLogsServiceRequest"):
        receive_otlp_protobuf(body, NOWHERE)


@both
def test_an_empty_request_has_no_lines(receive: Receive) -> None:
    assert receive({"resourceLogs": []}).records == []


def test_a_body_of_millions_of_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_json, "MOST_VALUES", 20)
    with pytest.raises(TooLarge, match="more than 20 JSON values"):
        from_json(message(*[{"body": {"stringValue": "x"}}] * 20))


def test_a_body_of_too_many_records_is_refused() -> None:
    records = b"\x12\x00" * (BODY_LINES + 1)
    scope = b"\x12" + varint(len(records)) + records
    with pytest.raises(TooLarge, match=f"the limit is {BODY_LINES}"):
        receive_otlp_protobuf(b"\x0a" + varint(len(scope)) + scope, NOWHERE)


def test_what_would_be_read_without_a_part_of_it_is_refused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp_proto, "_MOST_BYTES", 100)
    with pytest.raises(TooLarge, match="what records share"):
        from_protobuf(message({"body": {"stringValue": "x"}}, service_name="s" * 200))


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_the_empty_record_is_what_is_refused() -> None:
    assert Record() == Record(ts=-1, line="")
