"""`logkeep archive configure`, `test`, `update` and the switches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from logkeep.cli import exits
from logkeep.cli.archive_shown import show_archive, show_grant, show_verdicts
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.connection import PLACE, connection_body, connection_options, given, settings_options
from logkeep.cli.options import discard_option, from_to, json_option
from logkeep.cli.output import amount, json_line
from logkeep.errors import BadSetting, ConnectionTestFailed

F = TypeVar("F", bound=Callable[..., Any])

_archive = click.argument("archive_id", metavar="ARCHIVE")
_maybe_archive = click.argument("archive_id", metavar="[ARCHIVE]", default="")
_provider = click.option("--provider", "place", default="", metavar=PLACE, help="Another provider or place.")
_account = click.option(
    "--account", default="main", show_default=True, help="For whom, if no archive is named."
)
_layout = click.option(
    "--layout", metavar="NAME", help="Another system's archive, laid out so; it is only read."
)
_layout_option = click.option(
    "--layout-option",
    "layout_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the layout; may be repeated.",
)


def _layout_settings(command: F) -> F:
    """`--layout` and `--layout-option`, as `layout` and `layout_options`."""
    return _layout(_layout_option(command))


@click.command("configure")
@click.argument("account")
@click.argument("place", metavar=PLACE)
@connection_options
@click.option(
    "--id", "archive_id", help="What to call the archive.  [default: as the account, or with a number]"
)
@settings_options
@_layout_settings
@click.option("--start", is_flag=True, help="Archive what comes from now on.")
@click.option("--take-over", is_flag=True, help="With --start: also a place that another server wrote to.")
@json_option
@with_client
def configure(
    client: Client,
    account: str,
    place: str,
    options: tuple[str, ...],
    secrets: tuple[str, ...],
    archive_id: str | None,
    layout: str | None,
    layout_options: tuple[str, ...],
    start: bool,
    take_over: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Set up an archive of ACCOUNT, once a test of the connection went well.

    The place is a provider's name with its options, or s3://bucket/prefix, azure://account/container/prefix,
    gs://bucket/prefix, or a folder. The archive is off until it is started. With --layout it is the archive
    of another system: it stays off, and can be restored from and searched; `logkeep archive detect` finds
    out which layout it has.
    """
    connection = connection_body(place, options, secrets)
    switches = {"start": start, "take_over": take_over}
    wanted = {"id": archive_id, **settings, **_layout_body(layout, layout_options)}
    body = {"account": account, **connection, **given(wanted), **switches}
    try:
        made = client.post("/v1/archives", body)
    except ConnectionTestFailed as error:
        show_verdicts(error.verdicts, err=True)
        if not layout:  # what to grant is about an archive that is kept
            show_grant(client.post("/v1/archives/grant", {"account": account, **connection}), err=True)
        raise
    show_archive(made, as_json=as_json)
    if as_json:
        return
    if made.get("layout"):
        whose = f"--account {account} --archive {made['id']}"
        click.echo(f"see what a restore would bring: logkeep restore create {whose} --dry-run …")
    elif made["state"] == "off":
        click.echo(f"archive what comes from now on: logkeep archive start {made['id']}")


