"""`logkeep restore`: plan, run, follow, steer and remove restores."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from logkeep.cli import exits
from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.connection import connection_body, given
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, pointing_into, progress
from logkeep.cli.restore_shown import (
    show_plan,
    show_problems,
    show_restore,
    show_restores,
    what_is_thawed,
    why_paused,
)
from logkeep.cli.restore_stdout import to_stdout
from logkeep.errors import BadSetting
from logkeep.settings import duration
from logkeep.timeline import MAX_MS, MIN_MS, parse_time

F = TypeVar("F", bound=Callable[..., Any])
Restore = Mapping[str, Any]

_GOOD_ENDS = ("ACTIVE", "DONE")
_WAITED_FOR = ("IN_PROGRESS", "THAWING")
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_THAW_PAUSE_S = 15.0
_MARGIN = "10m"
# What a restore to standard output takes; the rest is about something that is kept.
_STREAMED = frozenset({"from", "to", "around", "margin", "query", "account", "name", "any_marker"})

_restore_id = click.argument("restore_id", metavar="ID")
_WANTED = (
    click.option("--name", help="What to call it.  [default: the account and the time]"),
    from_to(),
    click.option("--around", help="In place of --from and --to: a time in the middle."),
    click.option("--margin", metavar="TIME", help="How much before and after --around.  [default: 10m]"),
    click.option("--query", help="Bring back only lines that match."),
    click.option("--account", default="main", show_default=True, help="Whose archive to read."),
    click.option("--any-marker", is_flag=True, help="Also read a place that another account's marker is in."),
    click.option("--reason", help="Why, for the history: a ticket, say."),
    click.option(
        "--expiry",
        "expiry_s",
        metavar="TIME",
        help="How long to keep it after it finished, as 5d.  [default: the server's]",
    ),
    click.option("--limit-lines", type=int, help="Bring back so many lines at most."),
    click.option("--limit-bytes", metavar="SIZE", help="Bring back so much text at most, as 2GiB."),
    click.option(
        "--on-limit",
        type=click.Choice(["keep", "fail", "ask"]),
        help="At the limit: stop and keep what came, fail, or pause and ask.  [default: keep]",
    ),
    click.option("--skip-damaged", is_flag=True, help="Pass over what cannot be read, and report it."),
    click.option(
        "--thaw",
        type=click.Choice(["bulk", "standard", "expedited"]),
        help="Ask for the thaw of what is in cold storage, so fast.",
    ),
    click.option("--notify-url", metavar="URL", help="A webhook to call when it ends."),
    click.option("--notify-email", metavar="ADDRESSES", help="Whom to write when it ends, with commas."),
)
_FILES = (
    click.option("--files", metavar="URL", help="Write files into this bucket or folder, not an account."),
    click.option("--format", metavar="ndjson|ndjson.gz|parquet", help="Of --files.  [default: ndjson.gz]"),
    click.option(
        "--storage",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of the bucket of --files: region=…, endpoint=…, …; may be repeated.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="NAME[=@FILE|=env:VAR]",
        help="A secret of that bucket: NAME alone is asked for. Never its value.",
    ),
)


_PIPELINE = (
    click.option(
        "--to-pipeline",
        "pipeline",
        metavar="ID[/SOURCE]",
        help="Send the lines into this pipeline's restoration source, not into an account.",
    ),
    click.option("--rate", type=int, help="Of --to-pipeline: so many events a second at most."),
)


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group()
def restore() -> None:
    """Bring a stretch of an archive back: into an account, files, a pipeline or standard output."""


@restore.command("create")
@_all(*_WANTED)
@click.option(
    "--archive",
    "archives",
    multiple=True,
    help="Read only this archive, the account's or a pipeline's; with --to-stdout it may be repeated.",
)
@_all(*_FILES)
@_all(*_PIPELINE)
@click.option("--to-stdout", "stdout", is_flag=True, help="Write the lines here, oldest first; keep nothing.")
@click.option("--wait", is_flag=True, help="Wait until it is complete.")
@click.option("--dry-run", is_flag=True, help="Only show what would be read, and lines that would come.")
@json_option
@with_client
def create(
    client: Client,
    archives: tuple[str, ...],
    files: str | None,
    format: str | None,  # noqa: A002 - the option's name
    storage: tuple[str, ...],
    secrets: tuple[str, ...],
    pipeline: str | None,
    stdout: bool,
    wait: bool,
    dry_run: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Restore the lines from --from to --to into an account of their own.

    Ends with 1 when it was waited for and did not become ACTIVE or DONE, or when --to-stdout could not write
    every line.
    """
    body = _body(wanted)
    if target := _files_body(files, format, storage, secrets):
        body["files"] = target
    if pipeline:
        body["pipeline"] = _pipeline_body(pipeline)
    with pointing_into(body.get("query", "")):
        if stdout:
            _check_streamed(body, wait=wait, dry_run=dry_run)
            chosen = archives or _only_archive(client, body["account"])
            sys.exit(_exit_code(to_stdout(client, chosen, _scope(body), as_json=as_json)))
        if archives:
            body["archive"] = _one(archives)
        if dry_run:
            show_plan(client.post("/v1/restores/plan", body), as_json=as_json)
            return
        made = client.post("/v1/restores", body)
    if wait:
        made = _waited_for(client, made["id"], quiet=as_json)
    show_restore(made, as_json=as_json)
    if wait:
        sys.exit(_exit_code(made["state"] in _GOOD_ENDS))


