"""Signing in at an identity provider: the browser goes there and comes back."""

from __future__ import annotations

import base64

import msgspec
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from logkeep.errors import Forbidden, LogkeepError, NotFound
from logkeep.oidc.signin import Begun, SignIn, denied
from logkeep.web.gate import CALLBACK
from logkeep.web.local_path import local_path
from logkeep.web.outside import Outside, outside
from logkeep.web.views import sign_in


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser's cookie keeps meanwhile: nothing is kept here for those who never come back."""

    state: str
    nonce: str
    verifier: str
    next: str
    lost: bool = False


async def start(here: Outside) -> Response:
    next_, lost = local_path(here.param("next")), bool(here.param("lost"))
    try:
        provider = _provider(here)
        url, begun = await here.gate.ask(lambda: provider.begin(here.gate.callback(here.request)))
    except LogkeepError as error:
        return sign_in.render(here, error=error, next_=next_, lost=lost)
    kept = _Kept(state=begun.state, nonce=begun.nonce, verifier=begun.verifier, next=next_, lost=lost)
    answer = RedirectResponse(url, status_code=303)
    here.gate.cookies.keep_begun(answer, _packed(kept))
    return answer


async def come_back(here: Outside) -> Response:
    kept = _unpacked(here.gate.cookies.begun(here.request))
    try:
        if kept is None:
            raise _not_begun(here)
        token = await _entered(here, kept)
    except LogkeepError as error:
        next_, lost = (kept.next, kept.lost) if kept else ("", False)
        answer = sign_in.render(here, error=error, next_=next_, lost=lost)
        here.gate.cookies.forget_begun(answer)
        return answer
    return await here.enter(token, local_path(kept.next), sign_in.NOT_SENT if kept.lost else "")


async def _entered(here: Outside, kept: _Kept) -> str:
    provider, params, visitor = _provider(here), dict(here.request.query_params), here.visitor
    begun = Begun(state=kept.state, nonce=kept.nonce, verifier=kept.verifier)
    identity = await here.gate.ask(lambda: provider.finish(begun, params, here.gate.callback(here.request)))
    return await here.gate.enter(lambda: here.gate.entrance.by_identity(identity, visitor))


def _not_begun(here: Outside) -> Forbidden:
    if here.param("error") == "access_denied":
        return denied()
    return Forbidden("this sign-in was not begun in this browser, or too long ago", hint="begin it again")


def _provider(here: Outside) -> SignIn:
    if here.gate.provider is None:
        raise NotFound("nobody signs in at an identity provider here", hint="sign in with a password")
    return here.gate.provider


def _packed(kept: _Kept) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(kept)).decode()


def _unpacked(text: str) -> _Kept | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Kept) if text else None
    except (msgspec.DecodeError, ValueError):
        return None


ROUTES: list[BaseRoute] = [outside("/oidc/start", start), outside(CALLBACK, come_back)]
