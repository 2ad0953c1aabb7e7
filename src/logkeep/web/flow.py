"""The picture of a pipeline: where its parts stand and what lines lead from one to the next.

All in units of an SVG's view box. `wide` has sources, processors and destinations beside each other, `tall`
one below the other, for windows as narrow as a phone's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from logkeep.plurals import plural
from logkeep.web.shown import count
from logkeep.web.text import visible

_HEIGHT, _GAP = 58, 16
_WIDE, _SPACE = 268, 76  # of a part and between the columns
_NARROW, _RAIL = 300, 26  # of a part, and left of it where lines run down
_HEAD = 22  # for a column's heading
_ARROW = 7  # how far before a part a line ends, for its head
_NAME, _WORDS = 30, 40  # characters that have room


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A word for how a part does, and its tone (see the macro `badge`)."""

    word: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part as the picture tells of it."""

    group: str  # sources, processors, destinations
    name: str
    type: str
    counters: str
    trouble: Trouble = Trouble()
    x: int = 0
    y: int = 0
    width: int = 0

    height = _HEIGHT

    @property
    def short_name(self) -> str:
        return _cut(self.name, _NAME)

    @property
    def short_counters(self) -> str:
        return _cut(self.counters, _WORDS)

    @property
    def middle(self) -> int:
        return self.y + _HEIGHT // 2

    @property
    def told(self) -> str:
        """In one sentence, for who does not see the picture."""
        trouble = f", {self.trouble.word}" if self.trouble.word else ""
        return f"{self.name} ({self.type}): {self.counters}{trouble}"


@dataclass(frozen=True, kw_only=True)
class Heading:
    text: str
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    width: int
    height: int
    nodes: Sequence[Node]
    headings: Sequence[Heading]
    lines: Sequence[str]  # paths, each with an arrow's head at its end


@dataclass(frozen=True, kw_only=True)
class Parts:
    sources: Sequence[Node]
    processors: Sequence[Node]
    destinations: Sequence[Node]

    @property
    def groups(self) -> Sequence[tuple[str, Sequence[Node]]]:
        named = (
            ("Sources", self.sources),
            ("Processors", self.processors),
            ("Destinations", self.destinations),
        )
        return [(name, nodes) for name, nodes in named if nodes]

    @property
    def told(self) -> str:
        """The whole picture in words."""
        return " ".join(f"{name}: {'; '.join(one.told for one in nodes)}." for name, nodes in self.groups)


def parts_of(status: Mapping[str, Any]) -> Parts:
    """From what the API tells of a pipeline's parts."""
    return Parts(
        sources=[_source(one) for one in status["sources"]],
        processors=[_processor(one) for one in status["processors"]],
        destinations=[_destination(one) for one in status["destinations"]],
    )


def wide(parts: Parts) -> Picture:
    """Three columns, or two where there are no processors. The last one begins beside the part that leads
    to it as far as there is room."""
    columns = [nodes for _, nodes in parts.groups]
    tallest = max((_column(nodes) for nodes in columns), default=0)
    headings, placed = [], []
    for place, (name, nodes) in enumerate(parts.groups):
        x = place * (_WIDE + _SPACE)
        free = tallest - _column(nodes)
        top = _HEAD + (free if name == "Destinations" and parts.processors else 0)
        headings.append(Heading(text=name, x=x, y=12))
        placed.append(_stacked(nodes, x, top, _WIDE))
    return Picture(
        width=max(len(columns) * (_WIDE + _SPACE) - _SPACE, 0),
        height=_HEAD + tallest + 2,
        nodes=[node for nodes in placed for node in nodes],
        headings=headings,
        lines=_across(placed, chained=bool(parts.processors)),
    )


