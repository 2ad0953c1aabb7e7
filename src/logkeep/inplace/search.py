"""The lines that a query finds in place, in order, as they are found."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import msgspec

from logkeep.index.search import Order
from logkeep.inplace.lines import Run, Scanner
from logkeep.inplace.places import Place
from logkeep.inplace.reading import Large, Reading
from logkeep.inplace.runs import Line
from logkeep.inplace.tally import Outcome
from logkeep.inplace.waiting import Waiting
from logkeep.query.ast import Node
from logkeep.timeline import TimeRange


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

    A line of an object of another system that is of another time than its key says may come later than its
    place is, and once more if it is in two objects.

    Memory is bounded: lines that wait for others take MAX_WAITING_BYTES at most, what is scanned at a time
    some 100 MiB. More lines than that wait on the disk: in `large.work`, or in the folder that the system
    has for temporary files.
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
        self._sign = -1 if order is Order.NEWEST else 1
        self._reading = Reading(
            places, node, within, newest_first=order is Order.NEWEST, large=large, stopped=stopped
        )
        self._waiting = Waiting(
            sign=self._sign,
            limit=limit,
            work=large.work if large else None,
            stopped=self._reading.stopped,
        )

    @property
    def outcome(self) -> Outcome:
        return self._reading.tally.outcome

    def __iter__(self) -> Generator[list[Hit], None, None]:
        """Raises StorageUnavailable, StorageDenied, Overloaded."""
        tally, sign = self._reading.tally, self._sign
        with self._waiting, self._reading:
            for lines in in_order(self._reading, self._waiting):
                tally.found(len(lines))
                yield [Hit(line.line, sign * line.distance, line.lid, line.key, line.place) for line in lines]
            if not self._reading.stopped():
                tally.completed()


def in_order(reading: Reading, waiting: Waiting) -> Iterator[list[Line]]:
    """The lines that the reading finds, in order, through `waiting`."""

    def scan(scanner: Scanner, run: Run) -> None:
        scanner.lines(run, waiting.add)

    for _ in reading.results(scan, lambda distance: not waiting.needless(distance)):
        yield from _unless_stopped(reading, waiting.take(reading.distance))
        if waiting.enough:
            return
    yield from _unless_stopped(reading, waiting.take(None))


def _unless_stopped(reading: Reading, batches: Iterator[list[Line]]) -> Iterator[list[Line]]:
    for lines in batches:
        if reading.stopped():
            return
        yield lines
