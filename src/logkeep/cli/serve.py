"""`logkeep serve`: the server."""

from __future__ import annotations

from pathlib import Path

import click

from logkeep.app import serve as serve_app
from logkeep.settings import load_settings


@click.command()
@click.option(
    "--data", default="", help="Folder for everything it keeps.  [default: ./data; env: LOGKEEP_DATA]"
)
@click.option("--host", default="", help="Address to listen on.  [default: 127.0.0.1; env: LOGKEEP_HOST]")
@click.option("--port", default="", help="Port; 0 takes a free one.  [default: 7280; env: LOGKEEP_PORT]")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file with settings.  [env: LOGKEEP_CONFIG]",
)
def serve(data: str, host: str, port: str, config: Path | None) -> None:
    """Run the server: one process, with its data in one folder.

    The first start creates the account main, its ingest key and an admin token, shows both once, and
    writes them into first-start.json in the data folder. Until there is a user, each start shows a link that
    makes the first administrator of the web app. Every setting can be given as LOGKEEP_<NAME> or in
    the file; options here come before the environment, the environment before the file.
    """
    given = {"data": data, "host": host, "port": port}
    settings = load_settings({name: text for name, text in given.items() if text}, config=config)
    serve_app(settings, announce=click.echo)
