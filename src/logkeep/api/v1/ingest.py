"""POST /v1/ingest: NDJSON, text lines, or one JSON document."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import ingest_account
from logkeep.api.body import read_body
from logkeep.api.services import Services
from logkeep.errors import BadBody, UnknownMediaType
from logkeep.receivers.lines import Origin, receive_lines
from logkeep.receivers.ndjson import receive_document, receive_ndjson
from logkeep.record import Received

Receiver = Callable[[bytes, Origin], Received]


def receive_json(body: bytes, origin: Origin) -> Received:
    """One JSON document; or NDJSON under the name of JSON, as some shippers send it."""
    try:
        return receive_document(body, origin)
    except BadBody:
        first, newline, rest = body.lstrip().partition(b"\n")
        if not newline or not rest.strip() or not _is_object(first):
            raise
    return receive_ndjson(body, origin)


_RECEIVERS: dict[str, Receiver] = {
    "application/x-ndjson": receive_ndjson,
    "application/ndjson": receive_ndjson,
    "application/jsonl": receive_ndjson,
    "application/x-jsonlines": receive_ndjson,
    "application/json": receive_json,
    "text/plain": receive_lines,
}


async def ingest(request: Request) -> Response:
    services: Services = request.app.state.services
    account = ingest_account(request, services.catalog.keys)
    receiver = _receiver(request.headers.get("content-type", ""))
    received = receiver(await read_body(request), origin_of(request))
    reply = {"accepted": len(received), "refused": received.refused}
    answer = await services.intake.accept(
        account,
        received,
        reply=msgspec.json.encode(reply),
        key=request.headers.get("idempotency-key", ""),
    )
    return Response(answer, media_type="application/json")


def origin_of(request: Request) -> Origin:
    """What the query string says of all lines."""
    query = request.query_params
    tags = ",".join(query.getlist("tag") + query.getlist("tags"))
    return Origin(
        host=query.get("host", ""),
        app=query.get("app", ""),
        file=query.get("file", ""),
        env=query.get("env", ""),
        level=query.get("level", ""),
        tag=tuple(tag for tag in tags.split(",") if tag),
    )


def _receiver(content_type: str) -> Receiver:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _RECEIVERS:
        raise UnknownMediaType(
            f"Content-Type {media_type!r} is not taken" if media_type else "the Content-Type is missing",
            hint=f"send one of {', '.join(_RECEIVERS)}",
        )
    return _RECEIVERS[media_type]


def _is_object(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
