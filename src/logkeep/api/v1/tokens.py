"""/v1/tokens: keys of a user's own for the API."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, answer, asker
from logkeep.api.params import json_body, one_line, seconds
from logkeep.api.v1.whose import own_user
from logkeep.catalog.people import Role, Token
from logkeep.errors import BadSetting
from logkeep.timeline import iso

_LONGEST_S = 3660 * 86_400

Shown = dict[str, object]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """`expires` is how long it opens something, a duration; null: until it is revoked."""

    name: str
    scope: Role = Role.READ_ONLY
    expires: int | str | None = None


async def list_tokens(request: Request) -> Response:
    by = asker(request)
    user = await run_in_threadpool(own_user, by, request)
    tokens = await run_in_threadpool(by.services.catalog.tokens.of_user, user.id)
    now = by.services.clock()
    return answer({"tokens": [_shown(one, now) for one in tokens]})


async def create_token(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, NewToken)
    return answer(await run_in_threadpool(_create, by, request, wanted), status=201)


async def revoke_token(request: Request) -> Response:
    return answer(await run_in_threadpool(_revoke, asker(request), request))


def _create(by: Asker, request: Request, wanted: NewToken) -> Shown:
    """A token as it is shown this once."""
    user, now = own_user(by, request), by.services.clock()
    name = one_line("name", wanted.name)
    if not name:
        raise BadSetting("the name is empty", hint="say what the token is for", field="name")
    if not user.role.includes(wanted.scope):
        raise BadSetting(
            f"scope is {wanted.scope}, and {user.name!r} has the role {user.role}",
            hint=f"choose {user.role}, or less",
            field="scope",
        )
    token, text = by.services.catalog.tokens.issue(
        user.id, now, name=name, scope=wanted.scope, expires_at=_expires_at(wanted.expires, now)
    )
    shown = _shown(token, now)
    by.note(
        "token.create", token.id, user=user.id, name=name, scope=token.scope, expires_at=shown["expires_at"]
    )
    return {**shown, "token": text}


def _revoke(by: Asker, request: Request) -> Shown:
    user = own_user(by, request)
    token = by.services.catalog.tokens.revoke(user.id, request.path_params["id"])
    by.note("token.revoke", token.id, user=user.id, name=token.name)
    return _shown(token, by.services.clock())


def _expires_at(value: int | str | None, now: int) -> int:
    """0 for never. Raises BadSetting."""
    if value is None:
        return 0
    lasts_s = seconds("expires", value)
    if not 1 <= lasts_s <= _LONGEST_S:
        raise BadSetting(
            f"expires is {lasts_s} s, not 1 s to {_LONGEST_S // 86_400} d",
            hint="write how long it is to work, or null for as long as it is not revoked",
            field="expires",
        )
    return now + lasts_s * 1000


def _shown(token: Token, now: int) -> Shown:
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at) if token.expires_at else None,
        "expired": bool(token.expires_at) and now >= token.expires_at,
        "used_at": iso(token.used_at) if token.used_at else None,
    }
