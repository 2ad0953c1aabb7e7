"""The archiver: which archive is sealed when, and how each of them stands.

Archives are sealed side by side. A bucket that fails or hangs holds up only its own archives: those of one
bucket have a few threads, and so have all that failed, and each is tried again by itself after a growing
pause. What a failing archive is to get waits in the spool. (docs/decisions/0010-sealing-side-by-side.md)
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from logkeep.catalog.values import Archive, ArchiveObject, ArchiveState
from logkeep.errors import LogkeepError, NotFound, Overloaded
from logkeep.sealing import ObjectLog, Sealer
from logkeep.spool.base import Waiting
from logkeep.timeline import HOUR_MS, Clock, Hour, TimeRange, hour_end, hour_start
from logkeep.worker import give_way

log = logging.getLogger("logkeep")

THREADS = 16  # mostly waiting for buckets; building keeps two processors busy with two of them
_OF_ONE_BUCKET = 4
_OF_FAILING = 4
_ASKED_FOR = 8  # for a `seal_due`, which comes beside the threads above
_FIRST_RETRY_MS = 1_000
_LAST_RETRY_MS = 300_000
_LATE_MS = 15 * 60_000  # overdue for longer is an alarm
_COUNTED_HOURS = 35 * 24  # how far back a start compares counts


@dataclass(frozen=True, kw_only=True)
class OpenHour:
    """Lines of one hour that wait to be archived."""

    hour: Hour
    lines: int
    bytes: int  # raw
    due_at: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An hour of which the archive holds another number of lines than were accepted for it."""

    hour: Hour
    accepted: int
    archived: int  # or waiting


@dataclass(frozen=True, kw_only=True)
class ArchiveStatus:
    """How one archive stands. `lag_s` is how long the oldest overdue lines are overdue."""

    archive: str
    account: str
    state: str  # "failing", "differs", "late": alarms; else "paused", "off" or "ok"
    lag_s: int
    open_hours: tuple[OpenHour, ...]
    waiting_lines: int
    waiting_bytes: int  # raw
    last_error: str | None
    next_try: int | None  # of an archive that failed
    differences: tuple[Difference, ...]

    @property
    def alarm(self) -> bool:
        return self.state in ("failing", "differs", "late")


@dataclass(frozen=True, kw_only=True)
class _Failure:
    error: str
    count: int
    next_try: int


@dataclass(frozen=True, kw_only=True)
class _Due:
    """An archive with something to do."""

    archive: Archive
    bucket: str  # what its target shares with others that hang when it does
    at: int  # when, in epoch ms


class SealObserver(Protocol):
    """Told of what happens to archives, from any thread."""

    def object_sealed(self, one: ArchiveObject, seconds: float) -> None: ...

    def archive_failed(self, archive: str, error: LogkeepError) -> None: ...


