"""Sealing: the frames of one archive's hours to objects in its bucket.

One object is made in steps, each safe to repeat after a crash at any point:

1. plan: which frames it holds, and in which target, is fixed in the catalog
2. build: the object file and its manifest, the same bytes for the same frames
3. put the object, create-only; an object that is there already with our bytes is ours
4. put its token filter, if it has one, under a key that goes by its bytes
5. put the manifest, create-only; it names the one before it in the target's chain
6. seal: the catalog row says that both are there
7. the spool is told that the frames are archived, and trims them

A key that holds somebody else's object is left alone: the plan moves to the next part number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from logkeep.archive import manifest as manifests
from logkeep.archive.filters import CONTENT_TYPE
from logkeep.archive.layout import filter_key, key_of, manifest_key, object_key, parse_key
from logkeep.archive.manifest import ChainHead, Manifest, find_chain_head
from logkeep.archive.marker import read_marker, tie
from logkeep.archive.reader import manifest_of_same_lines, stored_chunks
from logkeep.archive.writer import write_object
from logkeep.catalog.values import Archive, ArchiveObject, ObjectState, Target
from logkeep.errors import Conflict, DamagedArchive, LogkeepError, ObjectExists
from logkeep.faults import crash_point
from logkeep.spool.base import Spool, Waiting
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.timeline import HOUR_MS, Clock, Hour, TimeRange, hour_end, hour_start

# A marker is read again after so long: another server may have taken the place over.
_LOOK_AGAIN_MS = 60_000
_LATE_MS = 3 * 86_400_000


class ObjectLog(Protocol):
    """The catalog's rows of archive objects. Every method is durable when it returns."""

    def planned(self) -> Sequence[ArchiveObject]: ...

    def list(
        self,
        account: str | None = None,
        within: TimeRange | None = None,
        *,
        archive: str | None = None,
        target: int | None = None,
    ) -> Sequence[ArchiveObject]: ...  # the sealed ones

    def next_part(self, target: int, hour: Hour) -> int: ...

    def chain_head(self, target: int) -> ChainHead | None: ...

    def plan(self, planned: ArchiveObject) -> None: ...

    def renumber(self, planned: ArchiveObject, part: int) -> ArchiveObject: ...

    def drop(self, planned: ArchiveObject) -> None: ...

    def seal(self, sealed: ArchiveObject) -> None: ...

    def sealed_hours(self, hours: Collection[Hour]) -> set[tuple[str, Hour]]: ...  # (archive, hour)


class ArchiveLog(Protocol):
    """The catalog's archives and their targets."""

    def list(self) -> Sequence[Archive]: ...

    def get(self, archive: str) -> Archive: ...

    def target(self, target: int) -> Target: ...

    def marked(self, target: int, at: int) -> None: ...


class Stored(NamedTuple):
    """An object and its manifest in the bucket."""

    planned: ArchiveObject
    manifest: Manifest
    digest: str  # SHA-256 of the manifest's bytes


