"""How the parts of a pipeline do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from logkeep.errors import NotFound, Overloaded
from logkeep.pipeline import model
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.delivery import DeliveryStatus
from logkeep.pipeline.destinations.build import archive_id
from logkeep.pipeline.model import PipelineSpec, processor_name
from logkeep.pipeline.outbox import Backlog, Outbox
from logkeep.pipeline.pipelines import Pipelines
from logkeep.pipeline.plan import queue_of

Counts = Mapping[tuple[str, str], int]
_PASSING = ("in", "out")


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    name: str
    type: str
    title: str
    events: int
    key_created_at: int = 0  # 0: it has none


@dataclass(frozen=True, kw_only=True)
class ProcessorStatus:
    name: str
    type: str
    events_in: int
    events_out: int
    notes: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class DestinationStatus:
    name: str
    type: str
    state: str  # idle, ok, failing, full; ending: the pipeline has it no more; stopped
    delivered: int
    refused: int
    dropped: int
    waiting: Backlog
    dead_letters: int
    last_error: str = ""
    next_try: int = 0
    archive: str = ""  # the id of the archive that it writes to


@dataclass(frozen=True, kw_only=True)
class Status:
    works: bool  # False: this release cannot make anything of its settings; the log says why
    sources: tuple[SourceStatus, ...]
    processors: tuple[ProcessorStatus, ...]
    destinations: tuple[DestinationStatus, ...]


@dataclass(frozen=True, kw_only=True)
class RestorationPlace:
    """A source that a restore can be sent into."""

    pipeline: str
    pipeline_title: str
    source: str
    title: str


def restoration_places(specs: Iterable[PipelineSpec]) -> list[RestorationPlace]:
    return [
        RestorationPlace(pipeline=spec.id, pipeline_title=spec.title, source=one.name, title=one.title)
        for spec in specs
        for one in spec.sources
        if isinstance(one, model.RestorationSource)
    ]


def status_of(
    spec: PipelineSpec,
    *,
    pipelines: Pipelines,
    outbox: Outbox,
    dead_letters: DeadLetters,
    keys: Mapping[str, int],
) -> Status:
    """`keys`: when the key of each source was made."""
    counts = outbox.counts(spec.id)
    delivering = pipelines.delivering(spec.id)
    problems, works = _problems(spec.id, pipelines)
    here = {one.name: one for one in spec.destinations}
    ending = {name: told for name, told in pipelines.ending(spec.id).items() if name not in here}
    return Status(
        works=works,
        sources=tuple(
            SourceStatus(
                name=one.name,
                type=one.type,
                title=getattr(one, "title", ""),
                events=counts.get((f"sources.{one.name}", "events"), 0),
                key_created_at=keys.get(one.name, 0),
            )
            for one in spec.sources
        ),
        processors=tuple(
            _processor(one, processor_name(one, place), counts, problems)
            for place, one in enumerate(spec.processors)
        ),
        destinations=tuple(
            _destination(spec.id, one.name, delivering.get(one.name), counts, outbox, dead_letters, of=one)
            for one in spec.destinations
        )
        + tuple(
            replace(one, type=type_, state="ending", last_error=why or one.last_error)
            for name, (type_, why) in ending.items()
            for one in [_destination(spec.id, name, delivering.get(name), counts, outbox, dead_letters)]
        ),
    )


def _problems(pipeline_id: str, pipelines: Pipelines) -> tuple[Mapping[str, str], bool]:
    try:
        return pipelines.live(pipeline_id).problems(), True
    except (NotFound, Overloaded):
        return {}, False


def _processor(
    one: model.Processor, name: str, counts: Counts, problems: Mapping[str, str]
) -> ProcessorStatus:
    own = {what: count for (part, what), count in counts.items() if part == f"processors.{name}"}
    return ProcessorStatus(
        name=name,
        type=one.type,
        events_in=own.get("in", 0),
        events_out=own.get("out", 0),
        notes={what: count for what, count in sorted(own.items()) if what not in _PASSING},
        problem=problems.get(name, ""),
    )


def _destination(
    pipeline_id: str,
    name: str,
    status: DeliveryStatus | None,
    counts: Counts,
    outbox: Outbox,
    dead_letters: DeadLetters,
    *,
    of: model.Destination | None = None,
) -> DestinationStatus:
    queue, part = queue_of(pipeline_id, name), f"destinations.{name}"
    return DestinationStatus(
        name=name,
        type=of.type if of else "",
        state=status.state if status else "stopped",
        delivered=counts.get((part, "delivered"), 0),
        refused=counts.get((part, "refused"), 0),
        dropped=counts.get((part, "dropped"), 0),
        waiting=outbox.backlog(queue),
        dead_letters=dead_letters.count(queue),
        last_error=status.last_error if status else "",
        next_try=status.next_try if status else 0,
        archive=archive_id(pipeline_id, of) if isinstance(of, model.ToArchive) else "",
    )
