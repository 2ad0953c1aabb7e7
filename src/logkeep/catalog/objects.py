"""The objects of the archive: planned, then sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Row, Select, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from logkeep.catalog.database import Database
from logkeep.catalog.models import objects
from logkeep.catalog.values import ArchiveObject, ObjectState
from logkeep.errors import Conflict, NotFound
from logkeep.timeline import Hour, TimeRange


class Totals(NamedTuple):
    """Sums over the sealed objects of an account."""

    objects: int
    lines: int
    raw_bytes: int
    stored_bytes: int


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

    def list(self, account: str | None = None, within: TimeRange | None = None) -> Sequence[ArchiveObject]:
        """Sealed objects, of one account or all, of the hours that `within` touches; oldest hour first."""
        query = _all().where(objects.c.state == ObjectState.SEALED)
        if account is not None:
            query = query.where(objects.c.account == account)
        if within is not None:
            hours = within.hours()
            query = query.where(objects.c.hour >= hours.start, objects.c.hour < hours.stop)
        return self._select(query)

    def next_part(self, account: str, hour: Hour) -> int:
        """The lowest part above all that the hour has."""
        query = select(func.max(objects.c.part)).where(_of_hour(account, hour))
        with self._database.reading() as connection:
            last = connection.scalar(query)
        return 0 if last is None else last + 1

    def has_sealed(self, account: str, hour: Hour) -> bool:
        query = select(objects.c.part).where(_of_hour(account, hour), objects.c.state == ObjectState.SEALED)
        with self._database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def totals(self, account: str) -> Totals:
        columns = objects.c.lines, objects.c.raw_bytes, objects.c.stored_bytes
        query = select(func.count(), *(func.coalesce(func.sum(column), 0) for column in columns)).where(
            objects.c.account == account, objects.c.state == ObjectState.SEALED
        )
        with self._database.reading() as connection:
            return Totals(*map(int, connection.execute(query).one()))

    def _select(self, query: Select[tuple[object, ...]]) -> Sequence[ArchiveObject]:
        with self._database.reading() as connection:
            return [_object(row) for row in connection.execute(query)]


def _all() -> Select[tuple[object, ...]]:
    return select(objects).order_by(objects.c.hour, objects.c.account, objects.c.part)


def _is(one: ArchiveObject) -> ColumnElement[bool]:
    return and_(_of_hour(one.account, one.hour), objects.c.part == one.part)


def _of_hour(account: str, hour: Hour) -> ColumnElement[bool]:
    return and_(objects.c.account == account, objects.c.hour == hour)


def _object(row: Row[tuple[object, ...]]) -> ArchiveObject:
    return ArchiveObject(**row._mapping)


def _name(one: ArchiveObject) -> str:
    return f"part {one.part} of hour {one.hour} of account {one.account!r}"


def _taken(one: ArchiveObject) -> Conflict:
    return Conflict(f"{_name(one)} is in the catalog already")
