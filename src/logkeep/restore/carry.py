"""Carrying restores out: which of them run, each in its own thread, and what becomes of each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from logkeep.archive.foreign.base import Layout
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.restores import OPEN
from logkeep.catalog.values import OnLimit, Partial, Restore, RestoreState
from logkeep.errors import Conflict, EngineError, LogkeepError, NotFound, ObjectFrozen, StorageError
from logkeep.faults import crash_point
from logkeep.index.base import Engine
from logkeep.index.restored import RestoredLines
from logkeep.index.search import Scope
from logkeep.query.sql import Condition
from logkeep.restore.chunks import ChunkSpec, Piece
from logkeep.restore.run import Outcome, RestoreRun
from logkeep.restore.slots import Slots
from logkeep.restore.targets.files import write_files
from logkeep.restore.targets.pipeline import PipelineFeed, Sending, mark_of
from logkeep.restore.thaw import find_cold
from logkeep.storage.base import Bucket, Cold
from logkeep.storage.connection import Connection
from logkeep.timeline import MAX_MS, MIN_MS, Clock, TimeRange, iso
from logkeep.vault import Vault
from logkeep.worker import give_way

log = logging.getLogger("logkeep")

_CHUNKS_AT_ONCE = 2  # over all restores: as many as there are processors on a small machine
_MOST_TRIES = 6  # with the pauses between them, within half a minute
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_ASKED_AT_ONCE = 8
_THAWED_DAYS = 5  # how long what was thawed stays readable

# From which states the carrier's own steps go: what people do meanwhile counts more.
_RUNNING = (RestoreState.IN_PROGRESS,)
_OWN_STEPS = {
    RestoreState.IN_PROGRESS: (RestoreState.THAWING,),
    RestoreState.FAILED: (RestoreState.IN_PROGRESS, RestoreState.THAWING),
}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What carrying a restore out needs."""

    catalog: Catalog
    engine: Engine
    bucket_at: Callable[[str, int], Bucket]  # from the source account and the id of a target
    layout_at: Callable[[int, str], Layout]
    open_connection: Callable[[Connection], Bucket]
    pipelines: PipelineFeed
    vault: Vault
    work: Path
    clock: Clock
    ended: Callable[[Restore], None]
    min_free_bytes: int


@dataclass(kw_only=True)
class _Tries:
    count: int = 0
    progress: int = 0  # of the restore, when it was tried last
    next_at: float = 0.0  # by the monotonic clock


