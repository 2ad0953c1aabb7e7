"""`logkeep grep`: searches a bucket or folder itself, without a server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

import click

from logkeep.archive.reader import find_objects
from logkeep.archive.scan import Scan
from logkeep.cli import exits
from logkeep.cli.options import from_to, json_option, storage_option
from logkeep.cli.output import json_line, pointing_into
from logkeep.cli.place import open_place
from logkeep.cli.scanning import ObjectScanner, Outcome
from logkeep.query.parse import parse
from logkeep.record import bytes_of, decode_line
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, parse_time


@click.command()
@click.argument("query")
@click.argument("place", metavar="URL|FOLDER")
@from_to()
@click.option("--account", default="", help="Of this account only.")
@click.option("--limit", default=0, help="Stop after so many lines; 0 for all.")
@click.option("-c", "--count", is_flag=True, help="Print only how many lines match.")
@storage_option
@json_option
def grep(
    query: str,
    place: str,
    from_: str,
    to: str,
    account: str,
    limit: int,
    count: bool,
    storage: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print the lines of an archive that match QUERY, each exactly as it came, in order of hour.

    QUERY is the same as for `logkeep search`. Reads only the objects of the hours between --from and --to,
    and of those only the blocks that it needs. Ends with 1 when nothing matches.
    """
    within = _range(from_, to)
    with pointing_into(query):
        scan = Scan(parse(query), within)
    bucket = open_place(place, storage)
    objects = find_objects(bucket, account or None, within)
    with ObjectScanner(bucket, scan, within) as scanner:
        if count:
            outcome = scanner.count(objects)
            _tell_count(outcome.lines, as_json=as_json)
        else:
            outcome = scanner.print(objects, _as_records if as_json else _as_lines, limit)
    sys.exit(_exit_code(outcome))


def _range(from_: str, to: str) -> TimeRange | None:
    if not from_ and not to:
        return None
    now = time.time_ns() // 1_000_000
    start = parse_time(from_, now=now) if from_ else MIN_MS
    return TimeRange(start=start, end=parse_time(to, now=now) if to else MAX_MS)


def _as_records(lines: Sequence[bytes]) -> Iterable[bytes]:
    return (line if line.endswith(b"\n") else line + b"\n" for line in lines)


def _as_lines(lines: Sequence[bytes]) -> Iterable[bytes]:
    return (bytes_of(decode_line(line)) + b"\n" for line in lines)


def _tell_count(lines: int, *, as_json: bool) -> None:
    if as_json:
        json_line({"count": lines})
    else:
        click.echo(lines)


def _exit_code(outcome: Outcome) -> int:
    for damage in outcome.damage:
        click.echo(f"logkeep: {damage}", err=True)
    if outcome.damage:
        return exits.STORAGE
    return exits.OK if outcome.lines else exits.NEGATIVE
