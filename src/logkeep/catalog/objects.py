"""The objects of archives: planned, then sealed.

What is asked of an archive is answered from the objects in its own targets: those that a deleted archive of
the same id left behind are found by account or target only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import ChainHead
from logkeep.catalog.database import Database
from logkeep.catalog.models import objects, targets
from logkeep.catalog.values import ArchiveObject, ObjectState
from logkeep.errors import Conflict, NotFound
from logkeep.timeline import Hour, TimeRange

_ADDED_UP = objects.c.lines, objects.c.raw_bytes, objects.c.stored_bytes
_SUMS = func.count(), *(func.coalesce(func.sum(column), 0) for column in _ADDED_UP)

# What has been sealed in the targets that archives have: an archive that was removed leaves its rows behind,
# and another one may have its id by now.
_OF_ALL = (
    objects.c.state == ObjectState.SEALED,
    objects.c.target == targets.c.id,
    objects.c.archive == targets.c.archive,
)


class Totals(NamedTuple):
    """Sums over sealed objects."""

    objects: int
    lines: int
    raw_bytes: int
    stored_bytes: int


NOTHING = Totals(objects=0, lines=0, raw_bytes=0, stored_bytes=0)


class DayTotals(NamedTuple):
    """Sums over what an archive has sealed of one UTC day, counted from the epoch."""

    day: int
    objects: int
    lines: int
    raw_bytes: int
    stored_bytes: int
    looked_at: int  # objects that were there in the place and at the time that was asked about
    hours: int  # a bit for each hour of the day that has an object

    @property
    def late_objects(self) -> int:
        """Those after the first of their hour: of late lines, or of what was over the largest size."""
        return self.objects - self.hours.bit_count()


class Objects:
    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, planned: ArchiveObject) -> None:
        """Fix what an object will hold before its bytes are written. Raises Conflict if its part is taken."""
        try:
            with self._database.writing() as connection:
                connection.execute(insert(objects).values(vars(planned)))
        except IntegrityError as error:
            raise _taken(planned) from error

    def renumber(self, planned: ArchiveObject, part: int) -> ArchiveObject:
        """Give a planned object another part, because its key is taken in the bucket.

        Raises Conflict when that part is taken too or the object is not planned (any more).
        """
        moved = replace(planned, part=part)
        change = update(objects).where(_is(planned), objects.c.state == ObjectState.PLANNED).values(part=part)
        try:
            with self._database.writing() as connection:
                if not connection.execute(change).rowcount:
                    raise Conflict(f"{_name(planned)} is not planned")
        except IntegrityError as error:
            raise _taken(moved) from error
        return moved

    def drop(self, planned: ArchiveObject) -> None:
        """Forget a planned object that can never be made. Idempotent; a sealed one stays."""
        with self._database.writing() as connection:
            connection.execute(delete(objects).where(_is(planned), objects.c.state == ObjectState.PLANNED))

    def seal(self, sealed: ArchiveObject) -> None:
        """Object and manifest are in the bucket. Repeating it is fine; sealing other bytes is a Conflict.

        Raises NotFound for an object that was never planned.
        """
        sealed = replace(sealed, state=ObjectState.SEALED)
        with self._database.writing() as connection:
            row = connection.execute(select(objects).where(_is(sealed))).one_or_none()
            if row is None:
                raise NotFound(f"{_name(sealed)} was not planned")
            if row.state is ObjectState.SEALED:
                if row.sha256 != sealed.sha256:
                    raise Conflict(f"{_name(sealed)} is sealed with other bytes")
                return
            connection.execute(update(objects).where(_is(sealed)).values(vars(sealed)))

    def planned(self) -> Sequence[ArchiveObject]:
        """Objects whose sealing was begun and not finished, oldest hour first."""
        return self._select(_all().where(objects.c.state == ObjectState.PLANNED))

    def list(
        self,
        account: str | None = None,
        within: TimeRange | None = None,
        *,
        archive: str | None = None,
        target: int | None = None,
    ) -> Sequence[ArchiveObject]:
        """Sealed objects, of one account, archive or target or of all, of the hours that `within` touches;
        oldest hour first."""
        query = _all().where(objects.c.state == ObjectState.SEALED)
        if account is not None:
            query = query.where(objects.c.account == account)
        if archive is not None:
            query = query.where(_of_archive(archive))
        if target is not None:
            query = query.where(objects.c.target == target)
        if within is not None:
            query = query.where(_of_hours(within))
        return self._select(query)

    def keys(self, target: int) -> Sequence[str]:
        """Of all sealed objects in a target."""
        query = select(objects.c.key).where(objects.c.target == target, objects.c.state == ObjectState.SEALED)
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def highest_seq(self, spool_id: int) -> int:
        """The highest seq of this spool that is in a sealed object; 0 if none is."""
        query = select(func.max(objects.c.upto_seq)).where(
            objects.c.spool_id == spool_id, objects.c.state == ObjectState.SEALED
        )
        with self._database.reading() as connection:
            return int(connection.scalar(query) or 0)

    def next_part(self, target: int, hour: Hour) -> int:
        """The lowest part above all that the hour has in this target."""
        query = select(func.max(objects.c.part)).where(_of_hour(target, hour))
        with self._database.reading() as connection:
            last = connection.scalar(query)
        return 0 if last is None else last + 1

    def sealed_hours(self, hours: Collection[Hour]) -> set[tuple[str, Hour]]:
        """Which archives have an object of which of these hours, in any of their targets."""
        query = (
            select(objects.c.archive, objects.c.hour)
            .distinct()
            .join(targets, and_(targets.c.id == objects.c.target, targets.c.archive == objects.c.archive))
            .where(objects.c.state == ObjectState.SEALED, objects.c.hour.in_(hours))
        )
        if not hours:
            return set()
        with self._database.reading() as connection:
            return {(archive, Hour(hour)) for archive, hour in connection.execute(query)}

    def totals(self, archive: str) -> Totals:
        """Sums over all that the archive has sealed, in all of its targets."""
        query = select(*_SUMS).where(_of_archive(archive), objects.c.state == ObjectState.SEALED)
        with self._database.reading() as connection:
            return Totals(*map(int, connection.execute(query).one()))

    def totals_of_all(self) -> Mapping[str, Totals]:
        """The same of every archive that has sealed something, by its id."""
        query = select(objects.c.archive, *_SUMS).where(*_OF_ALL).group_by(objects.c.archive)
        with self._database.reading() as connection:
            return {archive: Totals(*map(int, sums)) for archive, *sums in connection.execute(query)}

    def hours(self, archive: str, within: TimeRange) -> Mapping[Hour, Totals]:
        """Sums over what the archive has sealed of each hour that `within` touches, oldest hour first. An
        hour without an object is left out."""
        query = (
            select(objects.c.hour, *_SUMS)
            .where(_of_archive(archive), _of_hours(within), objects.c.state == ObjectState.SEALED)
            .group_by(objects.c.hour)
            .order_by(objects.c.hour)
        )
        with self._database.reading() as connection:
            return {Hour(hour): Totals(*map(int, sums)) for hour, *sums in connection.execute(query)}

    def newest(self, archive: str) -> ArchiveObject | None:
        """What was sealed last of the archive's last hour; None when it has no object."""
        query = (
            select(objects)
            .where(_of_archive(archive), objects.c.state == ObjectState.SEALED)
            .order_by(objects.c.hour.desc(), objects.c.sealed_at.desc())
            .limit(1)
        )
        found = self._select(query)
        return found[0] if found else None

    def newest_of_all(self) -> Mapping[str, ArchiveObject]:
        """The same of every archive that has an object, by its id."""
        last = (
            select(objects.c.archive, func.max(objects.c.hour).label("hour"))
            .where(*_OF_ALL)
            .group_by(objects.c.archive)
            .subquery()
        )
        query = (
            select(objects)
            .join(last, and_(objects.c.archive == last.c.archive, objects.c.hour == last.c.hour))
            .where(*_OF_ALL)
            .order_by(objects.c.sealed_at)
        )
        return {one.archive: one for one in self._select(query)}

    def span(self, archive: str) -> tuple[Hour, Hour] | None:
        """The first and the last hour of which the archive has an object; None when it has none."""
        query = select(func.min(objects.c.hour), func.max(objects.c.hour)).where(
            _of_archive(archive), objects.c.state == ObjectState.SEALED
        )
        with self._database.reading() as connection:
            first, last = connection.execute(query).one()
        return None if first is None else (Hour(first), Hour(last))

    def days(
        self, archive: str, within: TimeRange, *, limit: int, place: int = 0, until: int = 0
    ) -> Sequence[DayTotals]:
        """Sums by UTC day over the hours that `within` touches, the newest `limit` days that have an object,
        newest first. `looked_at` counts what was sealed in the target `place` up to the time `until`."""
        there = case((and_(objects.c.target == place, objects.c.sealed_at <= until), 1), else_=0)
        by_hour = (
            select(
                objects.c.hour,
                func.count().label("objects"),
                *(func.sum(column).label(column.name) for column in _ADDED_UP),
                func.sum(there).label("looked_at"),
            )
            .where(_of_archive(archive), _of_hours(within), objects.c.state == ObjectState.SEALED)
            .group_by(objects.c.hour)
            .subquery()
        )
        day = by_hour.c.hour // 24
        bit = literal(1).bitwise_lshift(cast(by_hour.c.hour % 24, Integer))
        sums = *(func.sum(by_hour.c[name]) for name in DayTotals._fields[1:-1]), func.sum(bit)
        query = select(day, *sums).group_by(day).order_by(day.desc()).limit(limit)
        with self._database.reading() as connection:
            return [DayTotals(*map(int, row)) for row in connection.execute(query)]

    def lines_of_spool(self, archive: str, within: TimeRange, spool_id: int) -> Mapping[Hour, int]:
        """Sealed lines that came through this spool, by hour."""
        query = (
            select(objects.c.hour, func.sum(objects.c.lines))
            .where(
                _of_archive(archive),
                _of_hours(within),
                objects.c.state == ObjectState.SEALED,
                objects.c.spool_id == spool_id,
            )
            .group_by(objects.c.hour)
        )
        with self._database.reading() as connection:
            return {Hour(hour): int(lines) for hour, lines in connection.execute(query)}

    def chain_head(self, target: int) -> ChainHead | None:
        """The last manifest of the target's chain; None when no object of it is in the chain."""
        query = (
            select(objects.c.chain, objects.c.key, objects.c.manifest_sha256)
            .where(objects.c.target == target, objects.c.chain > 0, objects.c.state == ObjectState.SEALED)
            .order_by(objects.c.chain.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return ChainHead(chain=row.chain, key=manifest_key(row.key), sha256=row.manifest_sha256)

    def _select(self, query: Select[tuple[object, ...]]) -> Sequence[ArchiveObject]:
        with self._database.reading() as connection:
            return [_object(row) for row in connection.execute(query)]


def _all() -> Select[tuple[object, ...]]:
    return select(objects).order_by(objects.c.hour, objects.c.account, objects.c.target, objects.c.part)


def _is(one: ArchiveObject) -> ColumnElement[bool]:
    return and_(_of_hour(one.target, one.hour), objects.c.part == one.part)


def _of_hour(target: int, hour: Hour) -> ColumnElement[bool]:
    return and_(objects.c.target == target, objects.c.hour == hour)


def _of_hours(within: TimeRange) -> ColumnElement[bool]:
    hours = within.hours()
    return and_(objects.c.hour >= hours.start, objects.c.hour < hours.stop)


def _of_archive(archive: str) -> ColumnElement[bool]:
    of_it = select(targets.c.id).where(targets.c.archive == archive)
    return and_(objects.c.archive == archive, objects.c.target.in_(of_it))


def _object(row: Row[tuple[object, ...]]) -> ArchiveObject:
    return ArchiveObject(**row._mapping)


def _name(one: ArchiveObject) -> str:
    return f"part {one.part} of hour {one.hour} of archive {one.archive!r} in target {one.target}"


def _taken(one: ArchiveObject) -> Conflict:
    return Conflict(f"{_name(one)} is in the catalog already")
