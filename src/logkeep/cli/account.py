"""`logkeep account`: accounts and sub-accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import discard_option, json_option
from logkeep.cli.output import json_line, json_lines, span, table

Account = Mapping[str, Any]

_account = click.argument("name", metavar="ACCOUNT")


@click.group()
def account() -> None:
    """Create, change and delete accounts."""


@account.command("create")
@click.argument("name")
@click.option("--title", default="", help="What people read.")
@click.option("--parent", default="", metavar="ACCOUNT", help="Make it a sub-account of this one.")
@click.option("--retention", metavar="TIME", help="How long its lines stay in the live search, as 30d.")
@click.option("--no-archive", is_flag=True, help="Without the archive that the server's settings describe.")
@json_option
@with_client
def create(
    client: Client,
    name: str,
    title: str,
    parent: str,
    retention: str | None,
    no_archive: bool,
    as_json: bool,
) -> None:
    """Create the account NAME, with an archive of its own. Its ingest key is shown once."""
    body: dict[str, Any] = {"name": name, "title": title, "parent": parent, "retention": retention}
    made = client.post("/v1/accounts", {**body, "archive": "none" if no_archive else "default"})
    if as_json:
        json_line(made)
    else:
        click.echo(f"account     {name}\ningest key  {made['ingest_key']}   (shown only now)")


@account.command("ls")
@json_option
@with_client
def ls(client: Client, as_json: bool) -> None:
    """List the accounts, live and restored."""
    accounts = client.get("/v1/accounts")["accounts"]
    if as_json:
        json_lines(accounts)
    else:
        table(
            ["ACCOUNT", "TITLE", "KIND", "STATE", "PARENT", "CREATED", "RESTORE"],
            (
                (
                    one["account"],
                    one["title"] or "-",
                    one["kind"],
                    "suspended" if one["suspended"] else "active",
                    one["parent"] or "-",
                    one["created_at"],
                    one["restore"] or "-",
                )
                for one in accounts
            ),
        )


@account.command("show")
@_account
@json_option
@with_client
def show(client: Client, name: str, as_json: bool) -> None:
    """Show one account."""
    _show(client.get(f"/v1/accounts/{name}"), as_json=as_json)


@account.command("rename")
@_account
@click.argument("title")
@json_option
@with_client
def rename(client: Client, name: str, title: str, as_json: bool) -> None:
    """Give an account another title. Its name stands in object keys and never changes."""
    _change(client, name, {"title": title}, as_json=as_json)


@account.command("suspend")
@_account
@json_option
@with_client
def suspend(client: Client, name: str, as_json: bool) -> None:
    """Take no lines in for an account. What it has stays."""
    _change(client, name, {"suspended": True}, as_json=as_json)


@account.command("resume")
@_account
@json_option
@with_client
def resume(client: Client, name: str, as_json: bool) -> None:
    """Take lines in again for an account that was suspended."""
    _change(client, name, {"suspended": False}, as_json=as_json)


@account.command("retention")
@_account
@click.argument("time", metavar="TIME|default")
@json_option
@with_client
def retention(client: Client, name: str, time: str, as_json: bool) -> None:
    """Set how long an account's lines stay in the live search, as 30d; or as the server says."""
    _change(client, name, {"retention": None if time == "default" else time}, as_json=as_json)


@account.command("match")
@_account
@click.argument("which", type=click.Choice(["first", "all"]))
@json_option
@with_client
def match(client: Client, name: str, which: str, as_json: bool) -> None:
    """Set which of an account's archives get a line that several of them want."""
    _change(client, name, {"match": which}, as_json=as_json)


@account.command("delete")
@_account
@discard_option
@json_option
@with_client
def delete(client: Client, name: str, discard: bool, as_json: bool) -> None:
    """Delete an account, its keys, its rules and its live lines. What it archived stays in its bucket."""
    deleted = client.delete(f"/v1/accounts/{name}", discard="true" if discard else None)
    if as_json:
        json_line(deleted)
    else:
        click.echo(f"account {name} is deleted; what it archived stays in its bucket")


def _change(client: Client, name: str, body: dict[str, Any], *, as_json: bool) -> None:
    _show(client.patch(f"/v1/accounts/{name}", body), as_json=as_json)


def _show(one: Account, *, as_json: bool) -> None:
    if as_json:
        json_line(one)
        return
    rows = [
        ("title", one["title"] or "-"),
        ("kind", one["kind"]),
        ("state", "suspended: takes no lines in" if one["suspended"] else "active"),
        ("parent", one["parent"] or "-"),
        ("retention", span(one["retention"]) if one["retention"] else "as the server's settings say"),
        ("archives", ", ".join(one["archives"]) or "none"),
        ("a line goes to", f"{one['match']} of the archives that want it"),
        ("created", one["created_at"]),
    ]
    if one["restore"]:
        rows.append(("restore", one["restore"]))
    table([f"ACCOUNT {one['account']}", ""], rows)
