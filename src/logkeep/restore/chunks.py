"""Chunks: the selected blocks of an archive, cut into steps of about equal size.

A chunk is small enough that two of them in memory at once stay far below the engine's limits, and that
losing one to a crash costs a second. A small restore is cut finer, so that both loading threads have work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

CHUNK_BYTES = 128 << 20  # of raw lines
_SMALLEST_CHUNK_BYTES = 8 << 20
_CHUNKS_WANTED = 8


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whole blocks of one object. Together they are a valid .json.gz of their own."""

    key: str
    size: int  # the object's stored bytes
    ranges: tuple[tuple[int, int], ...] = ()  # (offset, length) of runs of blocks; empty: all of the object
    lines: int = 0  # as the manifest counts them
    raw_bytes: int = 0
    target: int = 0  # the id of the target that the object is in; 0 in ledgers from before there were several
    layout: str = ""  # the name of the layout by which it is translated; "": the engine reads it as it is

    @property
    def stored_bytes(self) -> int:
        return sum(length for _, length in self.ranges) if self.ranges else self.size


class ChunkSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one chunk reads. Stands as JSON in the ledger."""

    pieces: tuple[Piece, ...]
    lines: int | None = None  # exactly so many must come out; None: unknown, or only some lines fit
    dedupe: bool = False  # lines whose id is there already are left out
    alone: bool = False  # only these pieces can hold one of its lines twice
    cold: bool = False  # some of it was in cold storage when it was planned

    @property
    def raw_bytes(self) -> int:
        return sum(piece.raw_bytes for piece in self.pieces)

    @property
    def stored_bytes(self) -> int:
        return sum(piece.stored_bytes for piece in self.pieces)

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @staticmethod
    def decode(data: bytes) -> ChunkSpec:
        return msgspec.json.decode(data, type=ChunkSpec)


@dataclass(frozen=True, kw_only=True)
class Span:
    """One selected block. `within`: all of its lines are inside the range."""

    offset: int
    length: int
    lines: int
    raw_bytes: int
    within: bool


@dataclass(frozen=True, kw_only=True)
class Selected:
    """The selected blocks of one object, in the order of their offsets."""

    key: str
    size: int
    spans: tuple[Span, ...]
    whole: bool  # the blocks are all that the object has
    target: int
    dedupe: bool = False
    cold: bool = False

    @property
    def raw_bytes(self) -> int:
        return sum(span.raw_bytes for span in self.spans)


def target_bytes(total_raw_bytes: int) -> int:
    """How many raw bytes a chunk of a restore of this size should have."""
    return max(_SMALLEST_CHUNK_BYTES, min(CHUNK_BYTES, total_raw_bytes // _CHUNKS_WANTED))


def cut(objects: Sequence[Selected], target: int, *, exact: bool) -> Iterator[ChunkSpec]:
    """Chunks of about `target` raw bytes. An object that fits into one is not divided.

    `exact`: every line inside the range is wanted, so a chunk of blocks within it has a known count.
    """
    open_runs: list[tuple[Selected, tuple[Span, ...]]] = []
    open_bytes = 0
    for one in objects:
        for spans in _runs(one, target):
            size = sum(span.raw_bytes for span in spans)
            if open_runs and open_bytes + size > target:
                yield _chunk(open_runs, exact=exact)
                open_runs, open_bytes = [], 0
            open_runs.append((one, spans))
            open_bytes += size
    if open_runs:
        yield _chunk(open_runs, exact=exact)


def _runs(one: Selected, target: int) -> Iterator[tuple[Span, ...]]:
    """The object's blocks in runs of nearly equal size, none much over `target`."""
    count = -(-one.raw_bytes // target) or 1
    share = one.raw_bytes / count
    run: list[Span] = []
    size = 0
    for span in one.spans:
        run.append(span)
        size += span.raw_bytes
        if size >= share:
            yield tuple(run)
            run, size = [], 0
    if run:
        yield tuple(run)


def _chunk(runs: Iterable[tuple[Selected, tuple[Span, ...]]], *, exact: bool) -> ChunkSpec:
    runs = list(runs)
    spans = [span for _, run in runs for span in run]
    known = exact and all(span.within for span in spans)
    return ChunkSpec(
        pieces=tuple(_piece(one, run) for one, run in runs),
        lines=sum(span.lines for span in spans) if known else None,
        dedupe=runs[0][0].dedupe,
        cold=runs[0][0].cold,
    )


def _piece(one: Selected, run: tuple[Span, ...]) -> Piece:
    return Piece(
        key=one.key,
        size=one.size,
        ranges=() if one.whole and len(run) == len(one.spans) else _merged(run),
        lines=sum(span.lines for span in run),
        raw_bytes=sum(span.raw_bytes for span in run),
        target=one.target,
    )


def _merged(run: Iterable[Span]) -> tuple[tuple[int, int], ...]:
    """Byte ranges with neighbours joined, so that they are read in one go."""
    ranges: list[tuple[int, int]] = []
    for span in run:
        if ranges and sum(ranges[-1]) == span.offset:
            ranges[-1] = (ranges[-1][0], ranges[-1][1] + span.length)
        else:
            ranges.append((span.offset, span.length))
    return tuple(ranges)
