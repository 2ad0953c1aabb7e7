"""`logkeep audit`: who changed what."""

from __future__ import annotations

import click
import msgspec

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import json_lines, table, who


@click.command()
@click.option("--limit", default=50, show_default=True, help="Entries at most, the newest.")
@click.option("--before", type=int, help="Only entries older than the one with this number.")
@json_option
@with_client
def audit(client: Client, limit: int, before: int | None, as_json: bool) -> None:
    """List changes of accounts, keys, archives, rules and restores, newest first.

    ACTOR is the name of the user or the admin token, or an id where nobody has the name any more.
    """
    entries = client.get("/v1/audit", limit=limit, before=before)["entries"]
    if as_json:
        json_lines(entries)
        return
    table(
        ["#NO", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAILS"],
        (
            (
                one["id"],
                one["at"],
                who(one["actor"], one["actor_name"]),
                one["action"],
                one["subject"],
                msgspec.json.encode(one["details"]).decode() if one["details"] else "-",
            )
            for one in entries
        ),
    )
