"""The first lines of an object, whatever it is: little is read, and little is told of a line that is long."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import cast

import msgspec

from logkeep.archive.foreign.base import Problem, Problems
from logkeep.archive.foreign.read import read_foreign
from logkeep.archive.reader import decompressed, stored_chunks
from logkeep.browse.found import Found
from logkeep.errors import DamagedArchive
from logkeep.record import Record, decode_line

MOST_LINES = 100
_FETCH_BYTES = 256 << 10  # of one request; a block of lines has about so many
_MOST_BYTES = 4 << 20  # unpacked, in all; what is left of a line then is not read
_WHOLE_BYTES = 16 << 10  # of a line that is told as it is
_CUT_CHARS = 4096  # of the text of one that is not
_NAME_CHARS = 256  # of its other fields


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the object. `record` is what can be told of it, `bytes` what it has in the object, or what
    was read of it; `cut` says that its text or other fields are longer, or that it could not be read."""

    record: Record
    bytes: int
    cut: bool
    problem: str = ""  # why it could not be read


@dataclass(frozen=True, kw_only=True)
class FirstLines:
    lines: list[Line] = field(default_factory=list)
    more: bool = False  # whether the object goes on behind them
    damage: str = ""  # why it could not be read further
    problems: list[Problem] = field(default_factory=list)  # of another system's: what was passed over


def first_lines(found: Found, *, limit: int) -> FirstLines:
    """At most `limit` lines from the object's start. Raises ObjectMissing, ObjectFrozen and any other
    StorageError; damage is told behind the lines that came before it."""
    size = found.bucket.head(found.key).size
    problems = Problems(found.key)
    lines: list[Line] = []
    more, damage = False, ""
    with closing(_pieces(found, size, problems)) as pieces:
        try:
            for raw, whole in _cut(pieces):
                more = len(lines) == limit or not whole
                if len(lines) < limit and (raw or whole):
                    lines.append(_line(raw, whole=whole))
                if more:
                    break
        except DamagedArchive as error:
            damage = error.message
    return FirstLines(lines=lines, more=more, damage=damage, problems=problems.first[:limit])


def _pieces(found: Found, size: int, problems: Problems) -> Generator[bytes, None, None]:
    if found.layout is not None:
        lines = read_foreign(found.bucket, found.layout, found.key, size, problems)
    else:
        chunks = stored_chunks(found.bucket, found.key, size, fetch=_FETCH_BYTES)
        lines = decompressed(chunks, found.key)
    return cast("Generator[bytes, None, None]", lines)


def _cut(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """(line without its newline, whether it is whole) up to _MOST_BYTES of them; the last is then what was
    read of the line behind, maybe nothing, and not whole."""
    rest, size = bytearray(), 0
    for piece in pieces:
        size += len(piece)
        rest += piece
        *whole, last = rest.split(b"\n")
        yield from ((bytes(line), True) for line in whole)
        rest = last
        if size >= _MOST_BYTES:
            yield bytes(rest), False
            return
    if rest:
        yield bytes(rest), True


def _line(raw: bytes, *, whole: bool) -> Line:
    try:
        record = decode_line(raw) if whole else None
        problem = "" if whole else f"only the first {len(raw)} bytes of it were read"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        record, problem = None, f"it is no record: {error}"[:_NAME_CHARS]
    if record is None:
        text = raw[: 4 * _CUT_CHARS].decode(errors="replace")[:_CUT_CHARS]
        return Line(record=Record(line=text), bytes=len(raw), cut=True, problem=problem)
    if len(raw) <= _WHOLE_BYTES:
        return Line(record=record, bytes=len(raw), cut=False)
    return Line(record=_shortened(record), bytes=len(raw), cut=True)


def _shortened(record: Record) -> Record:
    """What tells a line from others, and how its text begins."""
    return Record(
        lid=record.lid[:_NAME_CHARS],
        ts=record.ts,
        ns=record.ns,
        rx=record.rx,
        account=record.account[:_NAME_CHARS],
        host=record.host[:_NAME_CHARS],
        app=record.app[:_NAME_CHARS],
        file=record.file[:_NAME_CHARS],
        env=record.env[:_NAME_CHARS],
        level=record.level[:_NAME_CHARS],
        line=record.line[:_CUT_CHARS],
    )
