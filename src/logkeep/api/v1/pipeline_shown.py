"""Pipelines as the API shows them. A secret is never more than its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from logkeep.api.services import Services
from logkeep.catalog.values import Pipeline, PipelineVersion
from logkeep.errors import NotFound
from logkeep.pipeline.chain import Trace
from logkeep.pipeline.dead_letters import DeadLetter
from logkeep.pipeline.desk import Applied
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.status import (
    DestinationStatus,
    ProcessorStatus,
    RestorationPlace,
    SourceStatus,
    Status,
)
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import decode_line
from logkeep.timeline import iso

Shown = dict[str, object]


class _Titled(msgspec.Struct):
    title: str = ""


def shown(services: Services, pipeline: Pipeline) -> Shown:
    """One pipeline with its spec and how it does. Raises NotFound."""
    status = _status(services.pipelines.status(pipeline.id))
    names = services.catalog.actors.names({pipeline.updated_by})
    return {**_head(pipeline, names), "spec": msgspec.Raw(pipeline.spec), "status": status}


def all_shown(services: Services, sees: Callable[[Pipeline], bool]) -> list[Shown]:
    """The same of all pipelines of accounts that are seen, without their specs."""
    listed: list[Shown] = []
    seen = [one for one in services.catalog.pipelines.list() if sees(one)]
    names = services.catalog.actors.names({one.updated_by for one in seen})
    for pipeline in seen:
        try:
            status = services.pipelines.status(pipeline.id)
        except NotFound:  # deleted this very moment
            continue
        listed.append({**_head(pipeline, names), "status": _status(status)})
    return listed


def shown_applied(services: Services, applied: Applied) -> Shown:
    """With the keys that were made, which nobody can be shown again."""
    return {
        **shown(services, applied.pipeline),
        "changed": applied.changed,
        "keys": dict(applied.keys),
    }


def shown_versions(services: Services, versions: Sequence[PipelineVersion]) -> list[Shown]:
    """Versions with the names of those who made them. Waits for the catalog."""
    names = services.catalog.actors.names({one.by for one in versions})
    return [
        {"version": one.version, "at": iso(one.at), "by": one.by, "by_name": names.get(one.by, "")}
        for one in versions
    ]


def shown_as_it_was(services: Services, pipeline: Pipeline) -> Shown:
    """A former version. Waits for the catalog."""
    names = services.catalog.actors.names({pipeline.updated_by})
    return {
        "id": pipeline.id,
        "version": pipeline.version,
        "at": iso(pipeline.updated_at),
        "by": pipeline.updated_by,
        "by_name": names.get(pipeline.updated_by, ""),
        "spec": msgspec.Raw(pipeline.spec),
    }


def shown_traces(spec: PipelineSpec, traces: Sequence[Trace]) -> list[Shown]:
    """What became of each event, and where it would go. Raises QuerySyntaxError for a bad condition."""
    routes = [(one.name, compile_predicate(parse(one.query))) for one in spec.destinations]

    def destinations(line: bytes) -> list[str]:
        record = decode_line(line)
        return [name for name, takes in routes if takes(record)]

    events: list[Shown] = []
    for trace in traces:
        after = trace.steps[-1].events if trace.steps else [] if trace.note else [trace.before]
        steps = [
            {
                "processor": step.processor,
                "type": step.type,
                "events": _raw(step.events),
                "note": step.note,
                "more": step.more,
            }
            for step in trace.steps
        ]
        [before] = _raw([trace.before])
        events.append(
            {
                "before": before,
                "steps": steps,
                "after": _raw(after),
                "destinations": [destinations(line) for line in after],
                "note": trace.note,
            }
        )
    return events


def shown_dead_letter(letter: DeadLetter) -> Shown:
    [event] = _raw([letter.line])
    return {"at": iso(letter.at), "reason": letter.reason, "event": event}


def shown_place(place: RestorationPlace) -> Shown:
    return {
        "pipeline": place.pipeline,
        "pipeline_title": place.pipeline_title,
        "source": place.source,
        "title": place.title,
    }


def _head(pipeline: Pipeline, names: Mapping[str, str]) -> Shown:
    return {
        "id": pipeline.id,
        "title": msgspec.json.decode(pipeline.spec, type=_Titled).title,
        "account": pipeline.account,
        "version": pipeline.version,
        "created_at": iso(pipeline.created_at),
        "updated_at": iso(pipeline.updated_at),
        "updated_by": pipeline.updated_by,
        "updated_by_name": names.get(pipeline.updated_by, ""),
    }


def _status(status: Status) -> Shown:
    return {
        "works": status.works,
        "sources": [_source(one) for one in status.sources],
        "processors": [_processor(one) for one in status.processors],
        "destinations": [_destination(one) for one in status.destinations],
    }


def _source(source: SourceStatus) -> Shown:
    return {
        "name": source.name,
        "type": source.type,
        "title": source.title,
        "events": source.events,
        "key_created_at": _moment(source.key_created_at),
    }


def _processor(processor: ProcessorStatus) -> Shown:
    return {
        "name": processor.name,
        "type": processor.type,
        "events_in": processor.events_in,
        "events_out": processor.events_out,
        "notes": dict(processor.notes),
        "problem": processor.problem,
    }


def _destination(destination: DestinationStatus) -> Shown:
    waiting = destination.waiting
    return {
        "name": destination.name,
        "type": destination.type,
        "state": destination.state,
        "delivered": destination.delivered,
        "refused": destination.refused,
        "dropped": destination.dropped,
        "waiting": {
            "events": waiting.lines,
            "raw_bytes": waiting.raw_bytes,
            "stored_bytes": waiting.stored_bytes,
            "since": _moment(waiting.oldest_rx),
        },
        "dead_letters": destination.dead_letters,
        "last_error": destination.last_error,
        "next_try": _moment(destination.next_try),
        "archive": destination.archive,
    }


def _raw(lines: Sequence[bytes]) -> list[msgspec.Raw]:
    return [msgspec.Raw(line.rstrip(b"\n")) for line in lines]


def _moment(ms: int) -> str | None:
    return iso(ms) if ms else None
