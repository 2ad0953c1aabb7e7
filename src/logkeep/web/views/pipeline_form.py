"""Pipelines as a form: parts are added, taken away and moved, and have a field for each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.form import Form
from logkeep.web.pipeline_draft import KINDS, Choices, Types, changed, draft_of, field_of, kinds_of, too_large
from logkeep.web.problem import Problem
from logkeep.web.traced import Course
from logkeep.web.views.pipeline_edit import (
    TOLD_ELSEWHERE,
    Wrong,
    lines_of,
    newer_than,
    told_saved,
    try_lines,
    wrongs,
)
from logkeep.web.views.pipelines import api_path
from logkeep.web.visit import Visit, action, page

_NEW: Mapping[str, Any] = {
    "account": "main",
    "sources": [{"type": "http", "name": "in"}],
    "processors": [],
    "destinations": [],
}


async def fill_in_new(visit: Visit) -> Response:
    return await _page(visit, _NEW)


async def fill_in(visit: Visit) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    return await _page(visit, pipeline["spec"], version=str(pipeline["version"]))


async def press(visit: Visit) -> Response:
    """What the pressed button says: change the parts, check it, try it with lines, or save it."""
    form = await visit.form()
    draft = draft_of(form, await visit.api.get("/v1/pipeline-types"))
    if "id" in visit.path:
        draft["id"] = visit.path["id"]
    wanted = form.text("do", "check")
    if wanted not in ("check", "save", "test"):
        adding = {kind: form.text(f"{kind}:adding") for kind, _ in KINDS}
        return await _page(visit, changed(draft, wanted, adding), form=form)
    try:
        return await _done(visit, form, draft, wanted)
    except Problem as problem:
        if problem.status in TOLD_ELSEWHERE and not problem.members.get("problems"):
            raise
        return await _page(visit, draft, form=form, problem=problem)


async def _done(visit: Visit, form: Form, draft: Mapping[str, Any], wanted: str) -> Response:
    if not draft.get("id"):
        raise _without_id()
    path = f"/v1/pipelines/{quote(str(draft['id']), safe='')}"
    if wanted == "test":
        tried = await try_lines(visit, form, "/v1/pipelines/test", pipeline=draft)
        return await _page(visit, draft, form=form, tried=tried)
    if wanted == "check":
        found = await visit.api.put(path, draft, dry_run=True)
        return await _page(visit, draft, form=form, written=found["yaml"])
    if newer := await newer_than(visit, form, visit.path.get("id", "")):
        return await _page(visit, draft, form=form, newer=newer)
    return told_saved(visit, await visit.api.put(path, draft, discard=form.checked("discard")))


def _without_id() -> Problem:
    missing, hint = "the id of the new pipeline is missing", "use lower-case letters, digits and dashes"
    wrong = {"path": "id", "line": 0, "message": missing, "hint": hint}
    return Problem(status=400, code="bad-pipeline", title="", detail=missing, members={"problems": [wrong]})


async def _page(
    visit: Visit,
    draft: Mapping[str, Any],
    *,
    version: str = "",
    form: Form | None = None,
    problem: Problem | None = None,
    written: str = "",
    tried: Sequence[Course] | None = None,
    newer: Mapping[str, Any] | None = None,
) -> Response:
    types: Types = await visit.api.get("/v1/pipeline-types")
    choices = await _choices(visit)
    kinds = kinds_of(draft, types, choices)
    found = wrongs(problem)
    return visit.render(
        "pipelines/form.html",
        status=problem.status if problem else 200,
        id=visit.path.get("id", ""),
        draft={"id": "", "title": "", "account": "main", **draft},
        accounts=choices.accounts,
        kinds=kinds,
        too_large=too_large(kinds),
        version=form.text("version") if form else version,
        lines=lines_of(form, "lines") if form else "",
        ndjson=form.checked("ndjson") if form else False,
        discard=form.checked("discard") if form else False,
        adding={kind: form.text(f"{kind}:adding") if form else "" for kind, _ in KINDS},
        problem=problem,
        wrongs=found,
        wrong_at=_by_field(found),
        written=written,
        tried=tried,
        newer=newer,
    )


async def _choices(visit: Visit) -> Choices:
    accounts = (await visit.api.get("/v1/accounts"))["accounts"]
    providers = (await visit.api.get("/v1/providers"))["providers"]
    return Choices(
        accounts=[one["account"] for one in accounts if one["kind"] == "live"],
        providers={one["provider"]: one["fields"] for one in providers},
    )


def _by_field(found: Sequence[Wrong]) -> dict[str, list[Wrong]]:
    """What is wrong, by the name of the field that it is about, and of everything that holds this field."""
    by_field: dict[str, list[Wrong]] = {}
    for one in found:
        name = field_of(one.path)
        by_field.setdefault(name, []).append(one)
        while name := name.rpartition(".")[0]:
            by_field.setdefault(name, []).append(one)
    return by_field


_ONE = "/pipelines/{id}"

# Before those of pipelines.py: no pipeline can be called "new".
ROUTES: list[BaseRoute] = [
    page("/pipelines/new/form", fill_in_new, role=Role.ADMIN),
    action("/pipelines/new/form", press, role=Role.ADMIN),
    page(f"{_ONE}/form", fill_in, role=Role.ADMIN),
    action(f"{_ONE}/form", press, role=Role.ADMIN),
]
