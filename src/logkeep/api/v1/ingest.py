"""POST /v1/ingest: NDJSON, text lines, or one JSON document."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import ingest_account
from logkeep.api.body import read_body
from logkeep.api.services import Services
from logkeep.errors import BadBody, InputError, UnknownMediaType
from logkeep.receivers.lines import Origin, receive_lines
from logkeep.receivers.ndjson import receive_document, receive_ndjson
from logkeep.record import Received

_ORIGIN_CHARACTERS = 1024

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
    receiver = receiver_of(media_type_of(request))
    received = receiver(await read_body(request), origin_of(request))
    reply = {"accepted": len(received), "refused": received.refused}
    answer = await services.intake.accept(
        account,
        received,
        reply=msgspec.json.encode(reply),
        key=idempotency_key(request),
    )
    return Response(answer, media_type="application/json")


def idempotency_key(request: Request) -> str:
    """The client's name for this request, "" for none. Raises InputError for one that is too long."""
    return check_length("Idempotency-Key", request.headers.get("idempotency-key", ""))


def origin_of(request: Request) -> Origin:
    """What the query string says of all lines. Raises InputError for a value that is too long."""
    query = request.query_params
    tags = ",".join(query.getlist("tag") + query.getlist("tags"))
    values = {name: query.get(name, "") for name in ("host", "app", "file", "env", "level")}
    for name, value in {**values, "tag": tags}.items():
        check_length(name, value)
    return Origin(**values, tag=tuple(tag for tag in tags.split(",") if tag))


def check_length(name: str, value: str) -> str:
    """The value itself. Every line of the request would carry it."""
    if len(value) > _ORIGIN_CHARACTERS:
        raise InputError(f"{name} has {len(value)} characters, the limit is {_ORIGIN_CHARACTERS}")
    return value


def media_type_of(request: Request) -> str:
    """The Content-Type without its parameters; "" for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def receiver_of(media_type: str) -> Receiver:
    """What reads such bodies. Raises UnknownMediaType."""
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
