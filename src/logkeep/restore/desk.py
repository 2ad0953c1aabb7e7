"""Desk: where restores are handed in, and the one worker that carries them out.

The catalog is the queue: what is IN_PROGRESS there is run, oldest first, also after a restart. A restore
is stopped or deleted by its state in the catalog; its table follows, at once or when the worker comes by.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from logkeep.archive.marker import check_marker
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import AccountKind, Chunk, ChunkState, Restore, RestoreState, Target
from logkeep.errors import Conflict, EngineError, LogkeepError, NotFound
from logkeep.faults import crash_point
from logkeep.index.base import Engine
from logkeep.index.restored import RestoredLines, restored_ids
from logkeep.restore.plan import RestorePlan, Source, plan_restore
from logkeep.restore.request import RestoreRequest
from logkeep.restore.run import RestoreRun, create_table
from logkeep.storage.base import Bucket
from logkeep.timeline import Clock
from logkeep.worker import Worker

_LONGEST_PAUSE_S = 60.0  # the clock that expiry goes by may be set meanwhile
_SLUG_LENGTH = 40
_MOST_TRIES = 6  # with the worker's pauses, within half a minute


class RestoreDesk:
    """Takes requests from any thread without letting them wait; restores run one at a time."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        engine: Engine,
        bucket_of: Callable[[Target], Bucket],
        server: str,  # this installation, as markers name it
        work: Path,  # a folder of this desk's own, for files on their way
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._engine = engine
        self._bucket_of = bucket_of
        self._server = server
        self._work = work
        self._clock = clock
        self._tries: dict[str, int] = {}  # of restores that met an error that may pass
        self.worker = Worker("restore", self.round)

    def start(self) -> None:
        """Go on with what was interrupted, and take new requests from now on."""
        shutil.rmtree(self._work, ignore_errors=True)  # what a killed process left
        self.resume_all()
        self.worker.start()

    def stop(self) -> None:
        """Return when the chunks that are being loaded are done. The rest is resumed at the next start."""
        self.worker.stop()

    def plan(self, request: RestoreRequest) -> RestorePlan:
        """What a restore would read. Raises NotFound for an unknown account or archive, Conflict for a
        place whose marker names another account, StorageError."""
        if self._catalog.accounts.get(request.source).kind is not AccountKind.LIVE:
            raise NotFound(f"account {request.source!r} is a restored one and has no archive")
        sources = [self._source(target, request) for target in self._targets(request)]
        return plan_restore(sources, request)

    def submit(self, request: RestoreRequest) -> Restore:
        """Plan a restore and write it down; the worker begins it. Raises like `plan`."""
        plan = self.plan(request)
        restore = _new_restore(request, plan, now=self._clock())
        self._catalog.restores.create(
            restore,
            [
                Chunk(restore_id=restore.id, number=number, state=ChunkState.PENDING, spec=spec.encode())
                for number, spec in enumerate(plan.chunks)
            ],
        )
        create_table(RestoredLines(self._engine, restore.id), len(plan.chunks))
        self.worker.wake()
        return restore

    def abort(self, restore_id: str) -> Restore:
        """Stop a restore that is IN_PROGRESS; what it restored goes. Raises NotFound, Conflict."""
        aborted = self._catalog.restores.set_state(
            restore_id, RestoreState.ABORTED, finished_at=self._clock()
        )
        self.worker.wake()
        return aborted

    def delete(self, restore_id: str) -> Restore:
        """Delete a restored account with its lines. Raises NotFound; Conflict while IN_PROGRESS."""
        if self._catalog.restores.get(restore_id).state is RestoreState.IN_PROGRESS:
            raise Conflict(f"restore {restore_id} is IN_PROGRESS", hint="abort it first")
        deleted = self._catalog.restores.set_state(restore_id, RestoreState.DELETED)
        RestoredLines(self._engine, restore_id).drop()
        return deleted

    def expire_due(self, now: int) -> list[Restore]:
        """Delete the restored accounts whose time is over at `now`. Returns their restores."""
        expired = []
        for restore in self._catalog.restores.due(now):
            expired.append(self._catalog.restores.set_state(restore.id, RestoreState.EXPIRED))
            RestoredLines(self._engine, restore.id).drop()
        return expired

    def resume_all(self) -> None:
        """Have the worker go on with every restore that is IN_PROGRESS or lacks its text index."""
        self._drop_left_over()
        self.worker.wake()

    def round(self) -> float | None:
        """One step of the worker: one restore, or one text index. Returns seconds until the next."""
        self._drop_left_over()
        self.expire_due(self._clock())
        if interrupted := self._catalog.restores.interrupted():
            self._carry_out(interrupted[0])
            return 0.0
        if unindexed := self._catalog.restores.unindexed():
            self._build_text_index(unindexed[0])
            return 0.0
        return self._until_next_expiry()

    def _until_next_expiry(self) -> float | None:
        expires_at = self._catalog.restores.next_expiry()
        if expires_at is None:
            return None
        return min(max(0.0, (expires_at - self._clock()) / 1000), _LONGEST_PAUSE_S)

    def _carry_out(self, restore: Restore) -> None:
        try:
            complete = self._run(restore).load()
        except LogkeepError as error:
            if error.retryable and self._may_try_again(restore):
                raise  # the worker comes back to it after a pause, and the ledger knows what is done
            self._end(restore, RestoreState.FAILED, error=str(error))
            return
        if complete and self._end(restore, RestoreState.ACTIVE):
            crash_point("restore.active")
            self._build_text_index(restore)

    def _run(self, restore: Restore) -> RestoreRun:
        return RestoreRun(
            restore=restore,
            bucket_of=partial(self._bucket_at, restore.source),
            restores=self._catalog.restores,
            engine=self._engine,
            work=self._work / restore.id,
            stopping=self.worker.stopping,
        )

    def _may_try_again(self, restore: Restore) -> bool:
        self._tries[restore.id] = self._tries.get(restore.id, 0) + 1
        return self._tries[restore.id] < _MOST_TRIES

    def _end(self, restore: Restore, state: RestoreState, *, error: str = "") -> bool:
        """Whether the restore could take this last step: it may have been aborted meanwhile."""
        now = self._clock()
        expires_at = now + restore.expiry_s * 1000 if state is RestoreState.ACTIVE else None
        try:
            self._catalog.restores.set_state(
                restore.id, state, finished_at=now, expires_at=expires_at, error=error
            )
        except Conflict:
            return False
        return True

    def _build_text_index(self, restore: Restore) -> None:
        try:
            RestoredLines(self._engine, restore.id).build_text_index()
        except (EngineError, NotFound):
            if self._catalog.restores.get(restore.id).state is RestoreState.ACTIVE:
                raise
            return  # it was deleted meanwhile, and its table with it
        self._catalog.restores.indexed(restore.id)
        crash_point("restore.indexed")

    def _drop_left_over(self) -> None:
        """Drop the tables of restores that ended without taking theirs along."""
        restores = self._catalog.restores.list()
        alive = {
            restore.id
            for restore in restores
            if restore.state in (RestoreState.IN_PROGRESS, RestoreState.ACTIVE)
        }
        for restore_id in restored_ids(self._engine) - alive:
            RestoredLines(self._engine, restore_id).drop()

    def _targets(self, request: RestoreRequest) -> list[Target]:
        """Where the account's archives are, and where they were if something of the range is there."""
        archives = self._catalog.archives.of_account(request.source)
        chosen = {one.id: one.target for one in archives if request.archive in ("", one.id)}
        if not chosen:
            which = f"no archive {request.archive!r}" if request.archive else "no archive"
            raise NotFound(f"account {request.source!r} has {which}")
        return [
            target
            for target in self._catalog.archives.targets_of_account(request.source)
            if target.archive in chosen
            and (
                target.id == chosen[target.archive]
                or self._catalog.objects.list(within=request.range, target=target.id)
            )
        ]

    def _source(self, target: Target, request: RestoreRequest) -> Source:
        bucket = self._bucket_of(target)
        if not request.any_marker:
            check_marker(bucket, request.source, self._server)
        return Source(target=target.id, bucket=bucket)

    def _bucket_at(self, account: str, target: int) -> Bucket:
        """The bucket of a piece of the ledger."""
        if not target:
            target = self._catalog.archives.of_account(account)[0].target
        return self._bucket_of(self._catalog.archives.target(target))


def _new_restore(request: RestoreRequest, plan: RestorePlan, *, now: int) -> Restore:
    restore_id = secrets.token_hex(6)
    return Restore(
        id=restore_id,
        name=request.name,
        state=RestoreState.IN_PROGRESS,
        account=account_name(request.name, restore_id),
        source=request.source,
        from_ms=request.range.start,
        to_ms=request.range.end,
        query=request.query,
        planned_objects=plan.objects,
        planned_lines=plan.lines,
        planned_bytes=plan.bytes,
        planned_raw_bytes=plan.raw_bytes,
        lines=0,
        bytes=0,
        duplicates=0,
        created_at=now,
        expiry_s=request.expiry_s,
    )


def account_name(name: str, restore_id: str) -> str:
    """The restored account's name: readable, allowed, and unlike any other's."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_SLUG_LENGTH].strip("-")
    return "-".join(part for part in ("r", slug, restore_id[:6]) if part)
