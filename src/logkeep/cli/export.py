"""`logkeep export`: all lines of an account, into a file or to standard output."""

from __future__ import annotations

import click

from logkeep.cli.client import Client
from logkeep.cli.connected import with_client
from logkeep.cli.download import content, save
from logkeep.cli.options import from_to
from logkeep.cli.output import pointing_into
from logkeep.restore.export import EXPORT_FORMATS


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
        save(content(client, "/v1/export", params), output, force=force)
