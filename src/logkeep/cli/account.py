"""`logkeep account`: create and list accounts."""

from __future__ import annotations

import click

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import json_line, json_lines, table


@click.group()
def account() -> None:
    """Create and list accounts."""


@account.command("create")
@click.argument("name")
@json_option
@with_client
def create(client: Client, name: str, as_json: bool) -> None:
    """Create the account NAME, with an archive of its own. Its ingest key is shown once."""
    made = client.post("/v1/accounts", {"name": name})
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
            ["ACCOUNT", "KIND", "CREATED", "RESTORE"],
            ((a["account"], a["kind"], a["created_at"], a["restore"] or "-") for a in accounts),
        )
