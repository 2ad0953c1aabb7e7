"""The processors of a pipeline, one after the other, and what each of them does to single events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.base import Processor
from logkeep.pipeline.processors.build import TABLE
from logkeep.record import Record, encode_lines


class _Step:
    """A processor, its name, and how many events went through it."""

    def __init__(self, spec: model.Processor, place: int, clock: Callable[[], float]) -> None:
        self.name = model.processor_name(spec, place)
        self.type = spec.type
        try:
            self.processor: Processor = TABLE[type(spec)](spec, clock)
        except BadSetting as error:
            raise BadSetting(
                f"processor {self.name!r}: {error.message}",
                hint=error.hint,
                field=f"processors[{place}].{error.field}" if error.field else f"processors[{place}]",
            ) from error
        self.came_in = 0
        self.went_out = 0

    def run(self, records: list[Record]) -> list[Record]:
        self.came_in += len(records)
        records = self.processor.run(records)
        self.went_out += len(records)
        return records

    def counts(self) -> Counter[str]:
        """Since the chain was made."""
        return Counter({**self.processor.noted, "in": self.came_in, "out": self.went_out})


class Chain:
    """Belongs to one pipeline, and is used by one thread at a time."""

    def __init__(self, specs: Sequence[model.Processor], *, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only rise. Raises BadSetting, whose field begins with
        `processors[N]`, for a processor that cannot be."""
        self._steps = [_Step(spec, place, clock) for place, spec in enumerate(specs)]
        self._taken: dict[str, Counter[str]] = {step.name: Counter() for step in self._steps}

    def run(self, records: list[Record]) -> list[Record]:
        """The events that come out, in order. The records become the chain's: it may change them."""
        for step in self._steps:
            if not records:
                break
            records = step.run(records)
        return records

    def take_counts(self) -> dict[tuple[str, str], int]:
        """(`processors.NAME`, `in`, `out` or what is noted) to how often since the last call; no zeros."""
        taken: dict[tuple[str, str], int] = {}
        for step in self._steps:
            counts = step.counts()
            for what, count in (counts - self._taken[step.name]).items():
                taken[f"processors.{step.name}", what] = count
            self._taken[step.name] = counts
        return taken

    def problems(self) -> dict[str, str]:
        """The last problem of each processor that has had one, by its name."""
        return {step.name: step.processor.problem for step in self._steps if step.processor.problem}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What came out of one processor: canonical lines, none when it dropped the event."""

    processor: str
    type: str
    events: list[bytes]
    note: str  # what went wrong; "" if nothing did


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One event's way. It ends with the first step that nothing came out of."""

    before: bytes  # its canonical line
    steps: list[Step]


def trace(
    specs: Sequence[model.Processor], records: Sequence[Record], *, clock: Callable[[], float]
) -> list[Trace]:
    """What each processor makes of each event by itself, in order: so dedupe, sample and throttle remember
    the events before it. The records stay as they are. Raises BadSetting."""
    steps = [_Step(spec, place, clock) for place, spec in enumerate(specs)]
    return [_trace(steps, record) for record in records]


def _trace(steps: Sequence[_Step], record: Record) -> Trace:
    events, done = [copy(record)], []
    for step in steps:
        if not events:
            break
        noted = step.processor.noted.total()
        events = step.run(events)
        note = step.processor.problem if step.processor.noted.total() > noted else ""
        done.append(Step(processor=step.name, type=step.type, events=_lines(events), note=note))
    return Trace(before=_lines([record])[0], steps=done)


def _lines(records: Sequence[Record]) -> list[bytes]:
    return [encode_lines([record])[:-1] for record in records]
