"""`logkeep demo`: the whole loop on sample lines, with every count checked."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from logkeep.cli import exits
from logkeep.cli.archive import show_objects
from logkeep.cli.client import Client
from logkeep.cli.delivery import Delivery, Request
from logkeep.cli.local_server import LocalServer, local_server
from logkeep.cli.output import amount, console, progress, record_line, seconds, size, table
from logkeep.cli.plain_reader import PlainReader, plain_reader
from logkeep.cli.restore import wait_for
from logkeep.sample import SampleBody, sample_bodies
from logkeep.storage.open import open_bucket
from logkeep.timeline import Hour, hour_end, hour_of, hour_start, iso
from logkeep.verify import verify

_HOURS = 6
_QUERY = 'level:error OR "failed password"'
_SEARCH = "parcel AND failed"
_INDEX_WAIT_S = 120.0
_PAUSE_S = 0.05


class Mismatch(click.ClickException):
    """Two counts that must agree do not."""

    exit_code = exits.NEGATIVE


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the closing table."""

    what: str
    count: str
    size: str
    took_s: float
    rate: str


@dataclass(kw_only=True)
class Tour:
    """The demo as it goes: what it talks to and what it has done."""

    server: LocalServer
    client: Client
    terminal: Console
    steps: list[Step] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.terminal.print(text, soft_wrap=True)

    def done(self, what: str, lines: int, bytes_: int, took: float) -> None:
        rate = f"{amount(lines / took)} lines/s, {size(bytes_ / took)}/s"
        self.steps.append(
            Step(what=what, count=f"{amount(lines)} lines", size=size(bytes_), took_s=took, rate=rate)
        )
        self.say(f"  {amount(lines)} lines, {size(bytes_)}, in {seconds(took)}: {rate}")


