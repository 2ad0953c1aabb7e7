"""The outbox in one SQLite file: WAL, synchronous=FULL, one commit for all threads that wait for one."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from shutil import disk_usage
from typing import Any

import zstandard

from logkeep.errors import LogkeepError, Overloaded
from logkeep.faults import crash_point
from logkeep.pipeline.outbox import Backlog, FrameLines, Parcel, Place, Posted, Put, Span
from logkeep.spool.file import SpoolFile, Tables
from logkeep.timeline import Clock

_TABLES = Tables(kind="outbox", shape=1, package="logkeep.pipeline", schema="outbox.sql")
# Frames that are done stay until there are so many of them in all queues. Then they are deleted in the order
# of seq, some with each commit that is made anyway: frames of many queues share a page, which would be
# written anew for each of them.
_DONE_FRAMES = 1024
_DONE_BYTES = 8 << 20
_DELETED_AT_ONCE = 256  # frames
# Free pages are used again. They go back to the file system when there are more than these, and more than
# what waits: giving back moves what lies behind them.
_KEPT_FREE_BYTES = 64 << 20
_GIVEN_BACK_BYTES = 8 << 20  # a time
_ROWS_AT_ONCE = 500  # SQLite binds 32,766 values at most

# Each statement of the thread that commits may wait for the interpreter: so there are few of them.
_FRAMES = (
    "INSERT INTO frames (queue, lines, raw_bytes, stored_bytes, rx, via,"
    " min_ts, max_ts, first_lid, last_lid, data) VALUES"
)
_COUNTS = "INSERT INTO counts VALUES"
_AND_COUNT = "ON CONFLICT DO UPDATE SET value = value + excluded.value"
_MARKS = "INSERT OR REPLACE INTO marks VALUES"
_HEADS = "INSERT OR REPLACE INTO heads VALUES"

_DONE = (
    "SELECT count(*), coalesce(sum(stored_bytes), 0)"
    " FROM heads CROSS JOIN frames ON frames.queue = heads.queue AND frames.seq < heads.seq"
)
_DELETE_DONE = (
    "DELETE FROM frames WHERE seq IN (SELECT frames.seq FROM heads CROSS JOIN frames"
    " ON frames.queue = heads.queue AND frames.seq < heads.seq ORDER BY frames.seq LIMIT ?)"
    " RETURNING stored_bytes"
)
_DELETE_DONE_OF = (
    "DELETE FROM frames WHERE seq IN (SELECT frames.seq FROM heads CROSS JOIN frames"
    " ON frames.queue = heads.queue AND frames.seq < heads.seq"
    " WHERE substr(heads.queue, 1, length(?1)) = ?1) RETURNING stored_bytes"
)
_DELETE_HEADS_OF = (
    "DELETE FROM heads WHERE substr(queue, 1, length(?1)) = ?1"
    " AND NOT EXISTS (SELECT 1 FROM frames WHERE frames.queue = heads.queue)"
)
_DELETE_MARKS_OF = "DELETE FROM marks WHERE substr(name, 1, length(?1)) = ?1"
_WAITING = (
    "SELECT queue, sum(frames.lines), sum(raw_bytes), sum(stored_bytes)"
    " FROM frames LEFT JOIN heads USING (queue) WHERE frames.seq >= coalesce(heads.seq, 0) GROUP BY queue"
)
_BETWEEN = (
    "SELECT count(*) FILTER (WHERE seq < ?3), coalesce(sum(lines) FILTER (WHERE seq < ?3), 0),"
    " coalesce(sum(raw_bytes) FILTER (WHERE seq < ?3), 0),"
    " coalesce(sum(stored_bytes) FILTER (WHERE seq < ?3), 0), max(lines) FILTER (WHERE seq = ?3)"
    " FROM frames WHERE queue = ?1 AND seq >= ?2 AND seq <= ?3"
)
_OLDEST = "SELECT seq, lines, raw_bytes, rx FROM frames WHERE queue = ? AND seq >= ? ORDER BY seq LIMIT 1"
_QUEUED = (
    "SELECT seq, lines, raw_bytes, via, rx, min_ts, max_ts, first_lid, last_lid, data"
    " FROM frames WHERE queue = ? AND seq >= ? ORDER BY seq"
)
_NO_SPAN = (None, None, None, None)

_Row = tuple[Any, ...]
Counts = Counter[tuple[str, str, str]]


@dataclass(slots=True, eq=False)
class _Queue:
    """What waits in one queue, counted in whole frames from the head on."""

    head: Place = Place(0, 0)
    lines: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0
    oldest: tuple[int, int, int, int] | None = None  # seq, lines, raw bytes, rx of the first; None: unknown
    moving: threading.Lock = field(default_factory=threading.Lock)  # held by who moves the head


@dataclass(frozen=True, kw_only=True)
class _Move:
    """A head that goes on, and what it leaves behind."""

    queue: str
    head: Place
    frames: int
    lines: int
    raw_bytes: int
    stored_bytes: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    """What one thread wants to be durable."""

    frames: Sequence[_Row] = ()
    counts: Counts = field(default_factory=Counts)
    marks: Mapping[str, str] = field(default_factory=dict)
    move: _Move | None = None
    answer: LogkeepError | None = None
    settled: bool = False
    turn: threading.Event = field(default_factory=threading.Event)  # settled, or its thread is to commit


class SqliteOutbox:
    """`Outbox` over one SQLite file. It has no bound of its own: whoever puts looks at the backlog.

    `min_free_bytes` is disk space that `put` leaves untouched, so that what is delivered can be deleted when
    the disk is nearly full. Memory holds sums for each queue, and what threads put at the moment.
    """

    def __init__(self, path: Path, *, clock: Clock, min_free_bytes: int) -> None:
        """Raises BadSetting."""
        self._clock = clock
        self._min_free_bytes = min_free_bytes
        self._file = SpoolFile(path, _TABLES)
        self._compressors: queue.SimpleQueue[zstandard.ZstdCompressor] = queue.SimpleQueue()
        self._lock = threading.Lock()  # for all that follows
        self._jobs: list[_Job] = []
        self._committing = False
        self._open = True
        self._ended = threading.Event()  # closed, and no commit runs any more
        self._queues: dict[str, _Queue] = {}
        self._count_what_waits()
        frames, stored = self._file.read(_DONE)[0]
        self._done_frames, self._done_bytes = int(frames), int(stored)
        self._space_to_give_back = False
        self._page_bytes = int(self._file.read("PRAGMA page_size")[0][0])
        self._id = str(self._file.read("SELECT id FROM outbox")[0][0])

    def put(self, puts: Sequence[Put]) -> None:
        rx = self._clock()
        job = _Job()
        marks: dict[str, str] = {}
        for one in puts:
            marks.update(one.marks)
            for (part, what), value in one.counts.items():
                job.counts[one.pipeline, part, what] += value
        job.marks = marks
        job.frames = [self._row(parcel, rx) for one in puts for parcel in one.parcels if parcel.lines]
        self._settle(job)

    def mark(self, name: str) -> str | None:
        rows = self._file.read("SELECT value FROM marks WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def forget_marks(self, prefix: str) -> None:
        self._check_open()
        self._file.write(_DELETE_MARKS_OF, (prefix,))

    def forget_marks_between(self, first: str, end: str) -> None:
        self._check_open()
        if self._file.read("SELECT 1 FROM marks WHERE name >= ? AND name < ? LIMIT 1", (first, end)):
            self._file.write("DELETE FROM marks WHERE name >= ? AND name < ?", (first, end))

    def queued(self, queue: str, *, max_lines: int, max_bytes: int) -> list[Posted]:
        with self._lock:
            self._check_open()
            head = self._queue(queue).head
        rows: list[_Row] = []
        lines = size = 0
        with closing(self._file.stream(_QUEUED, (queue, head.seq))) as waiting:
            for row in waiting:
                rows.append(row)
                left = row[1] - (head.line if row[0] == head.seq else 0)
                lines += left
                size += row[2] * left // row[1]  # as if the lines of a frame were alike
                if lines >= max_lines or size >= max_bytes:
                    break
        return [_posted(row, head) for row in rows]

    def delivered(self, queue: str, upto: Place, *, counts: Mapping[tuple[str, str], int]) -> None:
        pipeline = queue.partition("/")[0]
        summed = Counts({(pipeline, part, what): value for (part, what), value in counts.items()})
        state = self._state(queue)
        with state.moving:
            move = self._move(queue, state.head, upto) if upto > state.head else None
            self._settle(_Job(counts=summed, move=move))
        self._give_back()

    def backlog(self, queue: str) -> Backlog:
        while True:
            with self._lock:
                state = self._queues.get(queue)
                if state is None or not state.lines:
                    return Backlog()
                head = state.head
                if state.oldest is not None:
                    return _backlog(state, state.oldest)
            rows = self._file.read(_OLDEST, (queue, head.seq))
            with self._lock:
                if rows and state.head == head:  # it was not delivered further meanwhile
                    state.oldest = rows[0]

    def counts(self, pipeline: str) -> Mapping[tuple[str, str], int]:
        rows = self._file.read("SELECT part, what, value FROM counts WHERE pipeline = ?", (pipeline,))
        return {(part, what): value for part, what, value in rows}

    def queues(self) -> Sequence[str]:
        with self._lock:
            return sorted(name for name, state in self._queues.items() if state.lines)

    def forget(self, queue: str) -> int:
        state = self._state(queue)
        with state.moving:
            last = self._file.read("SELECT coalesce(max(seq), 0) FROM frames WHERE queue = ?", (queue,))[0][0]
            upto = Place(last + 1, 0)
            if not last or upto <= state.head:
                return 0
            move = self._move(queue, state.head, upto)
            forgotten = move.lines - state.head.line
            self._settle(_Job(move=move))
        while self._much_is_done():
            self._settle(_Job())
        while self._give_back():
            pass
        return forgotten

    def forget_pipeline(self, pipeline: str) -> None:
        prefix = f"{pipeline}/"
        with self._lock:
            self._check_open()
            names = [name for name in self._queues if name.startswith(prefix)]
        for name in names:
            self.forget(name)
        with self._file.transaction() as db:
            db.execute("DELETE FROM counts WHERE pipeline = ?", (pipeline,))
            db.execute(_DELETE_MARKS_OF, (prefix,))
            # The few that are left of frames that are done: without their heads they would wait again.
            done = db.execute(_DELETE_DONE_OF, (prefix,)).fetchall()
            db.execute(_DELETE_HEADS_OF, (prefix,))
        with self._lock:
            self._deleted(done)
            for name in names:
                if not self._queues[name].lines:
                    self._queues[name].head = Place(0, 0)

    def outbox_id(self) -> str:
        return self._id

    def stored_bytes(self) -> int:
        with self._lock:
            return sum(state.stored_bytes for state in self._queues.values())

    def close(self) -> None:
        """What is being put is kept or refused first; what comes later is refused."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            if not self._committing:
                self._ended.set()
        self._ended.wait()
        self._file.close()

    # Committing together

    def _settle(self, job: _Job) -> None:
        """Return when it is durable. Of the threads that come while one commits, the first one commits for
        all of them."""
        with self._lock:
            self._check_open()
            self._jobs.append(job)
            leads, self._committing = not self._committing, True
        if not leads:
            job.turn.wait()
        if not job.settled:
            self._commit_for_all()
        if job.answer is not None:
            raise job.answer

    def _commit_for_all(self) -> None:
        with self._lock:
            jobs, self._jobs = self._jobs, []
        # This one, if a defect breaks the commit off; that ends the process.
        answer: LogkeepError | None = Overloaded("the outbox could not be written")
        try:
            self._commit(jobs)
            answer = None
        except LogkeepError as error:
            answer = error
        finally:
            with self._lock:
                successor = self._jobs[0] if self._jobs else None
                self._committing = successor is not None
                if successor is None and not self._open:
                    self._ended.set()
            for job in jobs:
                job.answer, job.settled = answer, True
                job.turn.set()
            if successor is not None:
                successor.turn.set()

    def _commit(self, jobs: Sequence[_Job]) -> None:
        """One transaction. Raises Overloaded, and then keeps nothing of any of them."""
        frames = [row for job in jobs for row in job.frames]
        moves = [job.move for job in jobs if job.move is not None]
        counts, marks = Counts(), dict[str, str]()
        for job in jobs:
            counts.update(job.counts)
            marks.update(job.marks)
        if frames:
            self._check_free_space()
        with self._file.transaction() as db:
            _insert(db, _FRAMES, frames)
            _insert(db, _COUNTS, [(*name, value) for name, value in counts.items()], _AND_COUNT)
            _insert(db, _MARKS, list(marks.items()))
            _insert(db, _HEADS, [(move.queue, *move.head) for move in moves])
            done = db.execute(_DELETE_DONE, (_DELETED_AT_ONCE,)).fetchall() if self._much_is_done() else []
            if frames:
                crash_point("outbox.put")
            if moves:
                crash_point("outbox.delivered")
        with self._lock:
            for name, lines, raw_bytes, stored_bytes, *_ in frames:
                state = self._queue(name)
                state.lines += lines
                state.raw_bytes += raw_bytes
                state.stored_bytes += stored_bytes
            for move in moves:
                self._moved(move)
            self._deleted(done)
        if frames:
            crash_point("outbox.put_done")
        if moves:
            crash_point("outbox.delivered_done")

    def _moved(self, move: _Move) -> None:
        state = self._queue(move.queue)
        state.head = move.head
        state.lines -= move.lines
        state.raw_bytes -= move.raw_bytes
        state.stored_bytes -= move.stored_bytes
        if move.frames:
            state.oldest = None
        self._done_frames += move.frames
        self._done_bytes += move.stored_bytes

    def _deleted(self, done: Sequence[tuple[int]]) -> None:
        if done:
            self._done_frames -= len(done)
            self._done_bytes -= sum(stored for (stored,) in done)
            self._space_to_give_back = True

    # Frames

    def _row(self, parcel: Parcel, rx: int) -> _Row:
        try:
            compressor = self._compressors.get_nowait()
        except queue.Empty:
            compressor = zstandard.ZstdCompressor(level=1)
        data = compressor.compress(parcel.payload)
        self._compressors.put(compressor)
        size = len(parcel.payload)
        return parcel.queue, parcel.lines, size, len(data), rx, parcel.via, *(parcel.span or _NO_SPAN), data

    def _move(self, queue: str, head: Place, upto: Place) -> _Move:
        """To this place, or to the next frame if that one has no further lines."""
        between = self._file.read(_BETWEEN, (queue, head.seq, upto.seq))[0]
        if upto.line and (between[-1] or 0) <= upto.line:
            upto = Place(upto.seq + 1, 0)
            between = self._file.read(_BETWEEN, (queue, head.seq, upto.seq))[0]
        frames, lines, raw_bytes, stored_bytes, _ = between
        return _Move(
            queue=queue, head=upto, frames=frames, lines=lines, raw_bytes=raw_bytes, stored_bytes=stored_bytes
        )

    def _count_what_waits(self) -> None:
        for name, seq, line in self._file.read("SELECT queue, seq, line FROM heads"):
            self._queues[name] = _Queue(Place(seq, line))
        for name, lines, raw_bytes, stored_bytes in self._file.read(_WAITING):
            state = self._queue(name)
            state.lines, state.raw_bytes, state.stored_bytes = lines, raw_bytes, stored_bytes

    def _state(self, queue: str) -> _Queue:
        with self._lock:
            self._check_open()
            return self._queue(queue)

    def _queue(self, queue: str) -> _Queue:
        found = self._queues.get(queue)
        if found is None:
            found = self._queues[queue] = _Queue()
        return found

    # Room

    def _much_is_done(self) -> bool:
        return self._done_frames >= _DONE_FRAMES or self._done_bytes >= _DONE_BYTES

    def _give_back(self) -> bool:
        """Return some free pages to the file system; False when none need go now."""
        if not self._space_to_give_back:
            return False
        free = int(self._file.read("PRAGMA freelist_count")[0][0]) * self._page_bytes
        more = free > max(_KEPT_FREE_BYTES, self.stored_bytes())
        self._space_to_give_back = more
        if more:
            self._file.give_back(_GIVEN_BACK_BYTES // self._page_bytes)
        return more

    def _check_free_space(self) -> None:
        free = disk_usage(self._file.path.parent).free
        if free < self._min_free_bytes:
            raise Overloaded(
                f"the disk that holds the outbox has {free} bytes left, less than min_free_bytes",
                retry_after=10,
                hint="free space on it; the server goes on by itself",
            )

    def _check_open(self) -> None:
        if not self._open:
            raise Overloaded("the outbox is being closed", hint="send it again when the server is back")


def _insert(db: sqlite3.Connection, insert: str, rows: Sequence[_Row], tail: str = "") -> None:
    left = iter(rows)
    while some := list(islice(left, _ROWS_AT_ONCE)):
        place = f"({', '.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        db.execute(f"{insert} {', '.join([place] * len(some))} {tail}", values)


def _posted(row: _Row, head: Place) -> Posted:
    seq, lines, raw_bytes, via, rx, *span, data = row
    first = head.line if seq == head.seq else 0
    left = FrameLines(
        data, lines=lines, raw_bytes=raw_bytes, first=first, span=None if span[0] is None else Span(*span)
    )
    return Posted(seq=seq, first=first, lines=left, via=via, rx=rx)


def _backlog(state: _Queue, oldest: tuple[int, int, int, int]) -> Backlog:
    """Of a frame that is delivered in part, the bytes are counted as if its lines were alike."""
    _, lines, raw_bytes, rx = oldest
    return Backlog(
        lines=state.lines - state.head.line,
        raw_bytes=state.raw_bytes - raw_bytes * state.head.line // lines,
        stored_bytes=state.stored_bytes,
        oldest_rx=rx,
    )
