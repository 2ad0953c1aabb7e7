"""`logkeep send`: the lines of a file or of standard input, to the HTTP intake."""

from __future__ import annotations

import os
import socket
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import click

from logkeep.cli import exits
from logkeep.cli.access import ingest_access
from logkeep.cli.bodies import Body, BodyReader, Skipped, is_json_lines
from logkeep.cli.client import Client
from logkeep.cli.delivery import IN_FLIGHT, Delivery, Report, Request
from logkeep.cli.options import data_option, json_option, url_option
from logkeep.cli.output import amount, json_line, progress, seconds, size
from logkeep.cli.timed import TimedLines, time_reader
from logkeep.errors import LogkeepError
from logkeep.record import Refusal

# JSON makes a line up to six times longer, and the server takes bodies to 10 MB.
_TIMED_BODY_BYTES = 512 << 10
_TIMED_LINE_BYTES = 512 << 10
_REFUSALS_SHOWN = 20
_TYPES = {"json": "application/x-ndjson", "text": "text/plain"}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How the stream's bodies become requests."""

    format: str  # auto, json or text
    timestamp: str
    fields: Mapping[str, str]  # host, app, file, env, level, tag


@click.command()
@click.argument("file", type=click.File("rb", lazy=False))
@click.option("--key", envvar="LOGKEEP_KEY", default="", help="The account's ingest key.  [env: LOGKEEP_KEY]")
@click.option("--host", default="", help="Where the lines come from.")
@click.option("--app", default="", help="What wrote them.")
@click.option("--file", "file_name", default="", help="The file they stood in.")
@click.option("--env", default="", help="production, staging, …")
@click.option("--level", default="", help="error, info, …")
@click.option("--tag", multiple=True, help="A tag; may be repeated.")
@click.option(
    "--timestamp",
    default="auto",
    metavar="auto|FIELD|FORMAT",
    show_default=True,
    help="Where a line's time stands. auto: in JSON lines timestamp, @timestamp, time, ts, _ts or date, else "
    "the receipt time. FIELD: a JSON field (a.b for a nested one). FORMAT: as strptime's, such as "
    "'%b %d %H:%M:%S', near the line's start; a line without one has the time of the line before.",
)
@click.option(
    "--format", type=click.Choice(["auto", "json", "text"]), default="auto", help="What the lines are."
)
@click.option("--retry-for", default=300.0, show_default=True, help="Seconds to go on trying a body for.")
@json_option
@url_option
@data_option
def send(
    file: BinaryIO,
    key: str,
    host: str,
    app: str,
    file_name: str,
    env: str,
    level: str,
    tag: tuple[str, ...],
    timestamp: str,
    format: str,  # noqa: A002
    retry_for: float,
    as_json: bool,
    url: str,
    data: Path,
) -> None:
    """Send the lines of FILE, or of standard input (-), each exactly as it stands there.

    Bodies are sent several at a time and tried again under their own idempotency key, so no line is taken
    twice. Standard input is sent at least once a second: `tail -f app.log | logkeep send -`.
    """
    fields = {
        "host": host,
        "app": app,
        "file": file_name,
        "env": env,
        "level": level,
        "tag": ",".join(tag),
    }
    shape = Shape(format=format, timestamp=timestamp, fields=fields)
    with Client(ingest_access(url=url, key=key, data=data), connections=IN_FLIGHT) as client:
        run = _Run(file.fileno(), shape, client, retry_for)
        run.work(as_json=as_json)