class Carrier:
    """Runs restores side by side, oldest first, with equal shares of the machine. Called by one thread but
    for `position`, `runs` and `events_per_s`."""

    def __init__(
        self,
        parts: Parts,
        *,
        at_once: int,
        look_again_s: float,
        stopping: threading.Event,
        wake: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._at_once = at_once
        self._look_again_s = look_again_s
        self._stopping = stopping
        self._wake = wake
        self._slots = Slots(_CHUNKS_AT_ONCE)
        self._threads: dict[str, threading.Thread] = {}
        self._sending: dict[str, Sending] = {}
        self._lock = threading.Lock()  # over these two, from which each thread takes itself out
        self._tries: dict[str, _Tries] = {}
        self._looked_at: dict[str, float] = {}  # when the thaw of each was looked at, monotonic

    def round(self) -> float | None:
        """Begin what is due. Returns after how many seconds to look again; None: when it is woken."""
        if self._stopping.is_set():
            return None
        self._end_thaws()
        restores = self._parts.catalog.restores
        interrupted, unindexed = restores.interrupted(), restores.unindexed()
        for restore in interrupted:
            self._begin(restore.id, self._carry_out)
        for restore in unindexed:
            self._begin(restore.id, self._build_text_index)
        return self._pause({one.id for one in (*interrupted, *unindexed)})

    def position(self, restore_id: str, waiting: Sequence[str]) -> int:
        """0 for one that runs; else its place among those that wait, from 1."""
        with self._lock:
            queue = [one for one in waiting if one not in self._threads]
        return queue.index(restore_id) + 1 if restore_id in queue else 0

    def runs(self, restore_id: str) -> bool:
        """Whether a thread is at work on it."""
        with self._lock:
            return restore_id in self._threads

    def events_per_s(self, restore_id: str) -> float | None:
        """How fast it is being sent into its pipeline; None unless it is."""
        with self._lock:
            sending = self._sending.get(restore_id)
        return sending.events_per_s() if sending else None

    def join(self) -> None:
        """Return when no restore runs any more."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _begin(self, restore_id: str, step: Callable[[str], None]) -> None:
        """Begin a step of a restore, unless one runs, too many run, or it has to wait after an error."""
        tries = self._tries.get(restore_id)
        if tries is not None and tries.next_at > time.monotonic():
            return
        with self._lock:
            # One that is sent may have to wait for its pipeline for days, and holds up none meanwhile.
            if restore_id in self._threads or len(self._threads) - len(self._sending) >= self._at_once:
                return
            self._threads[restore_id] = threading.Thread(
                target=self._attempt, args=(restore_id, step), name=f"restore-{restore_id}", daemon=True
            )
            self._threads[restore_id].start()

    def _attempt(self, restore_id: str, step: Callable[[str], None]) -> None:
        """One try. An error that may pass is tried again after a pause; the ledger knows what is done."""
        give_way()
        try:
            self._try(restore_id, step)
        finally:
            with self._lock:
                del self._threads[restore_id]
                self._sending.pop(restore_id, None)
            self._wake()

    def _try(self, restore_id: str, step: Callable[[str], None]) -> None:
        try:
            step(restore_id)
            self._tries.pop(restore_id, None)
        except LogkeepError as error:
            tries = self._tries.setdefault(restore_id, _Tries())
            tries.count += 1
            tries.next_at = time.monotonic() + min(_FIRST_PAUSE_S * 2.0**tries.count, _LONGEST_PAUSE_S)
            try:
                self._failed(restore_id, tries, error)
            except LogkeepError as again:  # the catalog's own: its disk may be full
                log.warning("restore %s cannot go on for now: %s; %s", restore_id, error, again)

    def _failed(self, restore_id: str, tries: _Tries, error: LogkeepError) -> None:
        """Have it tried again, or pause it with what it has, where that may help; else it has failed."""
        restore = self._parts.catalog.restores.get(restore_id)
        progress = restore.read_bytes + restore.sent
        if progress > tries.progress:  # it came further than the last time
            tries.count, tries.progress = 1, progress
        if restore.state is RestoreState.ACTIVE:
            log.warning("the text index of restore %s is not built yet: %s", restore_id, error)
        elif isinstance(error, ObjectFrozen) and restore.thaw:
            self._thaw(restore)
        elif not error.retryable:
            self._tries.pop(restore_id, None)
            self._end(restore_id, RestoreState.FAILED, error=str(error))
        elif tries.count < _MOST_TRIES:
            self._parts.catalog.restores.failing(restore_id, str(error))
        else:
            self._tries.pop(restore_id, None)
            self._end(restore_id, RestoreState.PAUSED, error=str(error))

    def _pause(self, waiting: Collection[str]) -> float | None:
        """Seconds until something of its own accord is due; `waiting` are the restores that are to run."""
        self._tries = {one: tries for one, tries in list(self._tries.items()) if one in waiting}
        now = time.monotonic()
        waits = [tries.next_at - now for tries in self._tries.values() if tries.next_at > now]
        waits += [at + self._look_again_s - now for at in self._looked_at.values()]
        return max(0.05, min(waits)) if waits else None

    def _carry_out(self, restore_id: str) -> None:
        restore = self._parts.catalog.restores.get(restore_id)
        if restore.thaw and restore.frozen_objects:
            self._ask(restore, self._frozen(restore))  # what takes hours begins first
        match self._run(restore).load():
            case Outcome.COMPLETE:
                self._complete(restore_id)
            case Outcome.LIMIT:
                self._at_limit(restore)
            case Outcome.FROZEN:
                self._thaw(restore)
            case Outcome.HALTED:
                pass  # by whatever is in the catalog now

    def _run(self, restore: Restore) -> RestoreRun:
        parts = self._parts
        cold = _ColdObjects(partial(parts.bucket_at, restore.source))
        return RestoreRun(
            restore=restore,
            bucket_of=partial(parts.bucket_at, restore.source),
            layout_of=parts.layout_at,
            is_cold=cold.has,
            restores=parts.catalog.restores,
            engine=parts.engine,
            work=parts.work / restore.id,
            slots=self._slots,
            clock=parts.clock,
            stopping=self._stopping,
            min_free_bytes=parts.min_free_bytes,
        )

    def _complete(self, restore_id: str) -> None:
        restore = self._parts.catalog.restores.get(restore_id)
        if restore.files:
            self._write_files(restore)
        elif restore.pipeline:
            self._send(restore)
        elif self._end(restore_id, RestoreState.ACTIVE):
            crash_point("restore.active")
            self._build_text_index(restore_id)

    def _at_limit(self, restore: Restore) -> None:
        """`restore` as it was when its run began: with other limits since, it goes on."""
        restores = self._parts.catalog.restores
        now = restores.get(restore.id)
        if (now.limit_lines, now.limit_bytes) != (restore.limit_lines, restore.limit_bytes):
            return
        match now.on_limit:
            case OnLimit.KEEP:
                restores.end_early(restore.id, Partial.LIMIT)
                self._complete(restore.id)
            case OnLimit.FAIL:
                self._end(restore.id, RestoreState.FAILED, error=_limit_reached(now))
            case OnLimit.ASK:
                self._end(restore.id, RestoreState.PAUSED, error=_limit_reached(now))

    def _write_files(self, restore: Restore) -> None:
        parts = self._parts
        try:
            written = write_files(
                parts.engine,
                _all_lines(RestoredLines(parts.engine, restore.id).name),
                bucket=parts.open_connection(self._connection(restore)),
                prefix=restore.account,
                format=restore.files["format"],
                work=parts.work / f"{restore.id}-files",
                stopped=lambda: self._stopping.is_set() or not self._goes_on(restore.id),
                about=_about(restore),
            )
        except (StorageError, Conflict) as error:
            if error.retryable:
                raise
            # All lines are there: they wait until the place takes them.
            self._end(restore.id, RestoreState.PAUSED, error=str(error))
            return
        if written and self._end(restore.id, RestoreState.DONE, files_written=written.files):
            RestoredLines(parts.engine, restore.id).drop()

    def _send(self, restore: Restore) -> None:
        """Send its lines into its pipeline. The table goes when the last of them is durable there."""
        parts = self._parts
        restores = parts.catalog.restores
        sending = Sending(
            engine=parts.engine,
            scope=_all_lines(RestoredLines(parts.engine, restore.id).name),
            restore=restore,
            pipelines=parts.pipelines,
            goes_on=lambda: not self._stopping.is_set() and self._goes_on(restore.id),
            wait=self._stopping.wait,
            noted=partial(restores.sent, restore.id),
            held_up=partial(restores.failing, restore.id),
        )
        with self._lock:
            self._sending[restore.id] = sending
        self._wake()  # others may begin
        if sending.run():
            crash_point("restore.sent")
            if self._end(restore.id, RestoreState.DONE):
                parts.pipelines.forget_marks(mark_of(restore.id))
                RestoredLines(parts.engine, restore.id).drop()
        elif sending.refused:
            # All lines are there: they wait until the pipeline takes them.
            self._end(restore.id, RestoreState.PAUSED, error=str(sending.refused))

    def _goes_on(self, restore_id: str) -> bool:
        return self._parts.catalog.restores.get(restore_id).state is RestoreState.IN_PROGRESS

    def _connection(self, restore: Restore) -> Connection:
        options = {name: value for name, value in restore.files.items() if name not in ("provider", "format")}
        secrets = self._parts.vault.open(restore.files_secret) if restore.files_secret else {}
        return Connection(provider=restore.files["provider"], options=options, secrets=secrets)

    def _thaw(self, restore: Restore) -> None:
        """Have the restore wait for what is frozen, once that is asked for."""
        left = self._frozen(restore)
        if not left:
            return  # it was thawed meanwhile
        self._ask(restore, left)
        self._end(restore.id, RestoreState.THAWING, frozen_objects=len(left))
        self._looked_at[restore.id] = time.monotonic()

    def _ask(self, restore: Restore, left: Sequence[tuple[Bucket, Cold]]) -> None:
        """Ask for the thaw of what is frozen and not thawing."""
        if left and not restore.thaw:
            raise ObjectFrozen(
                f"object {left[0][1].key} is in cold storage",
                hint="restore with a thaw: thaw=standard, bulk or expedited",
            )
        with ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="restore-thaw") as pool:
            asked = [
                pool.submit(bucket.thaw, cold.key, restore.thaw, _THAWED_DAYS)
                for bucket, cold in left
                if not cold.thawing
            ]
        for one in asked:
            one.result()  # raises the first error, if any
        crash_point("restore.thaw_asked")

    def _end_thaws(self) -> None:
        """Have those that wait for a thaw go on, if something of theirs can be read now."""
        thawing = self._parts.catalog.restores.list(RestoreState.THAWING)
        waiting = {one.id for one in thawing}
        self._looked_at = {one: at for one, at in list(self._looked_at.items()) if one in waiting}
        now = time.monotonic()
        for restore in thawing:
            if now >= self._looked_at.get(restore.id, now - self._look_again_s) + self._look_again_s:
                self._looked_at[restore.id] = now
                self._look_at_thaw(restore)

    def _look_at_thaw(self, restore: Restore) -> None:
        try:
            left = self._frozen(restore)
        except LogkeepError as error:  # told with the restore, and looked at again
            self._parts.catalog.restores.failing(restore.id, str(error))
            return
        # One that is frozen and not thawing has to be asked for again: its copy expired meanwhile.
        if not left or len(left) < restore.frozen_objects or not all(cold.thawing for _, cold in left):
            self._end(restore.id, RestoreState.IN_PROGRESS, frozen_objects=len(left))

    def _frozen(self, restore: Restore) -> list[tuple[Bucket, Cold]]:
        """What is still frozen of the objects that the restore has not read."""
        cold = _ColdObjects(partial(self._parts.bucket_at, restore.source))
        return cold.of(
            piece
            for chunk in self._parts.catalog.restores.chunks(restore.id)
            if chunk.state in OPEN
            for piece in ChunkSpec.decode(chunk.spec).pieces
        )

    def _build_text_index(self, restore_id: str) -> None:
        try:
            RestoredLines(self._parts.engine, restore_id).build_text_index()
        except (EngineError, NotFound):
            if self._parts.catalog.restores.get(restore_id).state is RestoreState.ACTIVE:
                raise
            return  # it was deleted meanwhile, and its table with it
        self._parts.catalog.restores.indexed(restore_id)
        crash_point("restore.indexed")

    def _end(
        self,
        restore_id: str,
        state: RestoreState,
        *,
        error: str = "",
        files_written: int | None = None,
        frozen_objects: int | None = None,
    ) -> bool:
        """Whether the restore could take this step: it may have been paused or aborted meanwhile."""
        restores = self._parts.catalog.restores
        now = self._parts.clock()
        whole = state in (RestoreState.ACTIVE, RestoreState.DONE)
        over = whole or state is RestoreState.FAILED
        active = state is RestoreState.ACTIVE
        try:
            moved = restores.set_state(
                restore_id,
                state,
                finished_at=now if over else None,
                expires_at=now + restores.get(restore_id).expiry_s * 1000 if active else None,
                error=error,
                files_written=files_written,
                frozen_objects=0 if whole else frozen_objects,
                only_from=_OWN_STEPS.get(state, _RUNNING),
            )
        except Conflict:
            return False
        if over or state is RestoreState.PAUSED:
            self._parts.ended(moved)
        return True


class _ColdObjects:
    """What of the objects of pieces cannot be read now; each folder is looked at once."""

    def __init__(self, bucket_of: Callable[[int], Bucket]) -> None:
        self._bucket_of = bucket_of
        self._known: dict[tuple[int, str], Mapping[str, Cold]] = {}

    def has(self, piece: Piece) -> bool:
        return piece.key in self._folder(piece.target, piece.key)

    def of(self, pieces: Iterable[Piece]) -> list[tuple[Bucket, Cold]]:
        """Those of the pieces, each object once, with their buckets."""
        objects = dict.fromkeys((piece.target, piece.key) for piece in pieces)
        return [
            (self._bucket_of(target), cold)
            for target, key in objects
            if (cold := self._folder(target, key).get(key)) is not None
        ]

    def _folder(self, target: int, key: str) -> Mapping[str, Cold]:
        folder = key[: key.rfind("/") + 1]
        known = self._known.get((target, folder))
        if known is None:
            known = self._known[target, folder] = find_cold(self._bucket_of(target), [folder])
        return known


def _about(restore: Restore) -> dict[str, object]:
    """What _SUCCESS.json says of the restore beside its files."""
    return {
        "restore": restore.id,
        "name": restore.name,
        "source": restore.source,
        "from": iso(restore.from_ms),
        "to": iso(restore.to_ms),
        "query": restore.query,
        "partial": restore.partial,
        "skipped_lines": restore.skipped_lines,
        "skipped_objects": restore.skipped_objects,
    }


def _limit_reached(restore: Restore) -> str:
    limits = [f"{restore.limit_lines} lines"] if restore.limit_lines else []
    limits += [f"{restore.limit_bytes} bytes"] if restore.limit_bytes else []
    return f"the limit of {' and '.join(limits)} is reached"


def _all_lines(table: str) -> Scope:
    return Scope(
        table=table,
        range=TimeRange(start=MIN_MS, end=MAX_MS),
        condition=Condition(sql="1", params={}),
        objects=True,
    )
