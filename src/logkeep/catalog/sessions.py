"""Sessions: browsers in which somebody is signed in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import sessions
from logkeep.catalog.people import Session
from logkeep.catalog.secrets import ID_LENGTH, digest_of, new_secret
from logkeep.errors import NotFound

_SEEN_EVERY_MS = 60_000  # a session that is in use is written down no more often
_MOST_AGENT = 200
_INFO = [column for column in sessions.c if column.name != "digest"]


class Sessions:
    """Each call is one transaction. What is expired is found by nobody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, user: str, now: int, *, lasts_ms: int, way: str, agent: str = "") -> str:
        """A new session's token, for the browser's cookie. Takes away what has expired."""
        token = new_secret()
        digest = digest_of(token)
        row = {
            "digest": digest,
            "id": digest[:ID_LENGTH],
            "user": user,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + lasts_ms,
            "way": way,
            "agent": agent[:_MOST_AGENT],
        }
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(row))
        return token

    def find(self, token: str, now: int, *, idle_ms: int) -> Session | None:
        """The session of this token, unless it is over or was not used for `idle_ms`."""
        digest = digest_of(token)
        with self._database.reading() as connection:
            row = connection.execute(select(*_INFO).where(sessions.c.digest == digest)).one_or_none()
        if row is None:
            return None
        session = Session(**row._mapping)
        if now >= session.expires_at or now - session.seen_at > idle_ms:
            return None
        if now - session.seen_at > _SEEN_EVERY_MS:
            with self._database.writing() as connection:
                connection.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=now))
        return session

    def of_user(self, user: str, now: int) -> Sequence[Session]:
        """The newest first."""
        query = (
            select(*_INFO)
            .where(sessions.c.user == user, sessions.c.expires_at > now)
            .order_by(sessions.c.created_at.desc(), sessions.c.id)
        )
        with self._database.reading() as connection:
            return [Session(**row._mapping) for row in connection.execute(query)]

    def end(self, user: str, session_id: str) -> None:
        """Raises NotFound unless it is one of the user's."""
        with self._database.writing() as connection:
            ended = connection.execute(
                delete(sessions).where(sessions.c.user == user, sessions.c.id == session_id)
            )
        if not ended.rowcount:
            raise NotFound(f"there is no session {session_id!r}", hint="it may have ended by itself")

    def end_token(self, token: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest_of(token)))

    def end_all(self, user: str, *, but: str = "") -> int:
        """End all sessions of a user but the one with the id `but`; returns how many."""
        with self._database.writing() as connection:
            ended = connection.execute(delete(sessions).where(sessions.c.user == user, sessions.c.id != but))
            return ended.rowcount
