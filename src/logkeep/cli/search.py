"""`logkeep search`: records, a histogram, or the top values of a field."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from logkeep.cli import exits
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.in_place import show_histogram
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, console, json_line, json_lines, pointing_into, record_line, table

_PAGE = 1000


@click.command()
@click.argument("query", default="")
@from_to()
@click.option("--account", default="main", show_default=True, help="A live or a restored account.")
@click.option("--order", type=click.Choice(["newest", "oldest"]), default="newest", show_default=True)
@click.option("--limit", default=100, show_default=True, help="Lines at most; 0 for all.")
@click.option("--histogram", is_flag=True, help="Count lines over time, by level.")
@click.option("--interval", type=int, help="Width of the histogram's bars in ms.")
@click.option("--top", default="", metavar="FIELD", help="Count the values of a field (host, app, level, …).")
@json_option
@with_client
def search(
    client: Client,
    query: str,
    from_: str,
    to: str,
    account: str,
    order: str,
    limit: int,
    histogram: bool,
    interval: int | None,
    top: str,
    as_json: bool,
) -> None:
    """Search an account's lines.

    QUERY is words (`failed password`), "a phrase", word*, /regex/, field:value, field:>=500,
    field:[a TO b], field:*, AND, OR, NOT, -, and parentheses. Nothing finds everything. Each line shows
    its time, host, app, level and text.
    """
    scope: dict[str, str | int | None] = {"query": query, "from": from_, "to": to, "account": account}
    with pointing_into(query):
        if histogram:
            found = _histogram(client, scope, interval, as_json=as_json)
        elif top:
            found = _top(client, scope, top, limit, as_json=as_json)
        else:
            found = _lines(client, scope, order, limit, as_json=as_json)
    sys.exit(exits.OK if found else exits.NEGATIVE)


def _lines(client: Client, scope: dict[str, Any], order: str, limit: int, *, as_json: bool) -> int:
    count = 0
    terminal = console()
    for records in _pages(client, scope, order, limit):
        count += len(records)
        if as_json:
            json_lines(records)
        else:
            for record in records:
                terminal.print(record_line(record), soft_wrap=True)
    return count


def _pages(client: Client, scope: dict[str, Any], order: str, limit: int) -> Iterator[list[dict[str, Any]]]:
    """Pages of records until `limit` (0: no limit) is reached or nothing is left."""
    left = limit
    cursor: str | None = None
    while True:
        wanted = min(_PAGE, left) if limit else _PAGE
        page = client.get("/v1/search", **scope, order=order, limit=wanted, cursor=cursor)
        yield page["records"]
        left -= len(page["records"])
        cursor = page["cursor"]
        if not cursor or (limit and left <= 0):
            return


def _histogram(client: Client, scope: dict[str, Any], interval: int | None, *, as_json: bool) -> int:
    answer = client.get("/v1/histogram", **scope, interval=interval)
    total: int = answer["total"]
    show_histogram(answer["buckets"], as_json=as_json)
    return total


def _top(client: Client, scope: dict[str, Any], field: str, limit: int, *, as_json: bool) -> int:
    values = client.get("/v1/fields", **scope, field=field, limit=limit or None)["values"]
    if as_json:
        for value in values:
            json_line(value)
    else:
        table(
            [field.upper(), "#LINES"], ((value["value"] or "-", amount(value["count"])) for value in values)
        )
    return len(values)
