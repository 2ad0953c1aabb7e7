"""/v1/users: who may sign in, with which role, and in which accounts."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, answer, asker
from logkeep.api.params import json_body
from logkeep.catalog.people import Role, User
from logkeep.catalog.users import check_user_name
from logkeep.errors import BadSetting
from logkeep.passwords import check_password, hash_password
from logkeep.timeline import iso

INVITE_MS = 3 * 86_400_000
_MOST_ACCOUNTS = 1000  # of one user

Shown = dict[str, object]


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """Without a password the answer has a link with which the user sets one."""

    name: str
    role: Role = Role.MEMBER
    accounts: tuple[str, ...] = ()
    password: str | None = None


class ChangedUser(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    role: Role | None = None
    accounts: tuple[str, ...] | None = None
    disabled: bool | None = None


async def list_users(request: Request) -> Response:
    users = await run_in_threadpool(asker(request).services.catalog.users.list)
    return answer({"users": [_shown(one) for one in users]})


async def create_user(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, NewUser)
    return answer(await run_in_threadpool(_create, by, wanted), status=201)


async def get_user(request: Request) -> Response:
    users = asker(request).services.catalog.users
    return answer(_shown(await run_in_threadpool(users.get, request.path_params["id"])))


async def change_user(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, ChangedUser)
    return answer(await run_in_threadpool(_change, by, request.path_params["id"], wanted))


async def delete_user(request: Request) -> Response:
    return answer(await run_in_threadpool(_delete, asker(request), request.path_params["id"]))


async def invite_user(request: Request) -> Response:
    """A link with which the user sets a password; former ones open nothing any more."""
    by = asker(request)
    return answer(await run_in_threadpool(_invite_again, by, request.path_params["id"]), status=201)


def _create(by: Asker, wanted: NewUser) -> Shown:
    users, now = by.services.catalog.users, by.services.clock()
    name = check_user_name(wanted.name)
    _check_accounts(wanted.accounts)
    password = ""
    if wanted.password is not None:
        check_password(wanted.password, user=name)
        password = hash_password(wanted.password)
    user = users.create(name, wanted.role, now, of_accounts=wanted.accounts, password=password)
    by.note(
        "user.create",
        user.id,
        name=user.name,
        role=user.role,
        accounts=sorted(user.accounts),
        invited=not password,
    )
    return _shown(user) if password else {**_shown(user), **_invited(by, user)}


def _change(by: Asker, user_id: str, wanted: ChangedUser) -> Shown:
    _check_accounts(wanted.accounts or ())
    user = by.services.catalog.users.update(
        user_id,
        name=wanted.name,
        role=wanted.role,
        of_accounts=wanted.accounts,
        disabled=wanted.disabled,
    )
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    by.note("user.update", user.id, **given)
    return _shown(user)


def _delete(by: Asker, user_id: str) -> Shown:
    user = by.services.catalog.users.delete(user_id)
    by.note("user.delete", user.id, name=user.name)
    return {"id": user.id, "name": user.name, "deleted": True}


def _invite_again(by: Asker, user_id: str) -> Shown:
    user = by.services.catalog.users.get(user_id)
    link = _invited(by, user)
    by.note("user.invite", user.id, name=user.name)
    return {**_shown(user), **link}


def _invited(by: Asker, user: User) -> Shown:
    now = by.services.clock()
    token = by.services.catalog.invites.issue(user.id, now, lasts_ms=INVITE_MS)
    return {"link": f"/invite/{token}", "link_expires_at": iso(now + INVITE_MS)}


def _check_accounts(accounts: tuple[str, ...]) -> None:
    if len(accounts) > _MOST_ACCOUNTS:
        raise BadSetting(
            f"accounts has {len(accounts)} names, the most is {_MOST_ACCOUNTS}",
            hint="make somebody who looks after so many an administrator",
            field="accounts",
        )


def _shown(user: User) -> Shown:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "accounts": None if user.role is Role.ADMIN else sorted(user.accounts),  # null: all
        "disabled": user.disabled,
        "has_password": bool(user.password),
        "identity": user.issuer or None,
        "created_at": iso(user.created_at),
        "signed_in_at": iso(user.signed_in_at) if user.signed_in_at else None,
    }
