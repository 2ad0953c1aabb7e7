from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from logkeep.archive.manifest import BlockEntry
from logkeep.inplace.places import HourObjects, Source, Unit
from logkeep.inplace.walk import Walk
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour

BUCKET = FolderBucket(Path("/nowhere"))


def unit(source: str, rank: int, first: int, last: int, size: int = 10) -> Unit:
    block = BlockEntry(offset=rank, length=1, raw_bytes=size, lines=1, min_ts=first, max_ts=last)
    where = Source(place=0, bucket=BUCKET, key=source, size=1)
    return Unit(source=where, rank=rank, first_ms=first, last_ms=last, block=block, alone=True)


class Hours:
    """Hours with these units, and which of them were looked into."""

    def __init__(self, *units: Sequence[Unit]) -> None:
        self._units = units
        self.opened: list[int] = []

    def listed(self, order: Sequence[int]) -> Iterator[HourObjects]:
        return (HourObjects(hour=Hour(hour), sources=()) for hour in order)

    def units_of(self, one: HourObjects) -> list[Unit]:
        self.opened.append(one.hour)
        return list(self._units[one.hour])


def ranks(runs: Sequence[Sequence[Unit]]) -> list[list[int]]:
    return [[unit.rank for unit in run] for run in runs]


def everything(walk: Walk, most_bytes: int = 1) -> list[list[list[int]]]:
    taken = []
    while walk.distance is not None:
        taken.append(ranks(walk.take(most_bytes, 100)))
    walk.close()
    return taken


def test_units_come_by_their_nearest_line() -> None:
    units = [unit("a", 0, 0, 50), unit("a", 1, 40, 90), unit("b", 2, 30, 70)]
    hours = Hours(units)
    assert everything(Walk(hours.listed([0]), [], hours.units_of, sign=1)) == [[[0]], [[2]], [[1]]]
    assert everything(Walk(hours.listed([0]), [], hours.units_of, sign=-1)) == [[[1]], [[2]], [[0]]]


def test_units_of_one_object_are_taken_together_in_its_order() -> None:
    units = [unit("a", 0, 0, 9), unit("a", 1, 10, 19), unit("b", 2, 5, 12), unit("a", 3, 20, 29)]
    hours = Hours(units)
    assert everything(Walk(hours.listed([0]), [], hours.units_of, sign=-1), 30) == [[[1, 3], [2]], [[0]]]


def test_an_hour_is_looked_into_when_its_turn_comes() -> None:
    hours = Hours([unit("a", 0, 0, 9)], [], [unit("c", 2, 2 * HOUR_MS, 2 * HOUR_MS + 9)])
    walk = Walk(hours.listed([2, 1, 0]), [], hours.units_of, sign=-1)
    assert walk.distance == -(3 * HOUR_MS - 1)
    assert ranks(walk.take(1, 100)) == [[2]]
    assert hours.opened[0] == 2
    assert 0 not in hours.opened
    assert walk.distance == -(2 * HOUR_MS - 1)
    assert everything(walk) == [[[0]]]


def test_others_stand_between_the_hours() -> None:
    hours = Hours([unit("a", 0, 0, 9)], [unit("b", 1, HOUR_MS, HOUR_MS + 9)])
    other = unit("x", -1, 5, HOUR_MS + 5)
    assert everything(Walk(hours.listed([0, 1]), [other], hours.units_of, sign=1)) == [[[0]], [[-1]], [[1]]]
    assert everything(Walk(hours.listed([1, 0]), [other], hours.units_of, sign=-1)) == [[[1]], [[-1]], [[0]]]


def test_what_is_put_back_comes_again() -> None:
    one = unit("a", 0, 0, 9)
    walk = Walk(iter(()), [one], lambda _: [], sign=1)
    assert walk.take(1, 1) == [[one]]
    assert walk.distance is None
    walk.put_back([one])
    assert everything(walk) == [[[0]]]
