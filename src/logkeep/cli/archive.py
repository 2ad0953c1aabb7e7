"""`logkeep archive`: what is archived, what waits, and sealing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from logkeep.cli import exits
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, json_line, json_lines, seconds, size, table


@click.group()
def archive() -> None:
    """See and seal the archive."""


@archive.command("ls")
@click.option("--account", default="", help="Of this account only.")
@from_to()
@json_option
@with_client
def ls(client: Client, account: str, from_: str, to: str, as_json: bool) -> None:
    """List the archive's objects."""
    params: dict[str, str | int | None] = {"account": account, "from": from_, "to": to}
    show_objects(client.get("/v1/archive/objects", **params)["objects"], as_json=as_json)


@archive.command("seal")
@click.option("--account", default="", help="Of this account only.")
@click.option("--now", is_flag=True, help="All hours, also those that are not over yet.")
@json_option
@with_client
def seal(client: Client, account: str, now: bool, as_json: bool) -> None:
    """Write what is due into the archive, and wait until it is there.

    Lines that come later for an hour that is sealed go into the hour's next numbered object.
    """
    answer = client.post("/v1/archive/seal", {"account": account or None, "now": now})
    sealed, failed = answer["sealed"], answer["failed"]
    for one in failed:
        click.echo(f"logkeep: the archive of {one['account']} failed: {one['error']}", err=True)
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
    """Show how far the archive is behind, what waits, and the last error."""
    answer = client.get("/v1/archive/status")
    if as_json:
        json_line(answer)
        return
    for account in answer["accounts"]:
        _show_account(account)
    click.echo(f"spool    {size(answer['spool_bytes'])}")
    click.echo(f"index    {amount(answer['index_lag_frames'])} frames behind")
    if answer["index_error"]:
        click.echo(f"  {answer['index_error']}")


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


def _show_account(account: Mapping[str, Any]) -> None:
    rows = [
        ("archive", account["archive"]),
        ("state", account["state"]),
        ("lag", seconds(account["lag_s"])),
        ("waiting", f"{amount(account['waiting_lines'])} lines, {size(account['waiting_bytes'])}"),
        (
            "archived",
            f"{amount(account['objects'])} objects, {amount(account['archived_lines'])} lines, "
            f"{size(account['archived_bytes'])}",
        ),
        ("last error", account["last_error"] or "none"),
    ]
    table([f"ACCOUNT {account['account']}", ""], rows)
    if account["open_hours"]:
        table(
            ["OPEN HOUR", "#LINES", "#BYTES", "DUE"],
            (
                (hour["hour"], amount(hour["lines"]), size(hour["bytes"]), hour["due_at"])
                for hour in account["open_hours"]
            ),
        )
    click.echo()
