"""The last results of scheduled verifies and drills."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from logkeep.catalog.database import Database
from logkeep.catalog.models import checks
from logkeep.catalog.rows import no_archive
from logkeep.catalog.values import Check, CheckKind
from logkeep.errors import NotFound

# A report may have megabytes, and is rarely looked at.
_SHORT = (checks.c.archive, checks.c.kind, checks.c.at, checks.c.ok, checks.c.summary)


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
        """The last result of each kind without its report, of one archive or of all, by archive."""
        query = select(*_SHORT).order_by(checks.c.archive, checks.c.kind)
        if archive is not None:
            query = query.where(checks.c.archive == archive)
        with self._database.reading() as connection:
            return [Check(**row._mapping) for row in connection.execute(query)]

    def get(self, archive: str, kind: CheckKind) -> Check:
        """The last result of this kind with its report. Raises NotFound."""
        query = select(checks).where(checks.c.archive == archive, checks.c.kind == kind)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(
                f"there is no {kind} of the archive {archive!r}",
                hint=f"run one with: logkeep archive {kind} {archive}",
            )
        return Check(**row._mapping)
