"""`logkeep verify`: every object of a bucket or folder, without a server."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from logkeep.cli import exits
from logkeep.cli.options import json_option, storage_option
from logkeep.cli.output import amount, json_line, progress, seconds, size
from logkeep.cli.place import open_place
from logkeep.verify import Finding, Report
from logkeep.verify import verify as verify_archive


@click.command()
@click.argument("place", metavar="URL|FOLDER")
@click.option("--account", default="", help="Of this account only.")
@storage_option
@json_option
def verify(place: str, account: str, storage: tuple[str, ...], as_json: bool) -> None:
    """Check every object of an archive against its manifest.

    Reads all of it: checksums, counts, times, blocks and ids; names gaps, strangers and duplicates. Ends
    with 1 when anything is wrong.
    """

    def found(finding: Finding) -> None:
        if as_json:
            json_line(asdict(finding))
        else:
            click.echo(
                f"{'note ' if finding.note else 'WRONG'} {finding.key}: {finding.kind}: {finding.detail}"
            )

    with progress("{task.fields[done]}", quiet=as_json) as bar:
        task = bar.add_task("verifying", total=None, done="")
        report = verify_archive(
            open_place(place, storage),
            account or None,
            found=found,
            progress=lambda done, total: bar.update(task, completed=done, total=total, done=size(done)),
        )
    _tell(report, as_json=as_json)
    sys.exit(exits.OK if report.ok else exits.NEGATIVE)


def _tell(report: Report, *, as_json: bool) -> None:
    wrong = sum(not finding.note for finding in report.findings)
    if as_json:
        summary = {
            "objects": report.objects,
            "lines": report.lines,
            "raw_bytes": report.raw_bytes,
            "stored_bytes": report.stored_bytes,
            "seconds": round(report.seconds, 3),
            "wrong": wrong,
            "notes": len(report.findings) - wrong,
            "ok": report.ok,
        }
        json_line(summary)
        return
    took = seconds(report.seconds)
    rate = size(report.raw_bytes / max(0.001, report.seconds))
    click.echo(f"{amount(report.objects)} objects, {amount(report.lines)} lines, {size(report.stored_bytes)}")
    click.echo(f"{size(report.raw_bytes)} of lines read in {took}, {rate}/s")
    verdict = "all as it should be" if report.objects else "there is nothing archived here"
    click.echo(verdict if report.ok else f"{amount(wrong)} things are wrong")
