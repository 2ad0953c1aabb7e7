"""Finds lines in the bytes of an archive object, with no server and no engine.

The object is decompressed in pieces of bounded size, whatever its blocks are, so memory stays flat for a
foreign object of one huge member and for a malicious one too. A piece is lowered once, and only the lines
that hold one of the query's literals are cut out and decoded. Decompression releases the GIL: scan several
objects in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import compress
from mmap import mmap
from typing import NamedTuple, TypeAlias, cast

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
    """What most queries look at, and what tells of a line when and which it is. Reading no more of a
    record takes half the time."""

    lid: str = msgspec.field(default="", name="_lid")
    ts: int = msgspec.field(default=-1, name="_ts")
    level: str = ""
    line: str = msgspec.field(default="", name="_line")


_line_alone = cast("Callable[[bytes], Record]", msgspec.json.Decoder(_LineAlone).decode)


class Found(NamedTuple):
    """What a piece of lines holds. Of a record only id, time, level and line are sure to be there."""

    lines: list[bytes]  # those that match and lie in the range, with their newlines
    records: list[Record]  # of these lines
    tested: int  # how many lines were decoded to know it
    size: int  # bytes of the piece


class Scan:
    """A query, ready for any number of objects and safe from any thread."""

    def __init__(self, node: Node, within: TimeRange | None = None) -> None:
        self._promises = sorted(promises(node), key=lambda found: -min(map(len, found)))
        self._holds = compile_predicate(node)
        self._decode = _line_alone if asks_line_only(node) else _records.decode
        self._within = within

    @property
    def tests_every_line(self) -> bool:
        """Whether no line can be left out before it is decoded."""
        return not self._promises

    def lines(self, data: ObjectBytes) -> Iterator[list[bytes]]:
        """Lines that match and lie in the range, with their newlines, a list for each piece that has any.
        Raises as `pieces` does."""
        for found in self.pieces((data,)):
            if found.lines:
                yield found.lines

    def pieces(self, stored: Iterable[ObjectBytes], start: int = 0) -> Iterator[Found]:
        """What is found in stored bytes that come in chunks, which may end anywhere: a Found for each piece
        of about half a MiB, also where nothing matches. `start` is where in their object they begin.

        Raises DamagedArchive, naming the byte, when the stored bytes cannot be decompressed, when a line
        that may match is no record, and when a line has more than MAX_LINE_BYTES.
        """
        return self._found(_whole_lines(_decompressed(stored, start)))

    def pieces_of_lines(self, lines: Iterable[bytes]) -> Iterator[Found]:
        """The same of canonical lines, whole ones in each of these pieces."""
        return self._found(lines)

    def _found(self, pieces: Iterable[bytes]) -> Iterator[Found]:
        offset = 0
        for piece in pieces:
            try:
                found = self._matching(self._candidates(piece), len(piece))
            except _UNREADABLE as error:
                raise _no_record(piece, offset) from error
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

    def _matching(self, lines: list[bytes], size: int) -> Found:
        holds, within = self._holds, self._within
        records = list(map(self._decode, lines))
        if within is None:
            matching = [holds(record) for record in records]
        else:
            start, end = within.start, within.end
            matching = [start <= record.ts < end and holds(record) for record in records]
        return Found(list(compress(lines, matching)), list(compress(records, matching)), len(lines), size)


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


def _decompressed(chunks: Iterable[ObjectBytes], start: int) -> Iterator[bytes]:
    """The members' contents in pieces of at most _PIECE_BYTES. Zeros behind a member are padding."""
    position = start  # of the current member, and of what was not read yet
    member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    for pending in _sliced(chunks):
        fresh = position == start
        position += len(pending)
        if fresh:
            pending = pending.lstrip(b"\0")
            start = position - len(pending)
        while pending or not member.needs_input:
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
    if start < position:
        raise DamagedArchive(f"the block at byte {start} ends too early")


def _sliced(chunks: Iterable[ObjectBytes]) -> Iterator[bytes]:
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _STORED_BYTES):
            yield bytes(view[start : start + _STORED_BYTES])
