"""/v1/archive: objects, status, sealing; of all archives, of an account or of one archive."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker, with_bucket
from logkeep.api.params import json_body, time_range
from logkeep.api.services import Services
from logkeep.api.v1.archive_listed import listed_objects
from logkeep.api.v1.archive_shown import shown_status, shown_totals
from logkeep.archiver import ArchiveStatus
from logkeep.catalog.objects import NOTHING
from logkeep.catalog.people import Role
from logkeep.catalog.values import ArchiveObject
from logkeep.timeline import TimeRange, hour_start, iso

Shown = dict[str, object]


class SealRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/archive/seal. `now`: also hours that are not due, and the open one."""

    account: str | None = None
    now: bool = False


class SealArchive(msgspec.Struct, forbid_unknown_fields=True):
    now: bool = False


async def list_objects(request: Request) -> Response:
    by = asker(request)
    account = request.query_params.get("account") or None
    if account:
        await run_in_threadpool(by.view.account, account)
    within = _within(request, by.services)
    objects = await run_in_threadpool(by.services.catalog.objects.list, account, within)
    return answer({"objects": [shown_object(one) for one in objects if by.caller.sees(one.account)]})


async def list_objects_of_archive(request: Request) -> Response:
    services = admitted(request)
    archive = await run_in_threadpool(services.catalog.archives.get, request.path_params["id"])
    within = _within(request, services)
    if archive.foreign:
        return answer(await with_bucket(request, listed_objects, services, archive, within))
    objects = await run_in_threadpool(services.catalog.objects.list, None, within, archive=archive.id)
    return answer({"objects": [shown_object(one) for one in objects]})


async def get_status(request: Request) -> Response:
    by = asker(request)
    return answer(await run_in_threadpool(_status, by))


async def seal(request: Request) -> Response:
    """Seals what is due, or with `now` everything that waits, and answers when it is in the bucket. Archives
    that failed are named with the reason; what they are to get waits and is tried again."""
    by = asker(request)
    wanted = await json_body(request, SealRequest)
    if not wanted.account:
        by.caller.require(Role.ADMIN)
    return answer(await with_bucket(request, _seal, by, now=wanted.now, account=wanted.account or None))


async def seal_archive(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, SealArchive)
    archive = request.path_params["id"]
    return answer(await with_bucket(request, _seal, by, now=wanted.now, archive=archive))


def _within(request: Request, services: Services) -> TimeRange | None:
    query = request.query_params
    if not (query.get("from") or query.get("to")):
        return None
    return time_range(query.get("from", ""), query.get("to", ""), now=services.clock())


def _seal(by: Asker, *, now: bool, account: str | None = None, archive: str | None = None) -> Shown:
    services = by.services
    if account:
        by.view.account(account)
    if archive:
        by.view.archive(archive)
    sealed = services.archiver.seal_due(now, account=account, archive=archive)
    failed = [
        {"account": one.account, "archive": one.archive, "error": one.last_error}
        for one in services.archiver.status()
        if one.last_error and account in (None, one.account) and archive in (None, one.archive)
    ]
    return {"sealed": [shown_object(one) for one in sealed], "failed": failed}


def _status(by: Asker) -> Shown:
    """Of the archives that the caller sees. How the server does as a whole is told to administrators."""
    services = by.services
    seen = [one for one in services.archiver.status() if by.caller.sees(one.account)]
    archives = {
        "alarm": any(one.alarm for one in seen),
        "accounts": _rows(services, seen),
    }
    return archives if by.caller.accounts is not None else {**archives, **_server(services)}


def _server(services: Services) -> Shown:
    index_error = services.index_worker.last_error
    return {
        "spool_bytes": services.spool.stored_bytes(),
        "index_lag_frames": services.indexer.lag_frames(),
        "index_error": str(index_error) if index_error else None,
    }


def _rows(services: Services, statuses: Sequence[ArchiveStatus]) -> list[Shown]:
    """A row for each archive; none for one that was removed a moment ago."""
    catalog = services.catalog
    writes_to = {one.id: one.target for one in catalog.archives.list()}
    totals = catalog.objects.totals_of_all()
    places = {one.id: one.place for of in catalog.archives.targets_of_all().values() for one in of}
    return [
        {
            "id": one.archive,
            "account": one.account,
            "archive": places[target],
            **shown_status(one),
            **shown_totals(totals.get(one.archive, NOTHING)),
        }
        for one in statuses
        if (target := writes_to.get(one.archive)) in places
    ]


def shown_object(one: ArchiveObject) -> Shown:
    return {
        "account": one.account,
        "archive": one.archive,
        "target": one.target,
        "hour": iso(hour_start(one.hour)),
        "part": one.part,
        "key": one.key,
        "lines": one.lines,
        "raw_bytes": one.raw_bytes,
        "stored_bytes": one.stored_bytes,
        "sha256": one.sha256,
        "min_ts": iso(one.min_ts),
        "max_ts": iso(one.max_ts),
        "sealed_at": iso(one.sealed_at),
        "chain": one.chain or None,
    }
