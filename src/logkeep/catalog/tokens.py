"""Tokens: keys of a user's own for the API."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import tokens
from logkeep.catalog.people import Role, Token
from logkeep.catalog.secrets import ID_LENGTH, digest_of, new_secret
from logkeep.errors import Conflict, NotFound

PREFIX = "lku_"
MOST_TOKENS = 100  # of one user
_USED_EVERY_MS = 60_000
_INFO = [column for column in tokens.c if column.name != "digest"]


class Tokens:
    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(self, user: str, now: int, *, name: str, scope: Role, expires_at: int = 0) -> tuple[Token, str]:
        """A new token and its text, which is known this one time. Raises Conflict when there are too many."""
        text = new_secret(PREFIX)
        digest = digest_of(text)
        token = Token(
            id=digest[:ID_LENGTH], user=user, name=name, scope=scope, created_at=now, expires_at=expires_at
        )
        with self._database.writing() as connection:
            count = select(func.count()).select_from(tokens).where(tokens.c.user == user)
            if (connection.scalar(count) or 0) >= MOST_TOKENS:
                raise Conflict(f"there are {MOST_TOKENS} tokens already", hint="delete one that nobody uses")
            connection.execute(insert(tokens).values({**vars(token), "digest": digest}))
        return token, text

    def find(self, text: str, now: int) -> Token | None:
        """The token of this text, unless it has expired."""
        digest = digest_of(text)
        with self._database.reading() as connection:
            row = connection.execute(select(*_INFO).where(tokens.c.digest == digest)).one_or_none()
        if row is None:
            return None
        token = Token(**row._mapping)
        if token.expires_at and now >= token.expires_at:
            return None
        if now - token.used_at > _USED_EVERY_MS:
            with self._database.writing() as connection:
                connection.execute(update(tokens).where(tokens.c.digest == digest).values(used_at=now))
        return token

    def of_user(self, user: str) -> Sequence[Token]:
        """The oldest first, also those that have expired."""
        query = select(*_INFO).where(tokens.c.user == user).order_by(tokens.c.created_at, tokens.c.id)
        with self._database.reading() as connection:
            return [Token(**row._mapping) for row in connection.execute(query)]

    def revoke(self, user: str, token_id: str) -> Token:
        """It opens nothing from now on. Raises NotFound unless it is one of the user's."""
        condition = (tokens.c.user == user, tokens.c.id == token_id)
        with self._database.writing() as connection:
            row = connection.execute(select(*_INFO).where(*condition)).one_or_none()
            if row is None:
                raise NotFound(f"there is no token {token_id!r}", hint="see your tokens: logkeep token ls")
            connection.execute(delete(tokens).where(*condition))
        return Token(**row._mapping)
