"""`logkeep user`: who may sign in, with which role, and in which accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import json_line, json_lines, table

_ROLES = click.Choice(["read-only", "member", "admin"])
_accounts = click.option(
    "--account", "accounts", multiple=True, help="An account that the user sees; may be repeated."
)


@click.group()
def user() -> None:
    """Add, change and delete users."""


@user.command("ls")
@json_option
@with_client
def ls(client: Client, as_json: bool) -> None:
    """List the users."""
    users = client.get("/v1/users")["users"]
    if as_json:
        json_lines(users)
    else:
        table(
            ["ID", "NAME", "ROLE", "ACCOUNTS", "STATE", "SIGNED IN"],
            (
                (
                    one["id"],
                    one["name"],
                    one["role"],
                    _accounts_of(one),
                    _state(one),
                    one["signed_in_at"] or "-",
                )
                for one in users
            ),
        )


@user.command("add")
@click.argument("name")
@click.option("--role", type=_ROLES, default="member", show_default=True, help="What the user may do.")
@_accounts
@json_option
@with_client
def add(client: Client, name: str, role: str, accounts: tuple[str, ...], as_json: bool) -> None:
    """Add a user. The link that is shown works once, for three days: with it the user sets a password."""
    made = client.post("/v1/users", {"name": name, "role": role, "accounts": accounts})
    _show_link(client, made, as_json=as_json)


@user.command("change")
@click.argument("user_id", metavar="ID")
@click.option("--name", help="Another name to sign in with.")
@click.option("--role", type=_ROLES, help="What the user may do.")
@_accounts
@click.option("--no-accounts", is_flag=True, help="The user sees no account any more.")
@click.option("--disable/--enable", default=None, help="Whether the user is signed out and kept out.")
@json_option
@with_client
def change(
    client: Client,
    user_id: str,
    name: str | None,
    role: str | None,
    accounts: tuple[str, ...],
    no_accounts: bool,
    disable: bool | None,
    as_json: bool,
) -> None:
    """Change a user; --account names all accounts that are seen from now on."""
    given = {
        "name": name,
        "role": role,
        "accounts": accounts if accounts or no_accounts else None,
        "disabled": disable,
    }
    changed = client.patch(
        f"/v1/users/{user_id}", {key: value for key, value in given.items() if value is not None}
    )
    if as_json:
        json_line(changed)
    else:
        click.echo(f"user {changed['name']}: {changed['role']}, {_accounts_of(changed)}, {_state(changed)}")


@user.command("rm")
@click.argument("user_id", metavar="ID")
@json_option
@with_client
def rm(client: Client, user_id: str, as_json: bool) -> None:
    """Delete a user, who is signed out everywhere."""
    deleted = client.delete(f"/v1/users/{user_id}")
    if as_json:
        json_line(deleted)
    else:
        click.echo(f"user {deleted['name']} is deleted")


@user.command("invite")
@click.argument("user_id", metavar="ID")
@json_option
@with_client
def invite(client: Client, user_id: str, as_json: bool) -> None:
    """Make a link with which a user sets a new password; former ones open nothing any more."""
    _show_link(client, client.post(f"/v1/users/{user_id}/invite"), as_json=as_json)


@user.command("setup-link")
@json_option
@with_client
def setup_link(client: Client, as_json: bool) -> None:
    """Make another link that makes the first administrator, while there is no user."""
    made = client.post("/v1/setup-link")
    if as_json:
        json_line(made)
    else:
        click.echo(f"link  {client.url}{made['link']}   (works once, until {made['link_expires_at']})")


def _show_link(client: Client, made: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        json_line(made)
        return
    click.echo(f"user  {made['id']}  {made['name']}")
    click.echo(f"link  {client.url}{made['link']}   (works once, until {made['link_expires_at']})")


def _accounts_of(one: Mapping[str, Any]) -> str:
    return "all" if one["accounts"] is None else ", ".join(one["accounts"]) or "-"


def _state(one: Mapping[str, Any]) -> str:
    if one["disabled"]:
        return "disabled"
    return "active" if one["has_password"] or one["identity"] else "invited"
