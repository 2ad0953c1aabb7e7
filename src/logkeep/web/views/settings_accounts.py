"""Settings > Accounts: all of them, and one with what can be set of it."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.snippets import snippets
from logkeep.web.visit import Visit, action, page

_ALL = "/settings/accounts"
_ONE = "/settings/accounts/{id}"


async def list_accounts(visit: Visit) -> Response:
    return await _listed(visit)


async def create_account(visit: Visit) -> Response:
    """The answer shows the new account's first key, this once."""
    form = await visit.form()
    try:
        made = await visit.api.post(
            "/v1/accounts",
            {
                "name": form.text("name"),
                "title": form.text("title"),
                "parent": form.text("parent"),
                "retention": form.text("retention") or None,
                "archive": "default" if form.checked("archived") else "none",
            },
        )
    except Problem as problem:
        return await _listed(visit, form=form, problem=problem, status=problem.status)
    url = visit.server_url
    return visit.render(
        "settings/account_made.html",
        account=made,
        key=made["ingest_key"],
        url=url,
        snippets=snippets(url, made["ingest_key"]),
    )


async def show_account(visit: Visit) -> Response:
    return await _shown(visit)


async def change_account(visit: Visit) -> Response:
    form, account = await visit.form(), visit.path["id"]
    wanted = {
        "title": form.text("title"),
        "retention": form.text("retention") or None,
        "match": form.text("match", "first"),
    }
    try:
        await visit.api.patch(f"/v1/accounts/{account}", wanted)
    except Problem as problem:
        return await _shown(visit, form=form, problem=problem, status=problem.status)
    return visit.go(f"{_ALL}/{account}", "The account is changed.")


async def suspend_account(visit: Visit) -> Response:
    account, suspended = visit.path["id"], (await visit.form()).checked("suspended")
    await visit.api.patch(f"/v1/accounts/{account}", {"suspended": suspended})
    done = "Its lines are refused from now on." if suspended else "Its lines are taken in again."
    return visit.go(f"{_ALL}/{account}", done)


async def delete_account(visit: Visit) -> Response:
    form, account = await visit.form(), visit.path["id"]
    if form.text("confirmed") != account:
        wrong = Problem(
            status=400,
            code="not-confirmed",
            title="",
            detail="the name that was typed is not the account's",
            hint="type it exactly to delete the account",
        )
        return await _shown(visit, problem=wrong, status=400)
    try:
        await visit.api.delete(f"/v1/accounts/{account}", discard=form.checked("discard"))
    except Problem as problem:
        return await _shown(visit, problem=problem, status=problem.status)
    return visit.go(_ALL, f"The account {account} is deleted.")


async def _listed(
    visit: Visit, *, form: Form | None = None, problem: Problem | None = None, status: int = 200
) -> Response:
    accounts = (await visit.api.get("/v1/accounts"))["accounts"]
    live = [one for one in accounts if one["kind"] == "live"]
    return visit.render(
        "settings/accounts.html",
        accounts=_in_families(live),
        parents=[("", "No other account")]
        + [(one["account"], one["account"]) for one in live if not one["parent"]],
        form=form or Form([("archived", "1")]),
        problem=problem,
        status=status,
    )


async def _shown(
    visit: Visit, *, form: Form | None = None, problem: Problem | None = None, status: int = 200
) -> Response:
    account = visit.path["id"]
    shown = await visit.api.get(f"/v1/accounts/{account}")
    every = (await visit.api.get("/v1/accounts"))["accounts"]
    return visit.render(
        "settings/account.html",
        account=shown,
        children=[one["account"] for one in every if one["parent"] == account],
        title=form.text("title") if form else shown["title"],
        retention=form.text("retention") if form else _duration(shown["retention"]),
        match=form.text("match") if form else shown["match"],
        problem=problem,
        status=status,
    )


def _in_families(accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sub-accounts after their parents; those whose parent is not seen stand by themselves."""
    return sorted(
        accounts, key=lambda one: (one["parent"] or one["account"], one["parent"] or "", one["account"])
    )


def _duration(seconds: int | None) -> str:
    """As it can be typed: `30d`, `12h`, `90s`; "" for the server's."""
    if not seconds:
        return ""
    unit, letter = next(
        (unit, letter)
        for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
        if seconds % unit == 0
    )
    return f"{seconds // unit}{letter}"


ROUTES: list[BaseRoute] = [
    page(_ALL, list_accounts),
    action(_ALL, create_account, role=Role.ADMIN),
    page(_ONE, show_account),
    action(_ONE, change_account, role=Role.ADMIN),
    action(f"{_ONE}/suspend", suspend_account, role=Role.ADMIN),
    action(f"{_ONE}/delete", delete_account, role=Role.ADMIN),
]
