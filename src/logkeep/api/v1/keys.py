"""Keys: ingest keys of accounts, and admin tokens."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker
from logkeep.api.params import json_body, one_line
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import AccountKind, KeyInfo, KeyRole
from logkeep.errors import Conflict
from logkeep.timeline import iso

MOST_KEYS = 100  # of one account, and as many admin tokens


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""


async def list_keys(request: Request) -> Response:
    services = admitted(request)
    keys = await run_in_threadpool(_of_account, services.catalog, request.path_params["id"])
    return answer({"keys": [shown(key) for key in keys]})


async def create_key(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, NewKey)
    account = request.path_params["id"]
    made = await run_in_threadpool(_issue, by, account, KeyRole.INGEST, wanted.name, "ingest_key")
    return answer(made, status=201)


async def list_admin_tokens(request: Request) -> Response:
    services = admitted(request)
    keys = await run_in_threadpool(services.catalog.keys.listed, "")
    return answer({"admin_tokens": [shown(key) for key in keys]})


async def create_admin_token(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, NewKey)
    made = await run_in_threadpool(_issue, by, "", KeyRole.ADMIN, wanted.name, "admin_token")
    return answer(made, status=201)


async def revoke_key(request: Request) -> Response:
    by = asker(request)
    return answer(shown(await run_in_threadpool(_revoke, by, request.path_params["id"])))


def shown(key: KeyInfo) -> dict[str, object]:
    return {
        "id": key.id,
        "account": key.account or None,
        "role": key.role,
        "name": key.name,
        "created_at": iso(key.created_at),
    }


def _of_account(catalog: Catalog, account: str) -> list[KeyInfo]:
    catalog.accounts.get(account)
    return list(catalog.keys.listed(account))


def _issue(by: Asker, account: str, role: KeyRole, name: str, member: str) -> dict[str, object]:
    """A new key as it is shown this once, its token as `member`."""
    catalog = by.services.catalog
    name = one_line("name", name)
    if account and catalog.accounts.get(account).kind is not AccountKind.LIVE:
        raise Conflict(f"account {account!r} is a restored one, which takes no lines in")
    if len(catalog.keys.listed(account)) >= MOST_KEYS:
        raise Conflict(f"there are {MOST_KEYS} of these keys already", hint="revoke one that nobody uses")
    token = catalog.keys.issue(account, role, by.services.clock(), name=name)
    made = catalog.keys.resolve(token)
    issued = next(key for key in catalog.keys.listed(account) if made is not None and key.id == made.id)
    by.note("key.create", issued.id, account=account, role=role, name=name)
    return {**shown(issued), member: token}


def _revoke(by: Asker, key_id: str) -> KeyInfo:
    keys = by.services.catalog.keys
    if keys.get(key_id).role is KeyRole.ADMIN:
        by.caller.require_no_token()
    revoked = keys.revoke(key_id)
    by.note("key.revoke", revoked.id, account=revoked.account, role=revoked.role, name=revoked.name)
    return revoked
