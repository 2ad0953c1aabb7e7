"""Rows that several repositories look up, and what is said when they are not there."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from logkeep.catalog.models import accounts
from logkeep.catalog.values import Account
from logkeep.errors import InputError, NotFound

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def check_id(name: str, what: str) -> str:
    """The name itself. Raises InputError with the rule it breaks; `what` says what it cannot be."""
    if not _ID.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be {what}",
            hint="use 1 to 63 lower-case letters, digits and dashes, the first not a dash",
        )
    return name


def find_account(connection: Connection, name: str) -> Account | None:
    row = connection.execute(select(accounts).where(accounts.c.id == name)).one_or_none()
    return None if row is None else Account(**row._mapping)


def get_account(connection: Connection, name: str) -> Account:
    """Raises NotFound."""
    found = find_account(connection, name)
    if found is None:
        raise no_account(name)
    return found


def no_account(name: str) -> NotFound:
    return NotFound(f"there is no account {name!r}", hint="see the accounts with: logkeep account ls")


def no_archive(archive_id: str) -> NotFound:
    return NotFound(f"there is no archive {archive_id!r}", hint="see the archives with: logkeep archive show")
