"""Accounts and their sub-accounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.keys import Keys
from logkeep.catalog.models import accounts, objects, pipelines
from logkeep.catalog.rows import check_id, find_account, get_account, no_account
from logkeep.catalog.values import Account, AccountKind, Match, ObjectState
from logkeep.errors import Conflict, InputError


class Accounts:
    def __init__(self, database: Database, keys_of_accounts: Keys) -> None:
        self._database = database
        self._keys = keys_of_accounts

    def create(
        self,
        name: str,
        kind: AccountKind,
        created_at: int,
        restore_id: str = "",
        *,
        title: str = "",
        parent: str = "",
    ) -> Account:
        """Raises Conflict for a taken name; InputError for a name that cannot stand in object keys, and for
        a parent that is not there, is a restored account, or is a sub-account itself."""
        account = Account(
            id=check_account_id(name),
            kind=kind,
            created_at=created_at,
            restore_id=restore_id,
            title=title,
            parent=parent,
        )
        with self._database.writing() as connection:
            if find_account(connection, name) is not None:
                raise Conflict(f"account {name!r} exists already", hint="choose another name")
            if parent:
                _check_parent(find_account(connection, parent), parent)
            connection.execute(insert(accounts).values(vars(account)))
        return account

    def get(self, name: str) -> Account:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return get_account(connection, name)

    def list(self) -> Sequence[Account]:
        """All accounts by name."""
        with self._database.reading() as connection:
            found = connection.execute(select(accounts).order_by(accounts.c.id))
            return [Account(**row._mapping) for row in found]

    def update(
        self,
        name: str,
        *,
        title: str | None = None,
        suspended: bool | None = None,
        retention_s: int | None = None,
        match: Match | None = None,
    ) -> Account:
        """Change what is given; None leaves a field as it is. Raises NotFound."""
        changes = {"title": title, "suspended": suspended, "retention_s": retention_s, "match": match}
        given = {field: value for field, value in changes.items() if value is not None}
        with self._database.writing() as connection:
            if given:
                connection.execute(update(accounts).where(accounts.c.id == name).values(given))
            return get_account(connection, name)

    def delete(self, name: str) -> None:
        """Delete an account with its keys, archives, targets and rules. What is in its archives stays, and so
        do the rows of sealed objects; what was only planned goes.

        Raises NotFound; Conflict while it has sub-accounts or pipelines.
        """
        with self._database.writing() as connection:
            child = connection.scalar(select(accounts.c.id).where(accounts.c.parent == name).limit(1))
            if child is not None:
                raise Conflict(
                    f"account {name!r} has sub-accounts, such as {child!r}", hint="delete these first"
                )
            pipeline = connection.scalar(select(pipelines.c.id).where(pipelines.c.account == name).limit(1))
            if pipeline is not None:
                raise Conflict(
                    f"account {name!r} has pipelines, such as {pipeline!r}", hint="delete these first"
                )
            if not connection.execute(delete(accounts).where(accounts.c.id == name)).rowcount:
                raise no_account(name)
            connection.execute(
                delete(objects).where(objects.c.account == name, objects.c.state == ObjectState.PLANNED)
            )
        self._keys.forget(name)


def check_account_id(name: str) -> str:
    """The name itself. Raises InputError with the rule it breaks."""
    return check_id(name, "the name of an account")


def _check_parent(parent: Account | None, name: str) -> None:
    hint = "a sub-account belongs to a live account that is no sub-account itself"
    if parent is None:
        raise InputError(f"there is no account {name!r} that could have a sub-account", hint=hint)
    if parent.kind is not AccountKind.LIVE:
        raise InputError(f"{name!r} is a restored account, which has no sub-accounts", hint=hint)
    if parent.parent:
        raise InputError(f"{name!r} is a sub-account of {parent.parent!r} itself", hint=hint)
