"""`logkeep key`: ingest keys of accounts, and admin tokens."""

from __future__ import annotations

import click

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import json_line, json_lines, table
from logkeep.errors import InputError

_whose = click.argument("account", default="")
_admin = click.option("--admin", is_flag=True, help="Admin tokens, which belong to no account.")


@click.group()
def key() -> None:
    """Create, list and revoke keys."""


@key.command("create")
@_whose
@_admin
@click.option("--name", default="", help="What it is for, for people.")
@json_option
@with_client
def create(client: Client, account: str, admin: bool, name: str, as_json: bool) -> None:
    """Create an ingest key of ACCOUNT, or an admin token. It is shown once."""
    made = client.post(_path(account, admin=admin), {"name": name})
    if as_json:
        json_line(made)
        return
    member, what = ("admin_token", "admin token") if admin else ("ingest_key", "ingest key ")
    click.echo(f"key id       {made['id']}\n{what}  {made[member]}   (shown only now)")


@key.command("ls")
@_whose
@_admin
@json_option
@with_client
def ls(client: Client, account: str, admin: bool, as_json: bool) -> None:
    """List the ingest keys of ACCOUNT, or the admin tokens; never the keys themselves."""
    keys = client.get(_path(account, admin=admin))["admin_tokens" if admin else "keys"]
    if as_json:
        json_lines(keys)
    else:
        table(
            ["ID", "NAME", "ROLE", "ACCOUNT", "CREATED"],
            (
                (one["id"], one["name"] or "-", one["role"], one["account"] or "-", one["created_at"])
                for one in keys
            ),
        )


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@json_option
@with_client
def revoke(client: Client, key_id: str, as_json: bool) -> None:
    """Revoke a key: it opens nothing from now on."""
    revoked = client.delete(f"/v1/keys/{key_id}")
    if as_json:
        json_line(revoked)
    else:
        click.echo(f"key {key_id} is revoked")


def _path(account: str, *, admin: bool) -> str:
    if bool(account) == admin:
        raise InputError("name an account, or give --admin", hint="see: logkeep account ls")
    return "/v1/admin-tokens" if admin else f"/v1/accounts/{account}/keys"
