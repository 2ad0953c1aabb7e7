"""Restores, their plans and their problems, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from logkeep.cli.output import (
    amount,
    console,
    json_line,
    json_lines,
    record_line,
    seconds,
    size,
    span,
    table,
    who,
)

Shown = Mapping[str, Any]

_HAS_LINES = ("IN_PROGRESS", "PAUSED", "THAWING", "ACTIVE")
_SAMPLE_CHARS = 100


def show_restore(restore: Shown, *, as_json: bool) -> None:
    if as_json:
        json_line(restore)
        return
    table(["RESTORE", ""], _rows(restore))
    whose = restore["id"]
    if restore["state"] in _HAS_LINES and not (restore["files"] or restore["destination"]):
        click.echo(f"search it: logkeep search --account {restore['account']} 'QUERY'")
    if restore["skipped_objects"] or restore["skipped_lines"]:
        click.echo(f"see what was passed over: logkeep restore problems {whose}")
    elif restore["textless_lines"]:
        click.echo(f"see which lines have no text: logkeep restore problems {whose}")
    if restore["state"] == "FAILED":
        click.echo(f"run it again, as it was planned: logkeep restore retry {whose}")


def show_restores(restores: Iterable[Shown], *, as_json: bool) -> None:
    if as_json:
        json_lines(restores)
        return
    table(
        [
            *("ID", "NAME", "STATE", "#QUEUE", "ACCOUNT", "SOURCE"),
            *("FROM", "TO", "#LINES", "#DONE", "EXPIRES", "WHY"),
        ],
        (
            (
                one["id"],
                one["name"],
                _word(one),
                one["position"] or "-",
                one["account"] or "-",
                _source(one),
                one["from"],
                one["to"],
                amount(one["lines"]),
                f"{one['progress']['share']:.0%}",
                one["expires_at"] or "-",
                one["reason"] or "-",
            )
            for one in restores
        ),
    )


def show_plan(plan: Shown, *, as_json: bool) -> None:
    """The dry run: what would be read, what the query rules out, what is frozen, and lines that match."""
    if as_json:
        json_line(plan)
        return
    table(["PLAN", ""], _plan_rows(plan))
    if plan["sample"]:
        click.echo("\nfor example:")
        terminal = console()
        for record in plan["sample"]:
            terminal.print(record_line(record), soft_wrap=True)


def show_problems(answer: Shown, *, as_json: bool) -> None:
    problems = answer["problems"]
    if as_json:
        json_lines(problems)
        return
    objects, lines = answer["skipped_objects"], answer["skipped_lines"]
    if not (problems or objects or lines):
        click.echo("nothing was passed over")
        return
    table(
        ["OBJECT", "#OFFSET", "WHY", "BEGINS"],
        (
            (one["key"], amount(one["offset"]), one["reason"], one["sample"][:_SAMPLE_CHARS] or "-")
            for one in problems
        ),
    )
    click.echo(f"{amount(objects)} objects and {amount(lines)} lines were passed over")
    if answer["textless_lines"]:
        click.echo(f"{amount(answer['textless_lines'])} restored lines have no text")


def why_paused(restore: Shown) -> str:
    """What a paused restore waits for, and how it goes on."""
    whose = restore["id"]
    if restore["paused_for"] == "limit":
        return (
            f"restore {whose} is paused: it has reached its limit ({_limits(restore)})\n"
            f"  go on: logkeep restore resume {whose} --limit-lines N (0: without)\n"
            f"  or keep what came: logkeep restore abort {whose} --keep"
        )
    why = f"after an error: {restore['error']}" if restore["paused_for"] == "error" else "on request"
    return f"restore {whose} is paused {why}\n  go on: logkeep restore resume {whose}"


def what_is_thawed(restore: Shown) -> str:
    return (
        f"{amount(restore['frozen_objects'])} objects are in cold storage; their thaw is asked for "
        f"({restore['thaw'] or 'by others'}), and the restore goes on when they can be read"
    )


def _rows(restore: Shown) -> list[tuple[str, str]]:
    planned, by = restore["planned"], who(restore["created_by"], restore["created_by_name"])
    rows = [
        ("id", restore["id"]),
        ("name", restore["name"]),
        ("state", _state(restore)),
        ("account", restore["account"]),
        ("source", f"{_source(restore)}, {restore['from']} to {restore['to']}"),
        ("query", restore["query"] or "-"),
        ("why", restore["reason"]),
        ("asked for", f"{restore['created_at']} by {by}"),
        ("planned", f"{amount(planned['lines'])} lines in {amount(planned['objects'])} objects, "
                    f"{size(planned['bytes'])} to read"),
        ("restored", f"{amount(restore['lines'])} lines, {size(restore['bytes'])} read, "
                     f"{amount(restore['duplicates'])} duplicates left out"),
        ("progress", _progress(restore["progress"])),
        ("limit", _limits(restore) and f"{_limits(restore)}, then: {restore['on_limit']}"),
        ("passed over", _passed_over(restore)),
        ("without text", _textless(restore)),
        ("cold storage", _cold(restore)),
        ("files", _files(restore)),
        ("pipeline", _destination(restore)),
        ("on disk", size(restore["storage_bytes"])),
        ("tells", ", ".join(filter(None, (restore["notify_url"], restore["notify_email"])))),
        ("ended", restore["finished_at"] or ""),
        ("deleted", restore["deleted_at"] or ""),
        ("expires", _expires(restore)),
        ("error", restore["error"] or ""),
    ]  # fmt: skip
    return [(name, text) for name, text in rows if text]


_PAUSED_FOR = {
    "limit": "its limit is reached",
    "request": "on request",
    "error": "after an error: resume it when that is mended",
}


def _word(restore: Shown) -> str:
    return f"{restore['state']} (partial)" if restore["partial"] else str(restore["state"])


def _state(restore: Shown) -> str:
    state: str = restore["state"]
    if restore["position"]:
        return f"{state}, number {amount(restore['position'])} in the queue"
    if restore["paused_for"]:
        return f"{state}, {_PAUSED_FOR[restore['paused_for']]}"
    if restore["partial"]:
        why = "stopped at its limit" if restore["partial"] == "limit" else "aborted"
        return f"{state}, not complete: it was {why}, and what came stays"
    return state


def _progress(progress: Shown) -> str:
    parts = [f"{progress['share']:.0%}"]
    if progress["bytes_per_s"] is not None:
        parts.append(f"{size(progress['bytes_per_s'])}/s")
    if progress["events_per_s"] is not None:
        parts.append(f"{amount(round(progress['events_per_s']))} events/s")
    if progress["seconds_left"] is not None:
        parts.append(f"{seconds(progress['seconds_left'])} left")
    return ", ".join(parts)


def _source(restore: Shown) -> str:
    """The account, and the archive if only one of its archives is read."""
    return "/".join(filter(None, (restore["source"], restore["archive"])))


def _limits(restore: Shown) -> str:
    lines, stored = restore["limit_lines"], restore["limit_bytes"]
    given = (lines and f"{amount(lines)} lines", stored and f"{size(stored)} of text")
    return " or ".join(filter(None, given))


def _passed_over(restore: Shown) -> str:
    objects, lines = restore["skipped_objects"], restore["skipped_lines"]
    return f"{amount(objects)} objects, {amount(lines)} lines" if objects or lines else ""


def _textless(restore: Shown) -> str:
    return f"{amount(restore['textless_lines'])} lines" if restore["textless_lines"] else ""


def _cold(restore: Shown) -> str:
    if not restore["frozen_objects"]:
        return ""
    if restore["state"] == "THAWING":
        return what_is_thawed(restore)
    waits = restore["state"] in ("IN_PROGRESS", "PAUSED")
    return f"{amount(restore['frozen_objects'])} objects are still to be thawed" if waits else ""


def _files(restore: Shown) -> str:
    files = restore["files"]
    if not files:
        return ""
    options = " ".join(f"{name}={value}" for name, value in sorted(files.items()) if name != "format")
    written = f"{amount(restore['files_written'])} written as {files['format']}"
    return f"{written} below {restore['files_folder']}: {options}"


def _destination(restore: Shown) -> str:
    to = restore["destination"]
    if not to:
        return ""
    most = f", {amount(restore['rate'])} a second at most" if restore["rate"] else ""
    return f"{to['pipeline']}/{to['source']}: {amount(restore['sent'])} lines sent{most}"


def _expires(restore: Shown) -> str:
    if restore["expires_in_s"] is None:
        return restore["expires_at"] or "-"
    return f"{restore['expires_at']}, in {seconds(restore['expires_in_s'])}"


def _plan_rows(plan: Shown) -> list[tuple[str, str]]:
    rows = [
        ("range", f"{plan['from']} to {plan['to']}"),
        ("to read", f"{size(plan['bytes'])} in {amount(plan['objects'])} objects, "
                    f"{amount(plan['blocks'])} blocks, about {amount(plan['requests'])} requests"),
        ("ruled out", f"{amount(plan['blocks_ruled_out'])} blocks by the query, "
                      f"from {size(plan['filter_bytes'])} of filters"),
        ("lines read", f"{amount(plan['lines'])}, {size(plan['raw_bytes'])}"),
        ("to restore", _hits(plan)),
        ("time", f"about {seconds(plan['seconds'])}"),
        ("cold storage", _frozen(plan["frozen"])),
    ]  # fmt: skip
    if plan["unknown_objects"]:
        unknown = f"{amount(plan['unknown_objects'])} objects have no manifest: their lines are not counted"
        rows.insert(4, ("uncounted", unknown))
    return rows


def _hits(plan: Shown) -> str:
    if plan["exact"]:
        return f"exactly {amount(plan['lines'])} lines, less duplicates"
    if plan["hits"] is None:
        return "unknown: there is nothing to go by"
    return f"about {amount(plan['hits'])} lines, going by a sample of {amount(plan['sampled_lines'])}"


def _frozen(frozen: Shown) -> str:
    if not frozen["objects"]:
        return "nothing is frozen"
    classes = ", ".join(f"{amount(count)} in {name}" for name, count in sorted(frozen["by_class"].items()))
    text = f"{amount(frozen['objects'])} objects, {size(frozen['bytes'])} ({classes})"
    if frozen["thawing"]:
        text += f", {amount(frozen['thawing'])} of them being thawed"
    return text + _thaw_time(frozen["hours"])


def _thaw_time(hours: list[float] | None) -> str:
    if hours is None:
        return "; choose a tier with --thaw to see how long it takes"
    least, most = (round(one * 3600) for one in hours)
    return (
        f"; readable within {span(most)}" if not least else f"; readable after {span(least)} to {span(most)}"
    )
