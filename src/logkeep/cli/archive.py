"""`logkeep archive`: what is archived where, what waits, and sealing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from logkeep.cli import archive_browse, archive_search, archive_setup, convert, detect, exits
from logkeep.cli.archive_shown import (
    show_archive,
    show_archives,
    show_check,
    show_hours,
    show_status,
)
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, json_line, json_lines, size, table


@click.group()
def archive() -> None:
    """Set up, see, test and seal archives."""


for _command in (
    *archive_setup.COMMANDS,
    *archive_browse.COMMANDS,
    archive_search.search,
    convert.convert,
    detect.detect,
):
    archive.add_command(_command)


@archive.command("ls")
@click.option("--account", default="", help="Of this account only.")
@click.option("--archive", "archive_id", default="", help="Of this archive only.")
@from_to()
@json_option
@with_client
def ls(client: Client, account: str, archive_id: str, from_: str, to: str, as_json: bool) -> None:
    """List the objects that were archived. Archives themselves are listed by `archive show`."""
    span: dict[str, str | int | None] = {"from": from_, "to": to}
    if archive_id:
        answer = client.get(f"/v1/archives/{archive_id}/objects", **span)
    else:
        answer = client.get("/v1/archive/objects", account=account, **span)
    show_objects(answer["objects"], as_json=as_json)


@archive.command("show")
@click.argument("archive_id", metavar="[ARCHIVE]", default="")
@click.option("--account", default="", help="List those of this account only.")
@json_option
@with_client
def show(client: Client, archive_id: str, account: str, as_json: bool) -> None:
    """Show one archive, or list all of them."""
    if archive_id:
        show_archive(client.get(f"/v1/archives/{archive_id}"), as_json=as_json)
    else:
        show_archives(client.get("/v1/archives", account=account)["archives"], as_json=as_json)


@archive.command("seal")
@click.option("--account", default="", help="Of this account only.")
@click.option("--archive", "archive_id", default="", help="Of this archive only.")
@click.option("--now", is_flag=True, help="All hours, also those that are not over yet.")
@json_option
@with_client
def seal(client: Client, account: str, archive_id: str, now: bool, as_json: bool) -> None:
    """Write what is due into the archives, and wait until it is there.

    Lines that come later for an hour that is sealed go into the hour's next numbered object.
    """
    if archive_id:
        answer = client.post(f"/v1/archives/{archive_id}/seal", {"now": now})
    else:
        answer = client.post("/v1/archive/seal", {"account": account or None, "now": now})
    sealed, failed = answer["sealed"], answer["failed"]
    for one in failed:
        name = one.get("archive", one["account"])
        click.echo(f"logkeep: the archive {name} of {one['account']} failed: {one['error']}", err=True)
    if sealed or as_json:
        show_objects(sealed, as_json=as_json)
    elif not failed:
        click.echo("nothing was due (--now seals hours that are still open, too)")
    if failed:
        sys.exit(exits.STORAGE)


@archive.command("status")
@json_option
@with_client
def status(client: Client, as_json: bool) -> None:
    """Show how far each archive is behind, what waits, and the last error."""
    answer = client.get("/v1/archive/status")
    if as_json:
        json_line(answer)
        return
    for row in answer["accounts"]:
        show_status(row)
    if "spool_bytes" in answer:  # told to administrators
        click.echo(f"spool    {size(answer['spool_bytes'])}")
        click.echo(f"index    {amount(answer['index_lag_frames'])} frames behind")
        if answer["index_error"]:
            click.echo(f"  {answer['index_error']}")
    if answer.get("alarm"):
        click.echo("ALARM    an archive fails, is late, or holds another number of lines than were accepted")


@archive.command("hours")
@click.argument("archive_id", metavar="ARCHIVE")
@from_to()
@click.option("--limit", default=100, show_default=True, help="Hours at most, the newest.")
@json_option
@with_client
def hours(client: Client, archive_id: str, from_: str, to: str, limit: int, as_json: bool) -> None:
    """Compare what was accepted with what is archived, hour by hour."""
    span: dict[str, str | int | None] = {"from": from_, "to": to, "limit": limit}
    show_hours(client.get(f"/v1/archives/{archive_id}/hours", **span)["hours"], as_json=as_json)


@archive.command("verify")
@click.argument("archive_id", metavar="ARCHIVE")
@json_option
@with_client
def verify(client: Client, archive_id: str, as_json: bool) -> None:
    """Have the server check every object of an archive now."""
    _check(client, archive_id, "verify", as_json=as_json)


@archive.command("drill")
@click.argument("archive_id", metavar="ARCHIVE")
@json_option
@with_client
def drill(client: Client, archive_id: str, as_json: bool) -> None:
    """Have the server restore a random hour of an archive, and count its lines. Nothing of it is kept."""
    _check(client, archive_id, "drill", as_json=as_json)


def _check(client: Client, archive_id: str, kind: str, *, as_json: bool) -> None:
    check = client.post(f"/v1/archives/{archive_id}/{kind}")
    show_check(check, as_json=as_json)
    if not check["ok"]:
        sys.exit(exits.NEGATIVE)


def show_objects(objects: Iterable[Mapping[str, Any]], *, as_json: bool = False) -> None:
    if as_json:
        json_lines(objects)
        return
    table(
        ["KEY", "#LINES", "#RAW", "#STORED", "#RATIO"],
        (
            (
                entry["key"],
                amount(entry["lines"]),
                size(entry["raw_bytes"]),
                size(entry["stored_bytes"]),
                f"{entry['raw_bytes'] / max(1, entry['stored_bytes']):.2f}",
            )
            for entry in objects
        ),
    )
