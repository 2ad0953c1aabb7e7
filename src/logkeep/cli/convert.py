"""`logkeep archive convert`: another system's archive rewritten as ours, without a server."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from logkeep.archive.foreign.base import Layout, Problem
from logkeep.archive.foreign.detect import detect
from logkeep.archive.foreign.layouts import layout_of
from logkeep.cli import exits
from logkeep.cli.options import from_to, json_option
from logkeep.cli.output import amount, json_line, progress, seconds, size
from logkeep.cli.place import open_place
from logkeep.convert import Converted, Step
from logkeep.convert import convert as convert_archive
from logkeep.convert.apart import require_apart
from logkeep.errors import BadSetting
from logkeep.storage.base import Bucket
from logkeep.storage.connection import connection_of_url, place_of
from logkeep.storage.open import open_bucket
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, parse_time

AUTO = "auto"


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@click.option("--layout", default=AUTO, show_default=True, help="Of SRC, by its name; auto finds it out.")
@click.option(
    "--layout-option",
    "layout_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the layout; may be repeated.",
)
@click.option("--account", required=True, help="Whose archive it becomes.")
@from_to()
@click.option(
    "--storage-src",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of SRC's bucket, as --storage of other commands; may be repeated.",
)
@click.option("--storage-dst", multiple=True, metavar="NAME=VALUE", help="The same of DST's bucket.")
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for an eighth of the lines' bytes.  [default: the system's temporary folder]",
)
@json_option
def convert(
    source: str,
    destination: str,
    layout: str,
    layout_options: tuple[str, ...],
    account: str,
    from_: str,
    to: str,
    storage_src: tuple[str, ...],
    storage_dst: tuple[str, ...],
    work: Path | None,
    as_json: bool,
) -> None:
    """Rewrite the archive of another system in SRC as a logkeep archive in DST.

    Lines go into the object of the hour of their own time, in order, each with an id: the source's if there
    is one. A line whose id and time came before is left out. --from and --to are taken as whole hours,
    so a large archive can be converted month by month. SRC is only read. A convert that was cut short can
    be run again. What cannot be read is passed over and named; then it ends with 1.
    """
    within = _range(from_, to)
    options = pairs("--storage-dst", storage_dst)
    bucket = open_place(source, storage_src)
    target = open_bucket(destination, options)
    require_apart(
        place_of(connection_of_url(source, pairs("--storage-src", storage_src))),
        place_of(connection_of_url(destination, options)),
    )
    chosen = _layout(bucket, layout, pairs("--layout-option", layout_options))
    started = time.perf_counter()
    with progress("{task.fields[done]}", quiet=as_json) as bar:
        tasks = {step: bar.add_task(step.value, total=None, done="", start=False) for step in Step}

        def show(step: Step, done: int, total: int) -> None:
            bar.start_task(tasks[step])
            shown = size(done) if step is Step.READING else f"{amount(done)} lines"
            bar.update(tasks[step], completed=done, total=total, done=shown)

        result = convert_archive(
            bucket, target, layout=chosen, account=account, within=within, work=work, progress=show
        )
    _tell(result, time.perf_counter() - started, as_json=as_json)
    sys.exit(exits.OK if result.ok else exits.NEGATIVE)


def pairs(option: str, texts: Sequence[str]) -> Mapping[str, str]:
    """Options given as NAME=VALUE. Raises BadSetting."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadSetting(f"{option} {name!r} has no '='", hint="write it as NAME=VALUE")
        found[name] = value
    return found


def problem_line(problem: Problem) -> str:
    """`PROBLEM key at byte 17: reason: how it begins`."""
    sample = f": {problem.sample!r}" if problem.sample else ""
    return f"PROBLEM {problem.key} at byte {problem.offset}: {problem.reason}{sample}"


def _layout(bucket: Bucket, name: str, options: Mapping[str, str]) -> Layout:
    if name != AUTO:
        return layout_of(name, options)
    found = detect(bucket)
    if found.layout is None:
        raise BadSetting(
            f"no layout is known for what is in {bucket.url}",
            hint="see what was looked at with 'logkeep archive detect'; name it with --layout",
            field="layout",
        )
    if found.prefix:
        raise BadSetting(
            f"the archive is below {found.prefix}",
            hint="add that to the URL of SRC, or name its layout with --layout",
        )
    click.echo(f"layout: {found.layout}", err=True)
    return layout_of(found.layout, options)


def _range(from_: str, to: str) -> TimeRange | None:
    if not from_ and not to:
        return None
    now = time.time_ns() // 1_000_000
    start = parse_time(from_, now=now) if from_ else MIN_MS
    return TimeRange(start=start, end=parse_time(to, now=now) if to else MAX_MS)


def _tell(result: Converted, took: float, *, as_json: bool) -> None:
    if as_json:
        for problem in result.problems:
            json_line({"problem": asdict(problem)})
        summary = asdict(result) | {"ok": result.ok, "seconds": round(took, 3)}
        del summary["problems"]
        json_line(summary)
        return
    for problem in result.problems:
        click.echo(problem_line(problem))
    if (more := result.problem_count - len(result.problems)) > 0:
        click.echo(f"and {amount(more)} more like these")
    click.echo(
        f"{amount(result.sources)} objects of the layout {result.layout}, {size(result.source_bytes)}, read: "
        f"{amount(result.lines + result.repeats)} lines"
    )
    if result.repeats:
        click.echo(f"{amount(result.repeats)} of them were there twice and are kept once")
    there = f", {amount(result.found)} of them there already" if result.found else ""
    click.echo(
        f"{amount(result.objects)} objects{there}: {amount(result.lines)} lines, {size(result.raw_bytes)}, "
        f"stored as {size(result.stored_bytes)}, in {seconds(took)}"
    )
    if not result.ok:
        click.echo(f"{amount(result.problem_count)} things could not be read")
