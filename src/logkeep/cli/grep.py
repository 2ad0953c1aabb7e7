"""`logkeep grep`: searches a bucket or folder itself, without a server."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TypeAlias

import click

from logkeep.archive.foreign.base import Layout
from logkeep.cli import exits
from logkeep.cli.in_place import own_engine, show_histogram, tell_damage, tell_stats
from logkeep.cli.options import from_to, json_option, storage_option
from logkeep.cli.output import json_line, pointing_into
from logkeep.cli.place import open_place
from logkeep.errors import BadSetting
from logkeep.index.search import Order
from logkeep.inplace.counting import Count, document_of
from logkeep.inplace.places import Place, span_of
from logkeep.inplace.reading import Large
from logkeep.inplace.search import Hit, Search
from logkeep.inplace.steps import usual_step
from logkeep.inplace.tally import Outcome
from logkeep.query.ast import Node
from logkeep.query.parse import parse
from logkeep.record import bytes_of, decode_line
from logkeep.storage.base import Bucket
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, parse_time

OURS = "logkeep"
_GC_THRESHOLDS = (200_000, 20, 100)
Show: TypeAlias = Callable[[Iterable[Hit]], Iterator[bytes]]


@click.command()
@click.argument("query")
@click.argument("place", metavar="URL|FOLDER")
@from_to()
@click.option("--account", default="", help="Of this account only.")
@click.option("--newest", is_flag=True, help="The newest lines first.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="Stop after so many lines; 0 for all.")
@click.option("-c", "--count", is_flag=True, help="Print only how many lines match.")
@click.option("--histogram", is_flag=True, help="Count lines over time, by level.")
@click.option("--interval", type=click.IntRange(min=1), help="Width of the histogram's bars in ms.")
@click.option("--stats", is_flag=True, help="Tell what was read, on standard error.")
@click.option("--layout", default="", metavar="NAME", help="Whose archive it is; auto to find out.")
@click.option("--layout-option", multiple=True, metavar="NAME=VALUE", help="For --layout custom.")
@storage_option
@json_option
def grep(
    query: str,
    place: str,
    from_: str,
    to: str,
    account: str,
    newest: bool,
    limit: int,
    count: bool,
    histogram: bool,
    interval: int | None,
    stats: bool,
    layout: str,
    layout_option: tuple[str, ...],
    storage: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print the lines of an archive that match QUERY, each exactly as it came, the oldest first.

    QUERY is the same as for `logkeep search`. Reads only the objects of the hours between --from and --to,
    and of those only the blocks that it needs; with --limit it ends as soon as it has so many lines. Ends
    with 1 when nothing matches.
    """
    within = _range(from_, to)
    with pointing_into(query):
        node = parse(query)
    bucket = open_place(place, storage)
    there = Place(bucket=bucket, account=account or None, layout=_layout(bucket, layout, layout_option))
    with _seldom_collected(), own_engine() as large:
        if histogram or count:
            outcome = _count(there, node, within, large, interval if histogram else 0, as_json=as_json)
        else:
            order = Order.NEWEST if newest else Order.OLDEST
            search = Search([there], node, within, order=order, limit=limit, large=large)
            _print(search, _as_records if as_json else _as_lines)
            outcome = search.outcome
    told = asdict(outcome)
    if stats:
        tell_stats(told)
    tell_damage(told)
    sys.exit(exits.STORAGE if outcome.problems else exits.OK if outcome.lines else exits.NEGATIVE)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Lines come and go by the million, and none is part of a cycle: looking for cycles takes a third of the
    time."""
    before = gc.get_threshold()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _range(from_: str, to: str) -> TimeRange | None:
    if not from_ and not to:
        return None
    now = time.time_ns() // 1_000_000
    start = parse_time(from_, now=now) if from_ else MIN_MS
    return TimeRange(start=start, end=parse_time(to, now=now) if to else MAX_MS)


def _layout(bucket: Bucket, name: str, options: Sequence[str]) -> Layout | None:
    """The layout of that name; None for ours. Raises BadSetting."""
    if not name:
        return None
    # Imported when it is needed: other systems' formats take libraries that are slow to load.
    from logkeep.archive.foreign.layouts import layout_of

    if name == "auto":
        from logkeep.archive.foreign.detect import detect

        found = detect(bucket)
        if found.layout is None:
            raise BadSetting(
                f"nothing tells whose archive is at {bucket.url}",
                hint="name its layout, or look closer with: logkeep archive detect URL",
                field="layout",
            )
        if found.prefix:
            raise BadSetting(
                f"the archive is not at {bucket.url} but below {found.prefix}",
                hint="add that to the URL",
                field="layout",
            )
        name = found.layout
    if name == OURS:
        return None
    return layout_of(name, dict(map(_pair, options)))


def _pair(option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals:
        raise BadSetting(f"--layout-option {option!r} has no '='", hint="write it as NAME=VALUE")
    return name, value


def _print(search: Search, show: Show) -> None:
    """Each batch as it comes."""
    out = sys.stdout.buffer
    with closing(iter(search)) as found:
        for hits in found:
            out.writelines(show(hits))
            out.flush()


def _as_records(hits: Iterable[Hit]) -> Iterator[bytes]:
    return (hit.line if hit.line.endswith(b"\n") else hit.line + b"\n" for hit in hits)


def _as_lines(hits: Iterable[Hit]) -> Iterator[bytes]:
    return (bytes_of(decode_line(hit.line)) + b"\n" for hit in hits)


def _count(
    place: Place, node: Node, within: TimeRange | None, large: Large, interval: int | None, *, as_json: bool
) -> Outcome:
    """`interval` is the width of a bar, None for the usual one, and 0 for a count alone."""
    if interval is None:
        span = span_of([place], within)
        interval = usual_step(span) if span else None
    counted = Count([place], node, within, interval_ms=interval, large=large)
    buckets = counted.run()
    outcome = counted.outcome
    if interval != 0:
        show_histogram(list(map(document_of, buckets)), as_json=as_json)
    elif as_json:
        json_line({"count": outcome.lines})
    else:
        click.echo(outcome.lines)
    return outcome
