"""What whoever runs the server asks it: whether it is alive, whether it can take lines, and its metrics."""

from __future__ import annotations

import asyncio
import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from logkeep.api import problems
from logkeep.api.access import told
from logkeep.api.auth import token_of
from logkeep.api.callers import caller_of
from logkeep.api.services import Services
from logkeep.catalog.people import Role
from logkeep.errors import LogkeepError, Overloaded
from logkeep.spool.base import Spool

LONG_S = 60.0  # a worker that has failed for longer may not come round by itself
_PATIENCE_S = 5.0  # a spool that takes longer to say that it has room has none


async def healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when the server can accept lines, else 503 with the reasons. A bucket that fails is no reason: its
    lines are accepted all the same, and wait."""
    services: Services = request.app.state.services
    reasons = [*_of_workers(services), *await _of_spool(services.spool)]
    if reasons:
        return JSONResponse({"status": "not ready", "reasons": reasons}, status_code=503)
    return JSONResponse({"status": "ready"})


async def metrics(request: Request) -> Response:
    """In Prometheus' formats, for the admin token and the token for this alone: they name accounts."""
    services: Services = request.app.state.services
    if not _is_metrics_token(token_of(request), services.settings.metrics_token):
        await run_in_threadpool(_require_admin, request)
    accept = request.headers.get("accept", "")
    body, content_type = await run_in_threadpool(services.metrics.exposition, accept)
    return Response(body, headers={"Content-Type": content_type})


async def answer_counted(request: Request, error: Exception) -> Response:
    """Starlette handler for LogkeepError: what `problems` answers, counted by reason."""
    assert isinstance(error, LogkeepError)  # noqa: S101 - registered for this class alone
    services: Services = request.app.state.services
    services.metrics.tally.request_refused(error)
    return await problems.answer_error(request, told(request, error))


def _require_admin(request: Request) -> None:
    caller_of(request).require(Role.ADMIN)


def _is_metrics_token(token: str, wanted: str) -> bool:
    return bool(wanted) and hmac.compare_digest(token.encode(), wanted.encode())


def _of_workers(services: Services) -> list[str]:
    ended = [f"the worker {one.name} has ended" for one in services.workers if not one.alive()]
    failing = [f"the worker {one.name} fails" for one in services.workers if one.failing_s() > LONG_S]
    return ended + failing


async def _of_spool(spool: Spool, patience_s: float = _PATIENCE_S) -> list[str]:
    """Appending nothing takes the whole way of an append, but leaves nothing behind."""
    try:
        async with asyncio.timeout(patience_s):
            await spool.append([], reply=b"")
    except (Overloaded, TimeoutError):
        return ["the spool takes no lines"]
    return []


ROUTES = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
