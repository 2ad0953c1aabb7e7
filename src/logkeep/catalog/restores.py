"""Restores and the ledger of their chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from logkeep.catalog.database import Database
from logkeep.catalog.models import accounts, chunks, problems, restores
from logkeep.catalog.values import (
    Account,
    AccountKind,
    Chunk,
    ChunkState,
    Partial,
    Restore,
    RestoreProblem,
    RestoreState,
)
from logkeep.errors import Conflict, NotFound

_AT_WORK = {RestoreState.IN_PROGRESS, RestoreState.THAWING}
RUNNING = {RestoreState.IN_PROGRESS, RestoreState.PAUSED, RestoreState.THAWING}
_ENDED = {RestoreState.ACTIVE, RestoreState.DONE, RestoreState.ABORTED, RestoreState.FAILED}
_ALLOWED = {
    **{state: (RUNNING | _ENDED) - {state} for state in RUNNING},
    RestoreState.ACTIVE: {RestoreState.DELETED, RestoreState.EXPIRED},
    RestoreState.DONE: {RestoreState.DELETED},
    RestoreState.ABORTED: {RestoreState.DELETED},
    RestoreState.FAILED: {RestoreState.DELETED, RestoreState.IN_PROGRESS},
    RestoreState.DELETED: {RestoreState.ACTIVE},
    RestoreState.EXPIRED: set(),
}
HAS_ACCOUNT = {*RUNNING, RestoreState.ACTIVE}
_NOTHING_YET = dict.fromkeys(
    (
        *("lines", "bytes", "duplicates", "text_bytes", "read_bytes", "skipped_objects", "skipped_lines"),
        *("started_at", "finished_at", "worked_ms", "sent"),
    ),
    0,
)
# Chunks that a run may begin. A kill may have left rows of those that are LOADING.
OPEN = {ChunkState.PENDING, ChunkState.LOADING, ChunkState.CUT}
_NEEDS_NO_SECRET = {RestoreState.DONE, RestoreState.ABORTED, RestoreState.DELETED}
_MOST_PROBLEMS = 1000  # kept of one restore; all are counted


class Restores:
    """A restore, its restored account and its chunks change together, in one transaction each time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, restore: Restore, ledger: Iterable[Chunk]) -> None:
        """Write a restore down with its restored account and all of its chunks.

        Raises Conflict when the id or the account's name is taken; then nothing was written.
        """
        rows = [vars(chunk) for chunk in ledger]
        try:
            with self._database.writing() as connection:
                _open_account(connection, restore)
                connection.execute(insert(restores).values(vars(restore)))
                if rows:
                    connection.execute(insert(chunks), rows)
        except IntegrityError as error:
            raise Conflict(f"restore {restore.id} or account {restore.account!r} exists already") from error

    def get(self, restore_id: str) -> Restore:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return _get(connection, restore_id)

    def list(self, *states: RestoreState) -> Sequence[Restore]:
        """All restores ever made, or those in one of these states, newest first."""
        return self._select(restores.c.state.in_(states)) if states else self._select()

    def interrupted(self) -> Sequence[Restore]:
        """Restores that are IN_PROGRESS, oldest first: what a start has to go on with."""
        return self.list(RestoreState.IN_PROGRESS)[::-1]

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
        deleted_at: int | None = None,
        error: str | None = None,
        files_written: int | None = None,
        frozen_objects: int | None = None,
        only_from: Collection[RestoreState] = tuple(RestoreState),
    ) -> Restore:
        """Move a restore on; an argument that is None leaves its field. The restored account comes and goes
        with the states that hold lines. Raises NotFound; Conflict for a step that the states do not allow,
        and from another state than `only_from`.
        """
        changes = {
            "finished_at": finished_at,
            "expires_at": expires_at,
            "deleted_at": deleted_at,
            "error": error,
            "files_written": files_written,
            "frozen_objects": frozen_objects,
        }
        given: dict[str, object] = {name: value for name, value in changes.items() if value is not None}
        with self._database.writing() as connection:
            before = _get(connection, restore_id)
            if state not in _ALLOWED[before.state] or before.state not in only_from:
                raise Conflict(
                    f"restore {restore_id} is {before.state} and cannot become {state}",
                    hint=f"see what it is with: logkeep restore show {restore_id}",
                )
            if state in _NEEDS_NO_SECRET:
                given["files_secret"] = b""
            connection.execute(
                update(restores).where(restores.c.id == restore_id).values(state=state, **given)
            )
            if state not in HAS_ACCOUNT:
                connection.execute(delete(accounts).where(accounts.c.restore_id == restore_id))
            elif before.state not in HAS_ACCOUNT:
                _open_account(connection, before)
            return _get(connection, restore_id)

    def end_early(self, restore_id: str, why: Partial) -> Restore:
        """Have a restore come to its end with what it has. Raises NotFound; Conflict when it has ended."""
        with self._database.writing() as connection:
            before = _get(connection, restore_id)
            if before.state not in RUNNING:
                raise Conflict(f"restore {restore_id} is {before.state}, and has ended already")
            changes = {"state": RestoreState.IN_PROGRESS, "partial": before.partial or why}
            connection.execute(update(restores).where(restores.c.id == restore_id).values(**changes))
            connection.execute(
                update(chunks)
                .where(chunks.c.restore_id == restore_id, chunks.c.state == ChunkState.PENDING)
                .values(state=ChunkState.SKIPPED)
            )
            return _get(connection, restore_id)

    def resume(self, restore_id: str, *, limit_lines: int | None, limit_bytes: int | None) -> Restore:
        """Have a PAUSED restore go on, with other limits where they are given. Raises NotFound; Conflict,
        also when it would stop at a limit at once."""
        given = {"limit_lines": limit_lines, "limit_bytes": limit_bytes}
        values = {name: value for name, value in given.items() if value is not None}
        with self._database.writing() as connection:
            before = _get(connection, restore_id)
            if before.state is not RestoreState.PAUSED:
                raise Conflict(
                    f"restore {restore_id} is {before.state}, not PAUSED", hint="only those can be resumed"
                )
            wanted = replace(
                before,
                limit_lines=before.limit_lines if limit_lines is None else limit_lines,
                limit_bytes=before.limit_bytes if limit_bytes is None else limit_bytes,
            )
            # One that has all of its lines stops at no limit, even if they are just as many.
            if not before.partial and wanted.full and _chunks(connection, restore_id, *OPEN):
                raise Conflict(
                    f"restore {restore_id} has {before.lines} lines of {before.text_bytes} bytes already",
                    hint="give it a higher limit, or 0 for none; or abort it and keep what came",
                )
            changes = {"state": RestoreState.IN_PROGRESS, "error": "", **values}
            connection.execute(update(restores).where(restores.c.id == restore_id).values(**changes))
            return _get(connection, restore_id)

    def extend(self, restore_id: str, expires_at: int) -> Restore:
        """Let an ACTIVE restore expire at another time. Raises NotFound, Conflict."""
        with self._database.writing() as connection:
            before = _get(connection, restore_id)
            if before.state is not RestoreState.ACTIVE:
                raise Conflict(f"restore {restore_id} is {before.state}, and does not expire")
            connection.execute(
                update(restores).where(restores.c.id == restore_id).values(expires_at=expires_at)
            )
            return _get(connection, restore_id)

    def failing(self, restore_id: str, error: str) -> None:
        """What a restore that goes on met; it is tried again."""
        with self._database.writing() as connection:
            goes_on = restores.c.id == restore_id, restores.c.state.in_(_AT_WORK)
            connection.execute(update(restores).where(*goes_on).values(error=error))

    def begin_anew(self, restore_id: str) -> Restore:
        """Have a FAILED restore begin from the start, as it was planned. Raises NotFound, Conflict."""
        with self._database.writing() as connection:
            before = _get(connection, restore_id)
            if before.state is not RestoreState.FAILED:
                raise Conflict(f"restore {restore_id} is {before.state}, and has not failed")
            connection.execute(delete(problems).where(problems.c.restore_id == restore_id))
            for chunk in _chunks(connection, restore_id):
                _write(connection, replace(_without_counts(chunk), state=ChunkState.PENDING))
            values = {"state": RestoreState.IN_PROGRESS, "partial": Partial.NO, "error": "", **_NOTHING_YET}
            connection.execute(update(restores).where(restores.c.id == restore_id).values(**values))
            _open_account(connection, before)
            return _get(connection, restore_id)

    def started(self, restore_id: str, at: int) -> None:
        """Its first chunk is begun. Only the first call counts."""
        row = restores.c.id == restore_id, restores.c.started_at == 0
        with self._database.writing() as connection:
            connection.execute(update(restores).where(*row).values(started_at=at))

    def sent(self, restore_id: str, total: int) -> None:
        """How many of its lines its pipeline has taken so far."""
        with self._database.writing() as connection:
            connection.execute(update(restores).where(restores.c.id == restore_id).values(sent=total))

    def indexed(self, restore_id: str) -> None:
        """The text index of the restore is built."""
        with self._database.writing() as connection:
            connection.execute(update(restores).where(restores.c.id == restore_id).values(text_index=True))

    def chunks(self, restore_id: str) -> Sequence[Chunk]:
        """The ledger of one restore in the order of its numbers."""
        with self._database.reading() as connection:
            return _chunks(connection, restore_id)

    def problems(self, restore_id: str) -> Sequence[RestoreProblem]:
        """What it could not read and left out, the first thousand. Raises NotFound."""
        names = RestoreProblem.__dataclass_fields__
        query = select(*(problems.c[name] for name in names)).order_by(problems.c.id)
        with self._database.reading() as connection:
            _get(connection, restore_id)
            rows = connection.execute(query.where(problems.c.restore_id == restore_id))
            return [RestoreProblem(**row._mapping) for row in rows]

    def reasons(self, restore_ids: Collection[str], ending: str) -> Sequence[tuple[str, str]]:
        """(restore id, reason) of the problems of these restores whose reason ends so."""
        query = select(problems.c.restore_id, problems.c.reason).where(
            problems.c.restore_id.in_(restore_ids), problems.c.reason.endswith(ending, autoescape=True)
        )
        with self._database.reading() as connection:
            return [(row.restore_id, row.reason) for row in connection.execute(query)]

    def begin(self, chunk: Chunk) -> Chunk:
        """From now on the table may hold rows of this chunk. What it counted when it was cut off at a limit
        is taken back. Raises Conflict if it is done already, or was given up."""
        begun = replace(_without_counts(chunk), state=ChunkState.LOADING)
        with self._database.writing() as connection:
            there = _step(connection, chunk, begun, from_states=OPEN)
            if there.state is ChunkState.CUT:
                _add_up(connection, there, sign=-1)
                _forget_problems(connection, there)
        return begun

    def done(
        self,
        chunk: Chunk,
        *,
        lines: int,
        duplicates: int,
        raw_bytes: int,
        text_bytes: int = 0,
        stored_bytes: int = 0,
        cut: bool = False,
        skipped_lines: int = 0,
        found: Sequence[RestoreProblem] = (),
        worked_ms: int = 0,
    ) -> Chunk:
        """The table holds the chunk's rows; with `cut` only those up to the restore's limit. The restore's
        progress grows by them in the same step, and by the time that went by; `found` is what had to be left
        out.

        Raises Conflict if the chunk is done already or was never begun, so nothing is counted twice.
        """
        loaded = replace(
            chunk,
            state=ChunkState.CUT if cut else ChunkState.DONE,
            lines=lines,
            duplicates=duplicates,
            raw_bytes=raw_bytes,
            text_bytes=text_bytes,
            stored_bytes=stored_bytes,
            skipped_lines=skipped_lines,
        )
        with self._database.writing() as connection:
            _step(connection, chunk, loaded, from_states={ChunkState.LOADING})
            _add_up(connection, loaded, worked_ms=worked_ms)
            _note(connection, loaded, found)
        return loaded

    def left_out(self, chunk: Chunk) -> None:
        """Nothing of a chunk that was begun is in the table, and nothing will be: the restore ends early."""
        with self._database.writing() as connection:
            left = replace(chunk, state=ChunkState.SKIPPED)
            _step(connection, chunk, left, from_states={ChunkState.LOADING})

    def sealed_secrets(self) -> Sequence[tuple[str, bytes]]:
        """(restore id, sealed secrets) of every restore that has some."""
        query = select(restores.c.id, restores.c.files_secret).where(restores.c.files_secret != b"")
        with self._database.reading() as connection:
            return [(row.id, row.files_secret) for row in connection.execute(query)]

    def reseal(self, restore_id: str, secret: bytes, /, *, was: bytes) -> bool:
        """Replace sealed secrets by the same ones under another key, unless they are no longer those that
        were read. Returns whether it did."""
        same = restores.c.id == restore_id, restores.c.files_secret == was
        with self._database.writing() as connection:
            return connection.execute(update(restores).where(*same).values(files_secret=secret)).rowcount > 0

    def _select(self, *where: ColumnElement[bool]) -> Sequence[Restore]:
        query = select(restores).where(*where).order_by(restores.c.created_at.desc(), restores.c.id.desc())
        with self._database.reading() as connection:
            return [_restore(row) for row in connection.execute(query)]


