"""`logkeep archive detect`: whose archive a bucket or folder holds, without a server."""

from __future__ import annotations

import sys

import click
import msgspec

from logkeep.archive.foreign.detect import Candidate, Detection, document
from logkeep.archive.foreign.detect import detect as detect_layout
from logkeep.archive.foreign.layouts import LAYOUTS
from logkeep.cli import exits
from logkeep.cli.options import json_option, storage_option
from logkeep.cli.output import amount, console, json_line, record_line
from logkeep.cli.place import open_place


@click.command()
@click.argument("place", metavar="URL|FOLDER")
@storage_option
@json_option
def detect(place: str, storage: tuple[str, ...], as_json: bool) -> None:
    """Say in which layout the archive of another system is.

    Lists about 200 keys, opens one object, and shows what of it would become the first five lines. The name
    is what --layout takes. Ends with 1 when no layout fits.
    """
    found = detect_layout(open_place(place, storage))
    if as_json:
        json_line(document(found))
    else:
        _tell(found)
    sys.exit(exits.NEGATIVE if found.layout is None else exits.OK)


def _tell(found: Detection) -> None:
    if found.layout is None:
        click.echo("layout   none fits")
    else:
        click.echo(f"layout   {found.layout}: {LAYOUTS[found.layout].title}")
    if found.prefix:
        click.echo(f"below    {found.prefix}")
    for number, reason in enumerate(found.reasons):
        click.echo(f"{'' if number else 'because':8} {reason}")
    click.echo(f"{'keys':8} {amount(found.keys)} looked at")
    if found.opened:
        click.echo(f"{'opened':8} {found.opened}")
    out = console()
    for record in found.sample:
        out.print(record_line(msgspec.to_builtins(record)), soft_wrap=True)
    for number, other in enumerate(found.others):
        click.echo(f"{'' if number else 'or':8} {_shown(other)}")
    if found.layout is None:
        click.echo("describe it yourself as the layout custom, if lines of it have a time")


def _shown(other: Candidate) -> str:
    below = f" below {other.prefix}" if other.prefix else ""
    return f"{other.name}: {LAYOUTS[other.name].title}, {amount(other.keys)} keys{below}"
