"""The catalog: accounts, keys, archives, objects, rules, restores and their ledger, pipelines, notices,
checks, the audit log and users, in one database."""

from __future__ import annotations

from logkeep.catalog.accounts import Accounts
from logkeep.catalog.actors import Actors
from logkeep.catalog.archives import Archives
from logkeep.catalog.audit import Audit
from logkeep.catalog.checks import Checks
from logkeep.catalog.database import Database, open_database
from logkeep.catalog.history import RestoreHistory
from logkeep.catalog.installation import Installation
from logkeep.catalog.invites import Invites
from logkeep.catalog.keys import Keys
from logkeep.catalog.notices import Notices
from logkeep.catalog.objects import Objects
from logkeep.catalog.pipelines import Pipelines
from logkeep.catalog.restores import Restores
from logkeep.catalog.rules import Rules
from logkeep.catalog.sessions import Sessions
from logkeep.catalog.tokens import Tokens
from logkeep.catalog.users import Users


class Catalog:
    """One repository per aggregate. Every call is one transaction, and safe from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.installation = Installation(database)
        self.keys = Keys(database)
        self.accounts = Accounts(database, self.keys)
        self.archives = Archives(database)
        self.objects = Objects(database)
        self.rules = Rules(database)
        self.restores = Restores(database)
        self.restore_history = RestoreHistory(database)
        self.pipelines = Pipelines(database)
        self.checks = Checks(database)
        self.notices = Notices(database)
        self.audit = Audit(database)
        self.actors = Actors(database)
        self.users = Users(database)
        self.sessions = Sessions(database)
        self.tokens = Tokens(database)
        self.invites = Invites(database)

    def close(self) -> None:
        self._database.close()


def open_catalog(url: str) -> Catalog:
    """The catalog at `sqlite:///path`, created or brought up to date. Raises BadSetting for another URL."""
    return Catalog(open_database(url))