def _open_account(connection: Connection, restore: Restore) -> None:
    account = Account(
        id=restore.account,
        kind=AccountKind.RESTORED,
        created_at=restore.created_at,
        restore_id=restore.id,
    )
    try:
        connection.execute(insert(accounts).values(vars(account)))
    except IntegrityError as error:
        raise Conflict(
            f"there is another account {restore.account!r} now", hint="restore it again"
        ) from error


def _chunks(connection: Connection, restore_id: str, *states: ChunkState) -> list[Chunk]:
    query = select(chunks).where(chunks.c.restore_id == restore_id).order_by(chunks.c.number)
    if states:
        query = query.where(chunks.c.state.in_(states))
    return [Chunk(**row._mapping) for row in connection.execute(query)]


def _step(
    connection: Connection, chunk: Chunk, after: Chunk, *, from_states: Collection[ChunkState]
) -> Chunk:
    """The chunk as it was."""
    where = (chunks.c.restore_id == chunk.restore_id, chunks.c.number == chunk.number)
    row = connection.execute(select(chunks).where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"restore {chunk.restore_id} has no chunk {chunk.number}")
    before = Chunk(**row._mapping)
    if before.state not in from_states:
        raise Conflict(f"chunk {chunk.number} of restore {chunk.restore_id} is {before.state} already")
    _write(connection, after)
    return before


