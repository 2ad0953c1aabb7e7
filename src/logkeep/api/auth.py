"""Keys of requests, by any of the ways that shippers send them, and the account of an ingest key."""

from __future__ import annotations

import base64

from starlette.requests import Request

from logkeep.catalog.keys import Keys
from logkeep.catalog.values import Key, KeyRole
from logkeep.errors import Forbidden, Unauthorized


def ingest_account(request: Request, keys: Keys) -> str:
    """The account that a request may send lines into. Raises Unauthorized or Forbidden."""
    key = _key(request, keys)
    if key.role is not KeyRole.INGEST:
        raise Forbidden("this key may not send lines", hint="use an ingest key of the account")
    return key.account


def token_of(request: Request) -> str:
    """The key that a request carries: Bearer, header `apikey`, Basic user, or `?apikey=`; "" for none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _basic_user(value)
    return request.headers.get("apikey") or request.query_params.get("apikey", "")


def _key(request: Request, keys: Keys) -> Key:
    token = token_of(request)
    if not token:
        raise no_key_given()
    key = keys.resolve(token)
    if key is None:
        raise nobodys_key()
    return key


def no_key_given() -> Unauthorized:
    return Unauthorized(
        "the request carries no key",
        hint="send it as 'Authorization: Bearer KEY', header 'apikey', Basic user, or '?apikey='",
    )


def nobodys_key() -> Unauthorized:
    return Unauthorized("nobody holds this key", hint="check it, or have a new one issued")


def _basic_user(value: str) -> str:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, or not UTF-8 within
        return ""
    return user or password
