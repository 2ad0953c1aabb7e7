"""Keys: what a request shows to prove who sends it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select

from logkeep.catalog.database import Database
from logkeep.catalog.models import accounts, keys
from logkeep.catalog.rows import get_account
from logkeep.catalog.secrets import ID_LENGTH, digest_of, new_secret
from logkeep.catalog.values import AccountKind, Key, KeyInfo, KeyRole
from logkeep.errors import Conflict, InputError, NotFound

_TOKEN_PREFIX = {KeyRole.INGEST: "lki_", KeyRole.ADMIN: "lka_"}
_CACHED_KEYS = 10_000  # far more than a server has; only a bound
_INFO = (
    keys.c.id,
    func.coalesce(keys.c.account, "").label("account"),
    keys.c.role,
    keys.c.name,
    keys.c.created_at,
)


class Keys:
    """Tokens. Only their SHA-256 is kept: a token is random enough to need no salt."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resolved: dict[str, Key] = {}
        self._lock = threading.Lock()

    def issue(self, account: str, role: KeyRole, now: int, *, name: str = "") -> str:
        """A new token, in plain text this one time. `account` is "" for the admin role; `name` is for people.

        Raises InputError for a key that makes no sense, NotFound for an unknown account.
        """
        if (role is KeyRole.ADMIN) != (account == ""):
            raise InputError("an ingest key belongs to one account, an admin token to none")
        token = new_secret(_TOKEN_PREFIX[role])
        digest = digest_of(token)
        row = {"digest": digest, "account": account or None, "role": role, "created_at": now, "name": name}
        with self._database.writing() as connection:
            if account:
                get_account(connection, account)
            connection.execute(insert(keys).values(row | {"id": digest[:ID_LENGTH]}))
        return token

    def listed(self, account: str) -> Sequence[KeyInfo]:
        """The keys of an account, oldest first; the admin tokens for ""."""
        query = (
            select(*_INFO).where(keys.c.account == (account or None)).order_by(keys.c.created_at, keys.c.id)
        )
        with self._database.reading() as connection:
            return [KeyInfo(**row._mapping) for row in connection.execute(query)]

    def revoke(self, key_id: str) -> KeyInfo:
        """The key opens nothing from now on. Raises NotFound; Conflict for the last admin token."""
        with self._database.writing() as connection:
            row = connection.execute(select(*_INFO).where(keys.c.id == key_id)).one_or_none()
            if row is None:
                raise no_key(key_id)
            revoked = KeyInfo(**row._mapping)
            if revoked.role is KeyRole.ADMIN:
                admins = select(func.count()).select_from(keys).where(keys.c.role == KeyRole.ADMIN)
                if connection.scalar(admins) == 1:
                    raise Conflict(
                        "this is the last admin token", hint="issue another one before you revoke it"
                    )
            connection.execute(delete(keys).where(keys.c.id == key_id))
        with self._lock:
            self._resolved = {digest: key for digest, key in self._resolved.items() if key.id != key_id}
        return revoked

    def get(self, key_id: str) -> KeyInfo:
        """Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_INFO).where(keys.c.id == key_id)).one_or_none()
        if row is None:
            raise no_key(key_id)
        return KeyInfo(**row._mapping)

    def issued(self, account: str) -> bool:
        """Whether the account has a key. True for a restored one, which takes none."""
        with self._database.reading() as connection:
            kind = connection.scalar(select(accounts.c.kind).where(accounts.c.id == account))
            return kind is not AccountKind.LIVE or bool(
                connection.scalar(select(func.count()).select_from(keys).where(keys.c.account == account))
            )

    def resolve(self, token: str) -> Key | None:
        """Who holds this token; None if nobody. A known one costs a hash and a look into a dict.

        A suspended account's key is found too: what it may do is for the caller to say.
        """
        digest = digest_of(token)
        found = self._resolved.get(digest)
        if found is not None:
            return found
        with self._lock:  # so that no key deleted meanwhile enters the cache
            key = self._look_up(digest)
            if key is not None and len(self._resolved) < _CACHED_KEYS:
                self._resolved[digest] = key
        return key

    def _look_up(self, digest: str) -> Key | None:
        query = select(keys.c.account, keys.c.role, keys.c.id).where(keys.c.digest == digest)
        with self._database.reading() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else Key(account=found.account or "", role=found.role, id=found.id)

    def forget(self, account: str) -> None:
        """Drop what is cached of an account whose keys were deleted."""
        with self._lock:
            self._resolved = {d: key for d, key in self._resolved.items() if key.account != account}


def no_key(key_id: str) -> NotFound:
    return NotFound(f"there is no key {key_id!r}", hint="see the keys of an account for their ids")
