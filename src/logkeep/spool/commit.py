"""Group commit: one thread, one transaction for all the requests that wait for one."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from logkeep.errors import LogkeepError, Overloaded
from logkeep.spool.base import Piece

# What may wait for the disk in memory before new requests are turned away.
PENDING_BYTES = 256 << 20


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One request that waits to be durable."""

    pieces: Sequence[Piece]
    reply: bytes
    key: str
    last_of: str
    size: int
    loop: asyncio.AbstractEventLoop | None  # None: a thread waits
    done: asyncio.Future[bytes] | Future[bytes]
    answer: bytes | LogkeepError = b""


class GroupCommitter:
    """Collects jobs from event loops and threads and hands all that wait to `commit` in one call.

    `commit` sets each job's answer; it must not raise anything but LogkeepError, which then is the
    answer of every job of the call.
    """

    def __init__(self, commit: Callable[[list[Job]], None]) -> None:
        self._commit = commit
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._pending = 0
        self._open = True
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="spool-commit", daemon=True)
        self._thread.start()

    async def submit(self, pieces: Sequence[Piece], reply: bytes, key: str, last_of: str = "") -> bytes:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bytes] = loop.create_future()
        self._take(
            Job(
                pieces=pieces,
                reply=reply,
                key=key,
                last_of=last_of,
                size=_size(pieces),
                loop=loop,
                done=done,
            )
        )
        return await done

    def submit_now(self, pieces: Sequence[Piece], key: str = "", last_of: str = "") -> None:
        """From a thread that runs no loop; returns when the pieces are committed."""
        done = Future[bytes]()
        self._take(
            Job(pieces=pieces, reply=b"", key=key, last_of=last_of, size=_size(pieces), loop=None, done=done)
        )
        done.result()

    def close(self) -> None:
        """Commit what waits, then stop. What comes later is refused."""
        with self._lock:
            self._open = False
            self._jobs.put(None)
        self._thread.join()

    def _take(self, job: Job) -> None:
        with self._lock:
            if not self._open:
                raise Overloaded("the spool is being closed", hint="send it again when the server is back")
            if self._pending + job.size > PENDING_BYTES and self._pending:
                raise Overloaded("more lines wait for the disk than memory may hold", retry_after=1)
            self._pending += job.size
            self._jobs.put(job)

    def _work(self) -> None:
        open_ = True
        while open_:
            jobs = [self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            open_ = None not in jobs
            self._serve([job for job in jobs if job is not None])

    def _serve(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        try:
            self._commit(jobs)
        except LogkeepError as error:
            for job in jobs:
                job.answer = error
        with self._lock:
            self._pending -= sum(job.size for job in jobs)
        for loop in {job.loop for job in jobs}:
            of_loop = [job for job in jobs if job.loop is loop]
            if loop is None:
                _resolve(of_loop)
                continue
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_resolve, of_loop)


def _size(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.payload) + len(piece.data) for piece in pieces)


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        if job.done.done():  # the client went away; its lines are kept all the same
            continue
        if isinstance(job.answer, LogkeepError):
            job.done.set_exception(job.answer)
        else:
            job.done.set_result(job.answer)
