"""Scans many objects, two at a time, and hands their lines on in the objects' order."""

from __future__ import annotations

import mmap
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from logkeep.archive.manifest import BlockEntry
from logkeep.archive.reader import FoundObject, runs
from logkeep.archive.scan import ObjectBytes, Scan
from logkeep.errors import DamagedArchive
from logkeep.storage.base import Bucket
from logkeep.timeline import TimeRange

_THREADS = 2
# Lists of lines that may wait for the objects before them, each of half a MiB at most.
_WAITING = 64
_STOP_CHECK_S = 0.1

Show = Callable[[Sequence[bytes]], Iterable[bytes]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`damage` names the objects that could not be read to their end."""

    lines: int
    damage: tuple[str, ...]


@dataclass(frozen=True)
class _End:
    """Stands behind the last lines of an object."""

    error: BaseException | None


Found = queue.Queue[list[bytes] | _End]


class ObjectScanner:
    """Use as a context manager: its end stops whatever still runs."""

    def __init__(self, bucket: Bucket, scan: Scan, within: TimeRange | None) -> None:
        self._bucket = bucket
        self._scan = scan
        self._within = within
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="scan")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def count(self, objects: Sequence[FoundObject]) -> Outcome:
        """Counts alone: no line has to be kept. Raises StorageError."""
        counted = list(self._pool.map(self._count, objects))
        return Outcome(
            lines=sum(lines for lines, _ in counted),
            damage=tuple(damage for _, damage in counted if damage),
        )

    def print(self, objects: Sequence[FoundObject], show: Show, limit: int) -> Outcome:
        """Writes lines to standard output, `limit` at most (0: all). Raises StorageError."""
        lines = 0
        damage: list[str] = []
        for found in self._all(objects, damage):
            wanted = found[: limit - lines] if limit else found
            sys.stdout.buffer.writelines(show(wanted))
            lines += len(wanted)
            if limit and lines >= limit:
                break
        sys.stdout.buffer.flush()
        return Outcome(lines=lines, damage=tuple(damage))

    def _all(self, objects: Sequence[FoundObject], damage: list[str]) -> Iterator[list[bytes]]:
        queues: list[Found] = [queue.Queue(_WAITING) for _ in objects]
        for one, found in zip(objects, queues, strict=True):
            self._pool.submit(self._fill, one, found)
        for one, found in zip(objects, queues, strict=True):
            while not isinstance(lines := found.get(), _End):
                yield lines
            if isinstance(lines.error, DamagedArchive):
                damage.append(_named(one, lines.error))
            elif lines.error:
                raise lines.error

    def _fill(self, one: FoundObject, found: Found) -> None:
        error: BaseException | None = None
        try:
            for lines in self._lines(one):
                if not self._put(found, lines):
                    return
        except BaseException as caught:  # noqa: BLE001 - raised again where the lines are awaited
            error = caught
        self._put(found, _End(error))

    def _put(self, found: Found, item: list[bytes] | _End) -> bool:
        """False when nobody waits for it any more."""
        while not self._stopped.is_set():
            try:
                found.put(item, timeout=_STOP_CHECK_S)
            except queue.Full:
                continue
            return True
        return False

    def _count(self, one: FoundObject) -> tuple[int, str]:
        lines = 0
        try:
            for found in self._lines(one):
                lines += len(found)
        except DamagedArchive as error:
            return lines, _named(one, error)
        return lines, ""

    def _lines(self, one: FoundObject) -> Iterator[list[bytes]]:
        for part in self._parts(one):
            yield from self._scan.lines(part)

    def _parts(self, one: FoundObject) -> Iterator[ObjectBytes]:
        """The stored bytes to scan; each part is whole gzip members."""
        blocks = self._blocks(one)
        path = self._bucket.local_path(one.key)
        if path is not None:
            yield from _mapped(path, blocks)
        elif blocks is None:
            yield self._bucket.get(one.key)
        else:
            for run in runs(blocks):
                yield b"".join(
                    self._bucket.get_ranges(one.key, [(block.offset, block.length) for block in run])
                )

    def _blocks(self, one: FoundObject) -> Sequence[BlockEntry] | None:
        """The blocks that the range touches; None where no manifest tells of any."""
        if one.manifest is None:
            return None
        within = self._within
        return [
            block
            for block in one.manifest.blocks
            if within is None or within.overlaps(block.min_ts, block.max_ts)
        ]


def _mapped(path: Path, blocks: Sequence[BlockEntry] | None) -> Iterator[ObjectBytes]:
    """A file's bytes from the first to the last of the blocks, all of it without blocks."""
    start = blocks[0].offset if blocks else 0
    end = blocks[-1].offset + blocks[-1].length if blocks else None
    if blocks == [] or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # Not closed here: the scan of a damaged object may still hold a view of it.
    yield memoryview(mapped)[start:end]


def _named(one: FoundObject, error: DamagedArchive) -> str:
    return error.message if one.key in error.message else f"{one.key}: {error.message}"
