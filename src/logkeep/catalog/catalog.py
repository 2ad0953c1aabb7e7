"""The catalog: accounts, keys, archives, objects, restores and their ledger, in one database."""

from __future__ import annotations

from logkeep.catalog.accounts import Accounts, Archives, Keys
from logkeep.catalog.database import Database, open_database
from logkeep.catalog.objects import Objects
from logkeep.catalog.restores import Restores


class Catalog:
    """One repository per aggregate. Every call is one transaction, and safe from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.keys = Keys(database)
        self.accounts = Accounts(database, self.keys)
        self.archives = Archives(database)
        self.objects = Objects(database)
        self.restores = Restores(database)

    def close(self) -> None:
        self._database.close()


def open_catalog(url: str) -> Catalog:
    """The catalog at `sqlite:///path`, created or brought up to date. Raises BadSetting for another URL."""
    return Catalog(open_database(url))
