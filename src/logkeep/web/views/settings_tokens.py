"""Settings > API tokens: keys of one's own for the API and the commands."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.visit import Visit, action, page

_ALL = "/settings/tokens"
_SCOPES = (
    ("read-only", "Read-only: look and search"),
    ("member", "Member: also restore, export, exclude, issue ingest keys"),
    ("admin", "Administrator: everything"),
)
_LASTS = (
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("365d", "A year"),
    ("", "Until it is revoked"),
)


async def list_tokens(visit: Visit) -> Response:
    return await _listed(visit, Form([("expires", "90d")]))


async def create_token(visit: Visit) -> Response:
    """The answer shows the token, this once."""
    form = await visit.form()
    wanted = {
        "name": form.text("name"),
        "scope": form.text("scope"),
        "expires": form.text("expires") or None,
    }
    try:
        made = await visit.api.post("/v1/tokens", wanted)
    except Problem as problem:
        return await _listed(visit, form, problem=problem, status=problem.status)
    return await _listed(visit, Form([("expires", "90d")]), token=made["token"])


async def revoke_token(visit: Visit) -> Response:
    await visit.api.delete(f"/v1/tokens/{visit.path['id']}")
    return visit.go(_ALL, "The token is revoked: it opens nothing from now on.")


async def _listed(
    visit: Visit, form: Form, *, token: str = "", problem: Problem | None = None, status: int = 200
) -> Response:
    return visit.render(
        "settings/tokens.html",
        tokens=(await visit.api.get("/v1/tokens"))["tokens"],
        scopes=[one for one in _SCOPES if visit.me.may(one[0])],
        lasts=_LASTS,
        form=form,
        token=token,
        url=visit.server_url,
        problem=problem,
        status=status,
    )


ROUTES: list[BaseRoute] = [
    page(_ALL, list_tokens),
    action(_ALL, create_token, role=Role.READ_ONLY),
    action(f"{_ALL}/{{id}}/revoke", revoke_token, role=Role.READ_ONLY),
]
