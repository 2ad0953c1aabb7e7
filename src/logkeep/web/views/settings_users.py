"""Settings > Users: who may sign in, with which role, and in which accounts."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.visit import Visit, action, page

_ALL = "/settings/users"
_ONE = "/settings/users/{id}"
ROLES = (
    ("read-only", "Read-only", "Looks and searches in the accounts below."),
    (
        "member",
        "Member",
        "Also exports, restores, excludes lines, issues ingest keys and checks archives there.",
    ),
    ("admin", "Administrator", "Everything, in all accounts."),
)


async def list_users(visit: Visit) -> Response:
    return await _listed(visit, Form([("role", "member")]))


async def create_user(visit: Visit) -> Response:
    """The answer shows the link with which the user sets a password, this once."""
    form = await visit.form()
    wanted = {"name": form.text("name"), "role": form.text("role"), "accounts": form.all("accounts")}
    try:
        made = await visit.api.post("/v1/users", wanted)
    except Problem as problem:
        return await _listed(visit, form, problem=problem, status=problem.status)
    return _linked(visit, made)


async def show_user(visit: Visit) -> Response:
    return await _shown(visit)


async def change_user(visit: Visit) -> Response:
    form, user = await visit.form(), visit.path["id"]
    wanted = {"name": form.text("name"), "role": form.text("role"), "accounts": form.all("accounts")}
    try:
        await visit.api.patch(f"/v1/users/{user}", wanted)
    except Problem as problem:
        return await _shown(visit, form=form, problem=problem, status=problem.status)
    return visit.go(f"{_ALL}/{user}", "The user is changed.")


async def disable_user(visit: Visit) -> Response:
    user, disabled = visit.path["id"], (await visit.form()).checked("disabled")
    try:
        await visit.api.patch(f"/v1/users/{user}", {"disabled": disabled})
    except Problem as problem:
        return await _shown(visit, problem=problem, status=problem.status)
    done = "The user is signed out everywhere and kept out." if disabled else "The user may sign in again."
    return visit.go(f"{_ALL}/{user}", done)


async def invite_user(visit: Visit) -> Response:
    return _linked(visit, await visit.api.post(f"/v1/users/{visit.path['id']}/invite"))


async def delete_user(visit: Visit) -> Response:
    try:
        deleted = await visit.api.delete(f"/v1/users/{visit.path['id']}")
    except Problem as problem:
        return await _shown(visit, problem=problem, status=problem.status)
    return visit.go(_ALL, f"The user {deleted['name']} is deleted.")


def _linked(visit: Visit, user: dict[str, Any]) -> Response:
    return visit.render("settings/user_link.html", user=user, link=f"{visit.server_url}{user['link']}")


async def _listed(visit: Visit, form: Form, *, problem: Problem | None = None, status: int = 200) -> Response:
    return visit.render(
        "settings/users.html",
        users=(await visit.api.get("/v1/users"))["users"],
        form=form,
        chosen=form.all("accounts"),
        accounts=await _accounts(visit),
        roles=ROLES,
        problem=problem,
        status=status,
    )


async def _shown(
    visit: Visit, *, form: Form | None = None, problem: Problem | None = None, status: int = 200
) -> Response:
    user = await visit.api.get(f"/v1/users/{visit.path['id']}")
    return visit.render(
        "settings/user.html",
        user=user,
        name=form.text("name") if form else user["name"],
        role=form.text("role") if form else user["role"],
        chosen=form.all("accounts") if form else user["accounts"] or [],
        accounts=await _accounts(visit),
        roles=ROLES,
        problem=problem,
        status=status,
    )


async def _accounts(visit: Visit) -> list[dict[str, Any]]:
    """Live ones; a restored account is seen with the account of its lines."""
    every = (await visit.api.get("/v1/accounts"))["accounts"]
    return [one for one in every if one["kind"] == "live"]


ROUTES: list[BaseRoute] = [
    page(_ALL, list_users, role=Role.ADMIN),
    action(_ALL, create_user, role=Role.ADMIN),
    page(_ONE, show_user, role=Role.ADMIN),
    action(_ONE, change_user, role=Role.ADMIN),
    action(f"{_ONE}/disable", disable_user, role=Role.ADMIN),
    action(f"{_ONE}/invite", invite_user, role=Role.ADMIN),
    action(f"{_ONE}/delete", delete_user, role=Role.ADMIN),
]
