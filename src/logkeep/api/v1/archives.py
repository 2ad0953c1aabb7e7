"""/v1/archives: what of which account is archived where; testing, switching and changing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker, with_bucket
from logkeep.api.indexed import wait_until_indexed
from logkeep.api.params import flag, json_body, time_range
from logkeep.api.services import Services
from logkeep.api.v1 import archive_shown
from logkeep.api.v1.archive_bodies import BackfillRange, ChangedArchive, NewArchive, Start, TriedConnection
from logkeep.archives import ArchiveDesk
from logkeep.archives import shown as shown_verdicts
from logkeep.catalog.values import Archive, Target
from logkeep.errors import BadSetting
from logkeep.storage.connection import Connection, checked, described
from logkeep.storage.grants import grants_for
from logkeep.storage.probe import usable

Shown = dict[str, object]


async def list_archives(request: Request) -> Response:
    by = asker(request)
    account = request.query_params.get("account", "")
    return answer({"archives": await run_in_threadpool(archive_shown.all_shown, by, account)})


async def create_archive(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, NewArchive)
    return answer(await with_bucket(request, _create, by, wanted), status=201)


async def get_archive(request: Request) -> Response:
    services = admitted(request)
    return answer(await run_in_threadpool(archive_shown.shown, services, request.path_params["id"]))


async def change_archive(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, ChangedArchive)
    return answer(await with_bucket(request, _change, by, request.path_params["id"], wanted))


async def remove_archive(request: Request) -> Response:
    by = asker(request)
    discard = flag(request, "discard")
    return answer(await with_bucket(request, _remove, by, request.path_params["id"], discard=discard))


async def test_connection(request: Request) -> Response:
    services = admitted(request)
    wanted = await json_body(request, TriedConnection)
    return answer(await with_bucket(request, _test, services, wanted))


async def test_archive(request: Request) -> Response:
    services = admitted(request)
    wanted = TriedConnection(archive=request.path_params["id"])
    return answer(await with_bucket(request, _test, services, wanted))


async def grant_for_connection(request: Request) -> Response:
    """What would have to be granted; nobody is asked."""
    services = admitted(request)
    wanted = await json_body(request, TriedConnection)
    return answer(await run_in_threadpool(_granted, services, wanted))


async def get_grant(request: Request) -> Response:
    services = admitted(request)
    wanted = TriedConnection(archive=request.path_params["id"])
    return answer(await run_in_threadpool(_granted, services, wanted))


async def start_archive(request: Request) -> Response:
    by, archive = asker(request), request.path_params["id"]
    wanted = await json_body(request, Start)
    return answer(
        await with_bucket(
            request,
            _switched,
            by,
            "archive.start",
            archive,
            lambda desk: desk.start(archive, take_over=wanted.take_over),
        )
    )


async def pause_archive(request: Request) -> Response:
    by, archive = asker(request), request.path_params["id"]
    return answer(
        await with_bucket(request, _switched, by, "archive.pause", archive, lambda desk: desk.pause(archive))
    )


async def stop_archive(request: Request) -> Response:
    """Waits for no bucket, so that an archive can be stopped whatever its bucket does."""
    by, archive = asker(request), request.path_params["id"]
    return answer(
        await run_in_threadpool(_switched, by, "archive.stop", archive, lambda desk: desk.stop(archive))
    )


async def forget_secrets(request: Request) -> Response:
    by, archive = asker(request), request.path_params["id"]
    return answer(
        await with_bucket(
            request,
            _switched,
            by,
            "archive.forget-secrets",
            archive,
            lambda desk: desk.forget_secrets(archive),
        )
    )


async def backfill(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, BackfillRange)
    return answer(await with_bucket(request, _backfill, by, request.path_params["id"], wanted))


def _create(by: Asker, wanted: NewArchive) -> Shown:
    services = by.services
    created = services.archives.create(
        wanted.account,
        wanted.whole(),
        wanted.settings(),
        archive=wanted.id,
        untested=wanted.untested,
        start=wanted.start,
        take_over=wanted.take_over,
    )
    by.note("archive.create", created.id, **{**wanted.noted(), "account": created.account})
    return archive_shown.shown(services, created.id)


def _change(by: Asker, archive: str, wanted: ChangedArchive) -> Shown:
    services = by.services
    services.archives.update(
        archive,
        _changed(services, archive, wanted),
        wanted.settings(),
        untested=wanted.untested,
        replan=wanted.replan,
    )
    by.note("archive.update", archive, **wanted.noted())
    return archive_shown.shown(services, archive)


def _remove(by: Asker, archive: str, *, discard: bool) -> Shown:
    removed = by.services.catalog.archives.get(archive)
    by.services.pipelines.check_unused(removed)
    by.services.archives.remove(archive, discard=discard)
    by.note("archive.remove", archive, account=removed.account, discard=discard)
    return {"id": archive, "account": removed.account, "removed": True}


def _switched(by: Asker, action: str, archive: str, switch: Callable[[ArchiveDesk], Archive]) -> Shown:
    switch(by.services.archives)
    by.note(action, archive)
    return archive_shown.shown(by.services, archive)


def _test(services: Services, wanted: TriedConnection) -> Shown:
    desk = services.archives
    account, connection = wanted_connection(services, wanted)
    verdicts = desk.test(account, connection, read_only=_is_only_read(services, wanted))
    return {
        "usable": usable(verdicts),
        "verdicts": shown_verdicts(verdicts),
        "grant": asdict(grants_for(services.archives.with_external_id(account, checked(connection)))),
    }


def _is_only_read(services: Services, wanted: TriedConnection) -> bool:
    return bool(wanted.layout or (wanted.archive and services.catalog.archives.get(wanted.archive).foreign))


def _granted(services: Services, wanted: TriedConnection) -> Shown:
    if wanted.archive and not wanted.given:
        target = _target(services, wanted.archive)  # what to grant depends on no secret
        saved = Connection(provider=target.provider, options=target.options)
        return asdict(grants_for(services.archives.with_external_id(target.account, saved)))
    account, connection = wanted_connection(services, wanted)
    return asdict(grants_for(services.archives.with_external_id(account, described(connection))))


def wanted_connection(services: Services, wanted: TriedConnection) -> tuple[str, Connection]:
    """Whose connection, and which."""
    if not wanted.archive:
        services.catalog.accounts.get(wanted.account)
        return wanted.account, wanted.whole()
    target = _target(services, wanted.archive)
    saved = services.archives.buckets.connection(target)
    return target.account, wanted.change(saved) or saved


def _changed(services: Services, archive: str, wanted: ChangedArchive) -> Connection | None:
    """The connection that is wanted; None for the one that is there. Raises BadSetting, also for saved
    secrets that no key of the server opens, unless secrets are given anew."""
    target = _target(services, archive)
    if not wanted.given:
        return None
    try:
        saved = services.archives.buckets.connection(target)
    except BadSetting:
        if not wanted.secrets:
            raise
        saved = Connection(provider=target.provider, options=target.options)
    return wanted.change(saved)


def _target(services: Services, archive: str) -> Target:
    archives = services.catalog.archives
    return archives.target(archives.get(archive).target)


def _backfill(by: Asker, archive: str, wanted: BackfillRange) -> Shown:
    services = by.services
    within = time_range(str(wanted.start), str(wanted.end), now=services.clock())
    services.catalog.archives.get(archive)
    wait_until_indexed(services)  # lines are looked for in the live search
    done = asdict(services.backfill.run(archive, within))
    by.note("archive.backfill", archive, **{"from": wanted.start, "to": wanted.end}, **done)
    return done
