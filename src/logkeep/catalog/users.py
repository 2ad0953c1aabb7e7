"""Users, and the accounts that they see."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import accounts, invites, sessions, tokens, user_accounts, users
from logkeep.catalog.people import Role, User
from logkeep.errors import Conflict, InputError, NotFound

MOST_NAME = 200
MOST_USERS = 10_000


class Users:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        role: Role,
        now: int,
        *,
        of_accounts: Iterable[str] = (),
        password: str = "",
        issuer: str = "",
        subject: str = "",
    ) -> User:
        """`password` is a digest. Raises Conflict for a taken name, InputError for a name or an account that
        cannot be."""
        user_id = secrets.token_hex(6)
        row = {
            "id": user_id,
            "name": check_user_name(name),
            "folded": folded(name),
            "role": role,
            "password": password,
            "disabled": False,
            "created_at": now,
            "signed_in_at": 0,
            "issuer": issuer,
            "subject": subject,
        }
        with self._database.writing() as connection:
            if (connection.scalar(select(func.count()).select_from(users)) or 0) >= MOST_USERS:
                raise Conflict(f"there are {MOST_USERS} users already", hint="delete one that is gone")
            if connection.scalar(select(users.c.id).where(users.c.folded == row["folded"])):
                raise Conflict(f"there is a user {name!r} already", hint="choose another name")
            connection.execute(insert(users).values(row))
            _set_accounts(connection, user_id, of_accounts)
            return _get(connection, user_id)

    def get(self, user_id: str) -> User:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return _get(connection, user_id)

    def named(self, name: str) -> User | None:
        return self._found(users.c.folded == folded(name))

    def known_as(self, issuer: str, subject: str) -> User | None:
        """The user whom an OpenID provider knows as `subject`."""
        return self._found(users.c.issuer == issuer, users.c.subject == subject)

    def list(self) -> Sequence[User]:
        """All users by name."""
        with self._database.reading() as connection:
            seen: dict[str, set[str]] = {}
            for row in connection.execute(select(user_accounts)):
                seen.setdefault(row.user, set()).add(row.account)
            found = connection.execute(select(users).order_by(users.c.folded))
            return [_user(row, seen.get(row.id, ())) for row in found]

    def any(self) -> bool:
        """Whether there is a user at all."""
        with self._database.reading() as connection:
            return connection.scalar(select(users.c.id).limit(1)) is not None

    def update(
        self,
        user_id: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        of_accounts: Iterable[str] | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given; None leaves a field as it is. A user who is disabled is signed out
        everywhere. Raises NotFound, InputError; Conflict where no administrator would be left, or the name
        is taken."""
        with self._database.writing() as connection:
            user = _get(connection, user_id)
            changes: dict[str, object] = {}
            if name is not None:
                changes |= {"name": check_user_name(name), "folded": folded(name)}
                taken = select(users.c.id).where(users.c.folded == folded(name), users.c.id != user_id)
                if connection.scalar(taken):
                    raise Conflict(f"there is a user {name!r} already", hint="choose another name")
            if role is not None:
                changes["role"] = role
            if disabled is not None:
                changes["disabled"] = disabled
            if changes:
                connection.execute(update(users).where(users.c.id == user_id).values(changes))
            if of_accounts is not None:
                _set_accounts(connection, user_id, of_accounts)
            if disabled:
                connection.execute(delete(sessions).where(sessions.c.user == user_id))
            _check_administered(connection, user)
            return _get(connection, user_id)

    def set_password(self, user_id: str, digest: str) -> None:
        self._set(user_id, password=digest)

    def set_subject(self, user_id: str, issuer: str, subject: str) -> None:
        self._set(user_id, issuer=issuer, subject=subject)

    def signed_in(self, user_id: str, now: int) -> None:
        self._set(user_id, signed_in_at=now)

    def delete(self, user_id: str) -> User:
        """Delete a user with sessions, tokens and links. Raises NotFound; Conflict for the last
        administrator."""
        with self._database.writing() as connection:
            user = _get(connection, user_id)
            for table in (sessions, tokens, user_accounts):
                connection.execute(delete(table).where(table.c.user == user_id))
            connection.execute(delete(invites).where(invites.c.user == user_id))
            connection.execute(delete(users).where(users.c.id == user_id))
            _check_administered(connection, user)
        return user

    def _set(self, user_id: str, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(update(users).where(users.c.id == user_id).values(values))

    def _found(self, *conditions: object) -> User | None:
        with self._database.reading() as connection:
            row = connection.execute(select(users.c.id).where(*conditions)).one_or_none()  # type: ignore[arg-type]
            return None if row is None else _get(connection, row.id)


def folded(name: str) -> str:
    return name.strip().casefold()


def check_user_name(name: str) -> str:
    """The name without blanks around it. Raises InputError with the rule it breaks."""
    name = name.strip()
    if not name or len(folded(name)) > MOST_NAME or not name.isprintable():
        raise InputError(
            "the name of a user is empty, too long or not one line",
            hint=f"write 1 to {MOST_NAME} characters, such as an e-mail address",
        )
    return name


def _get(connection: Connection, user_id: str) -> User:
    row = connection.execute(select(users).where(users.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no user {user_id!r}", hint="see the users with: logkeep user ls")
    seen = select(user_accounts.c.account).where(user_accounts.c.user == user_id)
    return _user(row, connection.scalars(seen))


def _user(row: Row[tuple[object, ...]], of_accounts: Iterable[str]) -> User:
    values = {name: value for name, value in row._mapping.items() if name != "folded"}
    return User(**values, accounts=frozenset(of_accounts))


def _set_accounts(connection: Connection, user_id: str, names: Iterable[str]) -> None:
    wanted = sorted(set(names))
    known = set(connection.scalars(select(accounts.c.id).where(accounts.c.id.in_(wanted))))
    if missing := [name for name in wanted if name not in known]:
        raise InputError(f"there is no account {missing[0]!r}", hint="see the accounts: logkeep account ls")
    connection.execute(delete(user_accounts).where(user_accounts.c.user == user_id))
    if wanted:
        connection.execute(
            insert(user_accounts), [{"user": user_id, "account": account} for account in wanted]
        )


def _check_administered(connection: Connection, before: User) -> None:
    """Raise Conflict when a change took away the last administrator who can sign in."""
    if before.role is not Role.ADMIN or before.disabled:
        return
    left = select(func.count()).select_from(users).where(users.c.role == Role.ADMIN, ~users.c.disabled)
    if connection.scalar(left) == 0:
        raise Conflict(
            f"{before.name!r} is the last administrator", hint="make another user an administrator first"
        )
