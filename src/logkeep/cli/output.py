"""What commands print: JSON lines, compact tables, records, amounts. Progress goes to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from logkeep.errors import QuerySyntaxError
from logkeep.timeline import iso

# Wide enough that nothing is cut or wrapped here; a terminal wraps by itself.
_UNBOUNDED = 10_000


def console(*, err: bool = False, width: int | None = None) -> Console:
    """The terminal, or plain text of any width when the stream is none."""
    stream = sys.stderr if err else sys.stdout
    return Console(file=stream, width=width if stream.isatty() else _UNBOUNDED, highlight=False)


def json_line(document: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")


def json_lines(documents: Iterable[Any]) -> None:
    for document in documents:
        json_line(document)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table without lines; a column whose name starts with `#` is aligned right."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        grid.add_column(
            name.removeprefix("#"), justify="right" if name.startswith("#") else "left", no_wrap=True
        )
    for row in rows:
        grid.add_row(*(Text(str(cell)) for cell in row))
    console(width=_UNBOUNDED).print(grid)


def who(actor: str, name: str) -> str:
    """Who did something: by name, or by the id of who has none any more."""
    return name or actor or "-"


def amount(count: int | float) -> str:
    """`1,234,567`."""
    return f"{count:,.0f}"


def size(count: float) -> str:
    """Bytes in units of 1,000: `713.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def seconds(count: float) -> str:
    """`0.35 s`, `12.3 s`, `5 min`, `3 h`, `2 d`."""
    if count < 10:
        return f"{count:.2f} s"
    for limit, unit, per in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if count < limit:
            return f"{count / per:.1f} {unit}" if per == 1 else f"{count / per:.0f} {unit}"
    return f"{count / 86_400:.0f} d"


def span(count_s: int) -> str:
    """A duration as it was set: `90 s`, `10 min`, `6 h`, `7 d`."""
    for unit, per in (("d", 86_400), ("h", 3600), ("min", 60)):
        if count_s and count_s % per == 0:
            return f"{count_s // per} {unit}"
    return f"{count_s} s"


_LEVEL_STYLES = {"error": "red", "fatal": "red", "critical": "red", "warn": "yellow", "warning": "yellow"}


def record_line(record: Mapping[str, Any]) -> Text:
    """`time host app level line`, for people. Values that are absent show as `-`."""
    level = str(record.get("level") or "-")
    return Text.assemble(
        (iso(int(record["_ts"])), "dim"),
        " ",
        (str(record.get("_host") or "-"), "cyan"),
        " ",
        (str(record.get("_app") or "-"), "green"),
        " ",
        (level, _LEVEL_STYLES.get(level.lower(), "")),
        " ",
        str(record.get("_line", "")),
    )


@contextmanager
def progress(*columns: str, quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on standard error, followed by `columns`; shows nothing where that is no terminal."""
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *(TextColumn(column) for column in columns),
        TimeRemainingColumn(),
        console=console(err=True),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
    with shown:
        yield shown


@contextmanager
def pointing_into(query: str) -> Iterator[None]:
    """Shows the query with a mark below the column of a syntax error that passes through."""
    try:
        yield
    except QuerySyntaxError as error:
        if "\n" not in query:
            click.echo(f"  {query}\n  {' ' * (error.column - 1)}^", err=True)
        raise
