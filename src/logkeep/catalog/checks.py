"""The last results of scheduled verifies and drills."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from logkeep.catalog.database import Database
from logkeep.catalog.models import checks
from logkeep.catalog.rows import no_archive
from logkeep.catalog.values import Check


class Checks:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, check: Check) -> None:
        """Note a result in place of the last one of its archive and kind. Raises NotFound when the archive
        is gone."""
        last = checks.c.archive == check.archive, checks.c.kind == check.kind
        try:
            with self._database.writing() as connection:
                connection.execute(delete(checks).where(*last))
                connection.execute(insert(checks).values(vars(check)))
        except IntegrityError as error:
            raise no_archive(check.archive) from error

    def list(self, archive: str | None = None) -> Sequence[Check]:
        """The last result of each kind, of one archive or of all, by archive."""
        query = select(checks).order_by(checks.c.archive, checks.c.kind)
        if archive is not None:
            query = query.where(checks.c.archive == archive)
        with self._database.reading() as connection:
            return [Check(**row._mapping) for row in connection.execute(query)]