@click.command()
@click.option("--lines", default=1_000_000, show_default=True, help="How many sample lines.")
@click.option("--keep", is_flag=True, help="Keep the temporary data folder.")
def demo(lines: int, keep: bool) -> None:
    """Show the whole loop on sample lines, in a temporary folder, and check every count.

    Starts a server on a free port, sends the lines through the HTTP intake, archives them by the hour,
    reads the objects with zcat, restores one hour with a query, searches it, and verifies the archive.
    """
    folder = Path(tempfile.mkdtemp(prefix="logkeep-demo-"))
    try:
        with local_server(folder) as server, server.admin() as client:
            tour = Tour(server=server, client=client, terminal=console())
            ready = seconds(server.ready_s)
            tour.say(f"[bold]1  A server[/] answers at {client.url} after {ready}; data in {folder}")
            _run(tour, lines)
    finally:
        if keep:
            click.echo(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _run(tour: Tour, lines: int) -> None:
    first_hour = Hour(hour_of(int(time.time() * 1000)) - _HOURS)
    _send(tour, lines, first_hour)
    _wait_searchable(tour, lines)
    objects = _archive(tour, lines)
    reader = plain_reader()
    _read_plainly(tour, objects, reader)
    restored = _restore(tour, Hour(first_hour + _HOURS // 2))
    _search(tour, restored)
    _verify(tour, objects)
    _close(tour)


def _send(tour: Tour, lines: int, first_hour: Hour) -> None:
    tour.say(f"[bold]2  Sending[/] {amount(lines)} lines of {_HOURS} hours, JSON and plain text, over HTTP")
    started = time.monotonic()
    with tour.server.sender() as sender, progress("{task.completed:,.0f} lines") as bar:
        task = bar.add_task("   sending", total=lines)
        delivery = Delivery(
            sender, patience_s=60, answered=lambda request: bar.update(task, advance=request.lines)
        )
        delivery.deliver(requests_of(lines, first_hour, _HOURS))
    report = delivery.report
    _agree("lines accepted", report.accepted, "lines sent", lines)
    tour.done("sent over HTTP, durable", report.accepted, report.size, time.monotonic() - started)


def requests_of(lines: int, first_hour: Hour, hours: int) -> Iterator[Request]:
    """Sample lines as requests for a Delivery."""
    number = 1
    for body in sample_bodies(lines=lines, first_hour=first_hour, hours=hours):
        yield _request(body, number)
        number += body.lines


def _request(body: SampleBody, number: int) -> Request:
    return Request(
        path=body.path,
        params=body.params,
        content_type=body.content_type,
        content=body.data,
        size=len(body.data),
        lines=body.lines,
        numbers=range(number, number + body.lines),
    )


def _wait_searchable(tour: Tour, lines: int) -> None:
    started = time.monotonic()
    found = 0
    while found != lines:
        found = _count(tour.client, "", "main")
        if found > lines or time.monotonic() - started > _INDEX_WAIT_S:
            _agree("lines that live search finds", found, "lines accepted", lines)
        time.sleep(_PAUSE_S if found != lines else 0)
    tour.say(f"  all of them searchable {seconds(time.monotonic() - started)} later")


def _archive(tour: Tour, lines: int) -> list[dict[str, Any]]:
    tour.say("[bold]3  Archiving[/] the hours (logkeep archive seal --now)")
    started = time.monotonic()
    tour.client.post("/v1/archive/seal", {"now": True})
    took = time.monotonic() - started
    objects: list[dict[str, Any]] = tour.client.get("/v1/archive/objects", account="main")["objects"]
    show_objects(objects)
    _agree("lines in the objects", sum(entry["lines"] for entry in objects), "lines accepted", lines)
    tour.done("archived as .json.gz", lines, sum(entry["raw_bytes"] for entry in objects), took)
    return objects


def _read_plainly(tour: Tour, objects: list[dict[str, Any]], reader: PlainReader) -> None:
    tour.say(f"[bold]4  Reading[/] the objects with {reader.name}")
    started = time.monotonic()
    lines = raw = 0
    for entry in objects:
        count = reader.count(tour.server.archive / entry["key"])
        _agree(
            f"lines that {reader.name} finds in {entry['key']}",
            count.lines,
            "in its manifest",
            entry["lines"],
        )
        lines += count.lines
        raw += count.size
    first = reader.first_line(tour.server.archive / objects[0]["key"])
    tour.say(f"  the first line: {escape(first)}")
    tour.done(f"read with {reader.name}", lines, raw, time.monotonic() - started)


def _restore(tour: Tour, hour: Hour) -> dict[str, Any]:
    start, end = iso(hour_start(hour)), iso(hour_end(hour))
    tour.say(f"[bold]5  Restoring[/] the hour from {start} with the query {_QUERY}")
    expected = _count(tour.client, _QUERY, "main", start, end)
    started = time.monotonic()
    request = {"name": "demo", "from": start, "to": end, "query": _QUERY, "account": "main"}
    plan = tour.client.post("/v1/restores", request)
    restored = dict(wait_for(tour.client, plan["id"]))
    if restored["state"] != "ACTIVE":
        raise Mismatch(f"the restore ended {restored['state']}: {restored['error']}")
    tour.done("restored by query", restored["lines"], restored["bytes"], time.monotonic() - started)
    _agree("lines restored", restored["lines"], "lines that live search finds for the query", expected)
    return restored


def _search(tour: Tour, restored: dict[str, Any]) -> None:
    account = restored["account"]
    tour.say(f"[bold]6  Searching[/] the restored account {account} for {_SEARCH}")
    _agree("lines in the restored account", _count(tour.client, "", account), "restored", restored["lines"])
    started = time.monotonic()
    answer = tour.client.get("/v1/search", query=_SEARCH, account=account, limit=3)
    took = time.monotonic() - started
    for record in answer["records"]:
        tour.terminal.print("  ", record_line(record), soft_wrap=True)
    found = _count(tour.client, _SEARCH, account)
    tour.steps.append(
        Step(
            what="searched the restored account",
            count=f"{amount(found)} found",
            size="",
            took_s=took,
            rate="",
        )
    )
    tour.say(f"  {amount(found)} lines found, in {seconds(took)}")


def _verify(tour: Tour, objects: list[dict[str, Any]]) -> None:
    tour.say("[bold]7  Verifying[/] the archive: every checksum, count, time and block")
    report = verify(open_bucket(str(tour.server.archive)))
    if not report.ok:
        first = next(finding for finding in report.findings if not finding.note)
        raise Mismatch(f"{first.key}: {first.detail}")
    _agree("objects verified", report.objects, "objects sealed", len(objects))
    tour.done("verified", report.lines, report.raw_bytes, report.seconds)


def _count(client: Client, query: str, account: str, from_: str = "", to: str = "") -> int:
    scope = {"query": query, "account": account, "from": from_ or "-30d", "to": to or "+1d"}
    total: int = client.get("/v1/histogram", **scope)["total"]
    return total


def _close(tour: Tour) -> None:
    tour.say("\n[bold]What was done[/]")
    table(
        ["STEP", "#COUNT", "#SIZE", "#TIME", "#RATE"],
        ((step.what, step.count, step.size, seconds(step.took_s), step.rate) for step in tour.steps),
    )
    tour.say("All counts agree. Start your own: make serve")


def _agree(what: str, found: int, other: str, expected: int) -> None:
    if found != expected:
        raise Mismatch(f"{what}: {amount(found)}; {other}: {amount(expected)}")
