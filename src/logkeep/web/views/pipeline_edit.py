"""Pipelines as YAML: written, checked, tried out with lines, saved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.text import visible
from logkeep.web.traced import Course, courses
from logkeep.web.views.pipelines import api_path, own_path, show_keys
from logkeep.web.visit import Visit, action, page

_YAML = {"Content-Type": "application/yaml"}
TOLD_ELSEWHERE = (401, 403, 404)  # by pages of their own
_ID = re.compile(r"^id:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)
_LONGEST_SHOWN = 200  # characters of a line that has a problem

NEW_TEXT = """\
id: my-pipeline
title: My pipeline
account: main
sources:
  - type: http
    name: in
processors:
  - type: parse-json
  - type: filter
    query: NOT level:debug
destinations:
  - type: file
    name: out
    path: my-pipeline.ndjson
"""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """One thing that keeps a pipeline from being saved."""

    path: str
    line: int  # 0: it stands nowhere
    text: str  # of that line
    message: str
    hint: str


async def write_new(visit: Visit) -> Response:
    return _page(visit, "", NEW_TEXT)


async def edit_text(visit: Visit) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    text = await visit.api.get(api_path(visit), format="yaml")
    return _page(visit, pipeline["id"], text, version=pipeline["version"])


async def save_text(visit: Visit) -> Response:
    """What the pressed button says: check it, try it with lines, or save it."""
    form = await visit.form()
    text = lines_of(form, "text")
    pipeline_id = visit.path.get("id", "")
    try:
        return await _done(visit, form, pipeline_id or _id_in(text), text)
    except Problem as problem:
        if problem.status in TOLD_ELSEWHERE and not problem.members.get("problems"):
            raise
        return _page(visit, pipeline_id, text, form=form, problem=problem)


async def _done(visit: Visit, form: Form, pipeline_id: str, text: str) -> Response:
    own = visit.path.get("id", "")
    path = f"/v1/pipelines/{quote(pipeline_id, safe='')}"
    wanted = form.text("do", "check")
    if wanted == "test":
        tried = await try_lines(visit, form, "/v1/pipelines/test", pipeline=text)
        return _page(visit, own, text, form=form, tried=tried)
    content = text.encode()
    if wanted == "check":
        await visit.api.call("PUT", path, params={"dry_run": True}, content=content, headers=_YAML)
        return _page(visit, own, text, form=form, checked=True)
    if newer := await newer_than(visit, form, own):
        return _page(visit, own, text, form=form, newer=newer)
    params = {"discard": form.checked("discard")}
    saved = await visit.api.call("PUT", path, params=params, content=content, headers=_YAML)
    return told_saved(visit, saved)


async def newer_than(visit: Visit, form: Form, pipeline_id: str) -> Mapping[str, Any] | None:
    """The version that somebody else saved since the form was opened, unless the form says to write over
    it."""
    if not pipeline_id:
        return None
    path = f"/v1/pipelines/{quote(pipeline_id, safe='')}"
    pipeline = await visit.api.get(path)
    if str(pipeline["version"]) in (form.text("version"), form.text("over")):
        return None
    made: Mapping[str, Any] = await visit.api.get(f"{path}/versions/{pipeline['version']}")
    return made


def told_saved(visit: Visit, saved: Mapping[str, Any]) -> Response:
    """Where a person goes on after saving: to new keys first, which are shown this once."""
    done = f"Saved as version {saved['version']}." if saved["changed"] else "Nothing was changed by this."
    if saved["keys"]:
        return show_keys(visit, saved["id"], saved["keys"], done=done)
    return visit.go(f"/pipelines/{quote(saved['id'], safe='')}", done)


async def show_test(visit: Visit) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    return visit.render("pipelines/test.html", pipeline=pipeline, lines="", ndjson=False, tried=None)


async def run_test(visit: Visit) -> Response:
    form = await visit.form()
    pipeline = await visit.api.get(api_path(visit))
    tried, refused = None, None
    try:
        tried = await try_lines(visit, form, f"{api_path(visit)}/test")
    except Problem as problem:
        if problem.status in TOLD_ELSEWHERE:
            raise
        refused = problem
    return visit.render(
        "pipelines/test.html",
        status=refused.status if refused else 200,
        pipeline=pipeline,
        lines=lines_of(form, "lines"),
        ndjson=form.checked("ndjson"),
        tried=tried,
        problem=refused,
    )


async def try_lines(
    visit: Visit, form: Form, path: str, *, pipeline: str | Mapping[str, Any] | None = None
) -> list[Course]:
    """What became of the pasted lines. Raises Problem."""
    text = lines_of(form, "lines")
    lines: dict[str, Any] = {"ndjson": text} if form.checked("ndjson") else {"lines": text.split("\n")}
    body = lines if pipeline is None else {"pipeline": pipeline, **lines}
    return courses((await visit.api.post(path, body))["events"])


def lines_of(form: Form, name: str) -> str:
    """What was written into a text area; browsers send its line ends as CR LF."""
    return form.raw(name).replace("\r\n", "\n")


def wrongs(problem: Problem | None, text: str = "") -> list[Wrong]:
    """All that the API has to say against a pipeline."""
    if problem is None:
        return []
    lines = text.split("\n")
    found: Sequence[Mapping[str, Any]] = problem.members.get("problems") or ()
    return [
        Wrong(
            path=one["path"],
            line=one["line"],
            text=visible(lines[one["line"] - 1].strip()[:_LONGEST_SHOWN])
            if 0 < one["line"] <= len(lines)
            else "",
            message=one["message"],
            hint=one["hint"],
        )
        for one in found
    ]


def _id_in(text: str) -> str:
    found = _ID.search(text)
    if found:
        return found[1]
    missing, hint = "the id of the new pipeline is missing", "write id: NAME at the beginning of a line"
    wrong = {"path": "id", "line": 1, "message": missing, "hint": hint}
    raise Problem(status=400, code="bad-pipeline", title="", detail=missing, members={"problems": [wrong]})


def _page(
    visit: Visit,
    pipeline_id: str,
    text: str,
    *,
    version: int = 0,
    form: Form | None = None,
    problem: Problem | None = None,
    checked: bool = False,
    tried: list[Course] | None = None,
    newer: Mapping[str, Any] | None = None,
) -> Response:
    return visit.render(
        "pipelines/edit.html",
        status=problem.status if problem else 200,
        id=pipeline_id,
        back=own_path(visit) if pipeline_id else "/pipelines",
        text=text,
        version=form.text("version") if form else version,
        lines=lines_of(form, "lines") if form else "",
        ndjson=form.checked("ndjson") if form else False,
        discard=form.checked("discard") if form else False,
        problem=problem,
        wrongs=wrongs(problem, text),
        checked=checked,
        tried=tried,
        newer=newer,
    )


_ONE = "/pipelines/{id}"

# Before those of pipelines.py: no pipeline can be called "new".
ROUTES: list[BaseRoute] = [
    page("/pipelines/new", write_new, role=Role.ADMIN),
    action("/pipelines/new", save_text, role=Role.ADMIN),
    page(f"{_ONE}/edit", edit_text, role=Role.ADMIN),
    action(f"{_ONE}/edit", save_text, role=Role.ADMIN),
    page(f"{_ONE}/test", show_test, role=Role.ADMIN),
    action(f"{_ONE}/test", run_test, role=Role.ADMIN),
]
