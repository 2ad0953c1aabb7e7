"""Options that say how a bucket is reached, and how an archive is kept, as the API takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from logkeep.cli.secret import NAMES, inline, read_secrets
from logkeep.errors import BadSetting
from logkeep.storage.connection import connection_of_url
from logkeep.storage.providers import PROVIDERS

F = TypeVar("F", bound=Callable[..., Any])

PLACE = "PROVIDER|URL"

_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the provider: bucket=…, prefix=…, region=…; may be repeated.",
)
_secret = click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME[=@FILE|=env:VAR]",
    help="A secret of the provider: NAME alone is asked for, or read as a line of standard input. "
    "Never its value.",
)
_SETTINGS = (
    click.option("--title", help="What people read."),
    click.option("--query", help="Archive only lines that match; '' for all."),
    click.option("--rank", type=int, help="Its place among the account's archives, from 0."),
    click.option("--seal-after", metavar="TIME", help="How long after its end an hour is sealed, as 10m."),
    click.option("--late-sweep", metavar="TIME", help="How long late lines wait for the next object."),
    click.option("--max-object-bytes", metavar="SIZE", help="Raw lines in one object at most, as 512MiB."),
    click.option("--compression-level", type=int, help="Of gzip, 0 to 3."),
    click.option(
        "--with-excluded/--without-excluded",
        default=None,
        help="Whether lines that an exclusion rule drops are archived all the same.",
    ),
    click.option("--verify-every", metavar="TIME", help="How often it is verified, as 7d; 0: never."),
    click.option("--drill-every", metavar="TIME", help="How often a random hour is restored; 0: never."),
    click.option("--untested", is_flag=True, help="Save it whatever a connection test would say."),
)


def connection_options(command: F) -> F:
    """`--option` and `--secret`, as `options` and `secrets`."""
    return _option(_secret(command))


def settings_options(command: F) -> F:
    """What can be set of an archive; each is None when it is left out."""
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def connection_body(place: str, options: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """Members of a body: `provider`, `options`, `secrets`. `place` is a provider's name, a URL, a folder, or
    "" for none. An option without a value takes a saved one away. Raises BadSetting."""
    given: dict[str, str | None] = dict(_pair(option) for option in options)
    read = read_secrets(secrets)
    if not place or place in PROVIDERS:
        provider = {"provider": place} if place else {}
        return {**provider, "options": given, "secrets": read}
    if "/" not in place:
        raise BadSetting(
            f"{place!r} is no provider",
            hint=f"choose one of: {', '.join(PROVIDERS)}; or give a URL, or a folder with a / in it",
            field="provider",
        )
    texts = {name: value for name, value in {**given, **read}.items() if value is not None}
    connection = connection_of_url(place, texts)
    return {
        "provider": connection.provider,
        "options": dict(connection.options),
        "secrets": dict(connection.secrets),
    }


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Those that were given on the command line."""
    return {name: value for name, value in values.items() if value is not None}


def _pair(option: str) -> tuple[str, str | None]:
    name, equals, value = option.partition("=")
    if name in NAMES:
        raise inline(name)
    if not equals:
        raise BadSetting("an --option has no '='", hint="write it as NAME=VALUE")
    return name, value or None
