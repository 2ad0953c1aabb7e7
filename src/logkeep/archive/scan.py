"""Finds lines in the bytes of one archive object, with no server and no engine.

The object is decompressed in pieces of bounded size, whatever its blocks are, so memory stays flat for a
foreign object of one huge member and for a malicious one too. A piece is lowered once, and only the lines
that hold one of the query's literals are cut out and decoded. Decompression releases the GIL: scan several
objects in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from mmap import mmap
from typing import TypeAlias, cast

import msgspec
from isal import igzip_lib

from logkeep.archive.block import CODEC_ERROR
from logkeep.errors import DamagedArchive
from logkeep.query.ast import Node
from logkeep.query.literals import Literals, asks_line_only, promises
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record
from logkeep.timeline import TimeRange

ObjectBytes: TypeAlias = bytes | bytearray | memoryview | mmap

MAX_LINE_BYTES = 16 << 20

# Pieces that stay in a core's cache are lowered and searched about three times as fast as those of 1 MiB.
_PIECE_BYTES = 512 << 10
_STORED_BYTES = 64 << 10  # what follows a member's end is copied, so that is kept short

_records = msgspec.json.Decoder(Record)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what its decoding may raise


class _LineAlone(msgspec.Struct, gc=False):
    """What most queries look at. Reading no more of a record takes half the time."""

    ts: int = msgspec.field(default=-1, name="_ts")
    line: str = msgspec.field(default="", name="_line")


_line_alone = cast("Callable[[bytes], Record]", msgspec.json.Decoder(_LineAlone).decode)


class Scan:
    """A query, ready for any number of objects and safe from any thread."""

    def __init__(self, node: Node, within: TimeRange | None = None) -> None:
        self._promises = sorted(promises(node), key=lambda found: -min(map(len, found)))
        self._holds = compile_predicate(node)
        self._decode = _line_alone if asks_line_only(node) else _records.decode
        self._within = within

    def lines(self, data: ObjectBytes) -> Iterator[list[bytes]]:
        """Lines that match and lie in the range, with their newlines, a list for each piece that has any.

        Raises DamagedArchive, naming the byte, when the stored bytes cannot be decompressed, when a line
        that may match is no record, and when a line has more than MAX_LINE_BYTES.
        """
        offset = 0
        for piece in _whole_lines(_decompressed(data)):
            try:
                found = self._matching(self._candidates(piece))
            except _UNREADABLE as error:
                raise _no_record(piece, offset) from error
            if found:
                yield found
            offset += len(piece)

    def _candidates(self, piece: bytes) -> list[bytes]:
        """The lines that may match, in order: those that hold a literal of every promise."""
        if not self._promises:
            return BytesIO(piece).readlines()  # unlike splitlines, this splits at newlines only
        lowered = piece.lower()
        best, *others = self._promises
        spans: Iterable[tuple[int, int]] = _spans(lowered, best[0])
        if len(best) > 1:
            spans = sorted({span for each in best for span in _spans(lowered, each)})
        for promise in others:
            spans = _holding(lowered, spans, promise)
        return [piece[start:end] for start, end in spans]

    def _matching(self, lines: list[bytes]) -> list[bytes]:
        holds, within = self._holds, self._within
        pairs = zip(lines, map(self._decode, lines), strict=True)
        if within is None:
            return [line for line, record in pairs if holds(record)]
        start, end = within.start, within.end
        return [line for line, record in pairs if start <= record.ts < end and holds(record)]


def _spans(lowered: bytes, literal: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each line that holds the literal; the end is behind the newline."""
    at = lowered.find(literal)
    while at >= 0:
        start = lowered.rfind(b"\n", 0, at) + 1
        end = lowered.find(b"\n", at) + 1 or len(lowered)
        yield start, end
        at = lowered.find(literal, end)


def _holding(
    lowered: bytes, spans: Iterable[tuple[int, int]], promise: Literals
) -> Iterator[tuple[int, int]]:
    """Those of the lines that also hold one of these literals."""
    for start, end in spans:
        for literal in promise:
            if lowered.find(literal, start, end) >= 0:
                yield start, end
                break


def _no_record(piece: bytes, offset: int) -> DamagedArchive:
    """The error for the first line of a piece that is no record."""
    for line in BytesIO(piece).readlines():
        try:
            _records.decode(line)
        except _UNREADABLE as error:
            return DamagedArchive(
                f"the line at byte {offset} of the decompressed lines is no record: {error}"
            )
        offset += len(line)
    return DamagedArchive(f"a line before byte {offset} of the decompressed lines is no record")


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes cut behind newlines; the last piece may lack one."""
    rest: list[bytes] = []
    waiting = offset = 0
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            whole = b"".join((*rest, piece[:end]))
            yield whole
            offset += len(whole)
            rest, waiting = [], 0
        rest.append(piece[end:])
        waiting += len(piece) - end
        if waiting > MAX_LINE_BYTES:
            raise DamagedArchive(
                f"the line at byte {offset} of the decompressed lines has more than {MAX_LINE_BYTES} bytes"
            )
    if waiting:
        yield b"".join(rest)


def _decompressed(data: ObjectBytes) -> Iterator[bytes]:
    """The members' contents in pieces of at most _PIECE_BYTES. Zeros behind a member are padding."""
    view = memoryview(data)
    start = position = 0  # of the current member, and of what was not read yet
    pending, member = b"", igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    while position < len(view) or pending or not member.needs_input:
        if not pending and member.needs_input:
            pending = bytes(view[position : position + _STORED_BYTES])
            fresh = position == start
            position += len(pending)
            if fresh:
                pending = pending.lstrip(b"\0")
                start = position - len(pending)
        try:
            piece = member.decompress(pending, max_length=_PIECE_BYTES)
        except CODEC_ERROR as error:
            raise DamagedArchive(f"the block at byte {start} cannot be decompressed: {error}") from error
        pending = b""
        if piece:
            yield piece
        if member.eof:
            pending = member.unused_data.lstrip(b"\0")
            start, member = position - len(pending), igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    if start < len(view):
        raise DamagedArchive(f"the block at byte {start} ends too early")
