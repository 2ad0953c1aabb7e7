"""`logkeep archive days`, `object` and `download`: looking into an archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
from rich.text import Text

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.download import content, save
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, console, json_line, json_lines, record_line, size, table

Shown = Mapping[str, Any]

_target = click.option(
    "--target",
    type=int,
    default=0,
    metavar="ID",
    help="In this one of the places of the archive (docs/http-api.md).",
)


@click.command("days")
@click.argument("archive_id", metavar="ARCHIVE")
@from_to()
@click.option("--limit", default=100, show_default=True, help="Days at most, the newest.")
@json_option
@with_client
def days(client: Client, archive_id: str, from_: str, to: str, limit: int, as_json: bool) -> None:
    """Show day by day what is archived, what waits, what is missing and what was verified.

    EMPTY are hours between the archive's first and last of which it has nothing: nothing came, or it was not
    archived. What is known to be missing is told below the table. Of another system's archive the objects
    are shown that may hold lines of a day, by what their keys say.
    """
    span: dict[str, str | int | None] = {"from": from_, "to": to, "limit": limit}
    answer = client.get(f"/v1/archives/{archive_id}/days", **span)
    if as_json:
        json_lines(answer["days"])
        return
    table(
        [
            "DAY",
            "STATE",
            "#ARCHIVED",
            "#WAITING",
            "#OBJECTS",
            "#LATE",
            "#STORED",
            "#EMPTY",
            "#VERIFIED",
            "#WRONG",
        ],
        (_row(one) for one in answer["days"]),
    )
    for line in _told(answer):
        click.echo(line)


@click.command("object")
@click.argument("archive_id", metavar="ARCHIVE")
@click.argument("key")
@_target
@click.option("--lines", type=click.IntRange(0, 100), default=0, help="Show so many lines of its start.")
@json_option
@with_client
def show(client: Client, archive_id: str, key: str, target: int, lines: int, as_json: bool) -> None:
    """Show what is known of one object: is it there, its manifest, whether it was verified, its first lines.

    KEY as `archive ls` shows it. With --json and --lines each line is a record.
    """
    named: dict[str, str | int | None] = {"key": key, "target": target or None}
    if not (as_json and lines):
        found = client.get(f"/v1/archives/{archive_id}/object", **named)
        if as_json:
            json_line(found)
        else:
            table([f"OBJECT {found['key']}", ""], _object_rows(found))
    if lines:
        _show_lines(
            client.get(f"/v1/archives/{archive_id}/object/lines", **named, limit=lines), as_json=as_json
        )


@click.command("download")
@click.argument("archive_id", metavar="ARCHIVE")
@click.argument("key")
@_target
@click.option(
    "--output", "-o", default="", metavar="FILE", help="Where to; - is standard output.  [default: as in KEY]"
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@with_client
def download(client: Client, archive_id: str, key: str, target: int, output: str, force: bool) -> None:
    """Fetch one object as it is in the bucket, with the server's credentials."""
    params = {"key": key, "target": str(target or "")}
    pieces = content(client, f"/v1/archives/{archive_id}/object/content", params)
    save(pieces, output or key.rpartition("/")[2], force=force)


COMMANDS = (days, show, download)


def _row(one: Shown) -> tuple[str, ...]:
    verified = one["verified_objects"]
    return (
        one["day"],
        one["state"],
        "-" if one["archived"] is None else amount(one["archived"]),
        amount(one["waiting"]),
        amount(one["objects"]),
        amount(one["late_objects"]),
        size(one["stored_bytes"]),
        amount(len(one["empty_hours"])),
        "-" if verified is None else amount(verified),
        amount(one["problem_count"]),
    )


def _told(answer: Shown) -> Iterator[str]:
    for one in answer["days"]:
        for problem in one["problems"]:
            gap = "GAP" if problem["gap"] else "WRONG"
            yield f"{gap:<6} {problem['hour']} {problem['key'] or problem['kind']}: {problem['detail']}"
        if more := one["problem_count"] - len(one["problems"]):
            yield f"       {one['day']}: {amount(more)} more"
    if verify := answer["verify"]:
        yield f"verify {verify['at']}: {verify['summary']}"
    if listed := answer["listed"]:
        if listed["untimed_objects"]:
            yield f"{amount(listed['untimed_objects'])} objects have keys that tell no day"
        if not listed["complete"]:
            yield "there are more objects than were listed; ask for a shorter range"


def _object_rows(found: Shown) -> Iterable[tuple[str, str]]:
    manifest, stored, verify = found["manifest"], found["stored"], found["verify"]
    yield "place", found["place"]
    yield "state", found["state"]
    if found["frozen"]:
        yield "cold storage", found["frozen"]["storage_class"] or "yes"
    if found["hour"]:
        yield "hour", found["hour"]
        yield "late", "yes" if found["late"] else "no"
    if stored:
        yield "stored", f"{size(stored['bytes'])}, {stored['modified']}"
    if manifest:
        yield "lines", f"{amount(manifest['lines'])}, {size(manifest['raw_bytes'])}"
        yield "blocks", amount(len(manifest["blocks"]))
        yield "sha256", manifest["sha256"]
        yield "chain", f"number {manifest['chain']}" if manifest.get("chain") else "in none"
    if verify:
        yield "verified", f"{verify['at']}, {verify['depth']}" if verify["verified"] else "no"
        yield from (("found", f"{one['kind']}: {one['detail']}") for one in verify["findings"])
    yield from (("wrong", problem) for problem in found["problems"])


def _show_lines(answer: Shown, *, as_json: bool) -> None:
    if as_json:
        json_lines(one["record"] for one in answer["lines"])
        return
    shown = console()
    for one in answer["lines"]:
        record = one["record"]
        # What is no record has a text alone.
        shown.print(record_line(record) if "_ts" in record else Text(record.get("_line", "")), soft_wrap=True)
    if answer["damage"]:
        click.echo(f"it cannot be read further: {answer['damage']}", err=True)
