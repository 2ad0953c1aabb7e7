"""A request of a person who is signed in: who it is, what the page may use, and how it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from logkeep.api.callers import Caller, caller_of_session, csrf_token, session_cookie
from logkeep.catalog.people import Role, User
from logkeep.web.api import Api
from logkeep.web.form import Form, read_form
from logkeep.web.problem import Problem
from logkeep.web.restores.running import Running, running_restores
from logkeep.web.snippets import server_url

if TYPE_CHECKING:
    from logkeep.web.site import Site

NOTICE_COOKIE = "logkeep_notice"  # what the next page tells once
Handler = Callable[["Visit"], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Me:
    """Who is signed in, as templates see it."""

    id: str
    name: str
    role: Role
    accounts: tuple[str, ...] | None  # None: all

    def may(self, role: str) -> bool:
        """Whether the role is this one or a higher one: `me.may("member")`."""
        return self.role.includes(Role(role))


@dataclass(frozen=True, kw_only=True)
class Visit:
    request: Request
    site: Site
    me: Me
    api: Api
    csrf: str  # the token of this session's forms
    session: str = ""  # its id
    running: Running | None = None  # restores, for the head of the page
    _form: list[Form] = field(default_factory=list)

    @property
    def path(self) -> dict[str, str]:
        """The parts of the path by name, quoted as parts of other paths."""
        return {name: quote(str(value), safe="") for name, value in self.request.path_params.items()}

    @property
    def server_url(self) -> str:
        """Where this server is reached, for senders and for links that are passed on."""
        return server_url(self.site.services.settings.public_url, str(self.request.base_url))

    def param(self, name: str, default: str = "") -> str:
        """A parameter of the URL, without blanks around it."""
        return self.request.query_params.get(name, default).strip()

    async def form(self) -> Form:
        """What was sent with the form. Raises Forbidden where it is not of this session."""
        if not self._form:
            self._form.append(await read_form(self.request, self.csrf))
        return self._form[0]

    def render(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """The page of this template."""
        return self.site.render(
            self.request,
            template,
            {"me": self.me, "csrf": self.csrf, "running": self.running, **context},
            status=status,
        )

    def go(self, path: str, notice: str = "", **params: Any) -> Response:
        """Sends the browser on, after something was done; the next page tells `notice` once."""
        given = {name.removesuffix("_"): value for name, value in params.items() if value not in (None, "")}
        answer = RedirectResponse(f"{path}?{urlencode(given)}" if given else path, status_code=303)
        tell_next(answer, notice)
        return answer


def tell_next(answer: Response, notice: str) -> None:
    """Have the next page tell this once; nothing for ""."""
    if notice:
        answer.set_cookie(NOTICE_COOKIE, quote(notice), max_age=60, httponly=True, samesite="lax", path="/")


def page(path: str, handler: Handler, *, role: Role = Role.READ_ONLY) -> Route:
    """A page: GET of this path by somebody who has the role."""
    return Route(path, partial(_visited, handler, role), methods=["GET"], name=handler.__name__)


def action(path: str, handler: Handler, *, role: Role = Role.MEMBER) -> Route:
    """What a form does: POST to this path. The form is proven to be of the session before it is called."""
    return Route(path, partial(_acted, handler, role), methods=["POST"], name=handler.__name__)


async def _visited(handler: Handler, role: Role, request: Request) -> Response:
    visit = await visit_of(request)
    if visit is None:
        return sign_in_first(request)
    if not visit.me.role.includes(role):
        raise Problem(
            status=403,
            code="forbidden",
            title="Forbidden",
            detail=f"this page needs the role {role}, and you have {visit.me.role}",
            hint="ask an administrator",
        )
    return await handler(replace(visit, running=await running_restores(visit.api)))


async def _acted(handler: Handler, role: Role, request: Request) -> Response:
    async def proven(visit: Visit) -> Response:
        await visit.form()
        return await handler(visit)

    return await _visited(proven, role, request)


async def visit_of(request: Request) -> Visit | None:
    """The visit that a request is; None when nobody is signed in."""
    cookie = session_cookie(request)
    if not cookie:
        return None
    site: Site = request.app.state.site
    caller = await run_in_threadpool(caller_of_session, site.services, cookie)
    if caller is None or caller.user is None:
        return None
    return Visit(
        request=request,
        site=site,
        me=_me(caller, caller.user),
        api=Api(site.api, caller),
        csrf=csrf_token(cookie),
        session=caller.session,
    )


def sign_in_first(request: Request) -> Response:
    """To the page where people sign in, and from there back to this one. What was sent with a form is not
    kept: the page says so."""
    if request.method == "POST":
        back = request.headers.get("referer", "")
        params = {"next": _local(back), "lost": "1"}
    else:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        params = {"next": target}
    if session_cookie(request):
        params["expired"] = "1"
    return RedirectResponse(f"/sign-in?{urlencode(params)}", status_code=303)


def _local(url: str) -> str:
    """The path and query of a URL."""
    rest = url.partition("://")[2]
    return "/" + rest.partition("/")[2]


def _me(caller: Caller, user: User) -> Me:
    accounts = None if caller.accounts is None else tuple(sorted(caller.accounts))
    return Me(id=user.id, name=user.name, role=caller.role, accounts=accounts)
