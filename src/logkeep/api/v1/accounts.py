"""/v1/accounts: accounts and sub-accounts."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, answer, asker, with_bucket
from logkeep.api.indexed import wait_until_indexed
from logkeep.api.params import flag, json_body, one_line, seconds
from logkeep.api.services import Services
from logkeep.catalog.restores import RUNNING
from logkeep.catalog.values import Account, AccountKind, Match, Origin
from logkeep.errors import BadSetting, Conflict
from logkeep.timeline import iso

_LONGEST_RETENTION_S = 3660 * 86_400

Shown = dict[str, object]


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    title: str = ""
    parent: str = ""
    retention: int | str | None = None  # null: as long as the server keeps lines
    archive: str = "default"  # as the server's settings say; or none


class ChangedAccount(msgspec.Struct, forbid_unknown_fields=True):
    title: str | None = None
    suspended: bool | None = None
    retention: int | str | msgspec.UnsetType | None = msgspec.UNSET
    match: Match | None = None


async def list_accounts(request: Request) -> Response:
    by = asker(request)
    return answer({"accounts": await run_in_threadpool(_all, by)})


async def create_account(request: Request) -> Response:
    """Creates a live account and its first ingest key, which is shown this once."""
    by = asker(request)
    wanted = await json_body(request, NewAccount)
    return answer(await run_in_threadpool(_create, by, wanted), status=201)


async def get_account(request: Request) -> Response:
    return answer(await run_in_threadpool(_one, asker(request), request.path_params["id"]))


async def change_account(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, ChangedAccount)
    return answer(await run_in_threadpool(_change, by, request.path_params["id"], wanted))


async def delete_account(request: Request) -> Response:
    by = asker(request)
    discard = flag(request, "discard")
    return answer(await with_bucket(request, _delete, by, request.path_params["id"], discard=discard))


def _all(by: Asker) -> list[Shown]:
    catalog, view = by.services.catalog, by.view
    archives: dict[str, list[str]] = {}
    for archive in catalog.archives.list():
        archives.setdefault(archive.account, []).append(archive.id)
    return [
        _shown(by, account, archives.get(account.id, []))
        for account in catalog.accounts.list()
        if view.sees(account)
    ]


def _one(by: Asker, name: str) -> Shown:
    account = by.view.account(name)
    return _shown(by, account, [archive.id for archive in by.services.catalog.archives.of_account(name)])


def _create(by: Asker, wanted: NewAccount) -> Shown:
    services = by.services
    if wanted.archive not in ("default", "none"):
        raise BadSetting(
            f"archive is {wanted.archive[:64]!r}, not default or none",
            hint="set up another one with POST /v1/archives",
            field="archive",
        )
    title, retention_s = one_line("title", wanted.title), _retention(wanted.retention)
    name, key = services.accounts.open_account(
        wanted.name, title=title, parent=wanted.parent, archived=wanted.archive == "default"
    )
    services.catalog.accounts.update(name, retention_s=retention_s)
    services.router.refresh(name)
    by.note(
        "account.create",
        name,
        title=title,
        parent=wanted.parent,
        retention_s=retention_s,
        archive=wanted.archive,
    )
    return {**_one(by, name), "ingest_key": key}


def _change(by: Asker, name: str, wanted: ChangedAccount) -> Shown:
    services = by.services
    _check_live(services.catalog.accounts.get(name))
    changes: dict[str, object] = {}
    if wanted.title is not None:
        changes["title"] = one_line("title", wanted.title)
    if wanted.suspended is not None:
        changes["suspended"] = wanted.suspended
    if wanted.retention is not msgspec.UNSET:
        changes["retention_s"] = _retention(wanted.retention)
    if wanted.match is not None:
        changes["match"] = wanted.match
    services.catalog.accounts.update(name, **changes)  # type: ignore[arg-type]
    services.router.refresh(name)
    by.note("account.update", name, **changes)
    return _one(by, name)


def _delete(by: Asker, name: str, *, discard: bool) -> Shown:
    """Delete an account with its keys, rules, archives and live lines. What waits for its archives is written
    first; their objects stay. When that cannot be, the account stays, suspended: to be deleted again, or
    with `discard`, or resumed."""
    services = by.services
    catalog = services.catalog
    _check_live(catalog.accounts.get(name))
    _check_unused(services, name)
    catalog.accounts.update(name, suspended=True)
    services.router.refresh(name)
    services.archives.settled()
    for archive in catalog.archives.of_account(name):
        services.archives.remove(archive.id, discard=discard)
    wait_until_indexed(services)  # what is indexed after the lines were dropped would stay
    services.live.drop_account(name)
    catalog.accounts.delete(name)
    services.router.refresh(name)
    by.note("account.delete", name, discard=discard)
    return {"account": name, "deleted": True}


def _check_unused(services: Services, name: str) -> None:
    """Raises Conflict, before anything of the account is touched."""
    catalog = services.catalog
    if children := [one.id for one in catalog.accounts.list() if one.parent == name]:
        raise Conflict(
            f"account {name!r} has sub-accounts, such as {children[0]!r}", hint="delete these first"
        )
    if running := [one.id for one in catalog.restores.list(*RUNNING) if one.source == name]:
        raise Conflict(
            f"restore {running[0]} reads the archive of account {name!r}",
            hint="abort it, or wait for its end",
        )
    if using := services.pipelines.using(name):
        raise Conflict(
            f"the pipeline {using[0]!r} belongs to account {name!r}, reads from it or delivers to it",
            hint="delete the pipeline, or change it",
        )
    archives = catalog.archives.of_account(name)
    if declared := [one.id for one in archives if one.origin is Origin.DECLARED]:
        raise Conflict(
            f"the settings file declares the archive {declared[0]!r} of account {name!r}",
            hint="take it out there and start the server again",
        )


def _retention(value: int | str | None) -> int:
    """Seconds; 0 for as long as the server keeps lines. Raises BadSetting."""
    if value is None:
        return 0
    retention_s = seconds("retention", value)
    if not 1 <= retention_s <= _LONGEST_RETENTION_S:
        raise BadSetting(
            f"retention is {retention_s} s, not 1 s to {_LONGEST_RETENTION_S // 86_400} d", field="retention"
        )
    return retention_s


def _check_live(account: Account) -> None:
    if account.kind is not AccountKind.LIVE:
        raise Conflict(
            f"account {account.id!r} is a restored one",
            hint=f"it goes with its restore: logkeep restore delete {account.restore_id}",
        )


def _shown(by: Asker, account: Account, archives: list[str]) -> Shown:
    """The parent is named to those who see it."""
    return {
        "account": account.id,
        "title": account.title,
        "kind": account.kind,
        "parent": account.parent if account.parent and by.caller.sees(account.parent) else None,
        "suspended": account.suspended,
        "retention": account.retention_s or None,
        "match": account.match,
        "archives": archives,
        "created_at": iso(account.created_at),
        "restore": account.restore_id or None,
    }
