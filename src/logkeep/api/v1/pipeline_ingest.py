"""POST /v1/pipelines/{id}/ingest: events for a pipeline, with the key of one of its sources.

Bodies are those of /v1/ingest. The header Logkeep-Via names the pipelines, as SERVER/PIPELINE, that the
events came through before, so that two that feed each other are found out at the first round. NDJSON with
this header is canonical lines (docs/archive-format.md), whose fields and ids stay as they are.
"""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import token_of
from logkeep.api.body import read_body
from logkeep.api.services import Services
from logkeep.api.v1.ingest import idempotency_key, media_type_of, origin_of, receiver_of
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import SourceKey
from logkeep.errors import Forbidden, InputError, LoopDetected, Unauthorized
from logkeep.receivers.canonical import receive_canonical
from logkeep.receivers.ndjson import receive_ndjson

VIA = "Logkeep-Via"
MOST_HOPS = 16
_HOP = re.compile(r"[A-Za-z0-9_.:-]{1,128}/[A-Za-z0-9_.-]{1,128}")


async def ingest(request: Request) -> Response:
    services: Services = request.app.state.services
    source = source_of(request, services.catalog)
    via = hops_of(request)
    check_for_loop(via, services.live_pipelines.hop(source.pipeline))
    receive = receiver_of(media_type_of(request))
    if via and receive is receive_ndjson:
        receive = receive_canonical
    received = receive(await read_body(request), origin_of(request))
    reply = {"accepted": len(received), "refused": received.refused}
    answer = await services.live_pipelines.accept(
        source.pipeline,
        source.source,
        received,
        via=",".join(via),
        reply=msgspec.json.encode(reply),
        key=idempotency_key(request),
    )
    return Response(answer, media_type="application/json")


def source_of(request: Request, catalog: Catalog) -> SourceKey:
    """The source that a request may send to. Raises Unauthorized or Forbidden."""
    token = token_of(request)
    if not token:
        raise Unauthorized(
            "the request carries no key",
            hint="send it as 'Authorization: Bearer KEY', header 'apikey', Basic user, or '?apikey='",
        )
    source = catalog.pipelines.resolve(token)
    if source is not None and source.pipeline == request.path_params["id"]:
        return source
    if source is None and catalog.keys.resolve(token) is None:
        raise Unauthorized("nobody holds this key", hint="check it, or have a new one issued")
    raise Forbidden(
        "this key may not send to this pipeline",
        hint="each HTTP source has a key of its own: logkeep pipeline key ID SOURCE makes a new one",
    )


def hops_of(request: Request) -> tuple[str, ...]:
    """Through which pipelines the events came, in order. Raises InputError for a header that is none, and
    LoopDetected for too many."""
    parts = ",".join(request.headers.getlist(VIA)).split(",")
    hops = tuple(hop for part in parts if (hop := part.strip()))
    if len(hops) > MOST_HOPS:
        raise LoopDetected(
            f"the events came through {len(hops)} pipelines, the limit is {MOST_HOPS}",
            hint="pipelines that feed each other go round for ever: let one of them deliver elsewhere",
        )
    for hop in hops:
        if not _HOP.fullmatch(hop):
            raise InputError(
                f"{VIA} has {hop[:64]!r}", hint="write SERVER/PIPELINE, with commas between several"
            )
    return hops


def check_for_loop(via: tuple[str, ...], here: str) -> None:
    """Raises LoopDetected for events that came through `here` before."""
    if here not in via:
        return
    ring = " -> ".join((*via[via.index(here) :], here))
    raise LoopDetected(
        f"the events came through this pipeline before: {ring}",
        hint="let one of these pipelines deliver elsewhere; nothing of this request was taken in",
    )
