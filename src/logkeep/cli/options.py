"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from logkeep.cli.access import DEFAULT_DATA

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON: one object a line.")
url_option = click.option("--url", envvar="LOGKEEP_URL", default="", help="The server.  [env: LOGKEEP_URL]")
data_option = click.option(
    "--data",
    envvar="LOGKEEP_DATA",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA,
    help="The server's data folder, for its first-start.json.  [default: ./data; env: LOGKEEP_DATA]",
)
storage_option = click.option(
    "--storage",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of an S3 bucket: endpoint=…, region=…, range_reads=false, …; may be repeated.",
)

discard_option = click.option(
    "--discard", is_flag=True, help="Give up lines that wait and cannot be written."
)

_FROM_HELP = "First instant: ISO 8601 (UTC unless it says otherwise), -2h, or an epoch number."


def from_to(*, required: bool = False) -> Callable[[F], F]:
    """`--from` and `--to`, as `from_` and `to`."""

    def add(command: F) -> F:
        command = click.option("--to", default="", required=required, help="End; not inside.")(command)
        return click.option("--from", "from_", default="", required=required, help=_FROM_HELP)(command)

    return add
