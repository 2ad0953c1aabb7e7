"""Settings > Accounts > Exclusion rules: what is kept out, with a preview before it is saved."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.visit import Visit, action, page

_RULES = "/settings/accounts/{id}/rules"
_RULE = "/settings/accounts/{id}/rules/{rule}"
_SPANS = (("15m", "15 minutes"), ("1h", "hour"), ("6h", "6 hours"), ("24h", "24 hours"), ("7d", "7 days"))


async def list_rules(visit: Visit) -> Response:
    account = visit.path["id"]
    return visit.render(
        "settings/rules.html",
        account=await visit.api.get(f"/v1/accounts/{account}"),
        rules=(await visit.api.get(f"/v1/accounts/{account}/rules"))["rules"],
    )


async def new_rule(visit: Visit) -> Response:
    return await _edited(visit, Form([("active", "1")]))


async def show_rule(visit: Visit) -> Response:
    rule = await visit.api.get(f"/v1/rules/{visit.path['rule']}")
    return await _edited(visit, _form_of(rule), rule=rule)


async def create_rule(visit: Visit) -> Response:
    form = await visit.form()
    if form.text("do") == "preview":
        return await _previewed(visit, form)
    try:
        await visit.api.post(f"/v1/accounts/{visit.path['id']}/rules", _wanted(form))
    except Problem as problem:
        return await _edited(visit, form, problem=problem, status=problem.status)
    return _back(visit, "The rule is saved.")


async def change_rule(visit: Visit) -> Response:
    form = await visit.form()
    rule = await visit.api.get(f"/v1/rules/{visit.path['rule']}")
    if form.text("do") == "preview":
        return await _previewed(visit, form, rule=rule)
    try:
        await visit.api.patch(f"/v1/rules/{rule['id']}", _wanted(form))
    except Problem as problem:
        return await _edited(visit, form, rule=rule, problem=problem, status=problem.status)
    return _back(visit, "The rule is changed.")


async def switch_rule(visit: Visit) -> Response:
    active = (await visit.form()).checked("active")
    await visit.api.patch(f"/v1/rules/{visit.path['rule']}", {"active": active})
    return _back(visit, "The rule is on." if active else "The rule is off: it drops nothing.")


async def delete_rule(visit: Visit) -> Response:
    await visit.api.delete(f"/v1/rules/{visit.path['rule']}")
    return _back(visit, "The rule is deleted.")


async def _previewed(visit: Visit, form: Form, *, rule: dict[str, Any] | None = None) -> Response:
    wanted = _wanted(form)
    condition = {name: wanted[name] for name in ("hosts", "apps", "query")}
    try:
        preview = await visit.api.post(
            f"/v1/accounts/{visit.path['id']}/rules/preview",
            {**condition, "last": form.text("last", "1h")},
        )
    except Problem as problem:
        return await _edited(visit, form, rule=rule, problem=problem, status=problem.status)
    return await _edited(visit, form, rule=rule, preview=preview)


async def _edited(
    visit: Visit,
    form: Form,
    *,
    rule: dict[str, Any] | None = None,
    preview: dict[str, Any] | None = None,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    return visit.render(
        "settings/rule.html",
        account=await visit.api.get(f"/v1/accounts/{visit.path['id']}"),
        rule=rule,
        form=form,
        preview=preview,
        spans=_SPANS,
        problem=problem,
        status=status,
    )


def _wanted(form: Form) -> dict[str, Any]:
    return {
        "title": form.text("title"),
        "hosts": _names(form.raw("hosts")),
        "apps": _names(form.raw("apps")),
        "query": form.text("query"),
        "active": form.checked("active"),
        "live_tail": form.checked("live_tail"),
    }


def _names(text: str) -> list[str]:
    """One a line."""
    return [name for line in text.splitlines() if (name := line.strip())]


def _form_of(rule: dict[str, Any]) -> Form:
    return Form(
        [
            ("title", rule["title"]),
            ("hosts", "\n".join(rule["hosts"])),
            ("apps", "\n".join(rule["apps"])),
            ("query", rule["query"]),
            ("active", "1" if rule["active"] else ""),
            ("live_tail", "1" if rule["live_tail"] else ""),
        ]
    )


def _back(visit: Visit, notice: str) -> Response:
    return visit.go(f"/settings/accounts/{visit.path['id']}/rules", notice)


ROUTES: list[BaseRoute] = [
    page(_RULES, list_rules),
    action(_RULES, create_rule),
    page(f"{_RULES}/new", new_rule, role=Role.MEMBER),
    page(_RULE, show_rule, role=Role.MEMBER),
    action(_RULE, change_rule),
    action(f"{_RULE}/switch", switch_rule),
    action(f"{_RULE}/delete", delete_rule),
]
