"""The web app as one ASGI application.

How a page is made. `views/AREA.py` has handlers `async def show_thing(visit: Visit) -> Response` and a list
`ROUTES` of `page("/path", show_thing)` and `action("/path", do_thing)` (visit.py), which AREAS below names. A
handler asks the API (`await visit.api.get("/v1/…")`), and answers `visit.render("area/thing.html", …)` or,
after a form, `visit.go("/path", "What was done.")`. A Problem that it does not catch becomes a page of its
own; one that belongs into a form is caught and handed to the template (`problem=`), whose macros
(templates/_macros.html) show it at its field. Templates extend base.html and set the blocks `title`, `area`
(the section of the head that is lit, see navigation.py), `content`, and `head` for style sheets and modules:
`{{ static("css/logs.css") }}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from logkeep.api.problems import retry_headers, status_of
from logkeep.api.services import Services
from logkeep.errors import LogkeepError
from logkeep.web import navigation, shown, text
from logkeep.web.gate import build_gate
from logkeep.web.headers import SecureHeaders
from logkeep.web.logs import filters
from logkeep.web.logs.pending import Pending
from logkeep.web.problem import Problem
from logkeep.web.static import Static
from logkeep.web.views import (
    archive_connection,
    archive_settings,
    browse,
    dead_letters,
    links,
    logs,
    oidc,
    pipeline_edit,
    pipeline_form,
    pipelines,
    profile,
    restore_new,
    restores,
    settings_accounts,
    settings_audit,
    settings_keys,
    settings_rules,
    settings_tokens,
    settings_users,
    sign_in,
    theme,
)
from logkeep.web.visit import NOTICE_COOKIE, sign_in_first, visit_of

TEMPLATES = Path(__file__).parent / "templates"


async def go_home(_: Request) -> Response:
    return RedirectResponse("/logs", status_code=303)


# Each area's routes; of two paths that fit, the first counts.
AREAS: tuple[list[BaseRoute], ...] = (
    sign_in.ROUTES,
    links.ROUTES,
    oidc.ROUTES,
    profile.ROUTES,
    browse.ROUTES,
    logs.ROUTES,
    archive_connection.ROUTES,
    archive_settings.ROUTES,
    restore_new.ROUTES,
    restores.ROUTES,
    theme.ROUTES,
    settings_accounts.ROUTES,
    settings_keys.ROUTES,
    settings_rules.ROUTES,
    settings_users.ROUTES,
    settings_tokens.ROUTES,
    settings_audit.ROUTES,
    pipeline_form.ROUTES,
    pipeline_edit.ROUTES,
    pipelines.ROUTES,
    dead_letters.ROUTES,
)
ROUTES: list[BaseRoute] = [Route("/", go_home), *(route for area in AREAS for route in area)]


class Site:
    """What all pages share. It owns none of the services."""

    def __init__(self, api: ASGIApp, services: Services) -> None:
        self.api = api
        self.services = services  # for signing in alone; pages ask the API
        self.gate = build_gate(services)
        self.static = Static()
        self.counts = Pending()  # of lines over time, and of the values of fields
        self._templates = _environment(self.static)

    def render(
        self, request: Request, template: str, context: Mapping[str, Any], *, status: int = 200
    ) -> Response:
        """A page. `context` lacks `me` where nobody is signed in."""
        notice = unquote(request.cookies.get(NOTICE_COOKIE, ""))
        known = {
            "me": None,
            "csrf": "",
            "request": request,
            "theme": theme.chosen(request),
            "here": request.url.path,
            "notice": notice,
            "problem": None,
            "running": None,
            **context,
        }
        body = self._templates.get_template(template).render(known)
        # Lines may hold what is no text in UTF-8; what shows them makes it visible: this is the last resort.
        answer = HTMLResponse(body.encode("utf-8", "replace"), status_code=status)
        if notice:
            answer.delete_cookie(NOTICE_COOKIE, path="/")
        return answer


def build_site(api: ASGIApp, services: Services) -> Starlette:
    """The application of all pages, over the API and for signing in over the services."""
    site = Site(api, services)
    application = Starlette(
        routes=[site.static.mount, *ROUTES],
        exception_handlers={
            Problem: _answer_problem,
            LogkeepError: _answer_error,
            HTTPException: _answer_http_exception,
            Exception: _answer_defect,
        },
    )
    application.add_middleware(SecureHeaders)
    application.state.site = site
    application.state.services = services
    return application


def _environment(static: Static) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown.install(environment)
    text.install(environment)
    filters.install(environment)
    environment.globals |= {"static": static.url, "tabs": navigation.tabs, "sections": navigation.SECTIONS}
    return environment


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class alone
    if error.status == 401:
        return sign_in_first(request)
    return await _told(request, error)


async def _answer_error(request: Request, error: Exception) -> Response:
    """An error of our own outside the API: a form that cannot be read, say."""
    assert isinstance(error, LogkeepError)  # noqa: S101 - registered for this class alone
    told = Problem(
        status=status_of(error), code=error.code, title="", detail=error.message, hint=error.hint or ""
    )
    answer = await _told(request, told)
    answer.headers.update(retry_headers(error))
    return answer


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    hint = "check the address, or start from one of the pages above" if error.status_code == 404 else ""
    detail = "There is no such page." if error.status_code == 404 else str(error.detail)
    return await _told(
        request, Problem(status=error.status_code, code="", title="", detail=detail, hint=hint)
    )


async def _answer_defect(request: Request, error: Exception) -> Response:
    """Anything else; the server's log has the traceback."""
    return await _told(
        request,
        Problem(
            status=500,
            code="internal-error",
            title="",
            detail=f"a defect: {type(error).__name__}",
            hint="the server's log has the details",
        ),
    )


async def _told(request: Request, problem: Problem) -> Response:
    site: Site = request.app.state.site
    visit = await visit_of(request)
    context: dict[str, Any] = {"error": problem, "phrase": _phrase(problem.status)}
    if visit is None:
        return site.render(request, "errors/error.html", context, status=problem.status)
    return visit.render("errors/error.html", status=problem.status, **context)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
