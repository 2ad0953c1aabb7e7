"""How many lines a query finds in place, in all or over time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from logkeep.errors import InputError
from logkeep.index.search import MAX_BUCKETS, Bucket
from logkeep.inplace.lines import Counts, Run, Scanner
from logkeep.inplace.places import Place
from logkeep.inplace.reading import Large, Reading
from logkeep.inplace.search import in_order
from logkeep.inplace.tally import Outcome
from logkeep.inplace.waiting import Waiting
from logkeep.query.ast import Node
from logkeep.timeline import TimeRange


class Count:
    """Counts the lines that `Search` would find: `run` it once. `outcome` may be read at any time, from any
    thread; its `lines` are the count.

    Where objects may hold the same line, the lines of an hour are put in order for it, in the memory that
    `Search` takes; elsewhere they are only counted.
    """

    def __init__(
        self,
        places: Sequence[Place],
        node: Node,
        within: TimeRange | None,
        *,
        interval_ms: int = 0,
        large: Large | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`interval_ms` is the width of a histogram's steps; 0 is for a count alone. Raises InputError for
        one that makes too many steps of the range."""
        if interval_ms < 0 or (interval_ms and within and _steps(within, interval_ms) > MAX_BUCKETS):
            raise _too_many_steps(interval_ms)
        self._interval_ms = interval_ms
        self._counts: Counts = Counter()
        self._lock = threading.Lock()
        self._waiting = Waiting(sign=1, limit=0)
        self._reading = Reading(
            places, node, within, newest_first=False, large=large, stopped=stopped, counting=True
        )

    @property
    def outcome(self) -> Outcome:
        return self._reading.tally.outcome

    def run(self) -> list[Bucket]:
        """The histogram: lines by level in steps, oldest first, without the steps that have none; all in
        one for a count alone. Raises StorageUnavailable, StorageDenied, Overloaded, InputError."""
        step = self._interval_ms
        with self._reading:
            for lines in in_order(self._reading, self._waiting, self._scan):
                records = [line.record for line in lines]
                self._add(Counter((one.ts // step * step, one.level) if step else (0, "") for one in records))
            if not self._reading.stopped():
                self._reading.tally.completed()
        buckets: dict[int, dict[str, int]] = {}
        for (ts, level), lines_there in sorted(self._counts.items()):
            buckets.setdefault(ts, {})[level] = lines_there
        return [Bucket(ts=ts, levels=levels) for ts, levels in buckets.items()]

    def _scan(self, scanner: Scanner, run: Run) -> bool:
        """Count a run at once where no other can hold a line of it; else put its lines in order."""
        if all(unit.alone for unit in run):
            self._add(scanner.counts(run, self._interval_ms))
            return False
        scanner.lines(run, self._waiting.add)
        return True

    def _add(self, counts: Counts) -> None:
        with self._lock:
            self._counts.update(counts)
            if len(self._counts) > _MOST_COUNTS:
                raise _too_many_steps(self._interval_ms)
        self._reading.tally.found(counts.total())


def document_of(bucket: Bucket) -> dict[str, object]:
    """A step as answers show it."""
    return {"ts": bucket.ts, "count": sum(bucket.levels.values()), "levels": bucket.levels}


_MOST_COUNTS = 50 * MAX_BUCKETS  # a step has some levels


def _steps(within: TimeRange, interval_ms: int) -> float:
    return (within.end - within.start) / interval_ms


def _too_many_steps(interval_ms: int) -> InputError:
    return InputError(
        f"an interval of {interval_ms} ms makes more than {MAX_BUCKETS} steps of this range",
        hint="choose a longer interval or a shorter range",
    )