def tall(parts: Parts) -> Picture:
    """One column. What all sources bring, and what all destinations get, runs along a rail on its left."""
    headings, placed, y = [], [], 0
    for name, nodes in parts.groups:
        headings.append(Heading(text=name, x=_RAIL, y=y + 12))
        placed.append(_stacked(nodes, _RAIL, y + _HEAD, _NARROW))
        y += _HEAD + _column(nodes) + _GAP
    return Picture(
        width=_RAIL + _NARROW,
        height=max(y - _GAP, 0) + 2,
        nodes=[node for nodes in placed for node in nodes],
        headings=headings,
        lines=_down(placed, chained=bool(parts.processors)),
    )


def _column(nodes: Sequence[Node]) -> int:
    return len(nodes) * (_HEIGHT + _GAP) - _GAP if nodes else 0


def _stacked(nodes: Iterable[Node], x: int, top: int, width: int) -> list[Node]:
    return [
        replace(node, x=x, y=top + place * (_HEIGHT + _GAP), width=width) for place, node in enumerate(nodes)
    ]


def _across(columns: Sequence[Sequence[Node]], *, chained: bool) -> list[str]:
    if len(columns) < 2:
        return []
    if not chained:
        return [_curve(one, other) for one in columns[0] for other in columns[-1]]
    processors = columns[-2]
    into = [_curve(one, processors[0]) for one in columns[0]] if len(columns) == 3 else []
    out = [_curve(processors[-1], one) for one in columns[-1]]
    return [*into, *_chain(processors), *out]


def _down(groups: Sequence[Sequence[Node]], *, chained: bool) -> list[str]:
    if len(groups) < 2:
        return []
    if not chained:
        return _rail(groups[0], groups[1])
    first, processors, last = groups[0], groups[-2], groups[-1]
    into = _rail(first, processors[:1]) if len(groups) == 3 else []
    return [*into, *_chain(processors), *_rail(processors[-1:], last)]


def _chain(nodes: Sequence[Node]) -> list[str]:
    """From each processor straight down to the next."""
    return [f"M{one.x + 24} {one.y + _HEIGHT}V{after.y - _ARROW}" for one, after in pairwise(nodes)]


def _curve(one: Node, other: Node) -> str:
    start, end = one.x + one.width, other.x - _ARROW
    half = (start + end) // 2
    return f"M{start} {one.middle}C{half} {one.middle} {half} {other.middle} {end} {other.middle}"


def _rail(before: Sequence[Node], after: Sequence[Node]) -> list[str]:
    """Lines out of all before to the left, down, and into each that comes after."""
    return [f"M{start.x} {start.middle}H9V{end.middle}H{end.x - _ARROW}" for end in after for start in before]


def _source(one: Mapping[str, Any]) -> Node:
    return Node(
        group="sources",
        name=visible(str(one["title"] or one["name"])),
        type=str(one["type"]),
        counters=plural(one["events"], "event"),
    )


def _processor(one: Mapping[str, Any]) -> Node:
    notes = "".join(f", {count(number)} {what}" for what, number in one["notes"].items())
    return Node(
        group="processors",
        name=visible(str(one["name"])),
        type=str(one["type"]),
        counters=f"{count(one['events_in'])} in, {count(one['events_out'])} out{notes}",
        trouble=Trouble(word="problem", tone="warn") if one["problem"] else Trouble(),
    )


def _destination(one: Mapping[str, Any]) -> Node:
    waiting = one["waiting"]["events"]
    words = [f"{count(one['delivered'])} delivered"]
    words += [f"{count(waiting)} waiting"] if waiting else []
    words += [f"{count(one[what])} {what}" for what in ("refused", "dropped") if one[what]]
    return Node(
        group="destinations",
        name=visible(str(one["name"])),
        type=str(one["type"]),
        counters=", ".join(words),
        trouble=trouble_of(one),
    )


_STATES = {"failing": "bad", "full": "bad", "ending": "warn", "stopped": "warn"}


def trouble_of(destination: Mapping[str, Any]) -> Trouble:
    """What is wrong with a destination; nothing where it is well."""
    state = str(destination["state"])
    if state in _STATES:
        return Trouble(word=state, tone=_STATES[state])
    if destination["dead_letters"]:
        return Trouble(word="dead letters", tone="warn")
    return Trouble()


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
