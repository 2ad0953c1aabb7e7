"""Dead letters: events that a destination refused for good, with its words, in a file that people can read.

One NDJSON file for each queue, `PIPELINE/DESTINATION.ndjson`, in the order of the refusals; a line is
`{"at": epoch ms, "reason": text, "event": the event's canonical line}`. While they are sent again they are
in `DESTINATION.ndjson.taken`, so that what is refused meanwhile is kept apart.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from logkeep.errors import Overloaded
from logkeep.faults import crash_point
from logkeep.timeline import Clock

_PART_BYTES = 1 << 20  # of events, that are put back at once
_LONGEST_REASON = 1000  # characters of the other side's words
_COUNTED_BYTES = 1 << 20  # that are read at once to count lines
_NEWLINE = b"\n"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One event that was refused."""

    at: int  # when, epoch ms
    reason: str  # the other side's words
    line: bytes  # canonical, ended by a newline


class _Entry(msgspec.Struct, frozen=True):
    """A line of the file."""

    at: int
    reason: str
    event: msgspec.Raw


_entry = msgspec.json.Decoder(_Entry)
_text = msgspec.json.Encoder()


@dataclass(slots=True, kw_only=True, eq=False)
class _File:
    """The file of one queue, and what is known of it."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)  # for all that follows
    taking: threading.Lock = field(default_factory=threading.Lock)  # held before the other one
    known: bool = False
    lines: int = 0
    size: int = 0
    taken_lines: int = 0
    taken_size: int = 0

    @property
    def taken(self) -> Path:
        return self.path.with_name(f"{self.path.name}.taken")


def _now() -> int:
    return time.time_ns() // 1_000_000


class DeadLetters:
    """Safe from any thread. Every error of the file system becomes Overloaded: it may pass."""

    def __init__(self, folder: Path, *, max_bytes: int, clock: Clock = _now) -> None:
        """`max_bytes` bounds the file of each queue; the last addition may go beyond."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}

    def add(self, queue: str, items: Sequence[tuple[bytes, str]]) -> None:
        """Keep these lines, each with the reason. Durable on return; raises Overloaded when the file is full,
        and then keeps none."""
        if not items:
            return
        at = self._clock()
        data = b"".join([_written(at, reason, line) for line, reason in items])
        with self._opened(queue) as file:
            if file.size + file.taken_size >= self._max_bytes:
                raise Overloaded(
                    f"the dead letters of {queue} have {file.size + file.taken_size} bytes, their limit",
                    retry_after=10,
                    hint="look at them, then send them again or discard them; delivery goes on by itself",
                )
            _append(file.path, data, at=file.size)
            file.lines += len(items)
            file.size += len(data)

    def count(self, queue: str) -> int:
        with self._opened(queue) as file:
            return file.lines + file.taken_lines

    def read(self, queue: str, limit: int) -> list[DeadLetter]:
        """The oldest ones, so many at most."""
        with self._opened(queue) as file:
            found: list[DeadLetter] = []
            for path, lines in ((file.taken, file.taken_lines), (file.path, file.lines)):
                if lines:
                    with path.open("rb") as lines_of:
                        found += map(_read, islice(lines_of, min(lines, limit - len(found))))
            return found

    def take(self, queue: str, put: Callable[[list[bytes]], None]) -> int:
        """Give the lines of all that are there to `put`, in order and about a MiB at a time, and delete
        them. Returns how many. What `put` raises ends it, and keeps what it did not get; after a crash it
        gets all of them again."""
        with self._taking(queue) as file:
            with self._opened(queue):
                left_behind = bool(file.taken_lines)  # by a take that did not come to its end
            count = self._give(queue, file, put) if left_behind else 0
            with self._opened(queue):
                _set_aside(file)
            return count + self._give(queue, file, put)

    def discard(self, queue: str) -> int:
        """Delete them. Returns how many."""
        with self._taking(queue) as file, self._opened(queue):
            count = file.lines + file.taken_lines
            _delete(file.taken, file.path)
            file.lines = file.size = file.taken_lines = file.taken_size = 0
            return count

    def forget_pipeline(self, pipeline: str) -> None:
        """The pipeline is gone, and its dead letters go."""
        with self._lock:
            for queue in [one for one in self._files if one.startswith(f"{pipeline}/")]:
                del self._files[queue]
        with _translated(pipeline):
            folder = self._folder / pipeline
            if folder.is_dir():
                shutil.rmtree(folder)
                _sync_folder(self._folder)

    def _give(self, queue: str, file: _File, put: Callable[[list[bytes]], None]) -> int:
        if not file.taken_lines:
            return 0
        count = given = 0
        try:
            with _translated(queue), file.taken.open("rb") as lines:
                for part, size in _parts(lines):
                    put(part)
                    count += len(part)
                    given += size
                    crash_point("dead_letters.put")
        finally:
            with self._opened(queue):
                _forget_given(file, count, given)
        return count

    def _file(self, queue: str) -> _File:
        pipeline, _, destination = queue.partition("/")
        if "/" in destination or not destination or pipeline in ("", ".", ".."):
            raise ValueError(f"{queue!r} is no queue")
        path = self._folder / pipeline / f"{destination}.ndjson"
        with self._lock:
            return self._files.setdefault(queue, _File(path=path))

    @contextmanager
    def _opened(self, queue: str) -> Iterator[_File]:
        """The file, for this thread alone."""
        file = self._file(queue)
        with file.lock, _translated(queue):
            if not file.known:
                file.lines, file.size = _recovered(file.path)
                file.taken_lines, file.taken_size = _recovered(file.taken)
                file.known = True
            yield file

    @contextmanager
    def _taking(self, queue: str) -> Iterator[_File]:
        file = self._file(queue)
        with file.taking:
            yield file


