"""`logkeep verify`: every object of a bucket or folder, without a server."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from logkeep.cli import exits
from logkeep.cli.options import from_to, json_option, storage_option
from logkeep.cli.output import amount, json_line, progress, seconds, size
from logkeep.cli.place import open_place
from logkeep.errors import BadSetting
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange, parse_time
from logkeep.verify import Finding, Report, Sample, document
from logkeep.verify import verify as verify_archive

_STDOUT = "-"


@click.command()
@click.argument("place", metavar="URL|FOLDER")
@from_to()
@click.option("--account", default="", help="Of this account only.")
@click.option(
    "--sample",
    "fraction",
    type=float,
    metavar="FRACTION",
    help="Read this part of each object's blocks (0.05: every twentieth), at least one of each.",
)
@click.option("--seed", default=0, show_default=True, help="Another seed samples other blocks.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Note what is done in this file and go on from there; it is made if it is not there.",
)
@click.option("--report", metavar="FILE", help="Write a JSON report; '-' prints it, and nothing else.")
@storage_option
@json_option
def verify(
    place: str,
    from_: str,
    to: str,
    account: str,
    fraction: float | None,
    seed: int,
    resume: Path | None,
    report: str | None,
    storage: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check every object of an archive against its manifest, and the manifests' chain.

    Reads all of it: checksums, counts, times, blocks and ids; names gaps, strangers and duplicates, and
    manifests that are missing from their chain or were changed. With --sample it reads a part of each
    object and checks every manifest, chain and size. Ends with 1 when anything is wrong.
    """
    quiet = report == _STDOUT

    def found(finding: Finding) -> None:
        if as_json and not quiet:
            json_line(asdict(finding))
        elif not quiet:
            click.echo(
                f"{'note ' if finding.note else 'WRONG'} {finding.key}: {finding.kind}: {finding.detail}"
            )

    _check_report(report)
    bucket = open_place(place, storage)
    within = _range(from_, to)
    sample = None if fraction is None else Sample(fraction=fraction, seed=seed)
    with progress("{task.fields[done]}", quiet=as_json or quiet) as bar:
        task = bar.add_task("verifying", total=None, done="")
        result = verify_archive(
            bucket,
            account or None,
            within=within,
            sample=sample,
            resume=resume,
            found=found,
            progress=lambda done, total: bar.update(task, completed=done, total=total, done=size(done)),
        )
    if report is not None:
        _write(result, report)
    if not quiet:
        _tell(result, as_json=as_json)
    sys.exit(exits.OK if result.ok else exits.NEGATIVE)


def _range(from_: str, to: str) -> TimeRange | None:
    if not from_ and not to:
        return None
    now = time.time_ns() // 1_000_000
    start = parse_time(from_, now=now) if from_ else MIN_MS
    return TimeRange(start=start, end=parse_time(to, now=now) if to else MAX_MS)


def _check_report(name: str | None) -> None:
    """Raises BadSetting before everything is read, and not after it."""
    if name is not None and name != _STDOUT and not Path(name).parent.is_dir():
        raise BadSetting(f"there is no folder {Path(name).parent} for the report", field="report")


def _write(result: Report, name: str) -> None:
    """The report as one JSON document; the file is complete or not there. Raises BadSetting."""
    if name == _STDOUT:
        json_line(document(result))
        return
    path, partial = Path(name), Path(f"{name}.partial")
    try:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(document(result))) + b"\n")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise BadSetting(
            f"the report cannot be written to {path}: {error.strerror}",
            hint="name a file in a folder that is there; with --resume nothing has to be read again",
            field="report",
        ) from error


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        summary = document(report)
        del summary["findings"]  # each was printed when it was made
        json_line(summary)
        return
    click.echo(f"{amount(report.objects)} objects, {amount(report.lines)} lines, {size(report.stored_bytes)}")
    if report.objects_before:
        click.echo(f"{amount(report.objects_before)} of the objects were verified by an earlier run")
    else:
        rate = size(report.raw_bytes / max(0.001, report.seconds))
        click.echo(f"{size(report.raw_bytes)} of lines read in {seconds(report.seconds)}, {rate}/s")
    if report.sample:
        of_all = f"{amount(report.blocks_checked)} of {amount(report.blocks)} blocks"
        click.echo(f"a sample: {of_all}, seed {report.sample.seed}")
    verdict = "all as it should be" if report.objects else "there is nothing archived here"
    click.echo(verdict if report.ok else f"{amount(report.wrong)} things are wrong")
