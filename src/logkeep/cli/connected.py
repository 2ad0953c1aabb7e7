"""Commands that talk to a server as its administrator, or as one of its users."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from logkeep.cli.access import admin_access
from logkeep.cli.client import Client
from logkeep.cli.options import data_option, url_option

_token_option = click.option(
    "--token", envvar="LOGKEEP_TOKEN", default="", help="The admin token, or a user's.  [env: LOGKEEP_TOKEN]"
)


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --url, --token and --data, and hands the command a `client`, closed when it returns."""

    @_token_option
    @url_option
    @data_option
    @functools.wraps(command)
    def connected(*args: Any, url: str, token: str, data: Path, **kwargs: Any) -> Any:
        with Client(admin_access(url=url, token=token, data=data)) as client:
            return command(*args, client=client, **kwargs)

    return connected
