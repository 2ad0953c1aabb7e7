"""Light, dark, or as the system says: a choice of the browser, kept in a cookie."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.local_path import local_path
from logkeep.web.visit import Visit, action

COOKIE = "logkeep_theme"
_THEMES = ("light", "dark")
_YEAR_S = 365 * 86_400


def chosen(request: Request) -> str:
    """`light` or `dark`; "" to do as the system does."""
    theme = request.cookies.get(COOKIE, "")
    return theme if theme in _THEMES else ""


async def choose_theme(visit: Visit) -> Response:
    form = await visit.form()
    theme, back = form.text("theme"), form.text("back")
    answer = visit.go(local_path(back))
    if theme in _THEMES:
        answer.set_cookie(COOKIE, theme, max_age=_YEAR_S, samesite="lax", path="/")
    else:
        answer.delete_cookie(COOKIE, path="/")
    return answer


ROUTES: list[BaseRoute] = [action("/theme", choose_theme, role=Role.READ_ONLY)]
