"""Desk: where restores are handed in, and the one worker that has them carried out.

The catalog is the queue: what is IN_PROGRESS there is run, oldest first and several at once, also after a
restart. A restore is stopped, paused or deleted by its state in the catalog; its table follows, at once or
when the worker comes by.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from logkeep.archive.foreign.base import Layout
from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.marker import check_marker
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.restores import HAS_ACCOUNT, OPEN, RUNNING
from logkeep.catalog.values import (
    AccountKind,
    Archive,
    Chunk,
    ChunkState,
    Partial,
    Restore,
    RestoreProblem,
    RestoreState,
    Target,
)
from logkeep.errors import Conflict, ConnectionTestFailed, NotFound
from logkeep.index.base import Engine
from logkeep.index.restored import RestoredLines, restored_ids, stored_bytes_of_all, upgrade_restored
from logkeep.pipeline.model import accounts_named
from logkeep.pipeline.stored import spec_of
from logkeep.restore.carry import Carrier, Parts
from logkeep.restore.lacking import NO_TEXT, counted, joined
from logkeep.restore.plan import RestorePlan, Source, plan_restore
from logkeep.restore.preview import Preview, preview
from logkeep.restore.request import RestoreRequest, check_expiry, check_limit
from logkeep.restore.run import create_table
from logkeep.restore.seen import Seen
from logkeep.restore.targets.pipeline import NoPipelines, PipelineFeed, mark_of
from logkeep.storage.base import Bucket
from logkeep.storage.connection import Connection, checked
from logkeep.storage.probe import probe, usable
from logkeep.timeline import Clock
from logkeep.vault import Vault
from logkeep.worker import Worker

_LONGEST_PAUSE_S = 60.0  # the clock that expiry goes by may be set meanwhile
_AT_ONCE = 4
_SLUG_LENGTH = 40
_UNDELETE_MS = 3_600_000
_RATE_OF = 5  # how many finished restores the expected time is taken from
_USUAL_RATE = 250e6  # raw bytes a second, before there are any
_NO_PIPELINES = NoPipelines()


class RestoreDesk:
    """Takes requests from any thread without letting them wait; restores run several at a time."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        engine: Engine,
        bucket_of: Callable[[Target], Bucket],
        open_connection: Callable[[Connection], Bucket],  # of places to write files to
        vault: Vault,
        server: str,  # this installation, as markers name it
        work: Path,  # a folder of this desk's own, for files on their way
        clock: Clock,
        pipelines: PipelineFeed = _NO_PIPELINES,
        ended: Callable[[Restore], None] = lambda _: None,  # is told when a restore ends or has to wait
        min_free_bytes: int = 0,  # disk space that restores leave free
        at_once: int = _AT_ONCE,
        look_again_s: float = 60.0,  # how often a thaw is looked at
    ) -> None:
        self._catalog = catalog
        self._engine = engine
        self._bucket_of = bucket_of
        self._open_connection = open_connection
        self._vault = vault
        self._server = server
        self._work = work
        self._clock = clock
        self._pipelines = pipelines
        self._ended = ended
        self._made: frozenset[str] = frozenset()  # whose tables are there before their rows
        self._lock = threading.Lock()  # over changes of it
        self._min_free_bytes = min_free_bytes
        self.worker = Worker("restore", self.round)
        self._carrier = Carrier(
            Parts(
                catalog=catalog,
                engine=engine,
                bucket_at=self._bucket_at,
                layout_at=self._layout_at,
                open_connection=open_connection,
                pipelines=pipelines,
                vault=vault,
                work=work,
                clock=clock,
                ended=ended,
                min_free_bytes=min_free_bytes,
            ),
            at_once=at_once,
            look_again_s=look_again_s,
            stopping=self.worker.stopping,
            wake=self.worker.wake,
        )

    def start(self) -> None:
        """Go on with what was interrupted, and take new requests from now on."""
        shutil.rmtree(self._work, ignore_errors=True)  # what a killed process left
        self.resume_all()
        self.worker.start()

    def stop(self) -> None:
        """Return when the chunks that are being loaded are done. The rest is resumed at the next start."""
        self.worker.stop()
        self.join()

    def join(self) -> None:
        """Return when nothing runs that was begun before."""
        self._carrier.join()

    def plan(self, request: RestoreRequest) -> RestorePlan:
        """What a restore would read. Raises NotFound for an unknown account or archive, Conflict for a
        place whose marker names another account, StorageError."""
        if self._catalog.accounts.get(request.source).kind is not AccountKind.LIVE:
            raise NotFound(f"account {request.source!r} is a restored one and has no archive")
        sources = [self._source(target, request) for target in self._targets(request)]
        return replace(plan_restore(sources, request), rate=self._rate())

    def preview(self, request: RestoreRequest) -> Preview:
        """The plan with lines that it would bring. Raises like `plan`."""
        found = preview(
            self.plan(request),
            request,
            lambda target: self._bucket_at(request.source, target),
            self._layout_at,
        )
        return replace(found, free_bytes=self._free_bytes())

    def _free_bytes(self) -> int:
        """What restores may take of their disk."""
        self._work.mkdir(parents=True, exist_ok=True)
        return max(0, shutil.disk_usage(self._work).free - self._min_free_bytes)

    def submit(self, request: RestoreRequest) -> Restore:
        """Plan a restore and write it down; the worker begins it. Raises like `plan`, and NotFound or
        Conflict for a pipeline that it cannot be sent into."""
        wanted = request.pipeline
        if wanted:
            source = self._pipelines.check(wanted.pipeline, wanted.source)
            request = replace(request, pipeline=replace(wanted, source=source))
        plan = self.plan(request)
        if plan.frozen.objects and not request.thaw:
            raise Conflict(
                f"{plan.frozen.objects} objects of this range are in cold storage",
                hint="choose the tier of their thaw: thaw=standard, bulk or expedited",
            )
        restore = _new_restore(request, plan, self._files(request), now=self._clock())
        ledger = [
            Chunk(restore_id=restore.id, number=number, state=ChunkState.PENDING, spec=spec.encode())
            for number, spec in enumerate(plan.chunks)
        ]
        with self._being_made(restore.id):
            # Before anybody can look for it; without its row in the catalog it is dropped again.
            create_table(RestoredLines(self._engine, restore.id), len(plan.chunks))
            self._catalog.restores.create(restore, ledger)
        self.worker.wake()
        return restore

    @contextmanager
    def _being_made(self, restore_id: str) -> Iterator[None]:
        """Until the block ends its table is no left-over, although the catalog does not know it yet."""
        with self._lock:
            self._made = self._made | {restore_id}
        try:
            yield
        finally:
            with self._lock:
                self._made = self._made - {restore_id}

    def pause(self, restore_id: str) -> Restore:
        """Begin no further chunk until it is resumed. Raises NotFound, Conflict."""
        return self._catalog.restores.set_state(restore_id, RestoreState.PAUSED, error="")

    def resume(
        self, restore_id: str, *, limit_lines: int | None = None, limit_bytes: int | None = None
    ) -> Restore:
        """Go on with one that is PAUSED, with other limits where they are given (0: none).

        Raises NotFound; Conflict, also when it would stop at its limit at once."""
        for name, value in (("limit_lines", limit_lines), ("limit_bytes", limit_bytes)):
            if value is not None:
                check_limit(name, value)
        resumed = self._catalog.restores.resume(restore_id, limit_lines=limit_lines, limit_bytes=limit_bytes)
        self.worker.wake()
        return resumed

    def abort(self, restore_id: str, *, keep: bool = False) -> Restore:
        """Stop a restore that runs, waits or is paused. What it restored goes; with `keep` it stays, as soon
        as the chunks that are being loaded are done. Raises NotFound; Conflict, also when it is to be kept
        and all of its lines are on their way into a pipeline."""
        if keep:
            self._check_loading(restore_id)
            aborted = self._catalog.restores.end_early(restore_id, Partial.ABORTED)
        else:
            aborted = self._catalog.restores.set_state(
                restore_id, RestoreState.ABORTED, finished_at=self._clock()
            )
            self._ended(aborted)
        self.worker.wake()
        return aborted

    def retry(self, restore_id: str) -> Restore:
        """Begin a FAILED one anew, as it was planned. Raises NotFound, Conflict."""
        again = self._catalog.restores.begin_anew(restore_id)
        self.worker.wake()
        return again

    def extend(self, restore_id: str, expiry_s: int) -> Restore:
        """Keep a restored account for so long from now on. Raises NotFound, Conflict, InputError."""
        check_expiry(expiry_s)
        extended = self._catalog.restores.extend(restore_id, self._clock() + expiry_s * 1000)
        self.worker.wake()
        return extended

    def delete(self, restore_id: str) -> Restore:
        """Delete a restored account. Its lines go an hour later. Raises NotFound; Conflict while it runs."""
        state = self._catalog.restores.get(restore_id).state
        if state in (RestoreState.IN_PROGRESS, RestoreState.PAUSED, RestoreState.THAWING):
            raise Conflict(f"restore {restore_id} is {state}", hint="abort it first")
        deleted = self._catalog.restores.set_state(restore_id, RestoreState.DELETED, deleted_at=self._clock())
        if deleted.pipeline:
            self._pipelines.forget_marks(mark_of(restore_id))
        self.worker.wake()
        return deleted

    def undelete(self, restore_id: str) -> Restore:
        """Bring back a restored account within an hour of its deletion. Raises NotFound, Conflict."""
        deleted = self._catalog.restores.get(restore_id)
        gone = Conflict(
            f"restore {restore_id} cannot be brought back",
            hint="that is possible for an hour after a restored account was deleted; restore it again",
        )
        now = self._clock()
        if now >= undelete_until(deleted):
            raise gone
        if restore_id not in restored_ids(self._engine):
            raise gone
        return self._catalog.restores.set_state(restore_id, RestoreState.ACTIVE, deleted_at=0)

    def position(self, restore_id: str) -> int | None:
        """Its place in the queue: 0 while it runs, None when it neither runs nor waits."""
        waiting = [one.id for one in self._catalog.restores.interrupted()]
        if restore_id not in waiting:
            return None
        return self._carrier.position(restore_id, waiting)

    def running(self, restore_id: str) -> bool:
        """Whether it is being worked on at this moment."""
        return self._carrier.runs(restore_id)

    def seen(self, restores: Sequence[Restore]) -> list[Seen]:
        """These, with what the catalog does not know of them."""
        ids = [one.id for one in restores]
        stored, textless = self.storage(ids), self.textless(ids)
        waiting = [one.id for one in self._catalog.restores.interrupted()]
        accounts = self._accounts_of({one.pipeline for one in restores if one.pipeline})
        names = self._catalog.actors.names({one.created_by for one in restores})
        return [
            Seen(
                restore=one,
                position=self._place(one, waiting),
                events_per_s=self._carrier.events_per_s(one.id) if one.id in waiting else None,
                storage_bytes=stored.get(one.id, 0),
                textless_lines=textless[one.id],
                created_by_name=names.get(one.created_by, ""),
                destination_accounts=accounts.get(one.pipeline, frozenset()),
            )
            for one in restores
        ]

    def _accounts_of(self, pipelines: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The accounts that each of these pipelines names."""
        there = self._catalog.pipelines.list() if pipelines else ()
        return {one.id: frozenset(accounts_named(spec_of(one))) for one in there if one.id in pipelines}

    def _place(self, restore: Restore, waiting: Sequence[str]) -> int | None:
        if restore.state is not RestoreState.IN_PROGRESS or restore.id not in waiting:
            return None
        return self._carrier.position(restore.id, waiting)

    def watched(self, ids: Collection[str], running: bool) -> list[Seen]:
        """The restores with these ids and, with `running`, all that have not ended."""
        return self.seen(self._catalog.restore_history.watched(ids, running=running))

    def problems(self, restore_id: str) -> Sequence[RestoreProblem]:
        """What it could not read, and lines without a time or text; the first thousand. Raises NotFound."""
        return joined(self._catalog.restores.problems(restore_id))

    def textless(self, restore_ids: Sequence[str]) -> Mapping[str, int]:
        """How many lines without text each has brought, as far as its problems tell; none is left out."""
        lines = dict.fromkeys(restore_ids, 0)
        for restore_id, reason in self._catalog.restores.reasons(restore_ids, NO_TEXT):
            lines[restore_id] += counted(reason)
        return lines

    def storage(self, restore_ids: Sequence[str]) -> Mapping[str, int]:
        """How many bytes the lines of each take up on the disk."""
        every = stored_bytes_of_all(self._engine) if restore_ids else {}
        return {one: every[one] for one in restore_ids if one in every}

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
        upgrade_restored(self._engine)
        self.worker.wake()

    def round(self) -> float | None:
        """One step of the worker: begin what is due. Returns seconds until the next."""
        self._drop_left_over()
        self.expire_due(self._clock())
        again = self._carrier.round()
        waits = [one for one in (again, self._until_next_end()) if one is not None]
        return min(waits, default=None)

    def _until_next_end(self) -> float | None:
        """Until the next restored account expires, or a deleted one's lines go."""
        deleted = self._catalog.restores.list(RestoreState.DELETED)
        ends = [one.deleted_at + _UNDELETE_MS for one in deleted if _kept(one, self._clock())]
        if (expires_at := self._catalog.restores.next_expiry()) is not None:
            ends.append(expires_at)
        if not ends:
            return None
        return min(max(0.0, (min(ends) - self._clock()) / 1000), _LONGEST_PAUSE_S)

    def _drop_left_over(self) -> None:
        """Drop the tables of restores that ended without taking theirs along, and their marks before."""
        now = self._clock()
        # In this order: a new one that comes between is not there, or is being made, or is in the catalog.
        there = restored_ids(self._engine)
        there -= self._made
        restores = self._catalog.restores.list()
        alive = {
            one.id
            for one in restores
            if one.state in HAS_ACCOUNT or (one.state is RestoreState.DELETED and _kept(one, now))
        }
        # One that failed can be tried again, and must not send a line twice then.
        marked = {one.id for one in restores if one.pipeline and one.state is not RestoreState.FAILED}
        for restore_id in there - alive:
            if not self._carrier.runs(restore_id):
                if restore_id in marked:
                    self._pipelines.forget_marks(mark_of(restore_id))
                RestoredLines(self._engine, restore_id).drop()

    def _check_loading(self, restore_id: str) -> None:
        """Raises Conflict when nothing is loaded any more, but sent into a pipeline."""
        restores = self._catalog.restores
        restore = restores.get(restore_id)
        if not restore.pipeline or restore.state not in RUNNING:
            return
        if restore.partial or not any(chunk.state in OPEN for chunk in restores.chunks(restore_id)):
            raise Conflict(
                f"all lines of restore {restore_id} are on their way into pipeline {restore.pipeline!r}",
                hint="abort it without keeping: what is sent stays sent",
            )

    def _targets(self, request: RestoreRequest) -> list[Target]:
        """Where the archives to read are, and where they were if something of the range is there."""
        chosen = {one.id: one.target for one in self._archives(request)}
        return [
            target
            for target in self._catalog.archives.targets_of_account(request.source)
            if target.archive in chosen
            and (
                target.id == chosen[target.archive]
                or self._catalog.objects.list(within=request.range, target=target.id)
            )
        ]

    def _archives(self, request: RestoreRequest) -> Sequence[Archive]:
        """The one that is named, also of a pipeline; else the account's own. Raises NotFound."""
        if not request.archive:
            own = self._catalog.archives.of_account(request.source)
            if own:
                return own
            raise NotFound(
                f"account {request.source!r} has no archive",
                hint="to read a pipeline's archive, name it",
            )
        named = self._catalog.archives.get(request.archive)
        if named.account != request.source:
            raise NotFound(
                f"account {request.source!r} has no archive {request.archive!r}",
                hint=f"it belongs to account {named.account!r}: restore from that one",
            )
        return [named]

    def _source(self, target: Target, request: RestoreRequest) -> Source:
        bucket = self._bucket_of(target)
        archive = self._catalog.archives.get(target.archive)
        if archive.foreign:
            layout = layout_of(archive.layout, archive.layout_options)
            return Source(target=target.id, bucket=bucket, layout=layout)
        if not request.any_marker:
            check_marker(bucket, request.source, self._server)
        return Source(target=target.id, bucket=bucket)

    def _bucket_at(self, account: str, target: int) -> Bucket:
        """The bucket of a piece of the ledger."""
        if not target:  # of a former release, whose accounts had one archive each
            own = self._catalog.archives.of_account(account)
            if not own:
                raise NotFound(f"account {account!r} has no archive any more")
            target = own[0].target
        return self._bucket_of(self._catalog.archives.target(target))

    def _layout_at(self, target: int, name: str) -> Layout:
        """The layout that a piece of the ledger names, as its archive has set it up."""
        if target:
            archive = self._catalog.archives.get(self._catalog.archives.target(target).archive)
            if archive.layout == name:
                return layout_of(name, archive.layout_options)
        return layout_of(name)

    def _files(self, request: RestoreRequest) -> _Files:
        if request.files is None:
            return _Files()
        connection = checked(request.files.connection)
        verdicts = probe(self._open_connection(connection), connection)
        if not usable(verdicts):
            failed = next(one for one in verdicts if one.ok is False)
            raise ConnectionTestFailed(
                f"files cannot be written there: {failed.detail}",
                verdicts=[asdict(one) for one in verdicts],
                hint=failed.remedy,
            )
        secret = self._vault.seal(connection.secrets) if connection.secrets else b""
        options = {"provider": connection.provider, "format": request.files.format}
        return _Files(options={**connection.options, **options}, secret=secret)

    def _rate(self) -> float:
        """Raw bytes a second, as the last restores were."""
        ended = self._catalog.restores.list(RestoreState.ACTIVE, RestoreState.DONE, RestoreState.EXPIRED)
        last = [one for one in ended if one.bytes and one.worked_ms][:_RATE_OF]
        if not last:
            return _USUAL_RATE
        return sum(one.bytes for one in last) * 1000 / sum(one.worked_ms for one in last)


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Where files go, as a restore keeps it."""

    options: Mapping[str, str] = field(default_factory=dict)
    secret: bytes = field(default=b"", repr=False)


def undelete_until(restore: Restore) -> int:
    """When a deleted restored account can no longer be brought back; 0 for anything else."""
    if restore.state is not RestoreState.DELETED or not restore.expires_at:
        return 0
    return min(restore.deleted_at + _UNDELETE_MS, restore.expires_at)


def _kept(deleted: Restore, now: int) -> bool:
    """Whether the lines of a deleted restore are still there."""
    return bool(deleted.expires_at) and now < deleted.deleted_at + _UNDELETE_MS


def _new_restore(request: RestoreRequest, plan: RestorePlan, files: _Files, *, now: int) -> Restore:
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
        created_by=request.created_by,
        reason=request.reason,
        limit_lines=request.limit_lines,
        limit_bytes=request.limit_bytes,
        on_limit=request.on_limit,
        skip_damaged=request.skip_damaged,
        thaw=request.thaw,
        frozen_objects=plan.frozen.objects,
        archive=request.archive,
        files=files.options,
        files_secret=files.secret,
        pipeline=request.pipeline.pipeline if request.pipeline else "",
        pipeline_source=request.pipeline.source if request.pipeline else "",
        rate=request.rate,
        notify_url=request.notify_url,
        notify_email=request.notify_email,
    )


def account_name(name: str, restore_id: str) -> str:
    """The restored account's name: readable, allowed, and unlike any other's."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_SLUG_LENGTH].strip("-")
    return "-".join(part for part in ("r", slug, restore_id[:6]) if part)
