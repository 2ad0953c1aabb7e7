"""`logkeep archive search`: has a server search an archive where it lies."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
import httpx
import msgspec

from logkeep.cli import exits
from logkeep.cli.client import Client, error_of
from logkeep.cli.connected import with_client
from logkeep.cli.in_place import show_histogram, tell_damage, tell_stats
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import console, json_line, pointing_into, progress, record_line, size
from logkeep.cli.unreachable import Unreachable
from logkeep.timeline import iso

Part = tuple[str, Any]
"""What a line of the answer is, and all of the line."""


@click.command("search")
@click.argument("archive_id", metavar="ARCHIVE")
@click.argument("query", default="")
@from_to()
@click.option(
    "--newest", "order", flag_value="newest", default=True, help="The newest lines first.  [default]"
)
@click.option("--oldest", "order", flag_value="oldest", help="The oldest lines first.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=100, show_default=True, help="Lines at most; 0 for all."
)
@click.option("--histogram", is_flag=True, help="Count lines over time, by level.")
@click.option("--interval", type=click.IntRange(min=1), help="Width of the histogram's bars in ms.")
@click.option("--any-marker", is_flag=True, help="Also search a place that another account's marker is in.")
@click.option("--stats", is_flag=True, help="Tell what was read, on standard error.")
@json_option
@with_client
def search(
    client: Client,
    archive_id: str,
    query: str,
    from_: str,
    to: str,
    order: str,
    limit: int,
    histogram: bool,
    interval: int | None,
    any_marker: bool,
    stats: bool,
    as_json: bool,
) -> None:
    """Search an archive's objects; lines show as they are found, and nothing is restored.

    QUERY as for `logkeep search`. Only what QUERY and the range cannot rule out is read, and no more than
    the limit takes. Ends with 1 when nothing matches.
    """
    asked: dict[str, str | int | None] = {
        "query": query,
        "from": from_,
        "to": to,
        "order": order,
        "limit": limit,
        "histogram": "true" if histogram else None,
        "interval": interval,
        "any_marker": "true" if any_marker else None,
    }
    shown = _Shown(archive_id, as_json=as_json)
    with pointing_into(query):
        parts = _parts(client, archive_id, asked, quiet=not histogram)
        # Lines are shown as they come; a bar must be gone before anything is printed.
        for kind, part in list(parts) if histogram else parts:
            shown.show(kind, part)
    sys.exit(shown.end(stats=stats))


def _parts(
    client: Client, archive_id: str, asked: Mapping[str, str | int | None], *, quiet: bool
) -> Iterator[Part]:
    """The parts of the answer. Raises what went wrong on the server's side."""
    with progress("{task.fields[read]} read", quiet=quiet) as bar:
        task = bar.add_task("searching", total=None, read="0 B")
        for line in client.lines(f"/v1/archives/{archive_id}/search", **asked):
            part = msgspec.json.decode(line)
            if "progress" in part:
                now = part["progress"]
                done = now["blocks_read"] + now["blocks_ruled_out"]
                bar.update(task, total=now["blocks"], completed=done, read=size(now["bytes_read"]))
            elif "error" in part:
                problem = part["error"]
                raise error_of(httpx.Response(problem["status"], content=msgspec.json.encode(problem)))
            else:
                yield next(iter(part)), part
            if "end" in part:
                return
    raise Unreachable(f"the answer of {client.url} breaks off", hint="did the server stop? Search again")


class _Shown:
    """Prints the parts of an answer as they come."""

    def __init__(self, archive_id: str, *, as_json: bool) -> None:
        self._archive_id = archive_id
        self._as_json = as_json
        self._terminal = console()
        self._last: Mapping[str, Any] | None = None
        self._end: Mapping[str, Any] = {}

    def show(self, kind: str, part: Mapping[str, Any]) -> None:
        if kind == "record":
            self._record(part)
        elif kind == "histogram":
            show_histogram(part["histogram"]["buckets"], as_json=self._as_json)
        else:
            self._end = part["end"]

    def end(self, *, stats: bool) -> int:
        """Say what is to be said behind the lines. Returns the exit code."""
        if self._last is not None and not self._as_json and sys.stdout.isatty():
            click.echo(f"its surroundings: {self._restore(self._last)}", err=True)
        if stats:
            tell_stats(self._end)
        tell_damage(self._end)
        if self._end["problems"]:
            return exits.STORAGE
        if not self._end["complete"]:
            return exits.TEMPORARY
        return exits.OK if self._end["lines"] else exits.NEGATIVE

    def _record(self, part: Mapping[str, Any]) -> None:
        self._last = part["record"]
        if self._as_json:
            json_line(part["record"])
        else:
            self._terminal.print(record_line(part["record"]), soft_wrap=True)
        sys.stdout.flush()

    def _restore(self, record: Mapping[str, Any]) -> str:
        """The command that restores what is around a line."""
        account = record.get("_account", "main")
        whose = "" if account == "main" else f" --account {account}"
        around = iso(int(record["_ts"]))
        return f"logkeep restore create --around {around} --margin 10m --archive {self._archive_id}{whose}"
