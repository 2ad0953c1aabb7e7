"""OpenTelemetry's own exporter sends its logs; what else comes to that address is answered."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from logkeep.receivers.lines import LINE_BYTES
from tests.e2e.server import Server

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_what_the_exporter_sends_is_found(server: Server, compression: Compression) -> None:
    app = f"otel-{compression.value}"
    provider = LoggerProvider(Resource({"service.name": app, "host.name": "web-1"}))
    exporter = OTLPLogExporter(
        endpoint=f"{server.first_start['url']}/v1/logs", headers=server.key, compression=compression
    )
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    provider.get_logger("orders").emit(
        body="order 7 was refused", severity_number=SeverityNumber.ERROR, attributes={"order": 7}
    )
    assert provider.force_flush()
    provider.shutdown()

    server.wait_until_indexed()
    [record] = server.get("/v1/search", query=f"app:{app}")["records"]
    assert (record["_line"], record["_host"], record["level"]) == ("order 7 was refused", "web-1", "error")
    assert record["_meta"]["attributes"]["order"] == 7


def request(*lines: str) -> ExportLogsServiceRequest:
    made = ExportLogsServiceRequest()
    scope = made.resource_logs.add().scope_logs.add()
    for line in lines:
        scope.log_records.add().body.string_value = line
    return made


def post(server: Server, body: bytes, **headers: str) -> httpx.Response:
    return httpx.post(f"{server.first_start['url']}/v1/logs", content=body, headers=server.key | headers)


def test_a_refused_record_is_a_partial_success(server: Server) -> None:
    answer = post(server, request("short", "x" * (LINE_BYTES + 1)).SerializeToString(), **PROTOBUF)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_log_records == 1
    assert partial.error_message.startswith("record 2: the line has 524289 bytes")


def test_json_is_answered_in_json(server: Server) -> None:
    sent: dict[str, Any] = {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}, {}]}]}]
    }
    packed = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
    assert post(server, gzip.compress(json.dumps(sent).encode()), **packed).json() == {
        "partialSuccess": {
            "rejectedLogRecords": "1",
            "errorMessage": "record 2: the record is empty, or cannot be read",
        }
    }
    sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"].pop()
    assert post(server, gzip.compress(json.dumps(sent).encode()), **packed).json() == {}


def test_all_taken_is_an_empty_message(server: Server) -> None:
    answer = post(server, request("one").SerializeToString(), **PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_request_that_is_sent_again_doubles_nothing(server: Server) -> None:
    for _ in range(2):
        body = request("sent twice to the otlp address").SerializeToString()
        assert post(server, body, **PROTOBUF, **{"Idempotency-Key": "otlp-1"}).status_code == 200
    server.wait_until_indexed()
    assert len(server.get("/v1/search", query='"sent twice to the otlp address"')["records"]) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status", "said"),
    [
        (PROTOBUF, b"hello", 400, "the body is no ExportLogsServiceRequest"),
        (PROTOBUF | {"Authorization": "Bearer nobody"}, b"", 401, "nobody holds this key"),
        ({"Content-Type": "application/json"}, b"{", 400, "the body cannot be read"),
        ({"Content-Type": "text/plain"}, b"x", 415, "Content-Type 'text/plain' is not taken"),
    ],
)
def test_an_error_is_a_status_message(
    server: Server, headers: dict[str, str], body: bytes, status: int, said: str
) -> None:
    answer = post(server, body, **headers)
    protobuf = answer.headers["content-type"] == "application/x-protobuf"
    assert protobuf is ("protobuf" in headers["Content-Type"])
    message = Status.FromString(answer.content).message if protobuf else answer.json()["message"]
    assert (answer.status_code, message[: len(said)]) == (status, said)