class Archiver:
    """Seals what is due. All methods are safe from any thread."""

    def __init__(self, sealer: Sealer, *, clock: Clock, observer: SealObserver | None = None) -> None:
        self._sealer = sealer
        self._objects: ObjectLog = sealer.objects
        self._spool = sealer.spool
        self._archives = sealer.archives
        self._clock = clock
        self._observer = observer
        self._lock = threading.Lock()  # of all that follows
        self._queue: deque[_Due] = deque()
        self._running: dict[str, tuple[_Due, threading.Thread]] = {}
        self._failures: dict[str, _Failure] = {}
        self._differences: dict[tuple[str, Hour], Difference] = {}
        self._holds: dict[str, threading.Lock] = {}
        self._wanted: Counter[str] = Counter()  # who waits to hold each archive
        self._closed = False

    def close(self, patience_s: float = 30.0) -> bool:
        """Begin nothing more, and return when the objects that are being made are done: True, or False when
        a bucket lets them wait for longer. What is left is made after the next start."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            threads = [thread for _, thread in self._running.values()]
        end = time.monotonic() + patience_s
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def start_due(self) -> int | None:
        """Begin what is due, and return without waiting for it. Returns when there is something to do
        next, in epoch ms; None while nothing waits. Raises Overloaded when the spool cannot be written."""
        self._spool.trim()  # also of what was indexed only after it was archived
        work, now = self._work(), self._clock()
        with self._lock:
            due = (one for one in work if one.at <= now and one.archive.id not in self._running)
            self._queue = deque(() if self._closed else sorted(due, key=lambda one: one.at))
        self._start_queued()
        return min((one.at for one in work if one.at > now), default=None)

    def seal_due(
        self, now: bool = False, *, account: str | None = None, archive: str | None = None
    ) -> list[ArchiveObject]:
        """Make every object that is due, of one archive, one account's or all, and return what was sealed.

        `now` takes all that waits, hours that are still open too, and archives that are to be tried
        again later. A failure stops its archive only and is found in `status`. Raises Overloaded when the
        spool cannot be written, and once the archiver is closed.
        """
        if self._closed:
            raise Overloaded("the server is stopping", hint="ask again when it is back")
        self._spool.trim()
        chosen = [
            one
            for one in self._work()
            if account in (None, one.archive.account)
            and archive in (None, one.archive.id)
            and (now or one.at <= self._clock())
        ]
        with ThreadPoolExecutor(_ASKED_FOR, thread_name_prefix="archive-now", initializer=give_way) as pool:
            results = pool.map(lambda one: self._seal(one.archive.id, now=now), chosen)
            return [one for sealed in results for one in sealed]

    @contextmanager
    def held(self, archive: str, patience_s: float = 60.0) -> Iterator[None]:
        """Nothing of this archive is sealed within the block. Waits for the object that is being made.

        Raises Overloaded when that takes longer: its bucket hangs.
        """
        with self._lock:
            self._wanted[archive] += 1
        hold = self._hold(archive)
        try:
            if not hold.acquire(timeout=patience_s):
                raise Overloaded(
                    f"the archive {archive!r} is being written to, and its bucket does not answer",
                    hint="try again later; 'logkeep archive stop' works at any time",
                )
        finally:
            with self._lock:
                self._wanted[archive] -= 1
        try:
            yield
        finally:
            hold.release()

    def forget(self, archive: str) -> None:
        """An archive is gone; so is what is known of it."""
        with self._lock:
            self._failures.pop(archive, None)
            self._differences = {key: one for key, one in self._differences.items() if key[0] != archive}

    def retry(self, archive: str) -> None:
        """Its connection was changed: do not wait for its next try."""
        with self._lock:
            if failure := self._failures.get(archive):
                self._failures[archive] = replace(failure, next_try=0)

    def compare_counts(self) -> None:
        """Compare what was accepted with what is archived or waits, in every hour of the last weeks. Leaves
        out archives that are being sealed: their hours are compared by themselves."""
        recent = set(recent_hours(self._clock()))
        with self._lock:  # what is older is compared no more, so it cannot be found to be right again
            self._differences = {key: one for key, one in self._differences.items() if key[1] in recent}
        for archive in self._archives.list():
            hold = self._hold(archive.id)
            if hold.acquire(blocking=False):
                try:
                    self._compare(archive.id, recent)
                finally:
                    hold.release()

    def status(self) -> list[ArchiveStatus]:
        """Of all archives, by account and rank."""
        all_waiting = self._spool.waiting()
        waiting, late = _by_archive(all_waiting), self._sealer.late_hours(all_waiting)
        with self._lock:
            failures, differences = dict(self._failures), list(self._differences.items())
        return [
            self._status(
                archive,
                waiting.get(archive.id, ()),
                late,
                failures.get(archive.id),
                tuple(one for (of, _), one in differences if of == archive.id),
            )
            for archive in self._archives.list()
        ]

    def differences(self, archive: str) -> Sequence[Difference]:
        """Hours of one archive whose counts differ, of the last weeks."""
        with self._lock:
            return [one for (of, _), one in self._differences.items() if of == archive]

    def _status(
        self,
        archive: Archive,
        waiting: Sequence[Waiting],
        late: Set[tuple[str, Hour]],
        failure: _Failure | None,
        differences: tuple[Difference, ...],
    ) -> ArchiveStatus:
        now = self._clock()
        hours = tuple(
            OpenHour(
                hour=one.hour,
                lines=one.lines,
                bytes=one.raw_bytes,
                due_at=self._sealer.due_at(archive, one, late),
            )
            for one in waiting
        )
        lag_ms = max([0, *(now - one.due_at for one in hours)])
        return ArchiveStatus(
            archive=archive.id,
            account=archive.account,
            state=_state(archive, failing=failure is not None, differs=bool(differences), lag_ms=lag_ms),
            lag_s=lag_ms // 1000,
            open_hours=hours,
            waiting_lines=sum(one.lines for one in hours),
            waiting_bytes=sum(one.bytes for one in hours),
            last_error=failure.error if failure else None,
            next_try=failure.next_try if failure else None,
            differences=differences,
        )

    def _work(self) -> list[_Due]:
        """Every archive that has lines waiting or objects begun, and may be written to."""
        all_waiting = self._spool.waiting()
        waiting, late = _by_archive(all_waiting), self._sealer.late_hours(all_waiting)
        begun = {one.archive for one in self._objects.planned()}
        return [
            _Due(
                archive=one,
                bucket=self._bucket_of(one),
                at=self._next(one, () if one.id in begun else waiting[one.id], late),
            )
            for one in self._archives.list()
            if one.state is not ArchiveState.PAUSED and (one.id in begun or one.id in waiting)
        ]

    def _bucket_of(self, archive: Archive) -> str:
        parts = urlsplit(self._archives.target(archive.target).place)
        return f"{parts.scheme}://{parts.netloc}?{parts.query}"

    def _next(self, archive: Archive, waiting: Sequence[Waiting], late: Set[tuple[str, Hour]]) -> int:
        """When there is something to do for it; at once when nothing of it waits, since objects are begun."""
        at = min((self._sealer.due_at(archive, one, late) for one in waiting), default=0)
        return max(at, self._next_try(archive.id))

    def _next_try(self, archive: str) -> int:
        failure = self._failures.get(archive)
        # A clock that was ahead when it failed must not put the archive off for longer than a pause.
        return min(failure.next_try, self._clock() + _LAST_RETRY_MS) if failure else 0

    def _start_queued(self) -> None:
        """Begin what is queued, as far as there are threads for its bucket."""
        with self._lock:
            of_bucket = Counter(one.bucket for one, _ in self._running.values())
            failing = sum(archive in self._failures for archive in self._running)
            left: deque[_Due] = deque()
            for one in self._queue:
                fails = one.archive.id in self._failures
                if (
                    len(self._running) == THREADS
                    or of_bucket[one.bucket] == _OF_ONE_BUCKET
                    or (fails and failing == _OF_FAILING)
                ):
                    left.append(one)
                    continue
                of_bucket[one.bucket] += 1
                failing += fails
                thread = threading.Thread(
                    target=self._run, args=(one.archive.id,), name=f"archive {one.archive.id}", daemon=True
                )
                self._running[one.archive.id] = one, thread
                thread.start()
            self._queue = left

    def _run(self, archive: str) -> None:
        """One archive in a thread of its own; then those that waited for the thread."""
        give_way()
        self._seal(archive, now=False)
        with self._lock:
            del self._running[archive]
        self._start_queued()

    def _seal(self, archive: str, *, now: bool) -> list[ArchiveObject]:
        sealed: list[ArchiveObject] = []
        with self._hold(archive):
            try:
                began = time.perf_counter()
                for one in self._sealed(archive, now=now):
                    sealed.append(one)
                    if self._observer:
                        self._observer.object_sealed(one, time.perf_counter() - began)
                    began = time.perf_counter()
                self._compare(archive, {one.hour for one in sealed})
            except LogkeepError as error:
                self._failed(archive, error)
            else:
                with self._lock:
                    healed = self._failures.pop(archive, None)
                if healed:
                    log.warning("the archive %s works again after %d tries", archive, healed.count)
        return sealed

    def _sealed(self, archive_id: str, *, now: bool) -> Iterator[ArchiveObject]:
        try:
            archive = self._archives.get(archive_id)
        except NotFound:
            return  # it was removed since it was found to be due
        if archive.state is ArchiveState.PAUSED:
            return
        for one in self._sealer.seal(archive, self._spool.waiting(archive_id), now=now):
            yield one
            if self._is_to_stop(archive_id, now=now):
                return  # a later round goes on

    def _is_to_stop(self, archive: str, *, now: bool) -> bool:
        """Whether to leave it at the object that was made: the archive was paused, somebody waits to hold
        it (who asked for all `now` is not stopped by that), or the server stops."""
        if self._closed or (self._wanted[archive] and not now):
            return True
        return self._archives.get(archive).state is ArchiveState.PAUSED

    def _failed(self, archive: str, error: LogkeepError) -> None:
        with self._lock:
            known = self._failures.get(archive)
            count = known.count if known else 0
            pause = min(_LAST_RETRY_MS, _FIRST_RETRY_MS << min(count, 20))
            failure = _Failure(error=str(error), count=count + 1, next_try=self._clock() + pause)
            self._failures[archive] = failure
        if not known:
            log.warning("the archive %s fails and will be tried again: %s", archive, error)
        if self._observer:
            self._observer.archive_failed(archive, error)

    def _compare(self, archive: str, hours: Iterable[Hour]) -> None:
        """Note each of these hours whose count differs. The archive must be held: then lines only come."""
        hours = set(hours)
        if not hours:
            return
        before = self._spool.received(archive)
        kept = self._kept(archive, hours)
        after = self._spool.received(archive)
        with self._lock:
            for hour in hours & before.keys():
                if before[hour].lines <= kept[hour] <= after[hour].lines:
                    self._differences.pop((archive, hour), None)
                else:
                    self._differences[archive, hour] = Difference(
                        hour=hour, accepted=after[hour].lines, archived=kept[hour]
                    )

    def _kept(self, archive: str, hours: set[Hour]) -> Counter[Hour]:
        """Lines of this spool that are archived or wait, by hour."""
        kept: Counter[Hour] = Counter()
        within = TimeRange(start=hour_start(min(hours)), end=hour_end(max(hours)))
        for sealed in self._objects.list(within=within, archive=archive):
            if sealed.spool_id == self._spool.spool_id():
                kept[sealed.hour] += sealed.lines
        for waiting in self._spool.waiting(archive):
            kept[waiting.hour] += waiting.lines
        return kept

    def _hold(self, archive: str) -> threading.Lock:
        with self._lock:
            return self._holds.setdefault(archive, threading.Lock())


def recent_hours(now: int) -> Iterable[Hour]:
    """The hours of the last weeks."""
    last = now // HOUR_MS
    return map(Hour, range(last - _COUNTED_HOURS, last + 25))


def _by_archive(waiting: Iterable[Waiting]) -> Mapping[str, Sequence[Waiting]]:
    found: dict[str, list[Waiting]] = {}
    for one in waiting:
        found.setdefault(one.archive, []).append(one)
    return found


def _state(archive: Archive, *, failing: bool, differs: bool, lag_ms: int) -> str:
    if failing:
        return "failing"
    if differs:
        return "differs"
    if archive.state is not ArchiveState.PAUSED and lag_ms > _LATE_MS:
        return "late"
    return "ok" if archive.state is ArchiveState.ON else archive.state.value
