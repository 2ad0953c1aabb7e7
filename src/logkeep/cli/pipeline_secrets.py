"""Secrets of a pipeline's file. None stands in it: `env:NAME` and `@FILE` say where this machine has them,
and null stands for what the server has saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from logkeep.cli.secret import from_environment, from_file
from logkeep.errors import BadPipeline, BadSetting
from logkeep.pipeline.document import Document

_HOW = "write env:NAME for a variable, or '@FILE' for a file, or null for the saved one"

Place = tuple[str, str, Any]  # the path of a secret, its name, what is written there


def with_secrets(document: Document, folder: Path, environ: Mapping[str, str] = os.environ) -> Any:
    """What the document says, with the secrets themselves in it. Files are named from `folder`.

    Raises BadPipeline with every one that cannot be read, or stands there itself; no message holds a value.
    """
    problems: list[Mapping[str, object]] = []

    def read(place: Place) -> str | None:
        try:
            return _secret(place, folder, environ)
        except BadSetting as error:
            line = document.line(place[0])
            problems.append({"path": place[0], "line": line, "message": error.message, "hint": error.hint})
            return None

    data = _replaced(document.data, read)
    if problems:
        raise BadPipeline(problems)
    return data


def without_secrets(document: Document) -> Any:
    """The same for what sends nothing anywhere: every secret is left to be the saved one."""
    return _replaced(document.data, lambda _place: None)


def _replaced(data: Any, read: Callable[[Place], str | None]) -> Any:
    """A copy with other secrets. What has not the shape of a pipeline stays, for the server to say so."""
    if not isinstance(data, dict) or not isinstance(data.get("destinations"), list):
        return data
    destinations = [
        {**one, "secrets": dict(_read(f"destinations[{number}].secrets", one["secrets"], read))}
        if isinstance(one, dict) and isinstance(one.get("secrets"), dict)
        else one
        for number, one in enumerate(data["destinations"])
    ]
    return {**data, "destinations": destinations}


def _read(
    path: str, secrets: Mapping[str, Any], read: Callable[[Place], str | None]
) -> Iterator[tuple[str, str | None]]:
    for name, written in secrets.items():
        yield name, read((f"{path}.{name}", name, written))


def _secret(place: Place, folder: Path, environ: Mapping[str, str]) -> str | None:
    _, name, written = place
    if written is None:
        return None
    if isinstance(written, str) and written.startswith("env:"):
        return from_environment(name, written[4:], environ)
    if isinstance(written, str) and written.startswith("@"):
        return from_file(name, folder / Path(written[1:]).expanduser())
    raise BadSetting(f"the value of {name} stands in the file, where others can read it", hint=_HOW)
