"""GET and POST /v1/accounts."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import json_body
from logkeep.catalog.values import Account
from logkeep.timeline import iso


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    name: str


async def list_accounts(request: Request) -> Response:
    services = admitted(request)
    accounts = await run_in_threadpool(services.catalog.accounts.list)
    return answer({"accounts": [_shown(account) for account in accounts]})


async def create_account(request: Request) -> Response:
    """Creates a live account that is archived as the first one is, and its first ingest key."""
    services = admitted(request)
    wanted = await json_body(request, NewAccount)
    name, key = await run_in_threadpool(services.accounts.open_account, wanted.name)
    account = await run_in_threadpool(services.catalog.accounts.get, name)
    return answer({**_shown(account), "ingest_key": key}, status=201)


def _shown(account: Account) -> dict[str, object]:
    return {
        "account": account.id,
        "kind": account.kind,
        "created_at": iso(account.created_at),
        "restore": account.restore_id or None,
    }
