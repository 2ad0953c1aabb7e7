"""`logkeep rule`: exclusion rules of accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.options import json_option
from logkeep.cli.output import amount, console, json_line, json_lines, pointing_into, record_line, size, table

F = TypeVar("F", bound=Callable[..., Any])
Rule = Mapping[str, Any]

_account = click.argument("account")
_rule = click.argument("rule_id", metavar="ID")


def _lines(command: F) -> F:
    """Which lines a rule drops."""
    command = click.option("--query", help="Lines that match.")(command)
    command = click.option("--app", "apps", multiple=True, help="Of this app; may be repeated.")(command)
    return click.option("--host", "hosts", multiple=True, help="Of this host; may be repeated.")(command)


@click.group()
def rule() -> None:
    """Keep lines out: not stored, not counted, not archived."""


@rule.command("create")
@_account
@click.option("--title", required=True, help="What it drops, in a few words.")
@_lines
@click.option("--inactive", is_flag=True, help="Only write it down for now.")
@click.option("--live-tail", is_flag=True, help="Show the lines in a live tail before they are dropped.")
@json_option
@with_client
def create(
    client: Client,
    account: str,
    title: str,
    hosts: tuple[str, ...],
    apps: tuple[str, ...],
    query: str | None,
    inactive: bool,
    live_tail: bool,
    as_json: bool,
) -> None:
    """Drop lines of ACCOUNT from now on: those of any --host AND any --app AND the --query."""
    lines = {"hosts": hosts, "apps": apps, "query": query or ""}
    body = {"title": title, **lines, "active": not inactive, "live_tail": live_tail}
    with pointing_into(query or ""):
        _show(client.post(f"/v1/accounts/{account}/rules", body), as_json=as_json)


@rule.command("ls")
@_account
@json_option
@with_client
def ls(client: Client, account: str, as_json: bool) -> None:
    """List the rules of ACCOUNT, and what each has dropped so far."""
    rules = client.get(f"/v1/accounts/{account}/rules")["rules"]
    if as_json:
        json_lines(rules)
    else:
        table(
            ["ID", "TITLE", "ACTIVE", "DROPS", "#LINES", "#BYTES"],
            (
                (
                    one["id"],
                    one["title"],
                    "yes" if one["active"] else "no",
                    _drops(one),
                    amount(one["lines"]),
                    size(one["bytes"]),
                )
                for one in rules
            ),
        )


@rule.command("update")
@_rule
@click.option("--title", help="What it drops, in a few words.")
@_lines
@click.option("--any-host", is_flag=True, help="Of every host.")
@click.option("--any-app", is_flag=True, help="Of every app.")
@click.option("--active/--inactive", default=None, help="Whether it drops lines.")
@click.option("--live-tail/--no-live-tail", default=None, help="Whether a live tail shows its lines.")
@json_option
@with_client
def update(
    client: Client,
    rule_id: str,
    hosts: tuple[str, ...],
    apps: tuple[str, ...],
    any_host: bool,
    any_app: bool,
    as_json: bool,
    **values: str | bool | None,
) -> None:
    """Change a rule; what is not given stays."""
    body: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    for name, given, every in (("hosts", hosts, any_host), ("apps", apps, any_app)):
        if given or every:
            body[name] = [] if every else given
    with pointing_into(str(body.get("query", ""))):
        _show(client.patch(f"/v1/rules/{rule_id}", body), as_json=as_json)


@rule.command("delete")
@_rule
@json_option
@with_client
def delete(client: Client, rule_id: str, as_json: bool) -> None:
    """Delete a rule: its lines are kept from now on."""
    deleted = client.delete(f"/v1/rules/{rule_id}")
    if as_json:
        json_line(deleted)
    else:
        click.echo(f"rule {rule_id} is deleted; it dropped {amount(deleted['lines'])} lines")


@rule.command("preview")
@_account
@_lines
@click.option(
    "--last", default="1h", show_default=True, metavar="TIME", help="Of the lines received in this time."
)
@json_option
@with_client
def preview(
    client: Client,
    account: str,
    hosts: tuple[str, ...],
    apps: tuple[str, ...],
    query: str | None,
    last: str,
    as_json: bool,
) -> None:
    """Show what a rule would have dropped lately, without making one."""
    body = {"hosts": hosts, "apps": apps, "query": query or "", "last": last}
    with pointing_into(query or ""):
        found = client.post(f"/v1/accounts/{account}/rules/preview", body)
    if as_json:
        json_line(found)
        return
    click.echo(
        f"{amount(found['lines'])} of {amount(found['of_lines'])} lines of the last {last} "
        f"({found['share']:.1%}), {size(found['bytes'])}"
    )
    for name in ("hosts", "apps"):
        if found[name]:
            most = ", ".join(f"{one['value']} {amount(one['count'])}" for one in found[name])
            click.echo(f"{name:<5} {most}")
    terminal = console()
    for record in found["samples"]:
        terminal.print(record_line(record), soft_wrap=True)


def _show(one: Rule, *, as_json: bool) -> None:
    if as_json:
        json_line(one)
        return
    rows = [
        ("account", one["account"]),
        ("title", one["title"]),
        ("active", "yes" if one["active"] else "no"),
        ("drops", _drops(one)),
        ("live tail", "shows them" if one["live_tail"] else "does not show them"),
        ("dropped", f"{amount(one['lines'])} lines, {size(one['bytes'])}"),
    ]
    table([f"RULE {one['id']}", ""], rows)


def _drops(one: Rule) -> str:
    parts = [
        f"{name} {' or '.join(one[member])}"
        for name, member in (("host", "hosts"), ("app", "apps"))
        if one[member]
    ]
    return " and ".join(parts + [one["query"]] * bool(one["query"]))
