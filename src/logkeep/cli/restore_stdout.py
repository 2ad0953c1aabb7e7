"""A restore to standard output: the matching lines of archives, oldest first, and nothing is kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from logkeep.cli.client import Client
from logkeep.cli.output import amount
from logkeep.record import bytes_of, decode_line

_DAMAGE_SHOWN = 20


class _Part(msgspec.Struct, frozen=True):
    """One line of the answer, which has one of these."""

    record: msgspec.Raw = msgspec.Raw()
    end: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


_parts = msgspec.json.Decoder(_Part)


def to_stdout(
    client: Client, archives: Sequence[str], scope: Mapping[str, str | int | None], *, as_json: bool
) -> bool:
    """Write all lines of the scope, one archive after the other: as they came, or as records. Returns whether
    they are all there; what is missing is told on standard error."""
    complete = True
    for archive in archives:
        complete = _stream(client, archive, scope, as_json=as_json) and complete
    return complete


def _stream(client: Client, archive: str, scope: Mapping[str, str | int | None], *, as_json: bool) -> bool:
    out = sys.stdout.buffer
    for line in client.lines(f"/v1/archives/{archive}/search", **scope, order="oldest", limit=0):
        part = _parts.decode(line)
        if record := bytes(part.record):
            out.write((record if as_json else bytes_of(decode_line(record))) + b"\n")
        elif part.end is not None:
            out.flush()
            return _ended(archive, part.end)
        elif part.error is not None:
            out.flush()
            return _missing(archive, str(part.error.get("detail") or "the server did not say why"))
    return _missing(archive, "the answer broke off")


def _ended(archive: str, end: Mapping[str, Any]) -> bool:
    if not end.get("complete"):
        return _missing(archive, "the search ended early")
    problems = end.get("problems") or 0
    if not problems:
        return True
    for one in (end.get("damage") or ())[:_DAMAGE_SHOWN]:
        click.echo(f"logkeep: {one['key']}: {one['reason']}", err=True)
    return _missing(archive, f"{amount(problems)} things could not be read and were passed over")


def _missing(archive: str, why: str) -> bool:
    click.echo(f"logkeep: not all lines of the archive {archive} came: {why}", err=True)
    return False