@dataclass(frozen=True, kw_only=True)
class Sealer:
    """Makes objects. Two threads may not be at the same archive; `work_dir` holds what is being built."""

    spool: Spool
    objects: ObjectLog
    archives: ArchiveLog
    bucket_of: Callable[[Target], Bucket]
    server: str  # this installation, as markers name it
    clock: Clock
    work_dir: Path
    # When the marker of each target was read last.
    _looked_at: dict[int, int] = field(default_factory=dict, init=False)
    # Targets whose chain ends in the bucket where it ends in the catalog.
    _joined: set[int] = field(default_factory=set, init=False)

    def late_hours(self, waiting: Iterable[Waiting]) -> Set[tuple[str, Hour]]:
        """(archive, hour) of those that have an object already, so that what waits came late."""
        return self.objects.sealed_hours({one.hour for one in waiting})

    def due_at(self, archive: Archive, waiting: Waiting, late: Set[tuple[str, Hour]]) -> int:
        """When an object of these lines is due, in epoch ms; `late` as `late_hours` tells."""
        received = waiting.first_rx
        if received > self.clock() + HOUR_MS:  # by a clock that was ahead: its time may never come
            received = hour_start(waiting.hour)
        if (archive.id, waiting.hour) in late:
            return received + archive.late_sweep_s * 1000
        return max(hour_end(waiting.hour), received) + archive.seal_after_s * 1000

    def seal(self, archive: Archive, waiting: Sequence[Waiting], *, now: bool) -> Iterator[ArchiveObject]:
        """Make the objects that are due, or with `now` of all that waits; those first that were begun.

        What is damaged, and what was begun in a target that the archive has left, holds up its own hour
        only and is raised in the end; any other error at once.
        """
        held_up: LogkeepError | None = None
        for planned in self._plans(archive, waiting, now=now):
            try:
                yield self._make(archive, planned)
            except LogkeepError as error:
                if not isinstance(error, DamagedArchive) and planned.target == archive.target:
                    raise
                held_up = held_up or error
        if held_up:
            raise held_up

    def _plans(self, archive: Archive, waiting: Sequence[Waiting], *, now: bool) -> Iterator[ArchiveObject]:
        yield from self._begun(archive)
        # A plan that could not be finished keeps its hour: a later object must not take over its frames.
        stuck = {one.hour for one in self.objects.planned() if one.archive == archive.id}
        late = self.late_hours(waiting)
        for one in waiting:
            if one.hour not in stuck and (now or self.due_at(archive, one, late) <= self.clock()):
                yield from self._planned_anew(archive, one)

    def _begun(self, archive: Archive) -> Iterator[ArchiveObject]:
        """What was planned before. A plan from another spool names frames that nobody has any more."""
        for one in self.objects.planned():
            if one.archive != archive.id:
                continue
            if one.spool_id != self.spool.spool_id() or self._is_done(one):
                self.drop(one)
            else:
                yield one

    def _is_done(self, planned: ArchiveObject) -> bool:
        """Whether the spool knows that it was sealed: then the catalog is an older copy."""
        return self.spool.archived_upto(planned.archive, planned.hour) >= planned.upto_seq

    def drop(self, planned: ArchiveObject) -> None:
        """Give up what was begun. It may have got as far as the bucket, also into the chain there."""
        self.objects.drop(planned)
        self._joined.discard(planned.target)

    def _planned_anew(self, archive: Archive, waiting: Waiting) -> Iterator[ArchiveObject]:
        """Plan all that waits for the hour, one object after the other as each is made."""
        hour = waiting.hour
        after = self._archived_upto(waiting)
        while after < waiting.last_seq:
            part = self.objects.next_part(archive.target, hour)
            planned = ArchiveObject(
                account=archive.account,
                archive=archive.id,
                target=archive.target,
                hour=hour,
                part=part,
                state=ObjectState.PLANNED,
                after_seq=after,
                upto_seq=self._cut(waiting, after, archive.max_object_bytes),
                spool_id=self.spool.spool_id(),
                key=key_of(archive.account, hour, part),
            )
            self.objects.plan(planned)
            crash_point("seal.planned")
            yield planned
            if self.spool.archived_upto(archive.id, hour) < planned.upto_seq:
                return  # it could not be made; what follows waits with it
            after = planned.upto_seq

    def _archived_upto(self, waiting: Waiting) -> int:
        """Up to which frame the hour is archived. Tells the spool what a crash kept it from hearing."""
        within = TimeRange(start=hour_start(waiting.hour), end=hour_end(waiting.hour))
        sealed = self.objects.list(within=within, archive=waiting.archive)
        ours = self.spool.spool_id()
        upto = max((one.upto_seq for one in sealed if one.spool_id == ours), default=0)
        if upto >= waiting.first_seq:
            self.spool.archived(waiting.archive, waiting.hour, upto=upto)
            self.spool.trim()
        return self.spool.archived_upto(waiting.archive, waiting.hour)

    def _cut(self, waiting: Waiting, after: int, max_bytes: int) -> int:
        """The last frame of an object of at most `max_bytes` raw bytes, but of one frame at least."""
        if waiting.raw_bytes <= max_bytes:
            return waiting.last_seq
        size, upto = 0, after
        for frame in self.spool.frames(waiting.archive, waiting.hour, after=after, upto=waiting.last_seq):
            size += frame.raw_bytes
            if size > max_bytes and upto > after:
                break
            upto = frame.seq
        return upto

    def _make(self, archive: Archive, planned: ArchiveObject) -> ArchiveObject:
        bucket = self._bucket(planned)
        stored = self._store(bucket, archive, planned)
        crash_point("seal.manifest")
        sealed = self._seal(stored)
        self._joined.add(sealed.target)  # not before: a try that fails after its link has to look again
        crash_point("seal.catalog")
        self.spool.archived(sealed.archive, sealed.hour, upto=sealed.upto_seq)
        crash_point("seal.archived")
        self.spool.trim()
        crash_point("seal.trimmed")
        return sealed

    def _bucket(self, planned: ArchiveObject) -> Bucket:
        """The bucket of the planned object's target, which carries the account's marker from now on."""
        target = self.archives.target(planned.target)
        bucket = self.bucket_of(target)
        looked_at = self._looked_at.get(target.id)
        if looked_at is None or abs(self.clock() - looked_at) > _LOOK_AGAIN_MS:
            self.claim(bucket, target)
        return bucket

    def claim(self, bucket: Bucket, target: Target, *, take_over: bool = False) -> None:
        """Write the account's marker into the target, unless ours is there. Raises Conflict when the place
        is another server's, unless it is to be taken over."""
        account, now = target.account, self.clock()
        if take_over or not self.check_free(bucket, account, target.place):
            tie(bucket, account=account, archive=target.archive, server=self.server, now=now)
        crash_point("seal.marker")
        if not target.marked_at:
            self.archives.marked(target.id, self.clock())
        self._looked_at[target.id] = self.clock()

    def check_free(self, bucket: Bucket, account: str, place: str) -> bool:
        """Whether the account's marker in the place is there already. Raises Conflict when it names another
        server."""
        marker = read_marker(bucket, account)
        if marker is not None and marker.server != self.server:
            raise Conflict(
                f"another server archives the account {account} in {place}: {marker.server}",
                hint="choose another bucket or prefix; if that server is gone, start it with take_over",
            )
        return marker is not None

    def _store(self, bucket: Bucket, archive: Archive, planned: ArchiveObject) -> Stored:
        account, hour = planned.account, planned.hour
        if self.spool.archived_upto(planned.archive, hour) < planned.after_seq:
            raise DamagedArchive(
                f"the spool is not the one from which {key_of(account, hour, planned.part)} was planned",
                hint="put the spool's file back; catalog and spool belong together",
            )
        path = self.work_dir / f"{planned.archive}.{hour}.json.gz"
        filter_path = path.with_suffix(".filter")
        try:
            frames = self.spool.frames(planned.archive, hour, after=planned.after_seq, upto=planned.upto_seq)
            manifest = write_object(
                frames,
                path,
                account=account,
                hour=hour,
                part=planned.part,
                level=archive.compression_level,
                filters=filter_path,
            )
            crash_point("seal.built")
            planned, manifest = self._put_object(bucket, planned, manifest, path)
            crash_point("seal.uploaded")
            manifest = _put_filter(bucket, manifest, filter_path)
            crash_point("seal.filtered")
        finally:
            path.unlink(missing_ok=True)
            filter_path.unlink(missing_ok=True)
        return _put_manifest(bucket, planned, self._linked(bucket, planned, manifest))

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
            part = self.objects.next_part(planned.target, planned.hour)
            planned = self.objects.renumber(planned, part)
            key = key_of(planned.account, planned.hour, part)
            manifest = msgspec.structs.replace(manifest, part=part, key=key)

    def _linked(self, bucket: Bucket, planned: ArchiveObject, manifest: Manifest) -> Manifest:
        """The manifest as the next of its target's chain.

        The bucket may know more of it than the catalog, which may be new or an older copy: so it is asked
        before the first link, and after something that was begun was given up.
        """
        head = self.objects.chain_head(planned.target)
        if planned.target not in self._joined:
            there = find_chain_head(bucket, planned.account, self._since(head) if head else None)
            head = max((one for one in (head, there) if one), key=lambda one: one.chain, default=None)
        if head is None:
            return msgspec.structs.replace(manifest, chain=1)
        return msgspec.structs.replace(
            manifest, chain=head.chain + 1, previous_key=head.key, previous_sha256=head.sha256
        )

    def _since(self, head: ChainHead) -> TimeRange:
        """The hours whose manifests may have been written after this one: those after its own, and of the
        last days. Late lines of older hours are not among them; reading them all could take for ever."""
        key = object_key(head.key)
        name = parse_key(key) if key else None
        now = self.clock()
        start = min(hour_start(name.hour) if name else 0, now - _LATE_MS)
        return TimeRange(start=max(0, start), end=now + _LATE_MS)

    def _seal(self, stored: Stored) -> ArchiveObject:
        planned, manifest, digest = stored
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
            sealed_at=self.clock(),
            chain=manifest.chain,
            manifest_sha256=digest,
        )
        self.objects.seal(sealed)
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


