"""POST /logs/ingest: Mezmo's ingestion API, with its parameters and its replies.

Source: docs.mezmo.com/log-analysis-api and the code of its clients. Differences: the event time is the
line's own (`now` corrects nothing), and a key that nobody holds is answered 401.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import ingest_account
from logkeep.api.body import read_body
from logkeep.api.problems import retry_headers, status_of
from logkeep.api.services import Services
from logkeep.api.v1.ingest import check_length, idempotency_key, origin_of
from logkeep.errors import BadBody, InputError, LogkeepError
from logkeep.receivers.lines import Origin
from logkeep.receivers.mezmo import receive_mezmo
from logkeep.record import Received


async def ingest(request: Request) -> Response:
    services: Services = request.app.state.services
    try:
        account = ingest_account(request, services.catalog.keys)
        origin = _origin(request)
        received = receive_mezmo(await read_body(request), origin)
        answer = await services.intake.accept(
            account,
            received,
            reply=_reply(received),
            key=idempotency_key(request),
        )
    except LogkeepError as error:
        services.metrics.tally.request_refused(error)
        return _refusal(error)
    status = 207 if received.refused else 200
    return Response(answer, status_code=status, media_type="application/json")


def _origin(request: Request) -> Origin:
    host = request.query_params.get("hostname", "")
    if not host:
        raise InputError("Missing param hostname.")
    return replace(origin_of(request), host=check_length("hostname", host))


def _reply(received: Received) -> bytes:
    """`{"status":"ok"}`, or a status for each line where one was refused."""
    if not received.refused:
        return b'{"status":"ok"}'
    total = len(received) + len(received.refused)
    statuses = [200] * total
    for refusal in received.refused:
        statuses[refusal.line - 1] = 413 if refusal.code == "too-long" else 400
    return msgspec.json.encode({"status": statuses, "refused": received.refused})


def _refusal(error: LogkeepError) -> Response:
    status = status_of(error)
    body: dict[str, object] = {"error": error.message, "code": _code(error), "status": "error"}
    if isinstance(error, BadBody) and error.position is not None:
        body["position"] = error.position
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=retry_headers(error),
        media_type="application/json",
    )


def _code(error: LogkeepError) -> str:
    return "".join(word.capitalize() for word in error.code.split("-"))
