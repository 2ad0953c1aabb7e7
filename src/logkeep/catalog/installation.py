"""What there is once in a catalog."""

from __future__ import annotations

from sqlalchemy import select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import installation


class Installation:
    def __init__(self, database: Database) -> None:
        self._database = database

    def server_id(self) -> str:
        """Made at random with the catalog: tells this server's archives from another's."""
        with self._database.reading() as connection:
            return str(connection.execute(select(installation.c.server_id)).scalar_one())

    def number(self) -> int:
        """The same in 60 bits, for what keeps numbers only."""
        return int(self.server_id()[:15], 16)

    def has_begun(self) -> bool:
        """Whether the first start came to its end."""
        with self._database.reading() as connection:
            return bool(connection.scalar(select(installation.c.begun_at)))

    def begin(self, at: int) -> None:
        """The first start has come to its end."""
        with self._database.writing() as connection:
            connection.execute(update(installation).values(begun_at=at))