@restore.command("ls")
@click.option("--state", default="", metavar="STATE[,STATE]", help="Only those that are so: ACTIVE, …")
@click.option("--account", default="", help="Only those of this account's archives, or into this account.")
@click.option("--text", default="", help="Only those with this in their name or reason.")
@click.option("--into", type=click.Choice(["account", "files", "pipeline"]), help="Only those into such.")
@click.option("--limit", type=int, help="So many of the newest.  [default: 1000]")
@json_option
@with_client
def ls(
    client: Client, state: str, account: str, text: str, into: str | None, limit: int | None, as_json: bool
) -> None:
    """List restores, the ended ones too, newest first."""
    found = client.get("/v1/restores", state=state, account=account, text=text, into=into, limit=limit)
    show_restores(found["restores"], as_json=as_json)


@restore.command("show")
@_restore_id
@json_option
@with_client
def show(client: Client, restore_id: str, as_json: bool) -> None:
    """Show one restore."""
    show_restore(client.get(f"/v1/restores/{restore_id}"), as_json=as_json)


@restore.command("problems")
@_restore_id
@json_option
@with_client
def problems(client: Client, restore_id: str, as_json: bool) -> None:
    """List what a restore could not read and passed over, and lines without a time or text: the object, the
    byte in it, and why."""
    show_problems(client.get(f"/v1/restores/{restore_id}/problems"), as_json=as_json)


@restore.command("pause")
@_restore_id
@json_option
@with_client
def pause(client: Client, restore_id: str, as_json: bool) -> None:
    """Let a restore wait, with what it has."""
    show_restore(client.post(f"/v1/restores/{restore_id}/pause"), as_json=as_json)


@restore.command("resume")
@_restore_id
@click.option("--limit-lines", type=int, help="Another limit; 0 lifts it.")
@click.option("--limit-bytes", metavar="SIZE", help="Another limit of text, as 2GiB; 0 lifts it.")
@json_option
@with_client
def resume(
    client: Client, restore_id: str, limit_lines: int | None, limit_bytes: str | None, as_json: bool
) -> None:
    """Let a paused restore go on, with other limits if given."""
    limits = given({"limit_lines": limit_lines, "limit_bytes": limit_bytes})
    show_restore(client.post(f"/v1/restores/{restore_id}/resume", limits), as_json=as_json)


@restore.command("abort")
@_restore_id
@click.option("--keep", is_flag=True, help="Keep what came so far.")
@json_option
@with_client
def abort(client: Client, restore_id: str, keep: bool, as_json: bool) -> None:
    """Stop a restore that has not ended; what came goes, unless it is kept."""
    show_restore(client.post(f"/v1/restores/{restore_id}/abort", {"keep": keep}), as_json=as_json)


@restore.command("extend")
@_restore_id
@click.argument("duration", metavar="DURATION")
@json_option
@with_client
def extend(client: Client, restore_id: str, duration: str, as_json: bool) -> None:
    """Keep a restored account for DURATION from now on, as 5d or 36h."""
    show_restore(client.post(f"/v1/restores/{restore_id}/extend", {"expiry_s": duration}), as_json=as_json)


@restore.command("delete")
@_restore_id
@json_option
@with_client
def delete(client: Client, restore_id: str, as_json: bool) -> None:
    """Delete a restore's account and its lines. The archive stays as it is."""
    deleted = client.delete(f"/v1/restores/{restore_id}")
    show_restore(deleted, as_json=as_json)
    if not as_json and deleted["expires_at"]:
        click.echo(f"have it back within an hour: logkeep restore undelete {restore_id}")


@restore.command("undelete")
@_restore_id
@json_option
@with_client
def undelete(client: Client, restore_id: str, as_json: bool) -> None:
    """Have a restore back that was deleted less than an hour ago."""
    show_restore(client.post(f"/v1/restores/{restore_id}/undelete"), as_json=as_json)


@restore.command("retry")
@_restore_id
@json_option
@with_client
def retry(client: Client, restore_id: str, as_json: bool) -> None:
    """Run a restore that failed again, as it was planned."""
    show_restore(client.post(f"/v1/restores/{restore_id}/retry"), as_json=as_json)


