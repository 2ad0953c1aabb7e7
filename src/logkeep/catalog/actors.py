"""Actors: the names of those who did something, for people to read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select

from logkeep.catalog.database import Database
from logkeep.catalog.models import keys, users

USER = "user:"  # begins an actor that is a user; others are the ids of keys, or "server"


class Actors:
    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self, actors: Collection[str]) -> Mapping[str, str]:
        """The name of each that has one: of a user, or of a key. Who is gone has none."""
        user_ids = [one.removeprefix(USER) for one in actors if one.startswith(USER)]
        with self._database.reading() as connection:
            people = connection.execute(select(users.c.id, users.c.name).where(users.c.id.in_(user_ids)))
            found = {USER + row.id: row.name for row in people}
            issued = connection.execute(select(keys.c.id, keys.c.name).where(keys.c.id.in_(actors)))
            return found | {row.id: row.name for row in issued if row.name}
