"""/v1/restores: plan, request, follow, steer and delete restores."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker, with_bucket
from logkeep.api.params import json_body
from logkeep.api.services import Services
from logkeep.api.v1.restore_bodies import Abort, Extend, Resume, WantedRestore
from logkeep.api.v1.restore_shown import Shown, shown, shown_preview, shown_problem
from logkeep.catalog.people import Role
from logkeep.catalog.values import Restore
from logkeep.restore.desk import RestoreDesk
from logkeep.restore.request import RestoreRequest
from logkeep.storage.connection import checked
from logkeep.timeline import iso


async def create_restore(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, WantedRestore)
    return answer(await with_bucket(request, _create, by, wanted), status=201)


async def plan_restore(request: Request) -> Response:
    """The dry run: what would be read, and some of the lines that would come."""
    by = asker(request)
    wanted = await json_body(request, WantedRestore)
    return answer(await with_bucket(request, _plan, by, wanted))


async def get_restore(request: Request) -> Response:
    return answer(await run_in_threadpool(_one, asker(request), request.path_params["id"]))


async def list_problems(request: Request) -> Response:
    services = admitted(request)
    return answer(await run_in_threadpool(_problems, services, request.path_params["id"]))


async def pause_restore(request: Request) -> Response:
    return await _changed(request, "restore.pause", lambda desk, restore_id: desk.pause(restore_id))


async def resume_restore(request: Request) -> Response:
    asker(request)
    limits = (await json_body(request, Resume)).limits()
    given = {name: value for name, value in limits.items() if value is not None}
    return await _changed(
        request, "restore.resume", lambda desk, restore_id: desk.resume(restore_id, **limits), **given
    )


async def abort_restore(request: Request) -> Response:
    asker(request)
    keep = (await json_body(request, Abort)).keep
    return await _changed(
        request, "restore.abort", lambda desk, restore_id: desk.abort(restore_id, keep=keep), keep=keep
    )


async def extend_restore(request: Request) -> Response:
    asker(request)
    expiry_s = (await json_body(request, Extend)).seconds()
    return await _changed(
        request,
        "restore.extend",
        lambda desk, restore_id: desk.extend(restore_id, expiry_s),
        expiry_s=expiry_s,
    )


async def retry_restore(request: Request) -> Response:
    return await _changed(request, "restore.retry", lambda desk, restore_id: desk.retry(restore_id))


async def delete_restore(request: Request) -> Response:
    return await _changed(request, "restore.delete", lambda desk, restore_id: desk.delete(restore_id))


async def undelete_restore(request: Request) -> Response:
    return await _changed(request, "restore.undelete", lambda desk, restore_id: desk.undelete(restore_id))


Change = Callable[[RestoreDesk, str], Restore]


async def _changed(request: Request, action: str, change: Change, **details: object) -> Response:
    by = asker(request)

    def carry_out() -> Shown:
        changed = change(by.services.restores, request.path_params["id"])
        by.note(action, changed.id, **details)
        return shown(by, changed)

    return answer(await run_in_threadpool(carry_out))


def _create(by: Asker, wanted: WantedRestore) -> Shown:
    restore = by.services.restores.submit(_request(by, wanted))
    span = {"from": iso(restore.from_ms), "to": iso(restore.to_ms)}
    by.note("restore.create", restore.id, **{**wanted.noted(), **span})
    return shown(by, restore)


def _plan(by: Asker, wanted: WantedRestore) -> Shown:
    services, request = by.services, _request(by, wanted)
    span = {"from": iso(request.range.start), "to": iso(request.range.end)}
    planned = shown_preview(services.restores.preview(request), by.caller)
    return {**span, "expiry_s": request.expiry_s, **planned}


def _request(by: Asker, wanted: WantedRestore) -> RestoreRequest:
    services = by.services
    _check_seen(by, wanted)
    connection = None
    if wanted.files:
        whole = checked(wanted.files.whole())
        connection = services.archives.with_external_id(wanted.account, whole)
    return wanted.request(
        now=services.clock(),
        expiry_s=services.settings.restore_expiry,
        created_by=by.caller.actor,
        connection=connection,
    )


def _check_seen(by: Asker, wanted: WantedRestore) -> None:
    """Raise NotFound for what the caller does not see, Forbidden for what is for administrators."""
    by.view.account(wanted.account)
    if wanted.archive:
        by.view.archive(wanted.archive)
    if wanted.pipeline:
        by.view.pipeline(wanted.pipeline.id)
    if wanted.files or wanted.any_marker:  # they reach places that are no account's
        by.caller.require(Role.ADMIN)


def _one(by: Asker, restore_id: str) -> Shown:
    return shown(by, by.services.catalog.restores.get(restore_id))


def _problems(services: Services, restore_id: str) -> Shown:
    restore = services.catalog.restores.get(restore_id)
    return {
        "skipped_objects": restore.skipped_objects,
        "skipped_lines": restore.skipped_lines,
        "textless_lines": services.restores.textless([restore_id])[restore_id],
        "problems": [shown_problem(one) for one in services.restores.problems(restore_id)],
    }
