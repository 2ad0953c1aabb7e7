"""Pages about pipelines: all of them, one of them, and what is done with a whole one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web import flow
from logkeep.web.problem import Problem
from logkeep.web.visit import Visit, action, page

_VERSIONS = 200  # that are listed


async def list_pipelines(visit: Visit) -> Response:
    found = await visit.api.get("/v1/pipelines")
    return visit.render("pipelines/list.html", pipelines=[_row(one) for one in found["pipelines"]])


async def show_pipeline(visit: Visit) -> Response:
    return await _shown(visit)


async def delete_pipeline(visit: Visit) -> Response:
    """While events wait for its destinations the API refuses, and the page asks what shall become of them."""
    form = await visit.form()
    try:
        await visit.api.delete(api_path(visit), discard=form.checked("discard"))
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _shown(visit, refused=problem)
    return visit.go("/pipelines", f"The pipeline {visit.path['id']} is deleted.")


async def make_key(visit: Visit) -> Response:
    """A source's new key, shown this once."""
    made = await visit.api.post(f"{api_path(visit)}/sources/{visit.path['source']}/key")
    keys = {made["source"]: made["key"]}
    return show_keys(visit, made["pipeline"], keys, done="The former key opens nothing any more.")


def show_keys(visit: Visit, pipeline_id: str, keys: Mapping[str, str], *, done: str) -> Response:
    """The answer to a form that made keys; nobody is shown them again."""
    url = f"{visit.server_url}/v1/pipelines/{pipeline_id}/ingest"
    return visit.render("pipelines/keys.html", id=pipeline_id, keys=keys, url=url, done=done)


async def list_versions(visit: Visit) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    versions = (await visit.api.get(f"{api_path(visit)}/versions"))["versions"]
    return visit.render(
        "pipelines/versions.html",
        pipeline=pipeline,
        versions=versions[:_VERSIONS],
        more=max(len(versions) - _VERSIONS, 0),
    )


async def show_version(visit: Visit) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    path = f"{api_path(visit)}/versions/{visit.path['version']}"
    version = await visit.api.get(path)
    text = await visit.api.get(path, format="yaml")
    return visit.render("pipelines/version.html", pipeline=pipeline, version=version, text=text)


async def roll_back(visit: Visit) -> Response:
    version = visit.path["version"]
    wanted = int(version) if version.isdecimal() and len(version) < 10 else 0
    applied = await visit.api.post(f"{api_path(visit)}/rollback", {"version": wanted})
    done = f"The pipeline is as it was in version {wanted}; this is version {applied['version']}."
    if applied["keys"]:
        return show_keys(visit, applied["id"], applied["keys"], done=done)
    if not applied["changed"]:
        done = f"The pipeline is as it was in version {wanted} already."
    return visit.go(own_path(visit), done)


def api_path(visit: Visit) -> str:
    """Of the API, for the pipeline that this page is about."""
    return f"/v1/pipelines/{visit.path['id']}"


def own_path(visit: Visit) -> str:
    return f"/pipelines/{visit.path['id']}"


async def _shown(visit: Visit, refused: Problem | None = None) -> Response:
    pipeline = await visit.api.get(api_path(visit))
    parts = flow.parts_of(pipeline["status"])
    return visit.render(
        "pipelines/show.html",
        status=refused.status if refused else 200,
        pipeline=pipeline,
        state=pipeline["status"],
        wrong=wrong_with(pipeline["status"]),
        told=parts.told,
        wide=flow.wide(parts),
        tall=flow.tall(parts),
        trouble_of=flow.trouble_of,
        refused=refused,
        waiting=sum(one["waiting"]["events"] for one in pipeline["status"]["destinations"]),
    )


def _row(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """What the list tells of one: sums over its parts, and what is wrong first."""
    status = pipeline["status"]
    ends = status["destinations"]
    return {
        **pipeline,
        "events_in": sum(one["events"] for one in status["sources"]),
        "delivered": sum(one["delivered"] for one in ends),
        "waiting": sum(one["waiting"]["events"] for one in ends),
        "refused": sum(one["refused"] for one in ends),
        "wrong": wrong_with(status),
        "failing": not status["works"] or any(flow.trouble_of(one).tone == "bad" for one in ends),
    }


def wrong_with(status: Mapping[str, Any]) -> list[str]:
    """One sentence for each thing that keeps a pipeline from its work."""
    if not status["works"]:
        return ["it does not run; the server's log says why"]
    destinations = [
        f"the destination {one['name']} {'is' if trouble.tone == 'bad' else 'has'} {trouble.word}"
        for one in status["destinations"]
        if (trouble := flow.trouble_of(one)).word and one["state"] not in ("ending", "stopped")
    ]
    return destinations + [
        f"the processor {one['name']} has a problem" for one in status["processors"] if one["problem"]
    ]


_ONE = "/pipelines/{id}"

ROUTES: list[BaseRoute] = [
    page("/pipelines", list_pipelines),
    page(_ONE, show_pipeline),
    action(f"{_ONE}/delete", delete_pipeline, role=Role.ADMIN),
    action(f"{_ONE}/sources/{{source}}/key", make_key, role=Role.ADMIN),
    page(f"{_ONE}/versions", list_versions),
    page(f"{_ONE}/versions/{{version}}", show_version),
    action(f"{_ONE}/versions/{{version}}/rollback", roll_back, role=Role.ADMIN),
]
