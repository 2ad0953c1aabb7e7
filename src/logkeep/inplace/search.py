"""The lines that a query finds in place, in order, as they are found."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import msgspec

from logkeep.index.search import Order
from logkeep.inplace.lines import Run, Scanner
from logkeep.inplace.places import Place, Unit
from logkeep.inplace.reading import Large, Reading
from logkeep.inplace.tally import Outcome
from logkeep.inplace.waiting import Line, Waiting
from logkeep.query.ast import Node
from logkeep.timeline import TimeRange

_MOST_DONE = 4096


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A line that was found. `place` is the number of its place among those of the search."""

    line: bytes  # canonical, with its newline
    ts: int
    lid: str
    key: str
    place: int


class Search:
    """Iterate once over it for the hits, in batches, each as soon as nothing can come before it.

    In order of (time, id), as a search in a restored account has them; lines without an id come behind
    those of their millisecond. A line with the id and the time of another is left out. Ends after `limit`
    hits (0: all), or soon after `stopped` says so. `outcome` may be read at any time, from any thread.

    Memory is bounded: lines that wait for others take MAX_WAITING_BYTES at most (or what the lines of one
    millisecond take), what is scanned at a time some 100 MiB.
    """

    def __init__(
        self,
        places: Sequence[Place],
        node: Node,
        within: TimeRange | None,
        *,
        order: Order = Order.NEWEST,
        limit: int = 0,
        large: Large | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        newest_first = order is Order.NEWEST
        self._reading = Reading(places, node, within, newest_first=newest_first, large=large, stopped=stopped)
        self._waiting = Waiting(sign=-1 if newest_first else 1, limit=limit)

    @property
    def outcome(self) -> Outcome:
        return self._reading.tally.outcome

    def __iter__(self) -> Generator[list[Hit], None, None]:
        """Raises StorageUnavailable, StorageDenied, Overloaded."""
        tally = self._reading.tally
        with self._reading:
            for lines in in_order(self._reading, self._waiting):
                tally.found(len(lines))
                yield list(map(_hit, lines))
            if not self._reading.stopped():
                tally.completed()


def in_order(
    reading: Reading, waiting: Waiting, work: Callable[[Scanner, Run], bool] | None = None
) -> Iterator[list[Line]]:
    """The lines that the reading finds, in order, through `waiting`. `work` scans a run, and tells whether
    its lines went there; without it all do."""

    def wanted(distance: int) -> bool:
        return (waiting.cut is None or distance < waiting.cut) and not waiting.needless(distance)

    def scan(scanner: Scanner, run: Run) -> bool:
        scanner.lines(run, waiting.add)
        return True

    while True:
        done: list[Unit] = []
        for run, went_there in reading.results(work or scan, wanted):
            distance = reading.distance
            if lines := waiting.take(distance):
                yield lines
            if waiting.enough:
                return
            if went_there:
                done += run
            if len(done) > _MOST_DONE and distance is not None and waiting.cut is None:
                done = [unit for unit in done if reading.walk.far(unit) >= distance]
        if reading.stopped():
            return
        if lines := waiting.take(None):
            yield lines
        if waiting.cut is None or waiting.enough:
            return
        cut = waiting.cut
        reading.walk.put_back([unit for unit in done if reading.walk.far(unit) >= cut])
        waiting.next_pass()


def _hit(line: Line) -> Hit:
    record, source = line.record, line.unit.source
    return Hit(line.line, record.ts, record.lid, source.key, source.place)
