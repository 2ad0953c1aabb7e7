"""A request of somebody who is not signed in yet, to a page of signing in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from logkeep.api.callers import csrf_token, session_cookie
from logkeep.api.problems import retry_headers, status_of
from logkeep.errors import BadSetting, LogkeepError
from logkeep.web.entrance import Visitor
from logkeep.web.form import Form, read_form
from logkeep.web.gate import Gate
from logkeep.web.problem import Problem
from logkeep.web.visit import tell_next

if TYPE_CHECKING:
    from logkeep.web.site import Site

Handler = Callable[["Outside"], Awaitable[Response]]

_LONGEST_AGENT = 200


@dataclass(frozen=True, kw_only=True)
class Outside:
    request: Request
    site: Site
    secret: str  # of this browser, for its forms

    @property
    def gate(self) -> Gate:
        return self.site.gate

    @property
    def visitor(self) -> Visitor:
        return visitor_of(self.request)

    def param(self, name: str) -> str:
        """A parameter of the path or of the query."""
        return str(self.request.path_params.get(name) or self.request.query_params.get(name, ""))

    async def form(self) -> Form:
        """What was sent. Raises Forbidden unless a page of this server sent it from this browser."""
        return await read_form(self.request, csrf_token(self.secret))

    def render(self, template: str, *, error: LogkeepError | None = None, **context: Any) -> Response:
        """The page, with what went wrong before."""
        problem = None if error is None else problem_of_error(error)
        answer = self.site.render(
            self.request,
            template,
            {"csrf": csrf_token(self.secret), "problem": problem, **context},
            status=200 if error is None else status_of(error),
        )
        if error is not None:
            answer.headers.update(retry_headers(error))
            answer.background = BackgroundTask(self.gate.entrance.note_refusals)
        self.gate.cookies.keep_form_secret(answer, self.secret)
        return answer

    async def enter(self, token: str, path: str, notice: str = "") -> Response:
        """Sends the browser on with its new session. One that it had before is over."""
        if former := session_cookie(self.request):
            await run_in_threadpool(self.gate.entrance.forget, former)
        answer = RedirectResponse(path, status_code=303)
        self.gate.cookies.begin_session(answer, token)
        tell_next(answer, notice)
        return answer


def outside(path: str, handler: Handler, method: str = "GET") -> Route:
    """A page, or what its form does, that needs nobody to be signed in."""
    return Route(path, partial(_come, handler), methods=[method], name=handler.__name__)


def visitor_of(request: Request) -> Visitor:
    client, agent = request.client, request.headers.get("user-agent", "")
    shown = "".join(character for character in agent[:_LONGEST_AGENT] if character.isprintable())
    return Visitor(address=client.host if client else "", agent=shown)


def twice(form: Form) -> str:
    """The new password, as it was typed twice. Raises BadSetting when it was not."""
    password = form.raw("password")
    if password != form.raw("again"):
        raise BadSetting("the two passwords differ", hint="type the same one twice", field="again")
    return password


def problem_of_error(error: LogkeepError) -> Problem:
    """An error of our own as pages tell those of the API."""
    return Problem(
        status=status_of(error),
        code=error.code,
        title="",
        detail=error.message,
        hint=error.hint,
        members=error.details,
    )


async def _come(handler: Handler, request: Request) -> Response:
    site: Site = request.app.state.site
    return await handler(Outside(request=request, site=site, secret=site.gate.cookies.form_secret(request)))