class _Run:
    """One stream on its way: what is read, what is answered, what is to be told of it."""

    def __init__(self, fd: int, shape: Shape, client: Client, patience_s: float) -> None:
        self._shape = shape
        self._timed = (
            None if shape.timestamp == "auto" else TimedLines(time_reader(shape.timestamp), shape.fields)
        )
        self._reader = (
            BodyReader(fd, body_bytes=_TIMED_BODY_BYTES, line_bytes=_TIMED_LINE_BYTES)
            if self._timed
            else BodyReader(fd)
        )
        self._total = _size_of(fd)
        self._skipped: list[Refusal] = []
        self._client = client
        self._patience_s = patience_s

    def work(self, *, as_json: bool) -> None:
        started = time.monotonic()
        with progress("{task.fields[rate]}", quiet=as_json) as bar:
            task = bar.add_task("sending", total=self._total, rate="")

            def answered(_request: Request) -> None:
                rate = delivery.report.accepted / max(0.001, time.monotonic() - started)
                bar.update(task, completed=delivery.report.size, rate=f"{amount(rate)} lines/s")

            delivery = Delivery(self._client, patience_s=self._patience_s, answered=answered)
            try:
                delivery.deliver(self._requests())
            except (LogkeepError, KeyboardInterrupt):
                _tell_how_far(delivery.report)
                raise
        delivery.report.refused += self._skipped
        _tell(delivery.report, time.monotonic() - started, as_json=as_json)

    def _requests(self) -> Iterator[Request]:
        format_ = self._shape.format
        for piece in self._reader:
            if isinstance(piece, Skipped):
                reason = "longer than any line that is taken"
                self._skipped.append(Refusal(line=piece.line, code="too-long", reason=reason))
            elif self._timed:
                yield from self._timed_requests(piece, self._timed)
            else:
                if format_ == "auto" and piece.data.strip():
                    format_ = "json" if is_json_lines(piece.data) else "text"
                yield self._plain(
                    piece.data, format_, range(piece.first_line, piece.first_line + piece.lines)
                )

    def _plain(self, data: bytes, format_: str, numbers: range | list[int]) -> Request:
        return Request(
            path="/v1/ingest",
            params=self._shape.fields,
            content_type=_TYPES.get(format_, "text/plain"),
            content=data,
            size=len(data),
            lines=len(numbers),
            numbers=numbers,
        )

    def _timed_requests(self, body: Body, timed: TimedLines) -> Iterator[Request]:
        made = timed.body(body.data)
        fields = self._shape.fields
        first = body.first_line - 1
        if made.document:
            yield Request(
                path="/logs/ingest",
                # Mezmo's intake asks for a host.
                params={"hostname": fields["host"] or socket.gethostname(), "tags": fields["tag"]},
                content_type="application/json",
                content=made.document,
                size=len(body.data) - len(made.other),
                lines=len(made.numbers),
                numbers=[first + number for number in made.numbers],
            )
        if made.other:
            yield self._plain(made.other, "text", [first + number for number in made.other_numbers])


def _size_of(fd: int) -> int | None:
    """Bytes to come, None where that cannot be known (a pipe)."""
    status = os.fstat(fd)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _tell_how_far(report: Report) -> None:
    click.echo(f"logkeep: {amount(report.accepted)} lines were accepted before this", err=True)
    first = report.first_open
    click.echo(
        f"  every line before line {amount(first)} is in; go on with: tail -n +{first} FILE | logkeep send -",
        err=True,
    )


def _tell(report: Report, took_s: float, *, as_json: bool) -> None:
    for refusal in report.refused[:_REFUSALS_SHOWN]:
        click.echo(f"logkeep: line {refusal.line} refused: {refusal.reason}", err=True)
    if (more := len(report.refused) - _REFUSALS_SHOWN) > 0:
        click.echo(f"logkeep: and {amount(more)} more lines refused", err=True)
    if as_json:
        json_line(
            {
                "accepted": report.accepted,
                "refused": [asdict(refusal) for refusal in report.refused],
                "bytes": report.size,
                "seconds": round(took_s, 3),
            }
        )
    else:
        rate = report.accepted / max(0.001, took_s)
        click.echo(
            f"accepted {amount(report.accepted)} lines ({size(report.size)}) in {seconds(took_s)}, "
            f"{amount(rate)} lines/s; refused {amount(len(report.refused))}"
        )
    if report.refused:
        sys.exit(exits.NEGATIVE)
