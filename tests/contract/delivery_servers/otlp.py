"""A server of OTLP/HTTP for logs, on the messages of the official package.

https://opentelemetry.io/docs/specs/otlp/: what a request must be, and what is answered.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.contract.delivery_servers.serving import Protocol, Reply, Request

PROTOBUF = {"Content-Type": "application/x-protobuf"}


class OtlpServer(Protocol):
    """Takes what it can of a request, and rejects the records whose ids are in `rejected`. With `strict`, it
    refuses the whole request for one of them, with a Status."""

    def __init__(self) -> None:
        super().__init__()
        self.rejected: set[str] = set()
        self.strict = False
        self.taken: dict[str, tuple[dict[str, str], LogRecord]] = {}  # resource and record, by id

    def answer(self, request: Request) -> Reply:
        if request.path != "/v1/logs" or request.headers["content-type"] != PROTOBUF["Content-Type"]:
            return self.defect(f"{request.path} {request.headers['content-type']}")
        asked = ExportLogsServiceRequest()
        try:
            asked.ParseFromString(request.body)
        except DecodeError as error:
            return self.defect(str(error))
        found: list[tuple[str, dict[str, str], LogRecord]] = []
        for of_resource in asked.resource_logs:
            resource = {one.key: one.value.string_value for one in of_resource.resource.attributes}
            self._check_names(of_resource.resource.attributes)
            for of_scope in of_resource.scope_logs:
                found += [(self._checked(record), resource, record) for record in of_scope.log_records]
        if self.too_many(len(found)):
            return Reply(413, b"too large")
        rejected = [id_ for id_, _, _ in found if id_ in self.rejected]
        if rejected and self.strict:
            status = Status(code=3, message=f"cannot take {rejected}")
            return Reply(400, status.SerializeToString(), PROTOBUF)
        for id_, resource, record in found:
            if id_ not in self.rejected:
                self.taken[id_] = (resource, record)
                self.arrivals.append(id_)
        partial = ExportLogsPartialSuccess(
            rejected_log_records=len(rejected), error_message=f"too old: {rejected}" if rejected else ""
        )
        told = ExportLogsServiceResponse(partial_success=partial if rejected else None)
        return Reply(200, told.SerializeToString(), PROTOBUF)

    def _checked(self, record: LogRecord) -> str:
        self._check_names(record.attributes)
        if not 0 < record.time_unix_nano < 1 << 63 or not 0 <= record.severity_number <= 24:
            self.defect(f"time {record.time_unix_nano}, severity {record.severity_number}")
        if record.body.WhichOneof("value") not in ("string_value", "bytes_value"):
            self.defect(f"body {record.body}")
        ids = [one.value.string_value for one in record.attributes if one.key == "log.record.uid"]
        return ids[0] if ids else ""

    def _check_names(self, attributes: Iterable[KeyValue]) -> None:
        """Names of attributes must be unique."""
        names = [one.key for one in attributes]
        if len(names) != len(set(names)) or "" in names:
            self.defect(f"attributes {names}")