def wait_for(client: Client, restore_id: str, *, quiet: bool = False) -> Restore:
    """The restore as it is when it has ended or is paused. Says once if it waits for a thaw."""
    pause_s = _FIRST_PAUSE_S
    told = False
    with progress("{task.fields[lines]} lines", quiet=quiet) as bar:
        task = bar.add_task("restoring", total=1.0, lines="0")
        while True:
            now: Restore = client.get(f"/v1/restores/{restore_id}")
            queue = now["position"]
            doing = "sending" if now["sent"] else "restoring"
            bar.update(
                task,
                description=f"number {queue} in the queue" if queue else doing,
                completed=now["progress"]["share"],
                lines=amount(now["sent"] or now["lines"]),
            )
            if now["state"] not in _WAITED_FOR:
                return now
            thawing = now["state"] == "THAWING"
            if thawing and not told:
                click.echo(f"logkeep: {what_is_thawed(now)}", err=True)
                told = True
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _THAW_PAUSE_S if thawing else _LONGEST_PAUSE_S)


def _waited_for(client: Client, restore_id: str, *, quiet: bool) -> Restore:
    try:
        ended = wait_for(client, restore_id, quiet=quiet)
    except KeyboardInterrupt:
        click.echo(
            f"logkeep: the restore {restore_id} goes on without this command\n"
            f"  stop it: logkeep restore abort {restore_id}; see it: logkeep restore show {restore_id}",
            err=True,
        )
        raise
    if ended["state"] == "PAUSED":
        click.echo(f"logkeep: {why_paused(ended)}", err=True)
    return ended


def _body(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Members of the request that were given."""
    named = {"from" if name == "from_" else name: value for name, value in wanted.items()}
    return {name: value for name, value in named.items() if value not in (None, "", False)}


def _files_body(
    url: str | None, kind: str | None, storage: tuple[str, ...], secrets: tuple[str, ...]
) -> dict[str, Any]:
    """Where files go; empty for nowhere. Raises BadSetting."""
    if not url:
        if kind or storage or secrets:
            raise BadSetting("--format, --storage and --secret stand without --files", field="files")
        return {}
    if any("=" not in option for option in storage):
        raise BadSetting("a --storage has no '='", hint="write it as NAME=VALUE")
    return {**connection_body(url, storage, secrets), **given({"format": kind})}


def _pipeline_body(text: str) -> dict[str, str]:
    """Of ID or ID/SOURCE. Raises BadSetting."""
    pipeline, slash, source = text.partition("/")
    if not pipeline or (slash and not source):
        raise BadSetting(f"--to-pipeline is {text!r}", hint="write it as ID or ID/SOURCE", field="pipeline")
    return {"id": pipeline, **given({"source": source or None})}


def _one(archives: tuple[str, ...]) -> str:
    if len(archives) > 1:
        raise BadSetting(
            "a restore reads one archive, or all of the account's",
            hint="name one with --archive, or none; several only with --to-stdout",
            field="archive",
        )
    return archives[0]


def _check_streamed(body: Mapping[str, Any], *, wait: bool, dry_run: bool) -> None:
    """Raises BadSetting for what has no sense where nothing is kept."""
    names = {"expiry_s": "expiry", "pipeline": "to-pipeline"}
    asked = [f"--{names.get(name, name).replace('_', '-')}" for name in body.keys() - _STREAMED]
    asked += ["--wait"] * wait + ["--dry-run"] * dry_run
    if asked:
        raise BadSetting(
            f"{', '.join(sorted(asked))} cannot stand beside --to-stdout, which keeps nothing",
            field="to-stdout",
        )


def _only_archive(client: Client, account: str) -> tuple[str]:
    listed = client.get("/v1/archives", account=account)["archives"]
    found = [one["id"] for one in listed if not one.get("pipeline")]
    if len(found) != 1:
        raise BadSetting(
            f"account {account} has {len(found)} archives",
            hint=f"name one or more with --archive: {', '.join(found) or 'it has none yet'}",
            field="archive",
        )
    return (found[0],)


def _scope(body: Mapping[str, Any]) -> dict[str, str | int | None]:
    """Parameters of a search in place. Raises BadTime, BadSetting."""
    start, end = _around(body) if "around" in body else (body.get("from"), body.get("to"))
    any_marker = "true" if "any_marker" in body else None
    return {"query": body.get("query"), "from": start, "to": end, "any_marker": any_marker}


def _around(body: Mapping[str, Any]) -> tuple[str, str]:
    margin = body.get("margin", _MARGIN)
    try:
        margin_ms = 1000 * duration(margin)
    except ValueError as error:
        raise BadSetting(f"--margin is {margin!r}", hint=f"write {error}", field="margin") from None
    at = parse_time(body["around"], now=int(time.time() * 1000))
    return str(max(MIN_MS, at - margin_ms)), str(min(MAX_MS, at + margin_ms))


def _exit_code(good: bool) -> int:
    return exits.OK if good else exits.NEGATIVE
