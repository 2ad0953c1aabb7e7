"""/v1/restores: request, plan, follow, abort and delete restores."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Admin, administrator, admitted, answer, with_bucket
from logkeep.api.params import json_body, time_range
from logkeep.api.services import Services
from logkeep.catalog.values import Restore
from logkeep.restore.plan import RestorePlan
from logkeep.restore.request import RestoreRequest
from logkeep.timeline import iso


class WantedRestore(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/restores. Times as ISO 8601, -2h, or epoch milliseconds."""

    start: str | int = msgspec.field(name="from")
    end: str | int = msgspec.field(name="to")
    name: str = ""
    query: str = ""
    account: str = "main"
    expiry_s: int | None = None
    archive: str = ""  # of this archive only; "" reads all of the account's
    any_marker: bool = False  # also from a place whose marker names another account


async def create_restore(request: Request) -> Response:
    admin = administrator(request)
    wanted = await json_body(request, WantedRestore)
    return answer(shown(await with_bucket(request, _create, admin, wanted)), status=201)


async def plan_restore(request: Request) -> Response:
    services = admitted(request)
    wanted = await json_body(request, WantedRestore)
    return answer(_shown_plan(await with_bucket(request, _plan, services, wanted)))


async def list_restores(request: Request) -> Response:
    services = admitted(request)
    restores = await run_in_threadpool(services.catalog.restores.list)
    return answer({"restores": [shown(restore) for restore in restores]})


async def get_restore(request: Request) -> Response:
    services = admitted(request)
    return answer(shown(await run_in_threadpool(services.catalog.restores.get, request.path_params["id"])))


async def abort_restore(request: Request) -> Response:
    admin = administrator(request)
    return answer(shown(await run_in_threadpool(_abort, admin, request.path_params["id"])))


async def delete_restore(request: Request) -> Response:
    admin = administrator(request)
    return answer(shown(await run_in_threadpool(_delete, admin, request.path_params["id"])))


def shown(restore: Restore) -> dict[str, object]:
    """A restore as the API shows it."""
    return {
        "id": restore.id,
        "name": restore.name,
        "state": restore.state,
        "account": restore.account,
        "source": restore.source,
        "from": iso(restore.from_ms),
        "to": iso(restore.to_ms),
        "query": restore.query,
        "planned": {
            "objects": restore.planned_objects,
            "lines": restore.planned_lines,
            "bytes": restore.planned_bytes,
            "raw_bytes": restore.planned_raw_bytes,
        },
        "lines": restore.lines,
        "bytes": restore.bytes,
        "duplicates": restore.duplicates,
        "created_at": iso(restore.created_at),
        "finished_at": iso(restore.finished_at) if restore.finished_at else None,
        "expires_at": iso(restore.expires_at) if restore.expires_at else None,
        "text_index": restore.text_index,
        "error": restore.error or None,
    }


def _create(admin: Admin, wanted: WantedRestore) -> Restore:
    restore = admin.services.restores.submit(_request(admin.services, wanted))
    admin.note(
        "restore.create",
        restore.id,
        account=wanted.account,
        archive=wanted.archive,
        **{"from": iso(restore.from_ms), "to": iso(restore.to_ms)},
        query=wanted.query,
        any_marker=wanted.any_marker,
    )
    return restore


def _plan(services: Services, wanted: WantedRestore) -> RestorePlan:
    return services.restores.plan(_request(services, wanted))


def _abort(admin: Admin, restore_id: str) -> Restore:
    aborted = admin.services.restores.abort(restore_id)
    admin.note("restore.abort", restore_id)
    return aborted


def _delete(admin: Admin, restore_id: str) -> Restore:
    deleted = admin.services.restores.delete(restore_id)
    admin.note("restore.delete", restore_id)
    return deleted


def _request(services: Services, wanted: WantedRestore) -> RestoreRequest:
    services.catalog.accounts.get(wanted.account)
    span = time_range(str(wanted.start), str(wanted.end), now=services.clock())
    return RestoreRequest(
        name=wanted.name or f"{wanted.account} {iso(span.start)}",
        source=wanted.account,
        range=span,
        query=wanted.query,
        expiry_s=services.settings.restore_expiry if wanted.expiry_s is None else wanted.expiry_s,
        archive=wanted.archive,
        any_marker=wanted.any_marker,
    )


def _shown_plan(plan: RestorePlan) -> dict[str, object]:
    return {
        "objects": plan.objects,
        "lines": plan.lines,
        "bytes": plan.bytes,
        "raw_bytes": plan.raw_bytes,
        "exact": plan.exact,
        "unknown_objects": plan.unknown_objects,
        "chunks": len(plan.chunks),
    }
