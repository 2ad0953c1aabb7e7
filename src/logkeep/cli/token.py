"""`logkeep token`: keys of users for the API."""

from __future__ import annotations

import click
import msgspec

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import json_line, json_lines, table

_whose = click.option(
    "--user", default="", metavar="ID", help="Of this user; for administrators. Else your own."
)


@click.group()
def token() -> None:
    """Create, list and revoke tokens of users."""


@token.command("ls")
@_whose
@json_option
@with_client
def ls(client: Client, user: str, as_json: bool) -> None:
    """List tokens; never the tokens themselves."""
    tokens = client.get("/v1/tokens", user=user)["tokens"]
    if as_json:
        json_lines(tokens)
    else:
        table(
            ["ID", "NAME", "SCOPE", "EXPIRES", "USED"],
            (
                (
                    one["id"],
                    one["name"],
                    one["scope"],
                    "expired" if one["expired"] else one["expires_at"] or "never",
                    one["used_at"] or "-",
                )
                for one in tokens
            ),
        )


@token.command("create")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["read-only", "member", "admin"]),
    default="read-only",
    show_default=True,
    help="What it may do at most.",
)
@click.option("--expires", metavar="TIME", help="How long it works, such as 90d. Else until it is revoked.")
@_whose
@json_option
@with_client
def create(client: Client, name: str, scope: str, expires: str | None, user: str, as_json: bool) -> None:
    """Create a token. It is shown once."""
    wanted = {"name": name, "scope": scope, "expires": expires}
    made = client.request("POST", "/v1/tokens", params={"user": user}, content=msgspec.json.encode(wanted))
    if as_json:
        json_line(made)
    else:
        click.echo(f"token id  {made['id']}\ntoken     {made['token']}   (shown only now)")


@token.command("rm")
@click.argument("token_id", metavar="ID")
@_whose
@json_option
@with_client
def rm(client: Client, token_id: str, user: str, as_json: bool) -> None:
    """Revoke a token: it opens nothing from now on."""
    revoked = client.delete(f"/v1/tokens/{token_id}", user=user)
    if as_json:
        json_line(revoked)
    else:
        click.echo(f"token {token_id} is revoked")
