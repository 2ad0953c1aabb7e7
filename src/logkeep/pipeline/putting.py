"""Putting: a pipeline's second thread, which compresses and commits while the first shapes what is next."""

from __future__ import annotations

import threading
from collections.abc import Callable

from logkeep.errors import LogkeepError
from logkeep.pipeline.outbox import Outbox, Put

Done = Callable[[LogkeepError | None], None]
"""Told when a put is durable, or why it is not."""


class Putting:
    """Puts one thing after the other. `hand`, `settle` and `stop` are for one thread."""

    def __init__(self, outbox: Outbox, name: str) -> None:
        self._outbox = outbox
        self._job: tuple[Put, Done] | None = None
        self._failed: LogkeepError | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hand(self, put: Put, done: Done) -> None:
        """Return when the one before is settled and this one is begun. Raises what became of the one before,
        once, if that failed: then this one is not begun, for it was made as if that had not."""
        self.settle()
        with self._changed:
            self._job = put, done
            self._changed.notify_all()

    def settle(self) -> None:
        """Return when nothing is under way. Raises as `hand`."""
        with self._changed:
            while self._job is not None:
                self._changed.wait()
            failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def stop(self) -> None:
        """Return when what is under way is settled, and the thread has ended."""
        with self._changed:
            while self._job is not None:
                self._changed.wait()
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            put, done = job
            error: LogkeepError | None = None
            try:
                self._outbox.put([put])
            except LogkeepError as failed:
                error = failed
            done(error)
            with self._changed:
                self._job, self._failed = None, error
                self._changed.notify_all()

    def _next(self) -> tuple[Put, Done] | None:
        with self._changed:
            while self._job is None and not self._stopping:
                self._changed.wait()
            return self._job
