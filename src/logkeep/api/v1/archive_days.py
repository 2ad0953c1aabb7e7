"""GET /v1/archives/{id}/days: what of an archive came in, is archived, waits or is missing, day by day."""

from __future__ import annotations

from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer, with_bucket
from logkeep.api.params import bounded, time_range
from logkeep.api.services import Services
from logkeep.api.v1.archive_listed import date, listed_days
from logkeep.browse.days import Calendar, Day, Problem
from logkeep.timeline import Hour, TimeRange, hour_start, iso
from logkeep.verify.last import LastVerify

Shown = dict[str, object]

_MOST = 400  # a year and a month


async def list_days(request: Request) -> Response:
    """Newest first, at most `limit` of them; days of which nothing is known are left out. Of another system's
    archive the bucket is listed."""
    services = admitted(request)
    query = request.query_params
    within = time_range(query.get("from", ""), query.get("to", ""), now=services.clock())
    limit = bounded(request, "limit", _MOST, most=_MOST)
    archive = await run_in_threadpool(services.catalog.archives.get, request.path_params["id"])
    if archive.foreign:
        return answer(await with_bucket(request, listed_days, services, archive, within, limit))
    return answer(await run_in_threadpool(_days, services, archive.id, within, limit))


def _days(services: Services, archive: str, within: TimeRange, limit: int) -> Shown:
    calendar = Calendar(
        catalog=services.catalog, spool=services.spool, archiver=services.archiver, clock=services.clock
    )
    found = calendar.days(archive, within, limit=limit)
    return {
        "first_hour": _hour(found.first_hour),
        "last_hour": _hour(found.last_hour),
        "verify": _verify(found.verify),
        "listed": None,
        "days": [_day(one) for one in found.days],
    }


def _verify(verify: LastVerify | None) -> Shown | None:
    if verify is None:
        return None
    return {
        "at": iso(verify.at),
        "ok": verify.ok,
        "summary": verify.summary,
        "target": verify.target or None,
        "depth": verify.depth or None,
        "elsewhere": verify.elsewhere,
    }


def _day(one: Day) -> Shown:
    return {
        **asdict(one),
        "day": date(one.day),
        "problems": [_problem(problem) for problem in one.problems],
    }


def _problem(one: Problem) -> Shown:
    return {**asdict(one), "hour": _hour(one.hour)}


def _hour(hour: Hour | None) -> str | None:
    return None if hour is None else iso(hour_start(hour))
