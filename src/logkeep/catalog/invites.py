"""Links that work once: to set a user's password, or to make the first administrator."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import invites, sessions, users
from logkeep.catalog.people import Invite, Role, User
from logkeep.catalog.secrets import digest_of, new_secret
from logkeep.catalog.users import check_user_name, folded
from logkeep.errors import NotFound

FIRST_ADMIN = ""  # the user of the link that makes the first administrator


class Invites:
    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(self, user: str, now: int, *, lasts_ms: int) -> str:
        """A new link's token; former ones of the same user open nothing from now on."""
        token = new_secret()
        with self._database.writing() as connection:
            connection.execute(
                delete(invites).where((invites.c.user == user) | (invites.c.expires_at <= now))
            )
            connection.execute(
                insert(invites).values(digest=digest_of(token), user=user, expires_at=now + lasts_ms)
            )
        return token

    def find(self, token: str, now: int) -> Invite:
        """Raises NotFound for one that was used, has expired, or was never made."""
        query = select(invites.c.user, invites.c.expires_at).where(invites.c.digest == digest_of(token))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or now >= row.expires_at:
            raise _gone()
        return Invite(**row._mapping)

    def set_password(self, token: str, now: int, *, password: str) -> str:
        """Use a user's link: the user has this password (a digest) and is signed out everywhere. Returns
        the user's id. Raises NotFound."""
        with self._database.writing() as connection:
            user = _use(connection, token, now)
            if user == FIRST_ADMIN:
                raise _gone()
            connection.execute(update(users).where(users.c.id == user).values(password=password))
            connection.execute(delete(sessions).where(sessions.c.user == user))
        return user

    def make_first_admin(self, token: str, now: int, *, user: User) -> None:
        """Use the set-up link: there is this administrator from now on, and no such link any more. Raises
        NotFound, also when there is a user already."""
        row = {**vars(user), "name": check_user_name(user.name), "folded": folded(user.name)}
        del row["accounts"]
        with self._database.writing() as connection:
            if _use(connection, token, now) != FIRST_ADMIN or connection.scalar(select(users.c.id).limit(1)):
                raise _gone()
            connection.execute(insert(users).values({**row, "role": Role.ADMIN}))
            connection.execute(delete(invites).where(invites.c.user == FIRST_ADMIN))


def _use(connection: Connection, token: str, now: int) -> str:
    """Take the link away. Returns whose it was. Raises NotFound."""
    mine = invites.c.digest == digest_of(token)
    row = connection.execute(select(invites).where(mine)).one_or_none()
    if row is None or now >= row.expires_at:
        raise _gone()
    connection.execute(delete(invites).where(mine))
    user: str = row.user
    return user


def _gone() -> NotFound:
    return NotFound("this link was used already, or has expired", hint="ask an administrator for a new one")
