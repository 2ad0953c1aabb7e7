"""Archives, their objects and their state, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from logkeep.cli.output import amount, json_line, json_lines, seconds, size, span, table

Shown = Mapping[str, Any]

_RESULTS = {True: "ok", False: "FAILED", None: "-"}


def show_archive(archive: Shown, *, as_json: bool) -> None:
    if as_json:
        json_line(archive)
        return
    table([f"ARCHIVE {archive['id']}", ""], _rows(archive))


def show_archives(archives: Iterable[Shown], *, as_json: bool) -> None:
    if as_json:
        json_lines(archives)
        return
    table(
        ["ARCHIVE", "ACCOUNT", "STATE", "PLACE", "#WAITING", "#ARCHIVED", "HEALTH"],
        (
            (
                one["id"],
                one["account"],
                _state(one),
                one["place"],
                amount(one["status"]["waiting_lines"]) if one["status"] else "-",
                amount(one["totals"]["archived_lines"]),
                _health(one),
            )
            for one in archives
        ),
    )


def show_status(row: Shown) -> None:
    """One archive's row of the status."""
    rows = [
        ("account", row["account"]),
        ("place", row["archive"]),
        ("state", row["state"]),
        ("lag", seconds(row["lag_s"])),
        ("waiting", f"{amount(row['waiting_lines'])} lines, {size(row['waiting_bytes'])}"),
        (
            "archived",
            f"{amount(row['objects'])} objects, {amount(row['archived_lines'])} lines, "
            f"{size(row['archived_bytes'])}",
        ),
        ("last error", row["last_error"] or "none"),
    ]
    if row.get("next_try"):
        rows.append(("next try", row["next_try"]))
    rows += [
        ("differs", f"{one['hour']}: {amount(one['accepted'])} accepted, {amount(one['archived'])} archived")
        for one in row.get("differences", ())
    ]
    table([f"ARCHIVE {row.get('id', row['account'])}", ""], rows)
    if row["open_hours"]:
        table(
            ["OPEN HOUR", "#LINES", "#BYTES", "DUE"],
            (
                (hour["hour"], amount(hour["lines"]), size(hour["bytes"]), hour["due_at"])
                for hour in row["open_hours"]
            ),
        )
    click.echo()


def show_hours(hours: Iterable[Shown], *, as_json: bool) -> None:
    if as_json:
        json_lines(hours)
        return
    table(
        ["HOUR", "STATE", "#ACCEPTED", "#ARCHIVED", "#WAITING", "#OBJECTS", "#RAW", "#STORED"],
        (
            (
                one["hour"],
                one["state"],
                "-" if one["accepted"] is None else amount(one["accepted"]),
                amount(one["archived"]),
                amount(one["waiting"]),
                amount(one["objects"]),
                size(one["raw_bytes"]),
                size(one["stored_bytes"]),
            )
            for one in hours
        ),
    )


def show_verdicts(verdicts: Iterable[Shown], *, err: bool = False) -> None:
    """A line for each check, and below one that failed what to do."""
    for one in verdicts:
        click.echo(f"{one['check']:<12} {_RESULTS[one['ok']]:<7} {one['detail']}", err=err)
        if one["remedy"]:
            click.echo(f"{'':<20} -> {one['remedy']}", err=err)


def show_grant(grant: Shown, *, err: bool = False) -> None:
    click.echo(f"{grant['title']}\n\n{str(grant['text']).rstrip()}", err=err)


def show_check(check: Shown, *, as_json: bool) -> None:
    if as_json:
        json_line(check)
    else:
        click.echo(f"{check['kind']:<7} {_RESULTS[check['ok']]:<7} {check['summary']}")


def _rows(archive: Shown) -> list[tuple[str, str]]:
    rows = [
        ("account", archive["account"]),
        ("title", archive["title"] or "-"),
        ("state", _state(archive)),
        ("place", archive["place"]),
        ("provider", archive["provider"]),
        *((f"  {name}", str(value)) for name, value in sorted(archive["options"].items())),
        *((f"  {name}", str(value)) for name, value in sorted(archive["secrets"].items())),
        *(_read_rows(archive) if archive.get("layout") else _kept_rows(archive)),
    ]
    if archive.get("external_id"):
        rows.insert(5, ("external id", archive["external_id"]))
    if archive.get("secrets_error"):
        rows.append(("secrets", archive["secrets_error"]))
    if status := archive["status"]:
        rows.append(("waiting", f"{amount(status['waiting_lines'])} lines, {size(status['waiting_bytes'])}"))
        rows.append(("health", _health(archive)))
    rows += [("former place", one["place"]) for one in archive["targets"] if not one["current"]]
    rows += [
        (f"last {one['kind']}", f"{_RESULTS[one['ok']]}, {one['at']}: {one['summary']}")
        for one in archive["checks"]
    ]
    return rows


def _read_rows(archive: Shown) -> list[tuple[str, str]]:
    """Of another system's archive, which is only read."""
    options = sorted(archive["layout_options"].items())
    return [("layout", archive["layout"]), *((f"  {name}", str(value)) for name, value in options)]


def _kept_rows(archive: Shown) -> list[tuple[str, str]]:
    totals = archive["totals"]
    return [
        ("query", archive["query"] or "all lines"),
        ("excluded lines", "archived too" if archive["with_excluded"] else "left out"),
        ("seals", f"{span(archive['seal_after'])} after an hour's end, late lines every "
                  f"{span(archive['late_sweep'])}"),
        ("objects", f"of {archive['max_object_bytes'] / (1 << 20):,.1f} MiB of lines at most, "
                    f"gzip level {archive['compression_level']}"),
        ("verify", _every(archive["verify_every"])),
        ("drill", _every(archive["drill_every"])),
        ("archived", f"{amount(totals['objects'])} objects, {amount(totals['archived_lines'])} lines, "
                     f"{size(totals['archived_bytes'])}"),
    ]  # fmt: skip


def _state(archive: Shown) -> str:
    return "read only" if archive.get("layout") else str(archive["state"])


def _health(archive: Shown) -> str:
    status = archive["status"]
    if not status:
        return "-"
    if status["last_error"]:
        return f"{status['state']}: {status['last_error']}"
    return str(status["state"])


def _every(interval_s: int) -> str:
    return f"every {span(interval_s)}" if interval_s else "not scheduled"
