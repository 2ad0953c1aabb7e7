"""Pipelines, their parts, and what became of lines in a test, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from logkeep.cli.output import amount, console, json_lines, record_line, size, table, who
from logkeep.errors import BadPipeline

Shown = Mapping[str, Any]
Event = Mapping[str, Any]

_VALUE_CHARS = 200  # of a field, before and after a step
_REASON_CHARS = 120


def show_pipelines(pipelines: Iterable[Shown], *, as_json: bool) -> None:
    if as_json:
        json_lines(pipelines)
        return
    table(
        ["ID", "TITLE", "ACCOUNT", "#VERSION", "SOURCES", "#EVENTS", "DESTINATIONS", "#WAITING", "STATE"],
        (
            (
                one["id"],
                one["title"] or "-",
                one["account"],
                one["version"],
                _names(one["status"]["sources"]),
                amount(sum(source["events"] for source in one["status"]["sources"])),
                _names(one["status"]["destinations"]),
                amount(sum(each["waiting"]["events"] for each in one["status"]["destinations"])),
                _state(one["status"]),
            )
            for one in pipelines
        ),
    )


def show_pipeline(pipeline: Shown) -> None:
    by = who(pipeline["updated_by"], pipeline["updated_by_name"])
    rows = [
        ("state", _state(pipeline["status"])),
        ("title", pipeline["title"] or "-"),
        ("account", pipeline["account"]),
        ("version", f"{pipeline['version']}, of {pipeline['updated_at']} by {by}"),
    ]
    table([f"PIPELINE {pipeline['id']}", ""], rows)
    status = pipeline["status"]
    _show_sources(status["sources"])
    _show_processors(status["processors"])
    _show_destinations(status["destinations"])
    for one in status["processors"]:
        if one["problem"]:
            click.echo(f"\n{one['name']}: {one['problem']}")
    for one in status["destinations"]:
        if one["last_error"]:
            again = f" (next try {one['next_try']})" if one["next_try"] else ""
            click.echo(f"\n{one['name']}: {one['last_error']}{again}")
        if one["dead_letters"]:
            click.echo(
                f"\nsee what was refused: logkeep pipeline dead-letters {pipeline['id']} {one['name']}"
            )


def show_keys(pipeline_id: str, keys: Mapping[str, str], url: str) -> None:
    """New keys, which the server does not show again."""
    for source, key in keys.items():
        click.echo(f"key of {source}  {key}")
    if keys:
        click.echo(f"It is shown this once. Send to {url}/v1/pipelines/{pipeline_id}/ingest")


def show_problems(error: BadPipeline, file: str) -> None:
    """Every problem where it stands in the file."""
    for problem in error.problems:
        click.echo(f"{file}:{problem['line']}: {problem['path']}: {problem['message']}", err=True)
        if problem["hint"]:
            click.echo(f"  {problem['hint']}", err=True)


def show_versions(versions: Iterable[Shown], *, as_json: bool) -> None:
    if as_json:
        json_lines(versions)
    else:
        table(
            ["#VERSION", "AT", "BY"],
            ((one["version"], one["at"], who(one["by"], one["by_name"])) for one in versions),
        )


def show_dead_letters(letters: Sequence[Shown], *, as_json: bool) -> None:
    if as_json:
        json_lines(letters)
    elif not letters:
        click.echo("nothing was refused")
    else:
        table(
            ["AT", "WHY", "EVENT"],
            ((one["at"], _cut(one["reason"], _REASON_CHARS), _text(one["event"])) for one in letters),
        )


def show_test(events: Sequence[Shown], *, as_json: bool) -> None:
    """A block for each event: how it came, what each step changed, how it goes on and where."""
    if as_json:
        json_lines(events)
        return
    terminal = console()
    for number, event in enumerate(events, 1):
        if number > 1:
            click.echo()
        click.echo(f"EVENT {number}")
        terminal.print("  before  ", record_line(event["before"]), sep="", soft_wrap=True)
        for line in _steps(event):
            click.echo(f"  {line}")
        if event.get("note"):
            click.echo(f"  {event['note']}")
        for after, destinations in zip(event["after"], event["destinations"], strict=True):
            terminal.print("  after   ", record_line(after), sep="", soft_wrap=True)
            click.echo(f"  to      {', '.join(destinations) or 'no destination'}")


def _steps(event: Shown) -> Iterator[str]:
    """A line for each step that changed something or has something to say."""
    before: Sequence[Event] = [event["before"]]
    for step in event["steps"]:
        after: Sequence[Event] = step["events"]
        note = f" ({step['note']})" if step["note"] else ""
        if not after and step.get("more"):
            yield f"{step['processor']}:{note}"
            return
        if not after:
            yield f"dropped by {step['processor']}{note}"
            return
        if after != before or note:
            yield f"{step['processor']}: {_change(before, after)}{note}"
        before = after


def _change(before: Sequence[Event], after: Sequence[Event]) -> str:
    if len(before) != len(after):
        return f"{len(after)} events"
    changes = [_changed(*pair) for pair in zip(before, after, strict=True)]
    if len(changes) == 1:
        return changes[0] or "no change"
    return "; ".join(f"{place}: {text}" for place, text in enumerate(changes, 1) if text) or "no change"


def _changed(before: Event, after: Event) -> str:
    """The fields that differ, as queries name them."""
    was, now = _fields(before), _fields(after)
    parts = [
        *(f"{name} = {now[name]}" for name in now if name not in was),
        *(f"{name}: {was[name]} -> {now[name]}" for name in now if name in was and was[name] != now[name]),
        *(f"without {name}" for name in was if name not in now),
    ]
    return ", ".join(parts)


def _fields(event: Event) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in event.items():
        if name == "_meta" and isinstance(value, dict):
            fields |= {f"meta.{key}": _text(inner) for key, inner in value.items()}
        else:
            fields[name.removeprefix("_")] = _text(value)
    return fields


def _show_sources(sources: Sequence[Shown]) -> None:
    click.echo()
    table(
        ["SOURCE", "TYPE", "TITLE", "#EVENTS", "KEY OF"],
        (
            (
                one["name"],
                one["type"],
                one["title"] or "-",
                amount(one["events"]),
                one["key_created_at"] or "-",
            )
            for one in sources
        ),
    )


def _show_processors(processors: Sequence[Shown]) -> None:
    if not processors:
        return
    click.echo()
    table(
        ["PROCESSOR", "TYPE", "#IN", "#OUT", "NOTED"],
        (
            (
                one["name"],
                one["type"],
                amount(one["events_in"]),
                amount(one["events_out"]),
                ", ".join(f"{what} {amount(count)}" for what, count in one["notes"].items()) or "-",
            )
            for one in processors
        ),
    )


def _show_destinations(destinations: Sequence[Shown]) -> None:
    click.echo()
    table(
        [
            *("DESTINATION", "TYPE", "STATE", "#DELIVERED", "#WAITING", "#ON DISK"),
            *("#REFUSED", "#DROPPED", "#DEAD LETTERS", "ARCHIVE"),
        ],
        (
            (
                one["name"],
                one["type"] or "-",
                one["state"],
                amount(one["delivered"]),
                amount(one["waiting"]["events"]),
                size(one["waiting"]["stored_bytes"]),
                amount(one["refused"]),
                amount(one["dropped"]),
                amount(one["dead_letters"]),
                one["archive"] or "-",
            )
            for one in destinations
        ),
    )


def _names(parts: Iterable[Shown]) -> str:
    return ", ".join(one["name"] for one in parts) or "-"


def _state(status: Shown) -> str:
    """The destinations that do not do well, or ok."""
    if not status["works"]:
        return "does not work"
    ill = [
        f"{one['name']} {one['state']}"
        for one in status["destinations"]
        if one["state"] not in ("ok", "idle")
    ]
    return ", ".join(ill) or "ok"


def _text(value: object) -> str:
    """As JSON, so that no line of an event can pass for ours or write to the terminal."""
    return _cut(msgspec.json.encode(value).decode(), _VALUE_CHARS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
