"""Settings > Accounts > Ingest keys: the keys of an account, and how to send lines with one."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.problem import Problem
from logkeep.web.snippets import snippets
from logkeep.web.visit import Visit, action, page

_KEYS = "/settings/accounts/{id}/keys"


async def list_keys(visit: Visit) -> Response:
    return await _listed(visit)


async def create_key(visit: Visit) -> Response:
    """The answer shows the key, this once."""
    form = await visit.form()
    try:
        made = await visit.api.post(f"/v1/accounts/{visit.path['id']}/keys", {"name": form.text("name")})
    except Problem as problem:
        return await _listed(visit, name=form.text("name"), problem=problem, status=problem.status)
    return await _listed(visit, key=made["ingest_key"])


async def revoke_key(visit: Visit) -> Response:
    account = visit.path["id"]
    await visit.api.delete(f"/v1/keys/{visit.path['key']}")
    return visit.go(f"/settings/accounts/{account}/keys", "The key is revoked: it opens nothing from now on.")


async def _listed(
    visit: Visit, *, key: str = "", name: str = "", problem: Problem | None = None, status: int = 200
) -> Response:
    account, url = visit.path["id"], visit.server_url
    return visit.render(
        "settings/keys.html",
        account=await visit.api.get(f"/v1/accounts/{account}"),
        keys=(await visit.api.get(f"/v1/accounts/{account}/keys"))["keys"],
        key=key,
        name=name,
        url=url,
        snippets=snippets(url, key),
        problem=problem,
        status=status,
    )


ROUTES: list[BaseRoute] = [
    page(_KEYS, list_keys, role=Role.MEMBER),
    action(_KEYS, create_key),
    action(f"{_KEYS}/{{key}}/revoke", revoke_key),
]
