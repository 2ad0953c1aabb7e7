"""The processors of a pipeline, one after the other, and what each of them does to single events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

from logkeep.errors import BadSetting, InputError
from logkeep.pipeline import model
from logkeep.pipeline.processors.base import Processor
from logkeep.pipeline.processors.build import TABLE
from logkeep.pipeline.processors.extraction import Extraction
from logkeep.pipeline.processors.parse_json import ParseJsonProcessor
from logkeep.pipeline.processors.redact import RedactProcessor
from logkeep.pipeline.processors.rename import RenameProcessor
from logkeep.pipeline.processors.room import MORE_BYTES, Limits, Room
from logkeep.pipeline.processors.set_field import SetProcessor
from logkeep.pipeline.processors.unroll import UnrollProcessor
from logkeep.record import Record, encode_lines

_GROWING = (
    Extraction,
    ParseJsonProcessor,
    RedactProcessor,
    RenameProcessor,
    SetProcessor,
    UnrollProcessor,
)
_LITTLE_ROOM = MORE_BYTES // 2  # then it is found out what the events really have
MOST_SHOWN = 8 << 20  # bytes of a trace: the events before and after each step, those after the last twice
MOST_SHOWN_EVENTS = 1000  # after one step


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
        self.grows = isinstance(self.processor, _GROWING)
        self.came_in = 0
        self.went_out = 0

    def run(self, records: list[Record], room: Room) -> list[Record]:
        if isinstance(self.processor, _GROWING):
            self.processor.room = room
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
        """The events that come out, in order. The records become the chain's: it may change them.

        What they hold at any step is bounded by what came in (processors/room.py), whatever the processors
        multiply: an event for which there is no room stays as it is and is noted as `failed`.
        """
        return _run(self._steps, records)

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


class _Rooms:
    """The room for each step of one run. The limits are those of what came in."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._limits = Limits.of(records)
        self._room: Room | None = None

    def now(self, records: Sequence[Record]) -> Room:
        """What steps took away is found out only when it is needed."""
        if self._room is None or self._room.bytes < _LITTLE_ROOM:
            self._room = self._limits.left(records)
        self._room.events = self._limits.events - len(records)
        return self._room


_FIXED = Room()  # for steps that let nothing grow


def _run(steps: Sequence[_Step], records: list[Record]) -> list[Record]:
    rooms: _Rooms | None = None
    for step in steps:
        if not records:
            break
        if step.grows and rooms is None:
            rooms = _Rooms(records)
        records = step.run(records, rooms.now(records) if rooms is not None and step.grows else _FIXED)
    return records


@dataclass(frozen=True, kw_only=True)
class Step:
    """What came out of one processor: canonical lines, none when it dropped the event."""

    processor: str
    type: str
    events: list[bytes]
    note: str  # what went wrong, and how many more events there are than are shown; "" if neither
    more: int = 0  # events that came out too, and are not shown


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One event's way. It ends with the first step that nothing came out of."""

    before: bytes  # its canonical line
    steps: list[Step]
    note: str = ""  # why it was not tried; "" if it was


def trace(
    specs: Sequence[model.Processor], records: Sequence[Record], *, clock: Callable[[], float]
) -> list[Trace]:
    """What each processor makes of each event by itself, in order: so dedupe, sample and throttle remember
    the events before it. The records stay as they are.

    Of a step at most MOST_SHOWN_EVENTS are shown, and in all MOST_SHOWN bytes: events for which nothing is
    left are not tried. Raises BadSetting, and InputError when the events by themselves are too much.
    """
    steps = [_Step(spec, place, clock) for place, spec in enumerate(specs)]
    befores = _lines(records)
    left = MOST_SHOWN - sum(map(len, befores))
    if left < 0:
        raise InputError(
            f"the lines have more than {MOST_SHOWN >> 20} MiB, which is all that is shown",
            hint="try fewer or shorter lines",
        )
    if not steps:
        return [Trace(before=before, steps=[]) for before in befores]
    shown = _Shown(left // 2)
    return [_trace(steps, record, before, shown) for record, before in zip(records, befores, strict=True)]


class _Shown:
    """What may still be shown."""

    def __init__(self, left: int) -> None:
        self.left = left

    def lines(self, events: Sequence[Record]) -> list[bytes]:
        """The first of the events' lines, as many as may be."""
        lines: list[bytes] = []
        for event in events[:MOST_SHOWN_EVENTS]:
            [line] = _lines([event])
            if len(line) > self.left:
                self.left = 0
                break
            self.left -= len(line)
            lines.append(line)
        return lines


def _trace(steps: Sequence[_Step], record: Record, before: bytes, shown: _Shown) -> Trace:
    if not shown.left:
        return Trace(before=before, steps=[], note=f"not tried: {_FULL}; try fewer lines")
    events, done = [copy(record)], []
    rooms = _Rooms(events)
    for step in steps:
        if not events or not shown.left:
            break
        noted = step.processor.noted.total()
        events = step.run(events, rooms.now(events))
        problem = step.processor.problem if step.processor.noted.total() > noted else ""
        lines = shown.lines(events)
        more = len(events) - len(lines)
        note = "; ".join(filter(None, (problem, _untold(more, shown))))
        done.append(Step(processor=step.name, type=step.type, events=lines, note=note, more=more))
    return Trace(before=before, steps=done)


_FULL = f"a test shows at most {MOST_SHOWN >> 20} MiB"


def _untold(more: int, shown: _Shown) -> str:
    if not more:
        return ""
    because = f"at most {MOST_SHOWN_EVENTS} are" if shown.left else f"{_FULL}, and no step after this one"
    return f"{more} more event{'s are' if more > 1 else ' is'} not shown: {because}"


def _lines(records: Sequence[Record]) -> list[bytes]:
    return [encode_lines([record])[:-1] for record in records]
