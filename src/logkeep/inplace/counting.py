"""How many lines a query finds in place, in all or over time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress

from logkeep.archive.scan import Found
from logkeep.errors import InputError
from logkeep.index.search import MAX_BUCKETS, Bucket
from logkeep.inplace.lines import Counts, Run, Scanner
from logkeep.inplace.places import Place, Unit
from logkeep.inplace.reading import Large, Reading
from logkeep.inplace.seen import Seen
from logkeep.inplace.steps import SHORTEST_MS, usual_step
from logkeep.inplace.tally import Outcome
from logkeep.inplace.waiting import NO_ID, id_number
from logkeep.query.ast import Node
from logkeep.record import Record
from logkeep.timeline import TimeRange


class Count:
    """Counts the lines that `Search` would find: `run` it once. `outcome` may be read at any time, from any
    thread; its `lines` are the count.

    Where objects may hold the same line, a hash of the time and id of each line is kept to tell (seen.py),
    8 bytes each: 64 MiB of them in memory, the rest on the disk, in `large.work` or in the folder that the
    system has for temporary files.
    """

    def __init__(
        self,
        places: Sequence[Place],
        node: Node,
        within: TimeRange | None,
        *,
        interval_ms: int | None = 0,
        large: Large | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`interval_ms` is the width of a histogram's steps; 0 is for a count alone, None for steps that are
        usual for the lines that are found. Raises InputError for one that makes too many steps of the
        range."""
        if interval_ms is not None and (
            interval_ms < 0 or (interval_ms and within and _steps(within, interval_ms) > MAX_BUCKETS)
        ):
            raise _too_many_steps(interval_ms)
        self._widens = interval_ms is None
        self._interval_ms = SHORTEST_MS if interval_ms is None else interval_ms
        self._counts: Counts = Counter()
        self._span: TimeRange | None = None  # of the steps that are in the counts
        self._lock = threading.Lock()
        self._seen = Seen(large.work if large else None)
        self._seen_lock = threading.Lock()
        self._reading = Reading(
            places, node, within, newest_first=False, large=large, stopped=stopped, counting=True
        )

    @property
    def outcome(self) -> Outcome:
        return self._reading.tally.outcome

    @property
    def interval_ms(self) -> int:
        """The width of the steps; known when it was run if none was asked for."""
        return self._interval_ms

    def run(self) -> list[Bucket]:
        """The histogram: lines by level in steps, oldest first, without the steps that have none; all in
        one for a count alone. Raises StorageUnavailable, StorageDenied, Overloaded, InputError."""
        try:
            with self._reading:
                for _ in self._reading.results(self._scan, lambda _distance: True):
                    self._forget()
                if not self._reading.stopped():
                    self._reading.tally.completed()
        finally:
            self._seen.close()
        buckets: dict[int, dict[str, int]] = {}
        for (ts, level), lines_there in sorted(self._counts.items()):
            buckets.setdefault(ts, {})[level] = lines_there
        return [Bucket(ts=ts, levels=levels) for ts, levels in buckets.items()]

    def _scan(self, scanner: Scanner, run: Run) -> None:
        """Count a run at once where no other can hold a line of it; else each line that is new."""
        if all(unit.alone for unit in run):
            self._add(scanner.counts(run, self._interval_ms))
        else:
            scanner.lines(run, self._add_new)

    def _add_new(self, _unit: Unit, _first: int, found: Found) -> None:
        ids = [id_number(one.lid) for one in found.records]
        records = [one for one, number in zip(found.records, ids, strict=True) if number == NO_ID]
        named = [one for one, number in zip(found.records, ids, strict=True) if number != NO_ID]
        if named:
            with self._seen_lock:
                new = self._seen.first_time(
                    [one.ts for one in named], [number for number in ids if number != NO_ID]
                )
            records += compress(named, new.tolist())
        self._add(_by_step(records, self._interval_ms))

    def _forget(self) -> None:
        if (before := self._reading.distance) is not None:
            with self._seen_lock:
                self._seen.forget(before)

    def _add(self, counts: Counts) -> None:
        """Counts in steps of the interval, or of a shorter one that it was when they were made."""
        with self._lock:
            if self._widens and counts:
                self._widen(counts)
                counts = _in_steps(counts, self._interval_ms)
            self._counts.update(counts)
            if len(self._counts) > _MOST_COUNTS:
                raise _too_many_steps(self._interval_ms)
        self._reading.tally.found(counts.total())

    def _widen(self, more: Counts) -> None:
        """Take longer steps if the usual ones are, with these counts."""
        times = [ts for ts, _ in more]
        before = self._span or TimeRange(start=min(times), end=max(times) + 1)
        self._span = TimeRange(start=min(before.start, *times), end=max(before.end, max(times) + 1))
        if (step := usual_step(self._span)) > self._interval_ms:
            self._interval_ms = step
            self._counts = _in_steps(self._counts, step)


def document_of(bucket: Bucket) -> dict[str, object]:
    """A step as answers show it."""
    return {"ts": bucket.ts, "count": sum(bucket.levels.values()), "levels": bucket.levels}


_MOST_COUNTS = 50 * MAX_BUCKETS  # a step has some levels


def _by_step(records: Sequence[Record], step: int) -> Counts:
    return Counter((one.ts // step * step, one.level) if step else (0, "") for one in records)


def _in_steps(counts: Counts, step: int) -> Counts:
    """The same in steps of a multiple of theirs."""
    longer: Counts = Counter()
    for (ts, level), lines in counts.items():
        longer[ts // step * step, level] += lines
    return longer


def _steps(within: TimeRange, interval_ms: int) -> float:
    return (within.end - within.start) / interval_ms


def _too_many_steps(interval_ms: int) -> InputError:
    return InputError(
        f"an interval of {interval_ms} ms makes more than {MAX_BUCKETS} steps of this range",
        hint="choose a longer interval or a shorter range",
    )
