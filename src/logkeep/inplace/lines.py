"""The scanner that needs no engine: decompresses, and decodes the lines that may match."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

from logkeep.archive.foreign.base import Problems
from logkeep.archive.manifest import BlockEntry
from logkeep.archive.reader import stored_chunks
from logkeep.archive.scan import Found, Scan
from logkeep.errors import DamagedArchive, ObjectFrozen, ObjectMissing
from logkeep.inplace.places import Source, Unit
from logkeep.inplace.tally import Tally

_RECENT_BYTES = 64 << 20

Run: TypeAlias = Sequence[Unit]
"""Units of one object, in its order."""

Take: TypeAlias = Callable[[Unit, int, Found], None]
"""Is given what was found in a unit, piece by piece, and how much was found in the unit before."""

Counts: TypeAlias = Counter[tuple[int, str]]
"""Lines by the start of their step, and by level."""


class Scanner(Protocol):
    """Scans runs; safe from any thread. What cannot be read is told to the tally. Raises StorageUnavailable
    and StorageDenied."""

    def lines(self, run: Run, take: Take) -> None: ...

    def counts(self, run: Run, step_ms: int) -> Counts:
        """How many lines match, in steps of so many ms; 0 is one step and no levels."""


class Effort:
    """How hard a query is, as what was scanned shows: of `recent_bytes` of lines so many were decoded and so
    many of those found. What was long ago counts for less. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.raw_bytes = 0  # in all
        self.recent_bytes = self.tested = self.found = 0

    def add(self, *, raw_bytes: int, tested: int, found: int) -> None:
        with self._lock:
            self.raw_bytes += raw_bytes
            self.recent_bytes += raw_bytes
            self.tested += tested
            self.found += found
            if self.recent_bytes > _RECENT_BYTES:
                self.recent_bytes //= 2
                self.tested //= 2
                self.found //= 2


class LineScanner:
    """`Scanner` in Python."""

    def __init__(self, scan: Scan, tally: Tally, effort: Effort, stopped: Callable[[], bool]) -> None:
        self._scan = scan
        self._tally = tally
        self._effort = effort
        self._stopped = stopped
        self._lock = threading.Lock()
        self._unreadable: set[Source] = set()

    def lines(self, run: Run, take: Take) -> None:
        for unit, pieces in self._units(run):
            self._follow(unit, pieces, take)

    def counts(self, run: Run, step_ms: int) -> Counts:
        counts: Counts = Counter()

        def take(_unit: Unit, _first: int, found: Found) -> None:
            if step_ms:
                counts.update((one.ts // step_ms * step_ms, one.level) for one in found.records)
            elif found.lines:
                counts[0, ""] += len(found.lines)

        self.lines(run, take)
        return counts

    def _follow(self, unit: Unit, pieces: Iterator[Found], take: Take) -> None:
        """Hand on what a unit holds, up to its damage."""
        source, block = unit.source, unit.block
        offset = block.offset if block else 0
        first = size = tested = 0
        inside = True
        try:
            for found in pieces:
                if self._stopped():
                    return
                size += found.size
                tested += found.tested
                if block and size > block.raw_bytes:
                    raise DamagedArchive(
                        f"the block holds more than the {block.raw_bytes} bytes of lines it should"
                    )
                take(unit, first, found)
                first += len(found.lines)
                inside = inside and all(unit.first_ms <= one.ts <= unit.last_ms for one in found.records)
                self._effort.add(raw_bytes=found.size, tested=found.tested, found=len(found.lines))
            if block:
                _check_size(block, size, tested if self._scan.tests_every_line else block.lines)
        except DamagedArchive as error:
            self._tally.damaged(source.key, offset, error.message)
        except (ObjectMissing, ObjectFrozen) as error:
            self._no_object(source, error)
        if not inside and source.layout is None:
            self._tally.damaged(source.key, offset, "lines have other times than they should have there")

    def _units(self, run: Run) -> Iterator[tuple[Unit, Iterator[Found]]]:
        for unit in run:
            if unit.block is None:
                yield unit, self._whole(unit.source)
        blocks = [unit for unit in run if unit.block is not None]
        for unit, stored in self._stored(blocks):
            offset = unit.block.offset if unit.block else 0
            yield unit, self._scan.pieces((stored,), offset)

    def _whole(self, source: Source) -> Iterator[Found]:
        """An object that is read from its start to its end."""
        self._tally.read(blocks=1)
        if source.layout is None:
            yield from self._scan.pieces(self._chunks(source))
            return
        # Imported when it is needed: a search of our own archives does without what other formats take.
        from logkeep.archive.foreign.read import read_foreign

        problems = Problems(source.key)
        lines = read_foreign(source.bucket, source.layout, source.key, source.size, problems)
        self._tally.read(bytes_read=source.size)
        try:
            yield from self._scan.pieces_of_lines(lines)
        finally:
            self._tally.passed_on(problems)

    def _chunks(self, source: Source) -> Iterator[bytes]:
        for chunk in stored_chunks(source.bucket, source.key, source.size):
            self._tally.read(bytes_read=len(chunk))
            yield chunk

    def _stored(self, blocks: Run) -> Iterator[tuple[Unit, bytes]]:
        """The stored bytes of the blocks, those that are near to each other fetched together."""
        if not blocks or self._stopped() or blocks[0].source in self._unreadable:
            return
        source = blocks[0].source
        try:
            found = source.bucket.get_ranges(source.key, [_range(unit) for unit in blocks])
        except DamagedArchive as error:
            if len(blocks) == 1:
                self._tally.damaged(source.key, _range(blocks[0])[0], error.message)
                return
            for unit in blocks:  # one of them is not there; find out which
                yield from self._stored([unit])
            return
        except (ObjectMissing, ObjectFrozen) as error:
            self._no_object(source, error)
            return
        self._tally.read(blocks=len(blocks), bytes_read=sum(map(len, found)))
        yield from zip(blocks, found, strict=True)

    def _no_object(self, source: Source, error: ObjectMissing | ObjectFrozen) -> None:
        """Told once for an object."""
        with self._lock:
            known = source in self._unreadable
            self._unreadable.add(source)
        if not known:
            self._tally.damaged(source.key, 0, error.message)


def _check_size(block: BlockEntry, size: int, lines: int) -> None:
    """Raises DamagedArchive for a block that is not what its manifest says."""
    if size != block.raw_bytes:
        raise DamagedArchive(f"the block holds {size} bytes of lines and should hold {block.raw_bytes}")
    if lines != block.lines:
        raise DamagedArchive(f"the block holds {lines} lines and should hold {block.lines}")


def _range(unit: Unit) -> tuple[int, int]:
    return (unit.block.offset, unit.block.length) if unit.block else (0, unit.source.size)
