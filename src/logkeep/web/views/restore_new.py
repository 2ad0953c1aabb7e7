"""A new restore: the form, the plan, and the start. Each step is a form that carries all that was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.timeline import HOUR_MS
from logkeep.web import calendar
from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.restores import words
from logkeep.web.restores.choices import Choices, choices
from logkeep.web.restores.look import look, short, usual_range
from logkeep.web.restores.planned import remarks
from logkeep.web.restores.wanted import FORMATS, body_of, chosen_archives, form_of_link
from logkeep.web.views.restores import PIPELINE, RESTORE
from logkeep.web.visit import Visit, action, page

# Buttons that set the range: hours before now.
PRESETS = (("1", "Last hour"), ("24", "Last 24 hours"), ("168", "Last 7 days"))
_NOT_KEPT = ("do", "pick", "month", "preset")  # of the buttons


async def new_restore(visit: Visit) -> Response:
    found = await choices(visit)
    form = form_of_link(visit.request.query_params, found, into_pipeline=_into_pipeline(visit))
    if not (form.text("from") or form.text("to")):
        form = await _with_usual_range(visit, form, found)
    return await _edited(visit, form, found)


async def send_form(visit: Visit) -> Response:
    """What the button that was pressed says: plan it, start it, change it, or look at another range."""
    form, found = await visit.form(), await choices(visit)
    match form.text("do"):
        case "plan":
            return await _planned(visit, form, found)
        case "start":
            return await _started(visit, form, found)
        case _:
            return await _edited(visit, _with_range(form, now=_now(visit)), found)


async def _planned(visit: Visit, form: Form, found: Choices) -> Response:
    try:
        body = body_of(form, found)
        plan = await visit.api.post("/v1/restores/plan", body)
    except Problem as problem:
        return await _edited(visit, form, found, problem=problem)
    # What is planned is what will run, also when it was said as an offset from now.
    planned = _with(form, {"from": plan["from"], "to": plan["to"]})
    archives = chosen_archives(planned, found)
    looked = await look(
        visit, archives, start=plan["from"], end=plan["to"], month=plan["from"][:7], now=_now(visit)
    )
    return visit.render(
        "restores/plan.html",
        form=planned,
        carried=[(name, value) for name, value in planned if name not in (*_NOT_KEPT, "thaw")],
        body=body,
        plan=plan,
        remarks=remarks(plan, body, looked),
        archives=archives,
        looked=looked,
        path=_path(visit),
        section=_section(visit),
        words=words,
    )


async def _started(visit: Visit, form: Form, found: Choices) -> Response:
    try:
        made = await visit.api.post("/v1/restores", body_of(form, found))
    except Problem as problem:
        return await _edited(visit, form, found, problem=problem)
    return visit.go(words.home(made), "The restore has begun.")


async def _edited(visit: Visit, form: Form, found: Choices, *, problem: Problem | None = None) -> Response:
    archives = chosen_archives(form, found)
    looked = await look(
        visit,
        archives,
        start=form.text("from"),
        end=form.text("to"),
        month=form.text("turn") or form.text("month"),
        now=_now(visit),
    )
    return visit.render(
        "restores/new.html",
        status=problem.status if problem else 200,
        form=form,
        choices=found,
        looked=looked,
        alone=archives[0] if len(archives) == 1 else None,
        provider=_provider(form, found),
        formats=FORMATS,
        presets=PRESETS,
        path=_path(visit),
        section=_section(visit),
        words=words,
        problem=_at_its_field(problem),
    )


async def _with_usual_range(visit: Visit, form: Form, found: Choices) -> Form:
    usual = await usual_range(visit, chosen_archives(form, found))
    return _with(form, {"from": usual[0], "to": usual[1]}) if usual else form


def _with_range(form: Form, *, now: int) -> Form:
    """The form after a button of its range was pressed."""
    if preset := form.text("preset"):
        end = now // HOUR_MS * HOUR_MS + HOUR_MS
        hours = int(preset) if preset in dict(PRESETS) else 1
        return _with(form, {"from": short(end - hours * HOUR_MS), "to": short(end), "month": ""})
    if day := form.text("pick"):
        return _with(form, _picked(day, form))
    return form


def _picked(day: str, form: Form) -> dict[str, str]:
    """The range after a click on a day: the first begins one, the second ends it."""
    if calendar.parse_day(day) is None:
        return {}
    begun = form.text("begun")
    start, end = calendar.pick(day, begun, "")
    last = end or start
    whole = calendar.bounds_of_day(start)[0], calendar.bounds_of_day(last)[1]
    return {
        "from": whole[0].replace(":00Z", "Z"),
        "to": whole[1].replace(":00Z", "Z"),
        "begun": "" if end else start,
        "month": day[:7],
    }


def _with(form: Form, values: Mapping[str, str]) -> Form:
    kept = [(name, value) for name, value in form if name not in values]
    return Form([*kept, *values.items()])


def _provider(form: Form, found: Choices) -> Mapping[str, Any] | None:
    wanted = form.text("files_provider")
    return next((one for one in found.providers if one["provider"] == wanted), None)


def _at_its_field(problem: Problem | None) -> Problem | None:
    """A query's mistake is told by its column, and belongs to the query."""
    if problem is None or problem.field or not problem.column:
        return problem
    return replace(problem, members={**problem.members, "field": "query"})


def _into_pipeline(visit: Visit) -> bool:
    return visit.request.url.path.startswith(PIPELINE)


def _section(visit: Visit) -> str:
    return PIPELINE if _into_pipeline(visit) else RESTORE


def _path(visit: Visit) -> str:
    return f"{_section(visit)}/new"


def _now(visit: Visit) -> int:
    return visit.site.services.clock()


ROUTES: list[BaseRoute] = [
    page(f"{RESTORE}/new", new_restore, role=Role.MEMBER),
    page(f"{PIPELINE}/new", new_restore, role=Role.MEMBER),
    action(f"{RESTORE}/new", send_form),
    action(f"{PIPELINE}/new", send_form),
]
