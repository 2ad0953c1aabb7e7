"""Secrets for a server: asked for, or read from a file or the environment; never taken from the command line,
which every user of the machine can read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from logkeep.errors import BadSetting
from logkeep.storage.providers import PROVIDERS

NAMES = frozenset(one.name for provider in PROVIDERS.values() for one in provider.fields if one.secret)

HOW = "write --secret NAME and be asked for it, or --secret NAME=@FILE, or --secret NAME=env:VARIABLE"
_MOST_BYTES = 64 * 1024


def read_secrets(wanted: Iterable[str], environ: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """The secrets by name: each of `wanted` is NAME, NAME=@FILE, NAME=env:VARIABLE, or `NAME=` for none,
    which takes a saved one away. Raises BadSetting; no message holds a value."""
    return dict(_secret(text, environ) for text in wanted)


def _secret(text: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    name, equals, source = text.partition("=")
    if name not in NAMES:
        raise BadSetting(
            "--secret names no secret that a provider has", hint=f"they are: {', '.join(sorted(NAMES))}"
        )
    if not equals:
        return name, _asked_for(name)
    if not source:
        return name, None
    if source.startswith("@"):
        return name, from_file(name, Path(source[1:]))
    if source.startswith("env:"):
        return name, from_environment(name, source[4:], environ)
    raise inline(name)


def inline(name: str) -> BadSetting:
    """The refusal of a secret whose value stands in the command line."""
    return BadSetting(
        f"the value of {name} stands on the command line, where others can read it", hint=HOW, field=name
    )


def _asked_for(name: str) -> str:
    if sys.stdin.isatty():
        value: str = click.prompt(name, hide_input=True, err=True)
        return value
    value = sys.stdin.readline(_MOST_BYTES).rstrip("\r\n")
    if not value:
        raise BadSetting(f"standard input has no line for {name}", hint=HOW, field=name)
    return value


def from_file(name: str, path: Path) -> str:
    """The secret that a file holds. Raises BadSetting."""
    try:
        value = path.expanduser().read_bytes()[:_MOST_BYTES].decode().strip()
    except OSError as error:
        raise BadSetting(f"{name}: {path} cannot be read: {error.strerror}", field=name) from None
    except UnicodeDecodeError:
        raise BadSetting(f"{name}: {path} is no text", field=name) from None
    if not value:
        raise BadSetting(f"{name}: {path} is empty", field=name)
    return value


def from_environment(name: str, variable: str, environ: Mapping[str, str]) -> str:
    """The secret that a variable holds. Raises BadSetting."""
    value = environ.get(variable, "")
    if not value:
        raise BadSetting(f"{name}: the variable {variable} is not set", field=name)
    return value
