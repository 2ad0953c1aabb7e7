"""Answers of a server that are files: written down as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from logkeep.cli.client import Client, _translated, error_of
from logkeep.cli.output import progress, size
from logkeep.errors import BadSetting, Conflict

STANDARD_OUTPUT = "-"


def content(client: Client, path: str, params: Mapping[str, str]) -> Iterator[bytes]:
    """The bytes of the answer, as they come."""
    wanted = {name: value for name, value in params.items() if value}
    with _translated(client.url), client._http.stream("GET", path, params=wanted) as response:
        if response.status_code >= 300:
            response.read()
            raise error_of(response)
        yield from response.iter_raw()


def save(pieces: Iterator[bytes], output: str, *, force: bool) -> None:
    """Into a file, which appears under its name when it is complete, or to standard output."""
    if output == STANDARD_OUTPUT:
        _copy(pieces, sys.stdout.buffer)
    else:
        _write(Path(output), pieces, force=force)


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
