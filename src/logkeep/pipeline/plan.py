"""The plan of a pipeline: its spec with everything compiled that its thread goes by."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from logkeep.pipeline.chain import Chain
from logkeep.pipeline.model import AccountSource, Destination, PipelineSpec, ToArchive
from logkeep.query.parse import parse
from logkeep.query.predicate import Predicate, compile_predicate
from logkeep.settings import size


def queue_of(pipeline: str, destination: str) -> str:
    return f"{pipeline}/{destination}"


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way to one destination."""

    name: str
    queue: str
    takes: Predicate | None  # None: everything
    buffer: int  # stored bytes that may wait for it
    drops: bool  # whether it goes without what finds no room
    spans: bool  # whether frames of one hour are wanted, with what their lines have between them

    @property
    def part(self) -> str:
        return f"destinations.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Tee:
    """An account whose lines are copied."""

    name: str
    account: str
    takes: Predicate | None

    def same_lines(self, other: Tee) -> bool:
        """Whether the other goes on where this one is, even if it takes others of them."""
        return (self.name, self.account) == (other.name, other.account)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a pipeline does, until it is changed."""

    spec: PipelineSpec
    chain: Chain
    routes: tuple[Route, ...]
    tees: tuple[Tee, ...]
    adopted: threading.Event = field(default_factory=threading.Event)  # set when the thread goes by it


def plan_of(spec: PipelineSpec, clock_s: Callable[[], float]) -> Plan:
    """Raises BadSetting, QuerySyntaxError."""
    return Plan(
        spec=spec,
        chain=Chain(spec.processors, clock=clock_s),
        routes=tuple(_route(spec.id, one) for one in spec.destinations),
        tees=tuple(_tee(one) for one in spec.sources if isinstance(one, AccountSource)),
    )


def _route(pipeline: str, destination: Destination) -> Route:
    return Route(
        name=destination.name,
        queue=queue_of(pipeline, destination.name),
        takes=_predicate(destination.query),
        buffer=size(str(destination.buffer)),
        drops=destination.when_full == "drop",
        spans=isinstance(destination, ToArchive),
    )


def _tee(source: AccountSource) -> Tee:
    return Tee(name=source.name, account=source.account, takes=_predicate(source.query))


def _predicate(query: str) -> Predicate | None:
    return compile_predicate(parse(query)) if query.strip() else None
