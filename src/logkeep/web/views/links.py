"""Links that work once: the set-up link makes the first administrator, an invitation sets a password."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.errors import LogkeepError, NotFound
from logkeep.web.local_path import FIRST_PAGE
from logkeep.web.outside import Outside, outside, twice

_SET_UP, _INVITATION, _OPENS_NOTHING = (
    "sign_in/set_up.html",
    "sign_in/invitation.html",
    "sign_in/opens_nothing.html",
)


async def show_set_up(here: Outside) -> Response:
    token = here.param("token")
    try:
        await run_in_threadpool(here.gate.entrance.check_setup, token)
    except NotFound as error:
        return here.render(_OPENS_NOTHING, error=error, what="set-up link")
    return here.render(_SET_UP, name="")


async def set_up(here: Outside) -> Response:
    token, visitor, name = here.param("token"), here.visitor, ""
    try:
        form = await here.form()
        name = form.text("name")
        password = twice(form)
        session = await here.gate.enter(lambda: here.gate.entrance.set_up(token, name, password, visitor))
    except NotFound as error:
        return here.render(_OPENS_NOTHING, error=error, what="set-up link")
    except LogkeepError as error:
        return here.render(_SET_UP, error=error, name=name)
    return await here.enter(session, FIRST_PAGE, "You are the administrator of this server.")


async def show_invitation(here: Outside) -> Response:
    token = here.param("token")
    try:
        user = await run_in_threadpool(here.gate.entrance.invited, token)
    except LogkeepError as error:
        return here.render(_OPENS_NOTHING, error=error, what="invitation")
    return here.render(_INVITATION, name=user.name)


async def accept_invitation(here: Outside) -> Response:
    token, visitor, name = here.param("token"), here.visitor, ""
    try:
        name = (await run_in_threadpool(here.gate.entrance.invited, token)).name
        password = twice(await here.form())
        session = await here.gate.enter(lambda: here.gate.entrance.accept(token, password, visitor))
    except LogkeepError as error:
        if isinstance(error, NotFound) or not name:
            return here.render(_OPENS_NOTHING, error=error, what="invitation")
        return here.render(_INVITATION, error=error, name=name)
    return await here.enter(session, FIRST_PAGE, "Your password is set, and you are signed in.")


ROUTES: list[BaseRoute] = [
    outside("/setup/{token}", show_set_up),
    outside("/setup/{token}", set_up, "POST"),
    outside("/invite/{token}", show_invitation),
    outside("/invite/{token}", accept_invitation, "POST"),
]
