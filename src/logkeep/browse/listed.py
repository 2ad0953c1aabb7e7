"""What another system's archive has, as its bucket lists it: objects whose keys may tell when their lines
happened, and nothing of how many there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from logkeep.archive.foreign.base import DAY_MS, Layout
from logkeep.archive.foreign.find import ForeignObject, find_foreign
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import TimeRange

MOST_KEYS = 100_000
PATIENCE_S = 20.0
_MOST_DAYS = 62  # a key that tells no more than this tells no day


@dataclass(frozen=True, kw_only=True)
class Listed:
    objects: Sequence[ForeignObject]
    complete: bool  # whether the listing came to its end


@dataclass(kw_only=True)
class ListedDay:
    """Objects that may hold lines of a UTC day, counted from the epoch. One may do so for several days."""

    day: int
    objects: int = 0
    stored_bytes: int = 0
    hours: int = 0  # a bit for each hour of the day of which some object may hold lines


@dataclass(kw_only=True)
class _Bounded:
    """What a search for objects needs of a bucket, for a while."""

    bucket: Bucket
    left: int
    until: float
    clock: Callable[[], float]
    complete: bool = field(default=True, init=False)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        for stat in self.bucket.list(prefix):
            if not self.left or self.clock() > self.until:
                self.complete = False
                return
            self.left -= 1
            yield stat


def list_objects(
    bucket: Bucket,
    layout: Layout,
    within: TimeRange | None,
    *,
    most: int = MOST_KEYS,
    clock: Callable[[], float] = time.monotonic,
) -> Listed:
    """The objects that may hold lines of the range, by what their keys say; of the first `most` keys, and as
    far as PATIENCE_S takes it. Raises StorageError."""
    bounded = _Bounded(bucket=bucket, left=most, until=clock() + PATIENCE_S, clock=clock)
    objects = find_foreign(cast("Bucket", bounded), layout, within)
    return Listed(objects=objects, complete=bounded.complete)


def by_day(objects: Sequence[ForeignObject], within: TimeRange) -> Mapping[int, ListedDay]:
    """The days of the range that some object may hold lines of; without objects whose keys tell no day."""
    days: dict[int, ListedDay] = {}
    for one in objects:
        if not tells_day(one) or one.hint is None:
            continue
        start, end = max(one.hint.start, within.start), min(one.hint.end, within.end)
        for number in range(start // DAY_MS, (end - 1) // DAY_MS + 1):
            day = days.setdefault(number, ListedDay(day=number))
            day.objects += 1
            day.stored_bytes += one.size
            for hour in TimeRange(
                start=max(start, number * DAY_MS), end=min(end, (number + 1) * DAY_MS)
            ).hours():
                day.hours |= 1 << hour % 24
    return days


def tells_day(one: ForeignObject) -> bool:
    return one.hint is not None and one.hint.end - one.hint.start <= _MOST_DAYS * DAY_MS
