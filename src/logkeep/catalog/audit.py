"""The audit log: who changed what. Entries are only added, and the oldest go when there are too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, select

from logkeep.catalog.database import Database
from logkeep.catalog.models import audit
from logkeep.catalog.values import AuditEntry

KEPT = 100_000  # entries; a few dozen MB at most


class Audit:
    def __init__(self, database: Database, *, kept: int = KEPT) -> None:
        self._database = database
        self._kept = kept

    def add(
        self, at: int, actor: str, action: str, subject: str, details: Mapping[str, object]
    ) -> AuditEntry:
        """Write an entry down. `details` are JSON values and hold nothing secret."""
        values = {"at": at, "actor": actor, "action": action, "subject": subject, "details": details}
        with self._database.writing() as connection:
            number = connection.execute(insert(audit).values(values).returning(audit.c.id)).scalar_one()
            # Numbers have no gaps, so this leaves the newest.
            connection.execute(delete(audit).where(audit.c.id <= number - self._kept))
        return AuditEntry(id=number, at=at, actor=actor, action=action, subject=subject, details=details)

    def list(self, limit: int, before: int | None = None) -> Sequence[AuditEntry]:
        """At most `limit` entries, newest first; only those older than the one with the id `before`."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        return self._entries(query)

    def about(self, kind: str, subject: str, limit: int) -> Sequence[AuditEntry]:
        """At most `limit` entries about one thing, newest first; `kind` begins their actions."""
        query = select(audit).where(audit.c.subject == subject, audit.c.action.startswith(f"{kind}."))
        return self._entries(query.order_by(audit.c.id.desc()).limit(limit))

    def _entries(self, query: Select[Any]) -> Sequence[AuditEntry]:
        with self._database.reading() as connection:
            return [AuditEntry(**row._mapping) for row in connection.execute(query)]
