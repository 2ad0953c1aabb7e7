"""`logkeep tail`: lines as they come."""

from __future__ import annotations

import sys

import click
import msgspec

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import amount, console, pointing_into, record_line


@click.command()
@click.argument("query", default="")
@click.option("--account", default="main", show_default=True, help="Whose lines.")
@click.option("--limit", default=0, help="End after so many lines.  [default: when it is interrupted]")
@json_option
@with_client
def tail(client: Client, query: str, account: str, limit: int, as_json: bool) -> None:
    """Show an account's lines as they are accepted, until it is interrupted (Ctrl-C).

    QUERY as for `search`. Lines that a slow reader misses are counted on standard error.
    """
    terminal = console()
    shown = 0
    with pointing_into(query):
        for line in client.lines("/v1/tail", account=account, query=query):
            record = msgspec.json.decode(line)
            if "missed" in record:
                click.echo(f"logkeep: {amount(record['missed'])} lines were too fast to show", err=True)
                continue
            if as_json:
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.buffer.flush()
            else:
                terminal.print(record_line(record), soft_wrap=True)
                sys.stdout.flush()
            shown += 1
            if shown == limit:
                return