def _put_filter(bucket: Bucket, manifest: Manifest, path: Path) -> Manifest:
    """Put the filter beside the object, whose key is known now, or find that it is there."""
    if manifest.filters is None:
        return manifest
    key = filter_key(manifest.key, manifest.filters.sha256)
    with suppress(ObjectExists):  # of a try that was cut short: the key goes by the bytes
        bucket.put_new(key, path, CONTENT_TYPE)
    return msgspec.structs.replace(manifest, filters=msgspec.structs.replace(manifest.filters, key=key))


def _put_manifest(bucket: Bucket, planned: ArchiveObject, manifest: Manifest) -> Stored:
    """Put it, or find that it is there. Raises DamagedArchive when there is one of other bytes."""
    key = manifest_key(manifest.key)
    data = manifests.encode(manifest)
    try:
        bucket.put_new(key, data, JSON)
    except ObjectExists:
        # Ours, of a try that was cut short: what it says of the object's bytes decides. Its place in the
        # chain is the one it got then.
        data = bucket.get(key)
        there = manifests.decode(data, key)
        if there.sha256 != manifest.sha256:
            raise DamagedArchive(
                f"the manifest {key} is there already and belongs to another object",
                hint="run 'logkeep verify'; move the manifest away and the object is sealed",
            ) from None
        manifest = there
    return Stored(planned, manifest, manifests.digest(data))
