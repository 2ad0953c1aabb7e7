"""Where a search in place looks: places, their objects hour by hour, and the units that are scanned."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile
from typing import TypeAlias, cast

from logkeep.archive.foreign.base import Layout
from logkeep.archive.layout import MANIFESTS, parse_key, prefixes
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.reader import read_manifest
from logkeep.archive.selection import select_blocks
from logkeep.errors import DamagedArchive
from logkeep.inplace.tally import Tally
from logkeep.query.ast import Node
from logkeep.storage.base import Bucket, Stat
from logkeep.timeline import MAX_MS, MIN_MS, Hour, TimeRange, hour_end, hour_start

Stopped: TypeAlias = Callable[[], bool]

_USUAL_RATIO = 6  # bytes of lines to stored bytes
_UNITS_OF_HOUR_BITS = 32
_MOST_HOURS = 50 * 366 * 24  # of a range whose folders are listed one by one; beyond that all are listed


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Place:
    """A bucket that is searched: one account of it or all. `layout` is None for archives of ours."""

    bucket: Bucket
    account: str | None = None
    layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An object that is searched. `place` is the number of its place among those of the search."""

    place: int
    bucket: Bucket
    key: str
    size: int
    layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """What is scanned in one go: a block, or an object whose blocks nobody knows.

    All its lines are from `first_ms` to `last_ms`, both included. `rank` orders lines of one time that have
    no id; each unit has its own. `alone` says that none of its lines is there once more, in another unit or
    in it: where a manifest tells of lines each has its own id, so the ids of the objects tell.
    """

    source: Source
    rank: int
    first_ms: int
    last_ms: int
    block: BlockEntry | None
    alone: bool

    @property
    def weight(self) -> int:
        """Bytes of its lines, about so many where nobody counted them; or stored bytes if they are more."""
        if self.block is None:
            return self.source.size * _USUAL_RATIO
        return max(self.block.raw_bytes, self.block.length)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourObjects:
    """All objects of one hour, of every place."""

    hour: Hour
    sources: tuple[tuple[Source, int], ...]  # with their parts


def hours(
    places: Sequence[Place], within: TimeRange | None, *, newest_first: bool, stopped: Stopped = _never
) -> Iterator[HourObjects]:
    """The hours that have objects of ours, listed folder by folder as they are asked for; no more of them
    soon after `stopped` says so."""
    sign = -1 if newest_first else 1
    streams = [
        _named(number, place, within, sign, stopped)
        for number, place in enumerate(places)
        if place.layout is None
    ]
    named = heapq.merge(*streams, key=lambda one: (sign * one[0], one[1].place))
    for hour, found in groupby(named, key=lambda one: one[0]):
        yield HourObjects(hour=hour, sources=tuple((source, part) for _, source, part in found))


def _named(
    number: int, place: Place, within: TimeRange | None, sign: int, stopped: Stopped
) -> Iterator[tuple[Hour, Source, int]]:
    asked = within.hours() if within else None
    folders = prefixes(within) if within and len(within.hours()) <= _MOST_HOURS else [""]
    for folder in folders[::sign]:
        found = []
        for stat in takewhile(lambda _: not stopped(), place.bucket.list(folder)):
            name = None if stat.key.startswith(MANIFESTS) else parse_key(stat.key)
            if name is None or place.account not in (None, name.account):
                continue
            if asked is None or name.hour in asked:
                source = Source(place=number, bucket=place.bucket, key=stat.key, size=stat.size)
                found.append((name.hour, source, name.part))
        if stopped():
            return
        found.sort(key=lambda one: (sign * one[0], one[2], one[1].key))
        yield from found


def span_of(places: Sequence[Place], within: TimeRange | None, stopped: Stopped = _never) -> TimeRange | None:
    """The whole hours from the first to the last that have objects of the range, cut to it; None when there
    are none. An object of another system whose key tells no time does not count, but where there are only
    such it is the range itself. Raises StorageError. Ends soon after `stopped` says so."""
    spans = [
        TimeRange(start=hour_start(one.hour), end=hour_end(one.hour))
        for one in hours(places, within, newest_first=False, stopped=stopped)
    ]
    units = foreign_units(places, within, Tally(), stopped)
    spans += [
        TimeRange(start=max(MIN_MS, unit.first_ms), end=unit.last_ms + 1)
        for unit in units
        if unit.last_ms < MAX_MS - 1
    ]
    if not spans:
        return within if units else None
    start, end = min(one.start for one in spans), max(one.end for one in spans)
    return (
        TimeRange(start=max(start, within.start), end=min(end, within.end))
        if within
        else TimeRange(start=start, end=end)
    )