def _written(at: int, reason: str, line: bytes) -> bytes:
    words = _text.encode(reason[:_LONGEST_REASON])
    return b'{"at":%d,"reason":%b,"event":%b}\n' % (at, words, line.rstrip(_NEWLINE))


def _read(line: bytes) -> DeadLetter:
    entry = _entry.decode(line)
    return DeadLetter(at=entry.at, reason=entry.reason, line=bytes(entry.event) + _NEWLINE)


def _parts(lines: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
    """Events in parts, each with the bytes that they have in the file."""
    part: list[bytes] = []
    size = events = 0
    for line in lines:
        part.append(_read(line).line)
        size += len(line)
        events += len(part[-1])
        if events >= _PART_BYTES:
            yield part, size
            part, size, events = [], 0, 0
    if part:
        yield part, size


def _recovered(path: Path) -> tuple[int, int]:
    """Lines and bytes of a file. What a crash left of a line that was not finished goes: nobody was told
    that it is kept."""
    lines = size = end = 0
    try:
        with path.open("rb") as file:
            while some := file.read(_COUNTED_BYTES):
                lines += some.count(_NEWLINE)
                if (last := some.rfind(_NEWLINE)) >= 0:
                    end = size + last + 1
                size += len(some)
    except FileNotFoundError:
        return 0, 0
    if end < size:
        os.truncate(path, end)
    return lines, end


def _append(path: Path, data: bytes, *, at: int) -> None:
    """Durable on return; what was written goes again when it raises OSError."""
    fresh = not path.exists()
    if fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            # A former write that failed may have left more than is counted.
            file.truncate(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), at)
            raise
    if fresh:
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)


def _set_aside(file: _File) -> None:
    if file.lines:
        file.path.replace(file.taken)
        _sync_folder(file.path.parent)
        file.taken_lines, file.taken_size = file.lines, file.size
        file.lines = file.size = 0


def _forget_given(file: _File, count: int, given: int) -> None:
    """Delete the lines at the beginning that were put: all, or so many bytes."""
    if not count:
        return
    if count >= file.taken_lines:
        _delete(file.taken)
        file.taken_lines = file.taken_size = 0
        return
    rest = file.taken.with_name(f"{file.taken.name}.rest")
    with file.taken.open("rb") as old, rest.open("wb") as new:
        old.seek(given)
        shutil.copyfileobj(old, new)
        new.flush()
        os.fsync(new.fileno())
    rest.replace(file.taken)
    _sync_folder(rest.parent)
    file.taken_lines -= count
    file.taken_size -= given


def _delete(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    if paths[0].parent.is_dir():
        _sync_folder(paths[0].parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(whose: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Overloaded(
            f"the dead letters of {whose} cannot be read or written: {error.strerror}",
            retry_after=10,
            hint="look at the disk that holds them; delivery goes on by itself",
        ) from None