@click.command("update")
@_archive
@_provider
@connection_options
@settings_options
@_layout_settings
@click.option("--replan", is_flag=True, help="Write to the new place also what was begun in the old one.")
@json_option
@with_client
def update(
    client: Client,
    archive_id: str,
    place: str,
    options: tuple[str, ...],
    secrets: tuple[str, ...],
    layout: str | None,
    layout_options: tuple[str, ...],
    replan: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Change an archive; what is not given stays. A changed connection is tested first.

    `--option NAME=` and `--secret NAME=` take a saved one away. Objects of a former place stay, and restores
    read them.
    """
    connection = connection_body(place, options, secrets)
    wanted = {**settings, **_layout_body(layout, layout_options)}
    body = {**connection, **given(wanted), "replan": replan}
    try:
        changed = client.patch(f"/v1/archives/{archive_id}", body)
    except ConnectionTestFailed as error:
        show_verdicts(error.verdicts, err=True)
        show_grant(client.post("/v1/archives/grant", {"archive": archive_id, **connection}), err=True)
        raise
    show_archive(changed, as_json=as_json)


@click.command("test")
@_maybe_archive
@_provider
@_account
@connection_options
@_layout
@json_option
@with_client
def test(
    client: Client,
    archive_id: str,
    place: str,
    account: str,
    options: tuple[str, ...],
    secrets: tuple[str, ...],
    layout: str | None,
    as_json: bool,
) -> None:
    """Test the connection of an archive, or of a provider that none uses yet.

    Writes, reads and lists one small object, and deletes it where that is allowed. With an archive, options
    and secrets say what to try differently. Of another system's archive only listing and reading is tried.
    Ends with 1 when an archive could not be kept there, or not read.
    """
    tried = _tried(archive_id, place, account, options, secrets)
    answer = client.post("/v1/archives/test", {**tried, **given({"layout": layout})})
    if as_json:
        json_line(answer)
    else:
        show_verdicts(answer["verdicts"])
        if not answer["usable"] and not layout:
            click.echo()
            show_grant(answer["grant"])
    if not answer["usable"]:
        sys.exit(exits.NEGATIVE)


@click.command("grant")
@_maybe_archive
@_provider
@_account
@connection_options
@json_option
@with_client
def grant(
    client: Client,
    archive_id: str,
    place: str,
    account: str,
    options: tuple[str, ...],
    secrets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what to grant at the provider, ready to copy. Nobody is asked."""
    answer = client.post("/v1/archives/grant", _tried(archive_id, place, account, options, secrets))
    if as_json:
        json_line(answer)
    else:
        show_grant(answer)


@click.command("start")
@_archive
@click.option("--take-over", is_flag=True, help="Also when another server wrote to this place.")
@json_option
@with_client
def start(client: Client, archive_id: str, take_over: bool, as_json: bool) -> None:
    """Archive what comes from now on."""
    _show_switched(client.post(f"/v1/archives/{archive_id}/start", {"take_over": take_over}), as_json=as_json)


@click.command("pause")
@_archive
@json_option
@with_client
def pause(client: Client, archive_id: str, as_json: bool) -> None:
    """Write nothing for now; lines that come wait for the archive."""
    _show_switched(client.post(f"/v1/archives/{archive_id}/pause"), as_json=as_json)


@click.command("stop")
@_archive
@json_option
@with_client
def stop(client: Client, archive_id: str, as_json: bool) -> None:
    """Archive nothing that comes from now on. What came before still is."""
    _show_switched(client.post(f"/v1/archives/{archive_id}/stop"), as_json=as_json)


@click.command("forget-secrets")
@_archive
@json_option
@with_client
def forget_secrets(client: Client, archive_id: str, as_json: bool) -> None:
    """Stop an archive and remove its credentials from the server."""
    _show_switched(client.post(f"/v1/archives/{archive_id}/forget-secrets"), as_json=as_json)


@click.command("remove")
@_archive
@discard_option
@json_option
@with_client
def remove(client: Client, archive_id: str, discard: bool, as_json: bool) -> None:
    """Remove an archive's settings and credentials; its objects stay. What waits for it is written first."""
    removed = client.delete(f"/v1/archives/{archive_id}", discard="true" if discard else None)
    if as_json:
        json_line(removed)
    else:
        click.echo(f"archive {archive_id} is removed; its objects stay where they are")


@click.command("backfill")
@_archive
@from_to(required=True)
@json_option
@with_client
def backfill(client: Client, archive_id: str, from_: str, to: str, as_json: bool) -> None:
    """Archive lines that came while the archive was off and that live search still has.

    What the archive has already is not added again.
    """
    done = client.post(f"/v1/archives/{archive_id}/backfill", {"from": from_, "to": to})
    if as_json:
        json_line(done)
        return
    click.echo(
        f"{amount(done['lines'])} lines added; "
        f"{amount(done['retained'])} of {amount(done['hours'])} hours were looked at"
    )
    if done["lines"]:
        click.echo(
            f"they are written as late lines are; or: logkeep archive seal --now --archive {archive_id}"
        )


COMMANDS = (
    *(configure, update, test, grant, start, pause, stop),
    *(forget_secrets, remove, backfill),
)


def _tried(
    archive_id: str, place: str, account: str, options: tuple[str, ...], secrets: tuple[str, ...]
) -> dict[str, Any]:
    """The body of a test. Raises BadSetting when there is nothing to test."""
    if not archive_id and not place:
        raise BadSetting(
            "there is nothing to test",
            hint="name an archive (logkeep archive show lists them), or a place with --provider",
        )
    whose = {"archive": archive_id} if archive_id else {"account": account}
    return {**whose, **connection_body(place, options, secrets)}


def _layout_body(layout: str | None, options: tuple[str, ...]) -> dict[str, Any]:
    """Members of a body; None for what was not given. Raises BadSetting."""
    pairs = [option.partition("=") for option in options]
    if any(not equals for _, equals, _ in pairs):
        raise BadSetting("a --layout-option has no '='", hint="write it as NAME=VALUE")
    return {
        "layout": layout,
        "layout_options": {name: value for name, _, value in pairs} if options else None,
    }


def _show_switched(archive: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        json_line(archive)
    else:
        click.echo(f"archive {archive['id']} is {archive['state']}")
