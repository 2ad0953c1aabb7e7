"""/v1/archive: objects, status, sealing."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import json_body, time_range
from logkeep.api.services import Services
from logkeep.archiver import ArchiveStatus
from logkeep.catalog.values import ArchiveObject, ObjectState
from logkeep.timeline import hour_start, iso


class SealRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/archive/seal. `now`: also hours that are not due, and the open one."""

    account: str | None = None
    now: bool = False


async def list_objects(request: Request) -> Response:
    services = admitted(request)
    query = request.query_params
    account = query.get("account")
    within = None
    if query.get("from") or query.get("to"):
        within = time_range(query.get("from", ""), query.get("to", ""), now=services.clock())
    if account:
        await run_in_threadpool(services.catalog.accounts.get, account)
    objects = await run_in_threadpool(services.catalog.objects.list, account, within)
    sealed = [_shown(one) for one in objects if one.state is ObjectState.SEALED]
    return answer({"objects": sealed})


async def get_status(request: Request) -> Response:
    services = admitted(request)
    return answer(await run_in_threadpool(_status, services))


async def seal(request: Request) -> Response:
    """Seals what is due, or with `now` everything that waits, and answers when it is in the bucket. Accounts
    whose archive failed are named with the reason; what they have waits and is tried again."""
    services = admitted(request)
    wanted = await json_body(request, SealRequest)
    if wanted.account:
        await run_in_threadpool(services.catalog.accounts.get, wanted.account)
    sealed = await run_in_threadpool(services.archiver.seal_due, now=wanted.now, account=wanted.account)
    failed = [
        {"account": status.account, "error": status.last_error}
        for status in await run_in_threadpool(services.archiver.status)
        if status.last_error and wanted.account in (None, status.account)
    ]
    return answer({"sealed": [_shown(one) for one in sealed], "failed": failed})


def _status(services: Services) -> dict[str, object]:
    index_error = services.index_worker.last_error
    accounts = [policy.account for policy in services.catalog.archives.list()]
    return {
        "accounts": [_account_status(services, status) for status in services.archiver.status(accounts)],
        "spool_bytes": services.spool.stored_bytes(),
        "index_lag_frames": services.indexer.lag_frames(),
        "index_error": str(index_error) if index_error else None,
    }


def _account_status(services: Services, status: ArchiveStatus) -> dict[str, object]:
    totals = services.catalog.objects.totals(status.account)
    return {
        "account": status.account,
        "archive": services.catalog.archives.get(status.account).url,
        "state": status.state,
        "lag_s": status.lag_s,
        "open_hours": [
            {
                "hour": iso(hour_start(one.hour)),
                "lines": one.lines,
                "bytes": one.bytes,
                "due_at": iso(one.due_at),
            }
            for one in status.open_hours
        ],
        "waiting_lines": status.waiting_lines,
        "waiting_bytes": status.waiting_bytes,
        "objects": totals.objects,
        "archived_lines": totals.lines,
        "archived_raw_bytes": totals.raw_bytes,
        "archived_bytes": totals.stored_bytes,
        "last_error": status.last_error,
    }


def _shown(one: ArchiveObject) -> dict[str, object]:
    return {
        "account": one.account,
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
    }
