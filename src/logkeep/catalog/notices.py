"""Notices that restores have ended: what is to be sent to whom, and how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import notices
from logkeep.catalog.values import Notice, NoticeState
from logkeep.errors import NotFound

KEPT = 10_000  # notices that are sent or given up; a few dozen MB at most


class Notices:
    def __init__(self, database: Database, *, kept: int = KEPT) -> None:
        self._database = database
        self._kept = kept

    def add(
        self, drafts: Sequence[Notice], body_of: Callable[[Notice], bytes] | None = None
    ) -> Sequence[Notice]:
        """Write these notices down, all or none. Their ids are given here; `body_of` makes each one's body,
        which may name the id. The oldest of those that are sent or given up go when there are too many."""
        with self._database.writing() as connection:
            added = []
            for draft in drafts:
                values = {name: value for name, value in vars(draft).items() if name != "id"}
                number = connection.execute(insert(notices).values(values).returning(notices.c.id))
                notice = replace(draft, id=number.scalar_one())
                if body_of is not None:
                    notice = replace(notice, body=body_of(notice))
                    connection.execute(
                        update(notices).where(notices.c.id == notice.id).values(body=notice.body)
                    )
                added.append(notice)
            if added:
                gone = notices.c.id <= added[-1].id - self._kept
                connection.execute(delete(notices).where(gone, notices.c.state != NoticeState.WAITING))
        return added

    def due(self, now: int, limit: int) -> Sequence[Notice]:
        """At most `limit` WAITING notices whose time has come at `now`, the longest due first."""
        waiting = notices.c.state == NoticeState.WAITING
        return self._select(waiting, notices.c.next_at <= now, by=notices.c.next_at, limit=limit)

    def next_due(self) -> int | None:
        """When the first of the WAITING notices is due; None if there is none."""
        query = select(func.min(notices.c.next_at)).where(notices.c.state == NoticeState.WAITING)
        with self._database.reading() as connection:
            first: int | None = connection.scalar(query)
        return first

    def of_restore(self, restore_id: str) -> Sequence[Notice]:
        """All notices of one restore that are still kept, oldest first."""
        return self._select(notices.c.restore_id == restore_id, by=notices.c.id)

    def tried(self, notice: Notice) -> None:
        """Write down how a try went: the notice's state, tries, next_at and error. Raises NotFound."""
        changed = {name: getattr(notice, name) for name in ("state", "tries", "next_at", "error")}
        with self._database.writing() as connection:
            done = connection.execute(update(notices).where(notices.c.id == notice.id).values(changed))
            if not done.rowcount:
                raise NotFound(f"there is no notice {notice.id}")

    def _select(
        self, *where: ColumnElement[bool], by: ColumnElement[int], limit: int | None = None
    ) -> Sequence[Notice]:
        query = select(notices).where(*where).order_by(by, notices.c.id).limit(limit)
        with self._database.reading() as connection:
            return [Notice(**row._mapping) for row in connection.execute(query)]
