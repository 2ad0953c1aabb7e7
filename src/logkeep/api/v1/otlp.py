"""POST /v1/logs: OpenTelemetry's logs over OTLP/HTTP, as protobuf or JSON.

Source: opentelemetry.io/docs/specs/otlp, OTLP/HTTP: an answer has the encoding of its request, refused
records are a partial success, an error is a google.rpc.Status; clients try again after 429, 502, 503, 504.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import ingest_account
from logkeep.api.body import read_body
from logkeep.api.problems import retry_headers, status_of
from logkeep.api.services import Services
from logkeep.api.v1.ingest import idempotency_key, media_type_of, origin_of
from logkeep.errors import LogkeepError, UnknownMediaType
from logkeep.receivers.lines import Origin
from logkeep.receivers.otlp import receive_otlp_json, receive_otlp_protobuf
from logkeep.record import Received, Refusal

_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_NAMED = 5  # refused records whose reason an answer tells


async def export_logs(request: Request) -> Response:
    services: Services = request.app.state.services
    media_type = media_type_of(request)
    try:
        account = ingest_account(request, services.catalog.keys)
        receive = _receiver(media_type)
        received = receive(await read_body(request), origin_of(request))
        answer = await services.intake.accept(
            account,
            received,
            reply=_reply(received.refused, media_type),
            key=idempotency_key(request),
        )
    except LogkeepError as error:
        services.metrics.tally.request_refused(error)
        return _failure(error, media_type)
    return Response(answer, media_type=media_type)


def _receiver(media_type: str) -> Callable[[bytes, Origin], Received]:
    if media_type == _PROTOBUF:
        return receive_otlp_protobuf
    if media_type == _JSON:
        return receive_otlp_json
    raise UnknownMediaType(
        f"Content-Type {media_type!r} is not taken" if media_type else "the Content-Type is missing",
        hint=f"send {_PROTOBUF} or {_JSON}",
    )


def _reply(refused: Sequence[Refusal], media_type: str) -> bytes:
    named = "; ".join(f"record {one.line}: {one.reason}" for one in refused[:_NAMED])
    more = f"; and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
    if media_type == _PROTOBUF:
        reply = ExportLogsServiceResponse()
        if refused:
            reply.partial_success.rejected_log_records = len(refused)
            reply.partial_success.error_message = named + more
        encoded: bytes = reply.SerializeToString()
        return encoded
    partial = {"rejectedLogRecords": str(len(refused)), "errorMessage": named + more}
    return msgspec.json.encode({"partialSuccess": partial} if refused else {})


def _failure(error: LogkeepError, media_type: str) -> Response:
    if media_type == _PROTOBUF:
        body = Status(message=str(error)).SerializeToString()
    else:
        body, media_type = msgspec.json.encode({"message": str(error)}), _JSON
    return Response(body, status_code=status_of(error), headers=retry_headers(error), media_type=media_type)
