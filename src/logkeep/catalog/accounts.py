"""Accounts, their keys and their archives."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Sequence

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from logkeep.catalog.database import Database
from logkeep.catalog.models import accounts, archives, keys
from logkeep.catalog.values import Account, AccountKind, ArchivePolicy, Key, KeyRole
from logkeep.errors import Conflict, InputError, NotFound

_ACCOUNT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOKEN_PREFIX = {KeyRole.INGEST: "lki_", KeyRole.ADMIN: "lka_"}
_TOKEN_BYTES = 32
_CACHED_KEYS = 10_000  # far more than a server has; only a bound


class Keys:
    """Tokens. Only their SHA-256 is kept: a token is random enough to need no salt."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resolved: dict[str, Key] = {}
        self._lock = threading.Lock()

    def issue(self, account: str, role: KeyRole, now: int) -> str:
        """A new token, in plain text this one time. `account` is "" for the admin role.

        Raises InputError for a key that makes no sense, NotFound for an unknown account.
        """
        if (role is KeyRole.ADMIN) != (account == ""):
            raise InputError("an ingest key belongs to one account, an admin token to none")
        token = _TOKEN_PREFIX[role] + secrets.token_urlsafe(_TOKEN_BYTES)
        row = {"digest": _digest(token), "account": account or None, "role": role, "created_at": now}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(keys).values(row))
        except IntegrityError as error:
            raise _no_account(account) from error
        return token

    def issued(self, account: str) -> bool:
        """Whether the account was ever given a key. True for a restored one, which takes none."""
        with self._database.reading() as connection:
            kind = connection.scalar(select(accounts.c.kind).where(accounts.c.id == account))
            return kind is not AccountKind.LIVE or bool(
                connection.scalar(select(func.count()).select_from(keys).where(keys.c.account == account))
            )

    def resolve(self, token: str) -> Key | None:
        """Who holds this token; None if nobody. A known one costs a hash and a look into a dict."""
        digest = _digest(token)
        found = self._resolved.get(digest)
        if found is not None:
            return found
        with self._lock:  # so that no key deleted meanwhile enters the cache
            key = self._look_up(digest)
            if key is not None and len(self._resolved) < _CACHED_KEYS:
                self._resolved[digest] = key
        return key

    def _look_up(self, digest: str) -> Key | None:
        with self._database.reading() as connection:
            row = connection.execute(select(keys.c.account, keys.c.role).where(keys.c.digest == digest))
            found = row.one_or_none()
        return None if found is None else Key(account=found.account or "", role=found.role)

    def forget(self, account: str) -> None:
        """Drop what is cached of an account whose keys were deleted."""
        with self._lock:
            self._resolved = {d: key for d, key in self._resolved.items() if key.account != account}


class Accounts:
    def __init__(self, database: Database, keys_of_accounts: Keys) -> None:
        self._database = database
        self._keys = keys_of_accounts

    def create(self, name: str, kind: AccountKind, created_at: int, restore_id: str = "") -> Account:
        """Raises InputError for a name that cannot stand in object keys, Conflict for a taken one."""
        account = Account(id=check_account_id(name), kind=kind, created_at=created_at, restore_id=restore_id)
        try:
            with self._database.writing() as connection:
                connection.execute(insert(accounts).values(vars(account)))
        except IntegrityError as error:
            raise Conflict(f"account {name!r} exists already", hint="choose another name") from error
        return account

    def get(self, name: str) -> Account:
        """Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(accounts).where(accounts.c.id == name)).one_or_none()
        if row is None:
            raise _no_account(name)
        return _account(row)

    def list(self) -> Sequence[Account]:
        """All accounts by name."""
        with self._database.reading() as connection:
            return [_account(row) for row in connection.execute(select(accounts).order_by(accounts.c.id))]

    def delete(self, name: str) -> None:
        """Delete an account, its keys and its archive policy; objects stay. Raises NotFound."""
        with self._database.writing() as connection:
            gone = connection.execute(delete(accounts).where(accounts.c.id == name)).rowcount
        if not gone:
            raise _no_account(name)
        self._keys.forget(name)


class Archives:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, policy: ArchivePolicy) -> None:
        """Set the archive of an account. Raises NotFound for an unknown account."""
        values = vars(policy)
        try:
            with self._database.writing() as connection:
                where = archives.c.account == policy.account
                if not connection.execute(update(archives).where(where).values(values)).rowcount:
                    connection.execute(insert(archives).values(values))
        except IntegrityError as error:
            raise _no_account(policy.account) from error

    def get(self, account: str) -> ArchivePolicy:
        """Raises NotFound for an account without an archive."""
        with self._database.reading() as connection:
            row = connection.execute(select(archives).where(archives.c.account == account)).one_or_none()
        if row is None:
            raise NotFound(f"account {account!r} has no archive")
        return _policy(row)

    def list(self) -> Sequence[ArchivePolicy]:
        """All archives by account."""
        with self._database.reading() as connection:
            found = connection.execute(select(archives).order_by(archives.c.account))
            return [_policy(row) for row in found]


def check_account_id(name: str) -> str:
    """The name itself. Raises InputError with the rule it breaks."""
    if not _ACCOUNT_ID.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of an account",
            hint="use 1 to 63 lower-case letters, digits and dashes, the first not a dash",
        )
    return name


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(**row._mapping)


def _policy(row: Row[tuple[object, ...]]) -> ArchivePolicy:
    return ArchivePolicy(**row._mapping)


def _no_account(name: str) -> NotFound:
    return NotFound(f"there is no account {name!r}", hint="see the accounts with: logkeep account ls")
