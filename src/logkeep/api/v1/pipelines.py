"""/v1/pipelines: make, change, try, see and delete pipelines."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from logkeep.api.access import administrators, everybody, of_pipeline
from logkeep.api.answers import Asker, admitted, answer, asker, with_bucket
from logkeep.api.params import bounded, flag, json_body
from logkeep.api.services import Services
from logkeep.api.v1.pipeline_bodies import TRIED_BYTES, Given, Rollback, Tried, read_pipeline, wants_yaml
from logkeep.api.v1.pipeline_shown import (
    Shown,
    all_shown,
    shown,
    shown_applied,
    shown_as_it_was,
    shown_dead_letter,
    shown_place,
    shown_traces,
    shown_versions,
)
from logkeep.catalog.people import Role
from logkeep.catalog.pipelines import no_version
from logkeep.catalog.values import Pipeline
from logkeep.errors import BadSetting, InputError
from logkeep.intake import stamped
from logkeep.pipeline.check import default_names
from logkeep.pipeline.desk import Applied
from logkeep.pipeline.document import write_document
from logkeep.pipeline.part_types import part_types
from logkeep.pipeline.status import RestorationPlace
from logkeep.pipeline.stored import spec_of, without_secrets
from logkeep.record import IdSource

_TAKEN = "restoration-sources"  # GET of this path is about all pipelines
_MOST_DEAD_LETTERS = 1000


async def list_pipelines(request: Request) -> Response:
    by = asker(request)
    return answer({"pipelines": await run_in_threadpool(all_shown, by.services, by.view.sees_pipeline)})


async def list_restoration_sources(request: Request) -> Response:
    """Where a restore can be sent to."""
    by = asker(request)
    places = await run_in_threadpool(_restoration_sources, by)
    return answer({"restoration_sources": [shown_place(one) for one in places]})


async def list_part_types(request: Request) -> Response:
    """What a pipeline can be made of."""
    admitted(request)
    return answer({kind: [asdict(one) for one in types] for kind, types in part_types().items()})


async def apply_pipeline(request: Request) -> Response:
    by, pipeline_id = asker(request), request.path_params["id"]
    dry_run, discard = flag(request, "dry_run"), flag(request, "discard")
    if pipeline_id == _TAKEN:
        raise BadSetting(f"no pipeline can be called {_TAKEN!r}", field="id")
    given = await read_pipeline(request, pipeline_id)
    if dry_run:
        return answer(await run_in_threadpool(_check, by.services, given))
    applied, made = await with_bucket(request, _apply, by, given, discard=discard)
    is_new = applied.changed and applied.pipeline.version == 1
    return answer(made, status=201 if is_new else 200)


async def get_pipeline(request: Request) -> Response:
    services, pipeline_id = admitted(request), request.path_params["id"]
    if wants_yaml(request):
        return _yaml(await run_in_threadpool(_written, services, pipeline_id))
    return answer(await run_in_threadpool(_one, services, pipeline_id))


async def delete_pipeline(request: Request) -> Response:
    by, pipeline_id = asker(request), request.path_params["id"]
    discard = flag(request, "discard")
    return answer(await with_bucket(request, _delete, by, pipeline_id, discard=discard))


async def list_versions(request: Request) -> Response:
    return answer(await run_in_threadpool(_versions, admitted(request), request.path_params["id"]))


async def get_version(request: Request) -> Response:
    by, path = asker(request), request.path_params
    number = _version(path["version"])
    pipeline = await run_in_threadpool(_as_it_was, by, path["id"], number)
    if wants_yaml(request):
        return _yaml(await run_in_threadpool(_written_as_it_was, pipeline))
    return answer(await run_in_threadpool(shown_as_it_was, by.services, pipeline))


async def roll_back(request: Request) -> Response:
    by = asker(request)
    wanted = await json_body(request, Rollback)
    return answer(await with_bucket(request, _roll_back, by, request.path_params["id"], wanted.version))


async def test_pipeline(request: Request) -> Response:
    """What would become of some lines, in a saved pipeline or in the one that is given. Nothing is kept."""
    by = asker(request)
    wanted = await json_body(request, Tried, limit=TRIED_BYTES)
    if wanted.pipeline is not None:  # it could name any account
        by.caller.require(Role.ADMIN)
    events = await run_in_threadpool(_test, by.services, wanted, request.path_params.get("id", ""))
    return answer({"events": events})


async def issue_source_key(request: Request) -> Response:
    by, path = asker(request), request.path_params
    return answer(await run_in_threadpool(_issue_key, by, path["id"], path["source"]), status=201)


async def list_dead_letters(request: Request) -> Response:
    services, path = admitted(request), request.path_params
    limit = bounded(request, "limit", 100, most=_MOST_DEAD_LETTERS)
    letters = await run_in_threadpool(services.pipelines.dead_letters, path["id"], path["destination"], limit)
    return answer({"dead_letters": [shown_dead_letter(one) for one in letters]})


async def retry_dead_letters(request: Request) -> Response:
    by, path = asker(request), request.path_params
    return answer(await run_in_threadpool(_retry, by, path["id"], path["destination"]))


async def discard_dead_letters(request: Request) -> Response:
    by, path = asker(request), request.path_params
    return answer(await run_in_threadpool(_discard, by, path["id"], path["destination"]))


def _restoration_sources(by: Asker) -> list[RestorationPlace]:
    seen = {one.id for one in by.services.catalog.pipelines.list() if by.view.sees_pipeline(one)}
    return [one for one in by.services.pipelines.restoration_sources() if one.pipeline in seen]


def _check(services: Services, given: Given) -> Shown:
    with given.placed():
        checked = services.pipelines.check(given.spec)
    return {"valid": True, "id": checked.id, "yaml": write_document(without_secrets(checked))}


def _apply(by: Asker, given: Given, *, discard: bool) -> tuple[Applied, Shown]:
    services = by.services
    with given.placed():
        applied = services.pipelines.apply(given.spec, by=by.caller.actor, discard=discard)
    if applied.changed or applied.keys:
        by.note("pipeline.apply", applied.pipeline.id, discard=discard, **_details(applied))
    return applied, shown_applied(services, applied)


def _roll_back(by: Asker, pipeline_id: str, version: int) -> Shown:
    services = by.services
    applied = services.pipelines.rollback(pipeline_id, version, by=by.caller.actor)
    if applied.changed:
        by.note("pipeline.rollback", pipeline_id, to=version, **_details(applied))
    return shown_applied(services, applied)


def _details(applied: Applied) -> dict[str, object]:
    """What a version holds is kept with it."""
    return {
        "account": applied.pipeline.account,
        "version": applied.pipeline.version,
        "keys": sorted(applied.keys),
    }


def _delete(by: Asker, pipeline_id: str, *, discard: bool) -> Shown:
    by.services.pipelines.delete(pipeline_id, discard=discard)
    by.note("pipeline.delete", pipeline_id, discard=discard)
    return {"id": pipeline_id, "deleted": True}


def _issue_key(by: Asker, pipeline_id: str, source: str) -> Shown:
    key = by.services.pipelines.new_key(pipeline_id, source)
    by.note("pipeline.key", pipeline_id, source=source)
    return {"pipeline": pipeline_id, "source": source, "key": key}


def _retry(by: Asker, pipeline_id: str, destination: str) -> Shown:
    events = by.services.pipelines.retry_dead_letters(pipeline_id, destination)
    by.note("pipeline.dead-letters.retry", pipeline_id, destination=destination, events=events)
    return {"retried": events}


def _discard(by: Asker, pipeline_id: str, destination: str) -> Shown:
    events = by.services.pipelines.discard_dead_letters(pipeline_id, destination)
    by.note("pipeline.dead-letters.discard", pipeline_id, destination=destination, events=events)
    return {"discarded": events}


def _one(services: Services, pipeline_id: str) -> Shown:
    return shown(services, services.catalog.pipelines.get(pipeline_id))


def _written(services: Services, pipeline_id: str) -> str:
    return write_document(services.pipelines.spec(pipeline_id))


def _versions(services: Services, pipeline_id: str) -> Shown:
    return {"versions": shown_versions(services, services.catalog.pipelines.versions(pipeline_id))}


def _as_it_was(by: Asker, pipeline_id: str, number: int) -> Pipeline:
    """A former version, which may name accounts that the pipeline does not name any more."""
    found = by.services.catalog.pipelines.version(pipeline_id, number)
    if not by.view.sees_pipeline(found):
        raise no_version(pipeline_id, number)
    return found


def _written_as_it_was(pipeline: Pipeline) -> str:
    return write_document(spec_of(pipeline))


def _test(services: Services, wanted: Tried, pipeline_id: str) -> list[Shown]:
    given = wanted.given()
    if given is None and not pipeline_id:
        raise BadSetting(
            "the pipeline is missing", hint="give one as JSON, or as a text in YAML", field="pipeline"
        )
    spec = services.pipelines.spec(pipeline_id) if given is None else default_names(given.spec)
    columns = wanted.received().columns
    records, _ = stamped(IdSource(services.clock), services.clock(), spec.account, columns)
    with given.placed() if given else nullcontext():
        return shown_traces(spec, services.pipelines.test(spec, records))


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"the version is {text[:64]!r}, not a whole number")
    return int(text)


def _yaml(text: str) -> Response:
    return Response(text, media_type="application/yaml")


_ONE = "/v1/pipelines/{id}"
_DEAD_LETTERS = f"{_ONE}/destinations/{{destination}}/dead-letters"

# Handlers of one path stand together; of two paths that fit, the first counts.
ROUTES = [
    Route("/v1/pipelines", everybody(list_pipelines), methods=["GET"]),
    Route("/v1/pipeline-types", everybody(list_part_types), methods=["GET"]),
    Route("/v1/pipelines/test", administrators(test_pipeline), methods=["POST"]),
    Route(f"/v1/pipelines/{_TAKEN}", everybody(list_restoration_sources), methods=["GET"]),
    Route(_ONE, of_pipeline(get_pipeline), methods=["GET"]),
    Route(_ONE, administrators(apply_pipeline), methods=["PUT"]),
    Route(_ONE, administrators(delete_pipeline), methods=["DELETE"]),
    Route(f"{_ONE}/versions", of_pipeline(list_versions), methods=["GET"]),
    Route(f"{_ONE}/versions/{{version}}", of_pipeline(get_version), methods=["GET"]),
    Route(f"{_ONE}/rollback", administrators(roll_back), methods=["POST"]),
    Route(f"{_ONE}/test", of_pipeline(test_pipeline, Role.MEMBER), methods=["POST"]),
    Route(f"{_ONE}/sources/{{source}}/key", administrators(issue_source_key), methods=["POST"]),
    Route(_DEAD_LETTERS, of_pipeline(list_dead_letters), methods=["GET"]),
    Route(_DEAD_LETTERS, administrators(discard_dead_letters), methods=["DELETE"]),
    Route(f"{_DEAD_LETTERS}/retry", of_pipeline(retry_dead_letters, Role.MEMBER), methods=["POST"]),
]
