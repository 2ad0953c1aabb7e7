"""Restores to look at: those that are watched."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select

from logkeep.catalog.database import Database
from logkeep.catalog.models import restores
from logkeep.catalog.restores import RUNNING
from logkeep.catalog.values import Restore


class RestoreHistory:
    """Reads what catalog/restores.py writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def watched(self, ids: Collection[str], *, running: bool) -> Sequence[Restore]:
        """Those with one of these ids and, with `running`, all that have not ended; newest first."""
        wanted = [restores.c.id.in_(ids)]
        if running:
            wanted.append(restores.c.state.in_(RUNNING))
        query = select(restores).where(or_(*wanted))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(restores.c.created_at.desc(), restores.c.id.desc()))
            return [Restore(**row._mapping) for row in rows]
