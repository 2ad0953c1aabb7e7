"""GET /v1/archives/{id}/hours: what came in, what is archived and what waits, hour by hour."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import bounded, time_range
from logkeep.api.services import Services
from logkeep.timeline import TimeRange, hour_start, iso

_MOST = 10_000


async def list_hours(request: Request) -> Response:
    """Newest first, at most `limit` of them."""
    services = admitted(request)
    query = request.query_params
    within = time_range(query.get("from", ""), query.get("to", ""), now=services.clock())
    limit = bounded(request, "limit", 1000, most=_MOST)
    hours = await run_in_threadpool(_hours, services, request.path_params["id"], within, limit)
    return answer({"hours": hours})


def _hours(services: Services, archive: str, within: TimeRange, limit: int) -> list[dict[str, object]]:
    services.catalog.archives.get(archive)
    # What is waiting is read before what is sealed: then no hour is seen by neither.
    waiting = {one.hour: one.lines for one in services.spool.waiting(archive)}
    received = services.spool.received(archive)
    sealed = services.catalog.objects.hours(archive, within)
    status = next((one for one in services.archiver.status() if one.archive == archive), None)
    differing = {one.hour for one in status.differences} if status else set()
    asked = within.hours()
    known = {hour for hour in (*waiting, *received, *sealed) if asked.start <= hour < asked.stop}
    shown: list[dict[str, object]] = []
    for hour in sorted(known, reverse=True)[:limit]:
        totals = sealed.get(hour)
        waits = waiting.get(hour, 0)
        shown.append(
            {
                "hour": iso(hour_start(hour)),
                "state": "differs" if hour in differing else "waiting" if waits else "sealed",
                "accepted": received[hour].lines if hour in received else None,  # None: not counted
                "archived": totals.lines if totals else 0,
                "waiting": waits,
                "objects": totals.objects if totals else 0,
                "raw_bytes": totals.raw_bytes if totals else 0,
                "stored_bytes": totals.stored_bytes if totals else 0,
            }
        )
    return shown
