"""Archiving > Archive settings: the archives of each account, one archive, and its switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web import archive_words, fragments
from logkeep.web.archive_form import CHECKS, SettingsForm, placed, settings_body
from logkeep.web.archive_links import links_of
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.visit import Visit, action, page

SETTINGS = "/archiving/settings"
_ONE = f"{SETTINGS}/{{archive}}"

Shown = Mapping[str, Any]

_DONE = {
    "start": "Archiving is on. Lines that come from now on are archived.",
    "pause": "Archiving is paused. Lines that come wait.",
    "stop": "Archiving is off. Lines that come from now on are not archived; those that came before are.",
    "forget-secrets": "The credentials are removed, and archiving is off. What waits is kept until there "
    "are credentials again.",
}


async def list_settings(visit: Visit) -> Response:
    accounts = (await visit.api.get("/v1/accounts"))["accounts"]
    archives: Sequence[Shown] = (await visit.api.get("/v1/archives"))["archives"]
    live = [one for one in accounts if one["kind"] == "live"]
    return visit.render(
        "archive_settings/list.html",
        accounts=_in_families(live),
        archives={one["account"]: [of for of in archives if of["account"] == one["account"]] for one in live},
        words=archive_words,
    )


async def show_settings(visit: Visit) -> Response:
    return await _shown(visit)


async def change_settings(visit: Visit) -> Response:
    form = await visit.form()
    archive = await _archive(visit)
    options = await _layout_options(visit, form.text("layout")) if archive["layout"] else ()
    body = settings_body(form, foreign=bool(archive["layout"]), options=options)
    try:
        await visit.api.patch(f"/v1/archives/{archive['id']}", body)
    except Problem as problem:
        return await _shown(visit, form=form, problem=problem)
    return visit.go(_path(archive), "The settings are saved.")


async def start_archive(visit: Visit) -> Response:
    form = await visit.form()
    return await _switch(visit, "start", {"take_over": form.checked("take_over")})


async def pause_archive(visit: Visit) -> Response:
    """With the box ticked the credentials go, which stops it."""
    form = await visit.form()
    return await _switch(visit, "forget-secrets" if form.checked("remove_credentials") else "pause")


async def stop_archive(visit: Visit) -> Response:
    return await _switch(visit, "stop")


async def remove_archive(visit: Visit) -> Response:
    form = await visit.form()
    archive = await _archive(visit)
    try:
        await visit.api.delete(f"/v1/archives/{archive['id']}", discard=form.checked("discard"))
    except Problem as problem:
        return await _shown(visit, problem=problem)
    return visit.go(SETTINGS, f"The archive {archive['id']} is removed. Its objects stay where they are.")


async def backfill_archive(visit: Visit) -> Response:
    form = await visit.form()
    archive = await _archive(visit)
    span = {"from": form.text("from"), "to": form.text("to") or "now"}
    try:
        done = await visit.api.post(f"/v1/archives/{archive['id']}/backfill", span)
    except Problem as problem:
        return await _shown(visit, form=form, problem=problem)
    lines = f"{done['lines']:,} lines were added; they are written as late lines are."
    none = f"Nothing was missing in the {done['hours']:,} hours that live search still has."
    return visit.go(_path(archive), lines if done["lines"] else none)


async def check_archive(visit: Visit) -> Response:
    """A verify or a drill, now."""
    kind = "drill" if (await visit.form()).text("kind") == "drill" else "verify"
    check = await visit.api.post(f"/v1/archives/{visit.path['archive']}/{kind}")
    verdict = "All is well" if check["ok"] else "Something is wrong"
    return visit.go(f"{SETTINGS}/{visit.path['archive']}", f"{verdict}. {check['summary']}.")


async def test_archive(visit: Visit) -> Response:
    """Shows the verdicts; nothing is changed."""
    tested = await visit.api.post(f"/v1/archives/{visit.path['archive']}/test")
    if fragments.wanted(visit):
        return visit.render(
            "archive_settings/_told.html",
            tested=tested,
            checks=CHECKS,
            problem=None,
            grant=None,
            detected=None,
        )
    return await _shown(visit, tested=tested)


async def choose_match(visit: Visit) -> Response:
    """Whether a line that several archives want goes to the first or to all."""
    form = await visit.form()
    await visit.api.patch(f"/v1/accounts/{visit.path['account']}", {"match": form.text("match")})
    return visit.go(SETTINGS, "The archives of the account are told apart so from now on.")


async def _switch(visit: Visit, switch: str, body: Mapping[str, Any] | None = None) -> Response:
    archive = await _archive(visit)
    try:
        await visit.api.post(f"/v1/archives/{archive['id']}/{switch}", body)
    except Problem as problem:
        return await _shown(visit, problem=problem)
    return visit.go(_path(archive), _DONE[switch])


async def _shown(
    visit: Visit,
    *,
    form: Form | None = None,
    problem: Problem | None = None,
    tested: Shown | None = None,
) -> Response:
    archive = await _archive(visit)
    can_test = visit.me.may("member")
    problem = placed(problem) if problem else None
    return visit.render(
        "archive_settings/archive.html",
        archive=archive,
        words=archive_words,
        links=links_of(archive),
        form=SettingsForm(typed=form if form and "title" in form else None, archive=archive),
        span=form if form and "from" in form else Form([]),
        layouts=(await visit.api.get("/v1/layouts"))["layouts"] if archive["layout"] else [],
        grant=await visit.api.get(f"/v1/archives/{archive['id']}/grant") if can_test else None,
        problem=problem,
        tested=tested,
        checks=CHECKS,
        status=problem.status if problem else 200,
    )


async def _archive(visit: Visit) -> Shown:
    found: Shown = await visit.api.get(f"/v1/archives/{visit.path['archive']}")
    return found


async def _layout_options(visit: Visit, name: str) -> Sequence[str]:
    layouts = (await visit.api.get("/v1/layouts"))["layouts"]
    return [option["name"] for one in layouts if one["layout"] == name for option in one["options"]]


def _path(archive: Shown) -> str:
    return f"{SETTINGS}/{quote(archive['id'], safe='')}"


def _in_families(accounts: Sequence[Shown]) -> Sequence[Shown]:
    """Each account with its sub-accounts behind it; one whose parent is not seen stands for itself."""
    seen = {one["account"] for one in accounts}
    heads = [one for one in accounts if one["parent"] not in seen]
    return [
        one
        for head in heads
        for one in (head, *(child for child in accounts if child["parent"] == head["account"]))
    ]


ROUTES: list[BaseRoute] = [
    page(SETTINGS, list_settings),
    page(_ONE, show_settings),
    action(_ONE, change_settings, role=Role.ADMIN),
    action(f"{_ONE}/start", start_archive, role=Role.ADMIN),
    action(f"{_ONE}/pause", pause_archive, role=Role.ADMIN),
    action(f"{_ONE}/stop", stop_archive, role=Role.ADMIN),
    action(f"{_ONE}/remove", remove_archive, role=Role.ADMIN),
    action(f"{_ONE}/backfill", backfill_archive, role=Role.ADMIN),
    action(f"{_ONE}/check", check_archive),
    action(f"{_ONE}/test", test_archive),
    action(f"{SETTINGS}/accounts/{{account}}/match", choose_match, role=Role.ADMIN),
]
