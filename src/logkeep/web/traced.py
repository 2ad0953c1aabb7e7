"""What became of a line that a pipeline was tried with, step by step, as pages tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.web.shown import instant

_NAMES = {"_lid": "id"}  # of fields that are called otherwise in queries
_UNTOLD = ("line", "id", "rx")  # beside the line itself


@dataclass(frozen=True, kw_only=True)
class Change:
    """A field before and after; "" where it is not there."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """One step: what it made of the event."""

    processor: str
    type: str
    outcome: str
    changes: Sequence[Change] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What is left, and where it would go."""

    line: str
    fields: Sequence[tuple[str, str]]
    destinations: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Course:
    """All of one line."""

    before: Event
    steps: Sequence[Told]
    after: Sequence[Event]
    note: str


def courses(events: Sequence[Mapping[str, Any]]) -> list[Course]:
    """From what the API answers to a test."""
    return [_course(one) for one in events]


def flat(event: Mapping[str, Any]) -> dict[str, str]:
    """An event's fields as queries name them, each as text."""
    return dict(_flat(event))


def _course(one: Mapping[str, Any]) -> Course:
    return Course(
        before=_event(one["before"]),
        steps=list(_steps(one)),
        after=[
            _event(event, destinations)
            for event, destinations in zip(one["after"], one["destinations"], strict=True)
        ],
        note=one["note"],
    )


def _event(event: Mapping[str, Any], destinations: Sequence[str] = ()) -> Event:
    fields = [(name, text) for name, text in flat(event).items() if name not in _UNTOLD]
    return Event(line=str(event.get("_line", "")), fields=fields, destinations=destinations)


def _steps(one: Mapping[str, Any]) -> Iterator[Told]:
    before = [one["before"]]
    for step in one["steps"]:
        after = step["events"]
        changes = _changes(before[0], after[0]) if len(before) == len(after) == 1 else []
        yield Told(
            processor=step["processor"],
            type=step["type"],
            outcome=_outcome(len(before), len(after) + step["more"], changes),
            changes=changes,
            note=step["note"],
        )
        before = after


def _outcome(before: int, after: int, changes: Sequence[Change]) -> str:
    if not after:
        return "dropped here" if before else "nothing came to it"
    if before != after:
        return f"{before} in, {after} out"
    if before > 1:
        return f"{after} events"
    return "" if changes else "passed as it was"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    old, new = flat(before), flat(after)
    return [
        Change(field=name, before=old.get(name, ""), after=new.get(name, ""))
        for name in (*new, *(name for name in old if name not in new))
        if old.get(name) != new.get(name)
    ]


def _flat(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in event.items():
        if name == "_meta" and isinstance(value, Mapping):
            yield from _members("meta", value)
        elif name == "_ts":
            yield "ts", _moment(value)
        else:
            yield _NAMES.get(name, name.removeprefix("_")), _text(value)


def _moment(value: object) -> str:
    moment = instant(value) if isinstance(value, int | float) else None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else _text(value)


def _members(path: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, member in value.items():
        inner = f"{path}.{key}"
        if isinstance(member, Mapping) and member:
            yield from _members(inner, member)
        else:
            yield inner, _text(member)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
