"""The archiver: from the spool to the bucket, hour by hour.

One object is made in steps, each safe to repeat after a crash at any point:

1. plan: which frames it holds is fixed in the catalog
2. build: the object file and its manifest, the same bytes for the same frames
3. put the object, create-only; an object that is there already with our bytes is ours
4. put the manifest, create-only
5. seal: the catalog row says that both are there
6. the spool is told that the frames are archived, and trims them

A key that holds somebody else's object is left alone: the plan moves to the next part number. A bucket
that fails holds up only its account, whose lines wait in the spool; it is tried again by itself.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import Manifest
from logkeep.archive.reader import manifest_of_same_lines, stored_chunks
from logkeep.archive.writer import write_object
from logkeep.catalog.values import ArchiveObject, ArchivePolicy, ObjectState
from logkeep.errors import DamagedArchive, LogkeepError, ObjectExists
from logkeep.faults import crash_point
from logkeep.spool.base import Spool, Waiting
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.timeline import Clock, Hour, TimeRange, hour_end, hour_start

_FIRST_RETRY_MS = 1_000
_LAST_RETRY_MS = 300_000


class ObjectLog(Protocol):
    """The catalog's rows of archive objects. Every method is durable when it returns."""

    def planned(self) -> Sequence[ArchiveObject]: ...

    def list(
        self, account: str | None = None, within: TimeRange | None = None
    ) -> Sequence[ArchiveObject]: ...  # the sealed ones

    def next_part(self, account: str, hour: Hour) -> int: ...

    def plan(self, planned: ArchiveObject) -> None: ...

    def renumber(self, planned: ArchiveObject, part: int) -> ArchiveObject: ...

    def drop(self, planned: ArchiveObject) -> None: ...

    def seal(self, sealed: ArchiveObject) -> None: ...

    def has_sealed(self, account: str, hour: Hour) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class OpenHour:
    """Lines of one hour that wait to be archived."""

    hour: Hour
    lines: int
    bytes: int  # raw
    due_at: int


@dataclass(frozen=True, kw_only=True)
class ArchiveStatus:
    """How the archive of one account stands. `lag_s` is how long the oldest overdue lines are overdue."""

    account: str
    state: str  # "ok" or "failing"
    lag_s: int
    open_hours: tuple[OpenHour, ...]
    waiting_lines: int
    waiting_bytes: int  # raw
    last_error: str | None


@dataclass(frozen=True, kw_only=True)
class _Failure:
    error: str
    count: int
    next_try: int


