"""Restores and the ledger of their chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from logkeep.catalog.database import Database
from logkeep.catalog.models import accounts, chunks, restores
from logkeep.catalog.values import Account, AccountKind, Chunk, ChunkState, Restore, RestoreState
from logkeep.errors import Conflict, NotFound

_ALLOWED = {
    RestoreState.IN_PROGRESS: {RestoreState.ACTIVE, RestoreState.ABORTED, RestoreState.FAILED},
    RestoreState.ACTIVE: {RestoreState.DELETED, RestoreState.EXPIRED},
    RestoreState.ABORTED: {RestoreState.DELETED},
    RestoreState.FAILED: {RestoreState.DELETED},
    RestoreState.DELETED: set(),
    RestoreState.EXPIRED: set(),
}
_HAS_ACCOUNT = {RestoreState.IN_PROGRESS, RestoreState.ACTIVE}


class Restores:
    """A restore, its restored account and its chunks change together, in one transaction each time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, restore: Restore, ledger: Iterable[Chunk]) -> None:
        """Write a restore down with its restored account and all of its chunks.

        Raises Conflict when the id or the account's name is taken; then nothing was written.
        """
        account = Account(
            id=restore.account,
            kind=AccountKind.RESTORED,
            created_at=restore.created_at,
            restore_id=restore.id,
        )
        rows = [vars(chunk) for chunk in ledger]
        try:
            with self._database.writing() as connection:
                connection.execute(insert(accounts).values(vars(account)))
                connection.execute(insert(restores).values(vars(restore)))
                if rows:
                    connection.execute(insert(chunks), rows)
        except IntegrityError as error:
            raise Conflict(f"restore {restore.id} or account {restore.account!r} exists already") from error

    def get(self, restore_id: str) -> Restore:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return _get(connection, restore_id)

    def list(self) -> Sequence[Restore]:
        """All restores ever made, newest first."""
        return self._select()

    def interrupted(self) -> Sequence[Restore]:
        """Restores that are IN_PROGRESS, oldest first: what a start has to go on with."""
        return self._select(restores.c.state == RestoreState.IN_PROGRESS)[::-1]

    def unindexed(self) -> Sequence[Restore]:
        """ACTIVE restores whose text index is not built, oldest first."""
        return self._select(restores.c.state == RestoreState.ACTIVE, restores.c.text_index.is_(False))[::-1]

    def due(self, now: int) -> Sequence[Restore]:
        """ACTIVE restores whose time is over at `now`, oldest first."""
        return self._select(restores.c.state == RestoreState.ACTIVE, restores.c.expires_at <= now)[::-1]

    def next_expiry(self) -> int | None:
        """When the first of the ACTIVE restores expires; None if there is none."""
        query = select(func.min(restores.c.expires_at)).where(restores.c.state == RestoreState.ACTIVE)
        with self._database.reading() as connection:
            first: int | None = connection.scalar(query)
        return first

    def set_state(
        self,
        restore_id: str,
        state: RestoreState,
        *,
        finished_at: int | None = None,
        expires_at: int | None = None,
        error: str | None = None,
    ) -> Restore:
        """Move a restore on; an argument that is None leaves its field. A state that holds no lines takes
        the restored account with it. Raises NotFound; Conflict for a step that the states do not allow.
        """
        changes = {"finished_at": finished_at, "expires_at": expires_at, "error": error}
        given = {name: value for name, value in changes.items() if value is not None}
        with self._database.writing() as connection:
            before = _get(connection, restore_id)
            if state not in _ALLOWED[before.state]:
                raise Conflict(f"restore {restore_id} is {before.state} and cannot become {state}")
            connection.execute(
                update(restores).where(restores.c.id == restore_id).values(state=state, **given)
            )
            if state not in _HAS_ACCOUNT:
                connection.execute(delete(accounts).where(accounts.c.restore_id == restore_id))
            return _get(connection, restore_id)

    def indexed(self, restore_id: str) -> None:
        """The text index of the restore is built."""
        with self._database.writing() as connection:
            connection.execute(update(restores).where(restores.c.id == restore_id).values(text_index=True))

    def chunks(self, restore_id: str) -> Sequence[Chunk]:
        """The ledger of one restore in the order of its numbers."""
        query = select(chunks).where(chunks.c.restore_id == restore_id).order_by(chunks.c.number)
        with self._database.reading() as connection:
            return [Chunk(**row._mapping) for row in connection.execute(query)]

    def begin(self, chunk: Chunk) -> Chunk:
        """From now on the table may hold rows of this chunk. Raises Conflict if it is done already."""
        self._step(chunk, replace(chunk, state=ChunkState.LOADING), from_state=ChunkState.PENDING)
        return replace(chunk, state=ChunkState.LOADING)

    def done(self, chunk: Chunk, *, lines: int, duplicates: int, raw_bytes: int) -> Chunk:
        """The table holds the chunk's rows. The restore's progress grows by them in the same step.

        Raises Conflict if the chunk is done already or was never begun, so nothing is counted twice.
        """
        loaded = replace(
            chunk, state=ChunkState.DONE, lines=lines, duplicates=duplicates, raw_bytes=raw_bytes
        )
        self._step(chunk, loaded, from_state=ChunkState.LOADING)
        return loaded

    def _step(self, chunk: Chunk, after: Chunk, *, from_state: ChunkState) -> None:
        where = (chunks.c.restore_id == chunk.restore_id, chunks.c.number == chunk.number)
        with self._database.writing() as connection:
            before = connection.scalar(select(chunks.c.state).where(*where))
            if before is None:
                raise NotFound(f"restore {chunk.restore_id} has no chunk {chunk.number}")
            if before is not from_state and before is not after.state:
                raise Conflict(f"chunk {chunk.number} of restore {chunk.restore_id} is {before}")
            if before is ChunkState.DONE:
                raise Conflict(f"chunk {chunk.number} of restore {chunk.restore_id} is done already")
            connection.execute(update(chunks).where(*where).values(vars(after)))
            if after.state is ChunkState.DONE:
                _add_up(connection, after)

    def _select(self, *where: ColumnElement[bool]) -> Sequence[Restore]:
        query = select(restores).where(*where).order_by(restores.c.created_at.desc(), restores.c.id.desc())
        with self._database.reading() as connection:
            return [_restore(row) for row in connection.execute(query)]


def _add_up(connection: Connection, chunk: Chunk) -> None:
    columns = restores.c
    connection.execute(
        update(restores)
        .where(columns.id == chunk.restore_id)
        .values(
            lines=columns.lines + chunk.lines,
            duplicates=columns.duplicates + chunk.duplicates,
            bytes=columns.bytes + chunk.raw_bytes,
        )
    )


def _get(connection: Connection, restore_id: str) -> Restore:
    row = connection.execute(select(restores).where(restores.c.id == restore_id)).one_or_none()
    if row is None:
        raise NotFound(
            f"there is no restore {restore_id!r}", hint="see the restores with: logkeep restore ls"
        )
    return _restore(row)


def _restore(row: Row[tuple[object, ...]]) -> Restore:
    return Restore(**row._mapping)
