"""`logkeep export`: all lines of an account, into a file or to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import click

from logkeep.cli.client import Client, _translated, error_of
from logkeep.cli.connected import with_client
from logkeep.cli.options import from_to
from logkeep.cli.output import pointing_into, progress, size
from logkeep.errors import BadSetting, Conflict
from logkeep.restore.export import EXPORT_FORMATS

_STANDARD_OUTPUT = "-"


@click.command()
@click.option("--account", default="main", show_default=True, help="A live or a restored account.")
@click.option("--query", default="", help="Only lines that match, as for `search`.")
@from_to()
@click.option("--format", type=click.Choice(list(EXPORT_FORMATS)), default="ndjson", show_default=True)
@click.option(
    "--output", "-o", default="-", metavar="FILE", help="Where to; - is standard output, the default."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@with_client
def export(
    client: Client,
    account: str,
    query: str,
    from_: str,
    to: str,
    format: str,  # noqa: A002
    output: str,
    force: bool,
) -> None:
    """Write all lines of an account, oldest first.

    ndjson is the archive's own form, one JSON object a line; ndjson.gz is the same as gzip; parquet is for
    DuckDB, Spark and the like; text is each line exactly as it came. A file appears under its name when it
    is complete; until then it is FILE.part.
    """
    params = {"account": account, "query": query, "from": from_, "to": to, "format": format}
    with pointing_into(query):
        pieces = _content(client, params)
        if output == _STANDARD_OUTPUT:
            _copy(pieces, sys.stdout.buffer)
        else:
            _write(Path(output), pieces, force=force)


def _content(client: Client, params: Mapping[str, str]) -> Iterator[bytes]:
    """The bytes of the answer, as they come."""
    wanted = {name: value for name, value in params.items() if value}
    with _translated(client.url), client._http.stream("GET", "/v1/export", params=wanted) as response:
        if response.status_code >= 300:
            response.read()
            raise error_of(response)
        yield from response.iter_raw()


def _write(path: Path, pieces: Iterator[bytes], *, force: bool) -> None:
    if path.exists() and not force:
        raise Conflict(f"{path} is there", hint="choose another name, or overwrite it with --force")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            _copy(pieces, file, named=path.name)
        part.replace(path)
    except OSError as error:
        raise BadSetting(f"{path} cannot be written: {error.strerror}", field="output") from None
    finally:
        part.unlink(missing_ok=True)


def _copy(pieces: Iterator[bytes], file: BinaryIO, *, named: str = "") -> None:
    """Copy, with the bytes so far on the terminal where `named` says what they are of."""
    with progress("{task.fields[done]}", quiet=not named) as shown:
        task = shown.add_task(named, total=None, done="")
        done = 0
        for data in pieces:
            file.write(data)
            done += len(data)
            shown.update(task, done=size(done))