def units_of_hour(one: HourObjects, node: Node, within: TimeRange | None, tally: Tally) -> list[Unit]:
    """The units of an hour that the range touches and the query cannot rule out. Raises StorageError."""
    known = [(source, _manifest(source, tally)) for source, _ in one.sources if source.size]
    alone = _apart([manifest for _, manifest in known])
    units: list[Unit] = []
    first_rank = one.hour << _UNITS_OF_HOUR_BITS
    for source, manifest in known:
        if manifest is None:
            tally.planned(objects=1, stored_bytes=source.size, blocks=1)
            units.append(
                Unit(
                    source=source,
                    rank=first_rank + len(units),
                    first_ms=hour_start(one.hour),
                    last_ms=hour_end(one.hour) - 1,
                    block=None,
                    alone=False,
                )
            )
            continue
        selection = select_blocks(source.bucket, manifest, node, within)
        tally.planned(
            objects=1,
            stored_bytes=source.size,
            blocks=len(manifest.blocks),
            ruled_out=len(manifest.blocks) - len(selection.blocks),
            filter_bytes=selection.filter_bytes,
        )
        for block in selection.blocks:
            units.append(
                Unit(
                    source=source,
                    rank=first_rank + len(units),
                    first_ms=block.min_ts,
                    last_ms=block.max_ts,
                    block=block,
                    alone=alone,
                )
            )
    return units


def foreign_units(
    places: Sequence[Place], within: TimeRange | None, tally: Tally, stopped: Stopped = _never
) -> list[Unit]:
    """The objects of other systems that may hold lines of the range; not all of them if `stopped` says so
    meanwhile. Raises StorageError.

    What their keys say of the times of their lines is believed for the order alone: a line that is of
    another time is found, though it may come late.
    """
    units: list[Unit] = []
    for number, place in enumerate(places):
        if place.layout is None:
            continue
        from logkeep.archive.foreign.find import find_foreign  # as for read_foreign in lines.py

        bucket = cast("Bucket", _Listed(place.bucket, stopped))
        for found in find_foreign(bucket, place.layout, within):
            tally.planned(objects=1, stored_bytes=found.size, blocks=1)
            source = Source(
                place=number, bucket=place.bucket, key=found.key, size=found.size, layout=place.layout
            )
            hint = found.hint or TimeRange(start=MIN_MS, end=MAX_MS)
            units.append(
                Unit(
                    source=source,
                    rank=-1 - len(units),
                    first_ms=hint.start,
                    last_ms=hint.end - 1,
                    block=None,
                    alone=False,
                )
            )
    return units


class _Listed:
    """What a search for objects needs of a bucket; the listing ends when it is to stop."""

    def __init__(self, bucket: Bucket, stopped: Stopped) -> None:
        self._bucket = bucket
        self._stopped = stopped

    def list(self, prefix: str = "") -> Iterator[Stat]:
        return takewhile(lambda _: not self._stopped(), self._bucket.list(prefix))


def _manifest(source: Source, tally: Tally) -> Manifest | None:
    """What can be gone by. An object that its manifest does not describe is read without it."""
    try:
        manifest = read_manifest(source.bucket, source.key)
    except DamagedArchive as error:
        tally.damaged(source.key, 0, f"{error.message}; the object is read without it")
        return None
    if manifest is not None and manifest.stored_bytes != source.size:
        tally.damaged(
            source.key,
            0,
            f"the object has {source.size} bytes and should have {manifest.stored_bytes}, as its manifest"
            " says; it is read without it",
        )
        return None
    return manifest


def _apart(manifests: Sequence[Manifest | None]) -> bool:
    """Whether no id can be in two of these objects: their ids are known and do not overlap."""
    ranges = sorted(map(_ids, manifests))
    return all(before[1] < after[0] for before, after in pairwise(ranges)) and _ALL_IDS not in ranges


_ALL_IDS = (0, 1 << 64)


def _ids(manifest: Manifest | None) -> tuple[int, int]:
    if manifest is None or not (manifest.first_lid.isdecimal() and manifest.last_lid.isdecimal()):
        return _ALL_IDS
    return int(manifest.first_lid), int(manifest.last_lid)
