"""The walk: units in the order in which a search wants them, each hour looked into when its turn comes.

Times are turned into distances, `ts` where the oldest line comes first and `-ts` where the newest does, so
that what comes first is always what is least.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from logkeep.inplace.places import HourObjects, Source, Unit
from logkeep.timeline import hour_end, hour_start

_HOURS_AHEAD = 8


class Walk:
    """Gives out the units of hours (in the order of the walk) and others. Belongs to one thread.

    `units_of` is called in threads, some hours ahead; more of them the longer the walk is.
    """

    def __init__(
        self,
        hours: Iterator[HourObjects],
        others: Iterable[Unit],
        units_of: Callable[[HourObjects], list[Unit]],
        *,
        sign: int,
    ) -> None:
        self._hours = hours
        self._units_of = units_of
        self._sign = sign
        self._pool = ThreadPoolExecutor(_HOURS_AHEAD, thread_name_prefix="look-into-hour")
        self._opening: deque[tuple[int, Future[list[Unit]]]] = deque()  # with the hour's near distance
        self._opened = 0
        self._number = 0
        self._heap: list[tuple[int, int, Unit]] = []
        self.put_back(others)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def near(self, unit: Unit) -> int:
        """The least distance that a line of the unit may have."""
        return -unit.last_ms if self._sign < 0 else unit.first_ms

    def put_back(self, units: Iterable[Unit]) -> None:
        """These are to be given out (again)."""
        for unit in units:
            heapq.heappush(self._heap, (self.near(unit), self._number, unit))
            self._number += 1

    @property
    def distance(self) -> int | None:
        """No line of what is to come is nearer than this; None when nothing is to come."""
        self._look_ahead()
        near = [self._heap[0][0]] if self._heap else []
        return min([*near, self._opening[0][0]] if self._opening else near, default=None)

    def take(self, most_bytes: int, most_units: int) -> list[list[Unit]]:
        """The next units, about so many bytes of lines but at least one, by object and in its order; none
        at the end, and for an hour in which there was nothing to read. Raises StorageError."""
        self._open()
        runs: dict[Source, list[Unit]] = {}
        size = units = 0
        while self._heap and units < most_units and (units == 0 or not self._hour_comes_first()):
            unit = self._heap[0][2]
            size += unit.weight
            if runs and size > most_bytes:
                break
            heapq.heappop(self._heap)
            units += 1
            runs.setdefault(unit.source, []).append(unit)
        return [sorted(run, key=lambda unit: unit.rank) for run in runs.values()]

    def _open(self) -> None:
        """Look into the hours that come before every unit that is known."""
        self._look_ahead()
        while self._opening and (not self._heap or self._hour_comes_first()):
            self.put_back(self._opening.popleft()[1].result())
            self._opened += 1
            self._look_ahead()

    def _hour_comes_first(self) -> bool:
        return bool(self._opening) and self._opening[0][0] <= self._heap[0][0]

    def _look_ahead(self) -> None:
        ahead = min(_HOURS_AHEAD, max(1, self._opened))
        while len(self._opening) < ahead and (hour := next(self._hours, None)) is not None:
            near = -(hour_end(hour.hour) - 1) if self._sign < 0 else hour_start(hour.hour)
            self._opening.append((near, self._pool.submit(self._units_of, hour)))
