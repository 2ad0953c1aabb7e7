"""Reading: the units of a walk are scanned, some runs at a time, in Python or by the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from logkeep.archive.scan import Scan
from logkeep.errors import TooLarge
from logkeep.index.base import Engine
from logkeep.inplace.engine import MOST_BYTES, EngineScanner
from logkeep.inplace.lines import Effort, LineScanner, Run, Scanner
from logkeep.inplace.places import Place, foreign_units, hours, units_of_hour
from logkeep.inplace.tally import Tally
from logkeep.inplace.walk import Walk
from logkeep.query.ast import Node
from logkeep.timeline import TimeRange

T = TypeVar("T")

_THREADS = 2
_AHEAD = 3  # runs that are scanned or wait for it, so that no thread has to wait for the next
_FIRST_BYTES = 1 << 20  # of lines: a block, so that a search for few lines ends soon
_FIRST_UNITS = 4  # where they are small
_MOST_UNITS = 10_000
_MOST_BYTES = 24 << 20
_MOST_BYTES_COUNTING = 64 << 20  # by the engine
# A query with more than one line to decode in so many bytes is too hard for Python.
_BYTES_A_TEST = 4096


@dataclass(frozen=True, kw_only=True)
class Large:
    """The engine for large scans, and a folder for its files. It takes over where Python has scanned `after`
    bytes of lines and had much work with them; with 0 it does everything that it can."""

    engine: Engine
    work: Path
    after: int = 32 << 20


class Reading:
    """The scans of one search. Use as a context manager: its end stops whatever still runs.

    `counting`: no line is wanted, so that the engine pays off even where most of them match.
    """

    def __init__(
        self,
        places: Sequence[Place],
        node: Node,
        within: TimeRange | None,
        *,
        newest_first: bool,
        large: Large | None,
        stopped: Callable[[], bool],
        counting: bool = False,
    ) -> None:
        self.tally = Tally()
        self._asked_to_stop = stopped
        self._over = False
        self._counting = counting
        self._effort = Effort()
        self._lines = LineScanner(Scan(node, within), self.tally, self._effort, self.stopped)
        self._large = large
        self._engine: EngineScanner | None = None
        if large is not None:
            with suppress(TooLarge):  # of a query that the engine would not parse
                self._engine = EngineScanner(
                    large.engine, large.work, node, within, self._lines, self.tally, self._effort
                )
        self._scanned_units = self._scanned_bytes = 0
        self._running: dict[Future[Any], Run] = {}
        self.walk = Walk(
            hours(places, within, newest_first=newest_first, stopped=self.stopped),
            foreign_units(places, within, self.tally, self.stopped),
            lambda hour: units_of_hour(hour, node, within, self.tally),
            sign=-1 if newest_first else 1,
        )
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="scan")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self.walk.close()
        self._pool.shutdown(cancel_futures=True)

    def stopped(self) -> bool:
        return self._over or self._asked_to_stop()

    @property
    def distance(self) -> int | None:
        """No line of what was not scanned yet is nearer than this; None when all was scanned."""
        running = [self.walk.near(unit) for run in self._running.values() for unit in run]
        coming = self.walk.distance
        return min(running if coming is None else [*running, coming], default=None)

    def results(
        self, work: Callable[[Scanner, Run], T], wanted: Callable[[int], bool]
    ) -> Iterator[tuple[Run, T]]:
        """What `work` makes of each run, called in threads. Ends when all is scanned, when a distance is
        reached that is not wanted any more, or when it is to stop. Raises StorageError, Overloaded."""
        while True:
            while len(self._running) < _AHEAD and not self.stopped():
                distance = self.walk.distance
                if distance is None or not wanted(distance):
                    break
                for run in self.walk.take(*self._next_share()):
                    self._running[self._pool.submit(self._worked, work, run)] = run
            if not self._running:
                return
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in done:
                scanned = self._running.pop(future)
                self._scanned_units += len(scanned)
                self._scanned_bytes += sum(unit.weight for unit in scanned)
                yield scanned, future.result()

    def _worked(self, work: Callable[[Scanner, Run], T], run: Run) -> T:
        return work(self._scanner(run), run)

    def _next_share(self) -> tuple[int, int]:
        """How many bytes and units to scan in one go. A search may end soon: then no more ahead of what is
        wanted than was scanned before."""
        if self._counting:
            return _MOST_BYTES_COUNTING if self._hard(counting=True) else _MOST_BYTES, _MOST_UNITS
        most = MOST_BYTES if self._hard(counting=False) else _MOST_BYTES
        ahead = self._scanned_bytes // _AHEAD, self._scanned_units // _AHEAD
        return min(most, max(_FIRST_BYTES, ahead[0])), max(_FIRST_UNITS, ahead[1])

    def _scanner(self, run: Run) -> Scanner:
        counting = self._counting and all(unit.alone for unit in run)  # others' lines have to be told apart
        if self._engine is None or run[0].block is None or not self._hard(counting=counting):
            return self._lines
        return self._engine

    def _hard(self, *, counting: bool) -> bool:
        """Whether the query is hard for Python, as what was scanned lately shows."""
        large, effort = self._large, self._effort
        if large is None or effort.raw_bytes < large.after:
            return False
        many = effort.tested * _BYTES_A_TEST > effort.recent_bytes
        # Where most lines that are decoded match, most of the work is to hand them on.
        return large.after == 0 or (many and (counting or effort.found * 4 < effort.tested))