def _write(connection: Connection, chunk: Chunk) -> None:
    where = (chunks.c.restore_id == chunk.restore_id, chunks.c.number == chunk.number)
    connection.execute(update(chunks).where(*where).values(vars(chunk)))


def _without_counts(chunk: Chunk) -> Chunk:
    return replace(chunk, lines=0, duplicates=0, raw_bytes=0, text_bytes=0, stored_bytes=0, skipped_lines=0)


def _add_up(connection: Connection, chunk: Chunk, *, sign: int = 1, worked_ms: int = 0) -> None:
    columns = restores.c
    connection.execute(
        update(restores)
        .where(columns.id == chunk.restore_id)
        .values(
            lines=columns.lines + sign * chunk.lines,
            duplicates=columns.duplicates + sign * chunk.duplicates,
            bytes=columns.bytes + sign * chunk.raw_bytes,
            text_bytes=columns.text_bytes + sign * chunk.text_bytes,
            read_bytes=columns.read_bytes + sign * chunk.stored_bytes,
            skipped_lines=columns.skipped_lines + sign * chunk.skipped_lines,
            worked_ms=columns.worked_ms + worked_ms,
        )
    )


def _note(connection: Connection, chunk: Chunk, found: Sequence[RestoreProblem]) -> None:
    """Keep what a chunk found, up to a bound for its restore."""
    if not found:
        return
    of_restore = problems.c.restore_id == chunk.restore_id
    there = connection.scalar(select(func.count()).select_from(problems).where(of_restore)) or 0
    kept = found[: max(0, _MOST_PROBLEMS - there)]
    if rows := [{"restore_id": chunk.restore_id, **vars(one), "chunk": chunk.number} for one in kept]:
        connection.execute(insert(problems), rows)
    _count_objects(connection, chunk.restore_id)


def _forget_problems(connection: Connection, chunk: Chunk) -> None:
    of_chunk = problems.c.restore_id == chunk.restore_id, problems.c.chunk == chunk.number
    connection.execute(delete(problems).where(*of_chunk))
    _count_objects(connection, chunk.restore_id)


def _count_objects(connection: Connection, restore_id: str) -> None:
    """An object that several chunks met counts once."""
    columns = problems.c
    whole = select(columns.target, columns.key).where(columns.restore_id == restore_id, columns.whole)
    count = len({(row.target, row.key) for row in connection.execute(whole)})
    connection.execute(update(restores).where(restores.c.id == restore_id).values(skipped_objects=count))


def _get(connection: Connection, restore_id: str) -> Restore:
    row = connection.execute(select(restores).where(restores.c.id == restore_id)).one_or_none()
    if row is None:
        raise no_restore(restore_id)
    return _restore(row)


def _restore(row: Row[tuple[object, ...]]) -> Restore:
    return Restore(**row._mapping)


def no_restore(restore_id: str) -> NotFound:
    return NotFound(f"there is no restore {restore_id!r}", hint="see the restores with: logkeep restore ls")
