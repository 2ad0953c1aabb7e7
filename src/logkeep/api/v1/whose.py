"""Whose tokens and sessions a request is about."""

from __future__ import annotations

from starlette.requests import Request

from logkeep.api.answers import Asker
from logkeep.catalog.people import Role, User
from logkeep.errors import InputError


def own_user(by: Asker, request: Request) -> User:
    """The user who asks; for an administrator the one that `?user=` names, if it does. Waits for the catalog.
    Raises Forbidden, NotFound; InputError for an admin token that names none, as it is no user."""
    named = request.query_params.get("user", "")
    own = by.caller.user
    if own is not None and named in ("", own.id):
        return own
    by.caller.require(Role.ADMIN)
    if not named:
        raise InputError("an admin token is no user", hint="say whose by ?user=ID (see: logkeep user ls)")
    return by.services.catalog.users.get(named)
