"""The searches in place that a server runs: few at once, each ended when nobody waits for it any more."""

from __future__ import annotations

import shutil
import threading
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from logkeep.errors import Overloaded
from logkeep.index.base import Engine
from logkeep.inplace.reading import Large

MOST_SEARCHES = 4  # each takes some 100 MiB, and as much of the processors as it can get
_PATIENCE_S = 30.0  # what a thread does between two looks at whether to go on takes less than a second


class Searches:
    """Safe from any thread. `work` is a folder for files on their way, of these searches alone."""

    def __init__(self, engine: Engine, work: Path, *, most: int = MOST_SEARCHES) -> None:
        self._engine = engine
        self._work = work
        self._most = most
        self._changed = threading.Condition()
        self._numbers = count()
        self._running: set[Running] = set()

    def begin(self) -> Running:
        """Room for a search, until it is left. Raises Overloaded while there is none."""
        with self._changed:
            if len(self._running) >= self._most:
                raise Overloaded(
                    f"{self._most} other searches in archives run",
                    retry_after=10,
                    hint="try again when one has ended, or restore what is searched often",
                )
            running = Running(self, Large(engine=self._engine, work=self._work / str(next(self._numbers))))
            self._running.add(running)
        return running

    def close(self) -> None:
        """End all of them soon: the server stops."""
        with self._changed:
            for running in self._running:
                running.stop()

    def join(self) -> None:
        """Return when none runs any more, of those that are to end: before the engine is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=_PATIENCE_S)

    def left(self, running: Running) -> None:
        """The search is over."""
        with self._changed:
            self._running.discard(running)
            self._changed.notify_all()


class Running:
    """A search that runs. A context manager: its end makes room for another."""

    def __init__(self, searches: Searches, large: Large) -> None:
        self.large = large
        self._searches = searches
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Nobody waits for it any more. Idempotent."""
        self._stopped.set()

    def stopped(self) -> bool:
        return self._stopped.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.large.work, ignore_errors=True)
        self._searches.left(self)
