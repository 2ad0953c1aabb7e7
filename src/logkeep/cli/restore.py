"""`logkeep restore`: plan, run, follow and remove restores."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import click

from logkeep.cli import exits
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, json_line, json_lines, pointing_into, progress, size, table

Restore = Mapping[str, Any]

RUNNING = "IN_PROGRESS"
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


@click.group()
def restore() -> None:
    """Bring a stretch of the archive back, into a searchable account."""


@restore.command("create")
@click.option("--name", required=True, help="What to call it.")
@from_to(required=True)
@click.option("--query", default="", help="Bring back only lines that match.")
@click.option("--account", default="main", show_default=True, help="Whose archive to read.")
@click.option("--archive", default="", help="Read only this one of the account's archives.")
@click.option("--any-marker", is_flag=True, help="Also read a place that another account's marker is in.")
@click.option(
    "--expiry", type=int, help="Seconds to keep it after it finished.  [default: the server's, 5 days]"
)
@click.option("--wait", is_flag=True, help="Wait until it is complete.")
@click.option("--dry-run", is_flag=True, help="Only show what would be read.")
@json_option
@with_client
def create(
    client: Client,
    name: str,
    from_: str,
    to: str,
    query: str,
    account: str,
    archive: str,
    any_marker: bool,
    expiry: int | None,
    wait: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Restore the lines from --from to --to into an account of their own."""
    request: dict[str, str | int] = {
        "name": name,
        "from": from_,
        "to": to,
        "query": query,
        "account": account,
    }
    if expiry is not None:
        request["expiry_s"] = expiry
    if archive:
        request["archive"] = archive
    if any_marker:
        request["any_marker"] = True
    with pointing_into(query):
        if dry_run:
            _show_plan(client.post("/v1/restores/plan", request), as_json=as_json)
            return
        made = client.post("/v1/restores", request)
    if wait:
        made = wait_for(client, made["id"], quiet=as_json)
    _show(made, as_json=as_json)
    if wait and made["state"] != "ACTIVE":
        sys.exit(exits.NEGATIVE)


@restore.command("ls")
@json_option
@with_client
def ls(client: Client, as_json: bool) -> None:
    """List restores, the ended ones too."""
    restores = client.get("/v1/restores")["restores"]
    if as_json:
        json_lines(restores)
    else:
        _show_table(restores)


@restore.command("show")
@click.argument("restore_id", metavar="ID")
@json_option
@with_client
def show(client: Client, restore_id: str, as_json: bool) -> None:
    """Show one restore."""
    _show(client.get(f"/v1/restores/{restore_id}"), as_json=as_json)


@restore.command("abort")
@click.argument("restore_id", metavar="ID")
@json_option
@with_client
def abort(client: Client, restore_id: str, as_json: bool) -> None:
    """Stop a restore that runs."""
    _show(client.post(f"/v1/restores/{restore_id}/abort"), as_json=as_json)


@restore.command("delete")
@click.argument("restore_id", metavar="ID")
@json_option
@with_client
def delete(client: Client, restore_id: str, as_json: bool) -> None:
    """Delete a restore's account and its lines. The archive stays as it is."""
    _show(client.delete(f"/v1/restores/{restore_id}"), as_json=as_json)


def wait_for(client: Client, restore_id: str, *, quiet: bool = False) -> Restore:
    """The restore as it is when it no longer runs."""
    pause = _FIRST_PAUSE_S
    with progress("{task.fields[lines]} lines", quiet=quiet) as bar:
        task = bar.add_task("restoring", total=None, lines="0")
        while True:
            now: Restore = client.get(f"/v1/restores/{restore_id}")
            planned = now["planned"]["raw_bytes"]
            bar.update(task, completed=now["bytes"], total=planned or None, lines=amount(now["lines"]))
            if now["state"] != RUNNING:
                return now
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _show(entry: Restore, *, as_json: bool) -> None:
    if as_json:
        json_line(entry)
        return
    planned = entry["planned"]
    rows = [
        ("id", entry["id"]),
        ("name", entry["name"]),
        ("state", entry["state"]),
        ("account", entry["account"]),
        ("source", f"{entry['source']}, {entry['from']} to {entry['to']}"),
        ("query", entry["query"] or "-"),
        ("planned", f"{amount(planned['lines'])} lines in {amount(planned['objects'])} objects, "
                    f"{size(planned['bytes'])} to read"),
        ("restored", f"{amount(entry['lines'])} lines, {size(entry['bytes'])} read, "
                     f"{amount(entry['duplicates'])} duplicates left out"),
        ("expires", entry["expires_at"] or "-"),
    ]  # fmt: skip
    if entry["error"]:
        rows.append(("error", entry["error"]))
    table(["RESTORE", ""], rows)
    if entry["state"] in (RUNNING, "ACTIVE"):
        click.echo(f"search it: logkeep search --account {entry['account']} 'QUERY'")


def _show_table(restores: Iterable[Restore]) -> None:
    table(
        ["ID", "NAME", "STATE", "ACCOUNT", "FROM", "TO", "#LINES", "EXPIRES"],
        (
            (
                entry["id"],
                entry["name"],
                entry["state"],
                entry["account"],
                entry["from"],
                entry["to"],
                amount(entry["lines"]),
                entry["expires_at"] or "-",
            )
            for entry in restores
        ),
    )


def _show_plan(plan: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        json_line(plan)
        return
    table(["PLAN", ""], ((name, _cell(value)) for name, value in plan.items()))


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return amount(value)
    return f"{len(value)}" if isinstance(value, list) else str(value)
