"""Signing in with name and password, and signing out."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from logkeep.errors import Forbidden, LogkeepError
from logkeep.web.local_path import local_path
from logkeep.web.outside import Outside, outside
from logkeep.web.visit import visit_of

PAGE = "sign_in/sign_in.html"
NOT_SENT = "You are signed in again. The form was not sent: look through it, and send it once more."


async def show_sign_in(here: Outside) -> Response:
    """`next` is where to go afterwards, `expired` and `lost` say why the person is here."""
    if await visit_of(here.request) is not None:
        return RedirectResponse(local_path(here.param("next")), status_code=303)
    return render(here, next_=here.param("next"), lost=bool(here.param("lost")))


async def sign_in(here: Outside) -> Response:
    try:
        form = await here.form()
    except Forbidden as error:
        return render(here, error=error)
    name, next_, lost = form.text("name"), form.text("next"), form.checked("lost")
    password, visitor = form.raw("password"), here.visitor
    try:
        token = await here.gate.enter(lambda: here.gate.entrance.by_password(name, password, visitor))
    except LogkeepError as error:
        return render(here, error=error, name=name, next_=next_, lost=lost)
    return await here.enter(token, local_path(next_), NOT_SENT if lost else "")


async def sign_out(request: Request) -> Response:
    """A form of a session that is over already ends nothing, and leads to the same page."""
    visit = await visit_of(request)
    answer = RedirectResponse("/sign-in?out=1", status_code=303)
    if visit is not None:
        await visit.form()
        gate, services = visit.site.gate, visit.site.services
        user = await run_in_threadpool(services.catalog.users.get, visit.me.id)
        await run_in_threadpool(gate.entrance.sign_out, user, visit.session)
        gate.cookies.end_session(answer)
    return answer


def render(
    here: Outside, *, error: LogkeepError | None = None, name: str = "", next_: str = "", lost: bool = False
) -> Response:
    """The page for signing in; also of those who came by another way and were not let in."""
    return here.render(
        PAGE,
        error=error,
        name=name,
        next=local_path(next_),
        lost=lost,
        expired=bool(here.param("expired")),
        out=bool(here.param("out")),
        provider=here.gate.provider_name if here.gate.provider else "",
    )


ROUTES: list[BaseRoute] = [
    outside("/sign-in", show_sign_in),
    outside("/sign-in", sign_in, "POST"),
    Route("/sign-out", sign_out, methods=["POST"]),
]