class Archiver:
    """Seals what is due. One round at a time; all methods are safe from any thread.

    `policy` answers for every account that has lines; `work_dir` holds the object that is being built.
    """

    def __init__(
        self,
        *,
        spool: Spool,
        objects: ObjectLog,
        policy: Callable[[str], ArchivePolicy],
        open_bucket: Callable[[ArchivePolicy], Bucket],
        clock: Clock,
        work_dir: Path,
    ) -> None:
        self._spool = spool
        self._objects = objects
        self._policy = policy
        self._open_bucket = open_bucket
        self._clock = clock
        self._work_dir = work_dir
        self._round = threading.Lock()
        self._failures: dict[str, _Failure] = {}

    def seal_due(self, now: bool = False, account: str | None = None) -> list[ArchiveObject]:
        """Make every object that is due, of one account or all, and return what was sealed.

        `now` takes all that waits, hours that are still open too, and accounts that are to be tried
        again later. A failure stops its account only and is found in `status`. Every round trims the
        spool, also of what was indexed only after it was archived. Raises Overloaded when the spool
        cannot be written.
        """
        with self._round:
            sealed: list[ArchiveObject] = []
            self._spool.trim()
            for one in self._accounts():
                if account in (None, one) and (now or self._next_try(one) <= self._clock()):
                    self._seal_account(one, now, sealed)
            return sealed

    def next_due(self) -> int | None:
        """When `seal_due` has something to do next, in epoch ms; None while nothing waits."""
        planned = self._objects.planned()
        begun = {(one.account, one.hour) for one in planned}
        times = [self._next_try(one.account) for one in planned]
        times += [
            max(self._due_at(one), self._next_try(one.account))
            for one in self._spool.waiting()
            if (one.account, one.hour) not in begun
        ]
        return min(times, default=None)

    def status(self, accounts: Iterable[str] = ()) -> list[ArchiveStatus]:
        """Of these accounts and all that have lines waiting or failures, by name."""
        failures, now = self._failures, self._clock()
        waiting: dict[str, list[Waiting]] = {name: [] for name in [*accounts, *failures]}
        for one in self._spool.waiting():
            waiting.setdefault(one.account, []).append(one)
        return [self._status(name, waiting[name], failures.get(name), now) for name in sorted(waiting)]

    def _status(
        self, account: str, waiting: Sequence[Waiting], failure: _Failure | None, now: int
    ) -> ArchiveStatus:
        hours = tuple(
            OpenHour(hour=one.hour, lines=one.lines, bytes=one.raw_bytes, due_at=self._due_at(one))
            for one in waiting
        )
        return ArchiveStatus(
            account=account,
            state="failing" if failure else "ok",
            lag_s=max([0, *(now - one.due_at for one in hours)]) // 1000,
            open_hours=hours,
            waiting_lines=sum(one.lines for one in hours),
            waiting_bytes=sum(one.bytes for one in hours),
            last_error=failure.error if failure else None,
        )

    def _accounts(self) -> list[str]:
        planned = {one.account for one in self._objects.planned()}
        return sorted(planned | {one.account for one in self._spool.waiting()})

    def _seal_account(self, account: str, now: bool, sealed: list[ArchiveObject]) -> None:
        try:
            for one in self._made(account, now):
                sealed.append(one)
        except LogkeepError as error:
            self._failed(account, error)
        else:
            self._failures = {name: one for name, one in self._failures.items() if name != account}

    def _failed(self, account: str, error: LogkeepError) -> None:
        known = self._failures.get(account)
        count = known.count if known else 0
        pause = min(_LAST_RETRY_MS, _FIRST_RETRY_MS << min(count, 20))
        failure = _Failure(error=str(error), count=count + 1, next_try=self._clock() + pause)
        self._failures = self._failures | {account: failure}  # readers hold the dict of their moment

    def _next_try(self, account: str) -> int:
        failure = self._failures.get(account)
        # A clock that was ahead when it failed must not put the account off for longer than a pause.
        return min(failure.next_try, self._clock() + _LAST_RETRY_MS) if failure else 0

    def _made(self, account: str, now: bool) -> Iterator[ArchiveObject]:
        """Make the objects of one account, those first that were begun before.

        What is damaged holds up its own hour only and is raised in the end; any other error at once.
        """
        policy = self._policy(account)
        bucket = self._open_bucket(policy)
        damage: DamagedArchive | None = None
        for planned in self._plans(policy, now):
            try:
                yield self._make(bucket, planned)
            except DamagedArchive as error:
                damage = damage or error
        if damage:
            raise damage

    def _plans(self, policy: ArchivePolicy, now: bool) -> Iterator[ArchiveObject]:
        account = policy.account
        yield from self._begun(account)
        # A plan that could not be finished keeps its hour: a later object must not take over its frames.
        stuck = {one.hour for one in self._objects.planned() if one.account == account}
        for waiting in self._spool.waiting():
            if waiting.account != account or waiting.hour in stuck:
                continue
            if now or self._due_at(waiting) <= self._clock():
                yield from self._planned_anew(waiting, policy)

    def _begun(self, account: str) -> Iterator[ArchiveObject]:
        """What was planned before. A plan from another spool names frames that nobody has any more."""
        for one in self._objects.planned():
            if one.account == account and one.spool_id == self._spool.spool_id():
                yield one
            elif one.account == account:
                self._objects.drop(one)

    def _planned_anew(self, waiting: Waiting, policy: ArchivePolicy) -> Iterator[ArchiveObject]:
        """Plan all that waits for the hour, one object after the other as each is made."""
        account, hour = waiting.account, waiting.hour
        after = self._archived_upto(waiting)
        while after < waiting.last_seq:
            part = self._objects.next_part(account, hour)
            planned = ArchiveObject(
                account=account,
                hour=hour,
                part=part,
                state=ObjectState.PLANNED,
                after_seq=after,
                upto_seq=self._cut(waiting, after, policy.max_object_bytes),
                spool_id=self._spool.spool_id(),
                key=key_of(account, hour, part),
            )
            self._objects.plan(planned)
            crash_point("seal.planned")
            yield planned
            if self._spool.archived_upto(account, hour) < planned.upto_seq:
                return  # it could not be made; what follows waits with it
            after = planned.upto_seq

    def _archived_upto(self, waiting: Waiting) -> int:
        """Up to which frame the hour is archived. Tells the spool what a crash kept it from hearing."""
        within = TimeRange(start=hour_start(waiting.hour), end=hour_end(waiting.hour))
        sealed = self._objects.list(waiting.account, within)
        ours = self._spool.spool_id()
        upto = max((one.upto_seq for one in sealed if one.spool_id == ours), default=0)
        if upto >= waiting.first_seq:
            self._spool.archived(waiting.account, waiting.hour, upto=upto)
            self._spool.trim()
        return self._spool.archived_upto(waiting.account, waiting.hour)

    def _cut(self, waiting: Waiting, after: int, max_bytes: int) -> int:
        """The last frame of an object of at most `max_bytes` raw bytes, but of one frame at least."""
        if waiting.raw_bytes <= max_bytes:
            return waiting.last_seq
        size, upto = 0, after
        for frame in self._spool.frames(waiting.account, waiting.hour, after=after, upto=waiting.last_seq):
            size += frame.raw_bytes
            if size > max_bytes and upto > after:
                break
            upto = frame.seq
        return upto

    def _due_at(self, waiting: Waiting) -> int:
        policy = self._policy(waiting.account)
        if self._objects.has_sealed(waiting.account, waiting.hour):
            return waiting.first_rx + policy.late_sweep_s * 1000
        return max(hour_end(waiting.hour), waiting.first_rx) + policy.seal_after_s * 1000

    def _make(self, bucket: Bucket, planned: ArchiveObject) -> ArchiveObject:
        planned, manifest = self._store(bucket, planned)
        crash_point("seal.manifest")
        sealed = self._seal(planned, manifest)
        crash_point("seal.catalog")
        self._spool.archived(sealed.account, sealed.hour, upto=sealed.upto_seq)
        crash_point("seal.archived")
        self._spool.trim()
        crash_point("seal.trimmed")
        return sealed

    def _store(self, bucket: Bucket, planned: ArchiveObject) -> tuple[ArchiveObject, Manifest]:
        account, hour = planned.account, planned.hour
        if self._spool.archived_upto(account, hour) < planned.after_seq:
            raise DamagedArchive(
                f"the spool is not the one from which {key_of(account, hour, planned.part)} was planned",
                hint="put the spool's file back; catalog and spool belong together",
            )
        path = self._work_dir / f"{account}.{hour}.json.gz"
        try:
            frames = self._spool.frames(account, hour, after=planned.after_seq, upto=planned.upto_seq)
            manifest = write_object(frames, path, account=account, hour=hour, part=planned.part)
            crash_point("seal.built")
            planned, manifest = self._put_object(bucket, planned, manifest, path)
        finally:
            path.unlink(missing_ok=True)
        crash_point("seal.uploaded")
        return planned, _put_manifest(bucket, manifest)

    def _put_object(
        self, bucket: Bucket, planned: ArchiveObject, manifest: Manifest, path: Path
    ) -> tuple[ArchiveObject, Manifest]:
        """Put it under its key, or under the next that is free when the key holds another's object."""
        while True:
            try:
                bucket.put_new(manifest.key, path, GZIP)
                return planned, manifest
            except ObjectExists:
                if (ours := _manifest_if_ours(bucket, manifest, path)) is not None:
                    return planned, ours
            part = self._objects.next_part(planned.account, planned.hour)
            planned = self._objects.renumber(planned, part)
            key = key_of(planned.account, planned.hour, part)
            manifest = msgspec.structs.replace(manifest, part=part, key=key)

    def _seal(self, planned: ArchiveObject, manifest: Manifest) -> ArchiveObject:
        sealed = replace(
            planned,
            state=ObjectState.SEALED,
            key=manifest.key,
            lines=manifest.lines,
            raw_bytes=manifest.raw_bytes,
            stored_bytes=manifest.stored_bytes,
            sha256=manifest.sha256,
            min_ts=manifest.min_ts,
            max_ts=manifest.max_ts,
            sealed_at=self._clock(),
        )
        self._objects.seal(sealed)
        return sealed


def _manifest_if_ours(bucket: Bucket, manifest: Manifest, path: Path) -> Manifest | None:
    """The manifest of the object that is under our key, if it holds what we want to put there."""
    size = bucket.head(manifest.key).size
    if size == manifest.stored_bytes:
        digest = hashlib.sha256()
        for chunk in stored_chunks(bucket, manifest.key, size):
            digest.update(chunk)
        if digest.hexdigest() == manifest.sha256:
            return manifest
    return manifest_of_same_lines(bucket, manifest, path)


def _put_manifest(bucket: Bucket, manifest: Manifest) -> Manifest:
    """Put it, or find that it is there. Raises DamagedArchive when there is one of other bytes."""
    key = manifest_key(manifest.key)
    try:
        bucket.put_new(key, manifests.encode(manifest), JSON)
    except ObjectExists:
        # an earlier release may have written it otherwise; what it says of the object's bytes decides
        if manifests.decode(bucket.get(key), key).sha256 != manifest.sha256:
            raise DamagedArchive(
                f"the manifest {key} is there already and belongs to another object",
                hint="run 'logkeep verify'; move the manifest away and the object is sealed",
            ) from None
    return manifest
