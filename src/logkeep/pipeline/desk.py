"""Desk: where pipelines are made, changed, tried out and deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from logkeep.archives import ArchiveDesk, Settings
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Pipeline
from logkeep.errors import BadPipeline, BadSetting, Conflict, NotFound
from logkeep.pipeline import model
from logkeep.pipeline.bounds import NAME
from logkeep.pipeline.chain import Trace, trace
from logkeep.pipeline.check import check, default_names
from logkeep.pipeline.dead_letters import DeadLetter, DeadLetters
from logkeep.pipeline.destinations.build import archive_id
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.outbox import Outbox, Parcel, Put
from logkeep.pipeline.pipelines import Build, Pipelines
from logkeep.pipeline.plan import queue_of
from logkeep.pipeline.processors.build import TABLE
from logkeep.pipeline.status import RestorationPlace, Status, restoration_places, status_of
from logkeep.pipeline.stored import Whole, completed, encoded, opened, sealed, spec_of, with_secrets
from logkeep.record import Record
from logkeep.settings import duration, size
from logkeep.storage.connection import Connection, checked, described, provider_named
from logkeep.timeline import Clock
from logkeep.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What became of a pipeline."""

    pipeline: Pipeline
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)  # of new sources, this one time
    changed: bool = True  # False: it was so before


@dataclass(frozen=True, kw_only=True)
class PipelineDesk:
    """Takes requests about pipelines, from any thread; raises LogkeepErrors that say what to do."""

    catalog: Catalog
    pipelines: Pipelines
    archives: ArchiveDesk
    outbox: Outbox
    dead_letters_kept: DeadLetters
    vault: Vault
    build: Build
    clock: Clock
    clock_s: Callable[[], float] = time.monotonic
    own_urls: Sequence[str] = ()  # at which this server is called
    _changing: threading.RLock = field(default_factory=threading.RLock)  # of what pipelines are together
    _locking: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.RLock] = field(default_factory=dict)  # of each pipeline, by id

    def check(self, spec: PipelineSpec) -> PipelineSpec:
        """The spec with names where it had none. Raises BadPipeline with everything that is wrong; no other
        system is asked anything."""
        spec = default_names(spec)
        others = [self.spec(one.id) for one in self.catalog.pipelines.list() if one.id != spec.id]
        live = {one.id for one in self.catalog.accounts.list() if one.kind is AccountKind.LIVE}
        check(
            spec,
            others,
            accounts=live,
            build_processor=lambda one: TABLE[type(one)](one, self.clock_s),
            check_destination=lambda one: self._check_destination(spec, one),
            own_urls=self.own_urls,
        )
        return spec

    def apply(self, spec: PipelineSpec, *, by: str, discard: bool = False) -> Applied:
        """Have a pipeline be so from now on. What waits for destinations that it has no more is delivered
        by what they were, unless with `discard`. Raises BadPipeline, and what setting up its archives
        raises; then it is as before, but for archives that were set up."""
        spec = default_names(spec)
        with self._of(spec.id):
            self.check(spec)
            saved = self._saved(spec.id)
            if saved is not None and saved.account != spec.account:
                message = f"it is {saved.account!r}, and stays: archives and events are the account's"
                hint = "make another pipeline for the other account"
                raise BadPipeline([{"path": "account", "line": 0, "message": message, "hint": hint}])
            whole = completed(spec, self._opened(saved))
            self._check_built(whole)
            self._set_up_archives(whole)  # waits for buckets, and holds up this pipeline only
            with self._changing:
                self.check(spec)  # again: with another one that was changed meanwhile it may be a ring
                applied = self._save(whole, by)
            if discard:
                self.pipelines.discard_ended(spec.id)
            return applied

    def rollback(self, pipeline_id: str, version: int, *, by: str) -> Applied:
        """Have it be as it was then, secrets included, as a new version. Raises as `apply`, and NotFound."""
        former = opened(self.catalog.pipelines.version(pipeline_id, version), self.vault)
        return self.apply(with_secrets(former), by=by)

    def delete(self, pipeline_id: str, *, discard: bool = False) -> None:
        """Delete it with its keys, versions and dead letters. Its archives stop; they, and what they hold,
        stay. Raises NotFound; Conflict while events wait for its destinations, unless they are to be
        discarded."""
        with self._of(pipeline_id), self._changing:
            self.catalog.pipelines.get(pipeline_id)
            self.pipelines.remove(pipeline_id, discard=discard)
            self.catalog.pipelines.delete(pipeline_id)
            for archive in self.catalog.archives.of_pipeline(pipeline_id):
                self.archives.stop(archive.id)

    def spec(self, pipeline_id: str) -> PipelineSpec:
        """As it is saved, without secrets. Raises NotFound."""
        return spec_of(self.catalog.pipelines.get(pipeline_id))

    def new_key(self, pipeline_id: str, source: str) -> str:
        """A key for an HTTP source; the former one opens nothing any more. Raises NotFound."""
        spec = self.spec(pipeline_id)
        if not any(isinstance(one, model.HttpSource) and one.name == source for one in spec.sources):
            raise NotFound(
                f"the pipeline {pipeline_id!r} has no source {source!r} of the type http",
                hint="only these have a key",
            )
        return self.catalog.pipelines.issue_key(pipeline_id, source, self.clock())

    def test(self, spec: PipelineSpec, records: Sequence[Record]) -> list[Trace]:
        """What its processors make of each of these, step by step; nothing is kept. Raises BadPipeline."""
        return trace(self.check(spec).processors, records, clock=self.clock_s)

    def status(self, pipeline_id: str) -> Status:
        """How its parts do. Raises NotFound."""
        return self._status(self.spec(pipeline_id))

    def statuses(self) -> dict[str, Status]:
        """How all of them do, by id."""
        return {one.id: self._status(spec_of(one)) for one in self.catalog.pipelines.list()}

    def check_unused(self, archive: Archive) -> None:
        """Raises Conflict for an archive that a destination writes to."""
        if not archive.pipeline:
            return
        for spec in map(spec_of, self.catalog.pipelines.list()):
            for one in spec.destinations:
                if isinstance(one, model.ToArchive) and archive_id(spec.id, one) == archive.id:
                    raise Conflict(
                        f"the pipeline {spec.id!r} writes to the archive {archive.id!r}",
                        hint=f"take its destination {one.name!r} out first",
                    )

    def using(self, account: str) -> list[str]:
        """The ids of the pipelines that belong to the account, read from it or deliver to it."""
        specs = map(spec_of, self.catalog.pipelines.list())
        return [spec.id for spec in specs if account in model.accounts_named(spec)]

    def restoration_sources(self) -> list[RestorationPlace]:
        """Where restores can be sent to."""
        return restoration_places(spec_of(one) for one in self.catalog.pipelines.list())

    def dead_letters(self, pipeline_id: str, destination: str, limit: int) -> list[DeadLetter]:
        """The oldest events that the destination refused, with its words. Raises NotFound."""
        return self.dead_letters_kept.read(self._queue(pipeline_id, destination), limit)

    def retry_dead_letters(self, pipeline_id: str, destination: str) -> int:
        """Deliver them again. Returns how many. A crash in the middle may deliver some of them twice. Raises
        NotFound, Overloaded."""

        def put(lines: list[bytes]) -> None:
            parcel = Parcel(queue=queue, lines=len(lines), payload=b"".join(lines))
            self.outbox.put([Put(pipeline=pipeline_id, parcels=[parcel])])

        with self._of(pipeline_id):
            queue = self._queue(pipeline_id, destination)
            return self.dead_letters_kept.take(queue, put)

    def discard_dead_letters(self, pipeline_id: str, destination: str) -> int:
        """Delete them. Returns how many. Raises NotFound."""
        with self._of(pipeline_id):
            return self.dead_letters_kept.discard(self._queue(pipeline_id, destination))

    def stop_unused_archives(self) -> None:
        """Stop the archives of pipelines that no destination writes to any more, once all is delivered to
        those that did. An apply that is under way is left alone."""
        for pipeline in self.catalog.pipelines.list():
            lock = self._of(pipeline.id)
            if not lock.acquire(blocking=False):
                continue
            try:
                self._stop_unused(self.spec(pipeline.id))
            except NotFound:  # it was deleted meanwhile
                continue
            finally:
                lock.release()

    def _stop_unused(self, spec: PipelineSpec) -> None:
        written = {archive_id(spec.id, one) for one in spec.destinations if isinstance(one, model.ToArchive)}
        unused = [
            one.id
            for one in self.catalog.archives.of_pipeline(spec.id)
            if one.state is not ArchiveState.OFF and one.id not in written
        ]
        names = {one.name for one in spec.destinations}
        if unused and not any(
            queue.startswith(f"{spec.id}/") and queue.partition("/")[2] not in names
            for queue in self.outbox.queues()
        ):
            for archive in unused:
                self.archives.stop(archive)

    def _of(self, pipeline_id: str) -> threading.RLock:
        """Held by who changes this pipeline."""
        with self._locking:
            return self._locks.setdefault(pipeline_id, threading.RLock())

    def _opened(self, saved: Pipeline | None) -> Whole | None:
        return opened(saved, self.vault) if saved else None

    def _save(self, whole: Whole, by: str) -> Applied:
        spec = whole.spec
        saved = self._saved(spec.id)
        if saved is not None and self._opened(saved) == whole:
            if not self.pipelines.works_by(saved):
                self.pipelines.place(saved)
            return Applied(pipeline=saved, keys=self._keys(spec), changed=False)
        now = self.clock()
        pipeline = self.catalog.pipelines.save(
            Pipeline(
                id=spec.id,
                account=spec.account,
                spec=encoded(spec),
                secret=sealed(whole.secrets, self.vault),
                created_at=now,
                updated_at=now,
                updated_by=by,
            )
        )
        self.pipelines.place(pipeline)
        return Applied(pipeline=pipeline, keys=self._keys(spec))

    def _check_built(self, whole: Whole) -> None:
        """Raises BadPipeline for what can be seen only with the secrets."""
        problems: list[Mapping[str, object]] = []
        for place, one in enumerate(whole.spec.destinations):
            try:
                self.build(whole.spec.id, one, whole.secrets.get(one.name, {})).close()
            except BadSetting as error:
                path = f"destinations[{place}]{error.field and f'.{error.field}'}"
                problems.append({"path": path, "line": 0, "message": error.message, "hint": error.hint})
        if problems:
            raise BadPipeline(problems)

    def _status(self, spec: PipelineSpec) -> Status:
        return status_of(
            spec,
            pipelines=self.pipelines,
            outbox=self.outbox,
            dead_letters=self.dead_letters_kept,
            keys=self.catalog.pipelines.keys(spec.id),
        )

    def _queue(self, pipeline_id: str, destination: str) -> str:
        """Of a destination that there is, or that left something behind. Raises NotFound."""
        names = [one.name for one in self.spec(pipeline_id).destinations]
        queue = queue_of(pipeline_id, destination)
        if destination in names or queue in self.outbox.queues():
            return queue
        if NAME.fullmatch(destination) and self.dead_letters_kept.count(queue):
            return queue
        raise NotFound(
            f"the pipeline {pipeline_id!r} has no destination {destination!r}",
            hint=f"its destinations are {', '.join(names)}",
        )

    def _saved(self, pipeline_id: str) -> Pipeline | None:
        try:
            return self.catalog.pipelines.get(pipeline_id)
        except NotFound:
            return None

    def _check_destination(self, spec: PipelineSpec, one: model.Destination) -> None:
        if isinstance(one, model.ToArchive):
            self._check_archive(spec, one)
        self.build(spec.id, one, {}).close()

    def _check_archive(self, spec: PipelineSpec, one: model.ToArchive) -> None:
        name = archive_id(spec.id, one)
        archive = self._archive(name)
        if archive is not None and archive.pipeline != spec.id:
            raise BadSetting(
                f"the archive {name!r} is not this pipeline's", hint="choose another id", field="archive"
            )
        provider = provider_named(one.provider)
        known = [field.name for field in provider.fields if field.secret]
        for secret in one.secrets:
            if secret not in known:
                raise BadSetting(
                    f"the provider {provider.name} has no secret {secret!r}",
                    hint=f"it has {', '.join(known)}" if known else "it has none",
                    field=f"secrets.{secret}",
                )
        try:
            described(Connection(provider=one.provider, options=_options(one)))
        except BadSetting as error:
            field = f"options.{error.field}" if error.field not in ("", "provider") else error.field
            raise BadSetting(error.message, hint=error.hint, field=field) from None

    def _archive(self, name: str) -> Archive | None:
        try:
            return self.catalog.archives.get(name)
        except NotFound:
            return None

    def _set_up_archives(self, whole: Whole) -> None:
        """Make the archives of its destinations, or change them to what is wanted; each is tried first."""
        for one in whole.spec.destinations:
            if isinstance(one, model.ToArchive):
                self._set_up_archive(whole.spec, one, whole.secrets.get(one.name, {}))

    def _set_up_archive(self, spec: PipelineSpec, one: model.ToArchive, secrets: Mapping[str, str]) -> None:
        name = archive_id(spec.id, one)
        connection = self.archives.with_external_id(
            spec.account,
            checked(Connection(provider=one.provider, options=_options(one), secrets=secrets)),
        )
        before = self._archive(name)
        if before is None:
            self.archives.create(
                spec.account,
                connection,
                _settings(one),
                archive=name,
                untested=one.untested,
                start=True,
                take_over=one.take_over,
                pipeline=spec.id,
            )
            return
        saved = self.archives.buckets.connection(self.catalog.archives.target(before.target))
        moved = saved != connection
        settings = _settings(one)
        if moved or settings.applied(before) != before:
            self.archives.update(name, connection if moved else None, settings, untested=one.untested)
        if moved or before.state is ArchiveState.OFF:
            self.archives.start(name, take_over=one.take_over)

    def _keys(self, spec: PipelineSpec) -> dict[str, str]:
        """Keys for HTTP sources that have none; those of sources that are gone go."""
        there = self.catalog.pipelines.keys(spec.id)
        wanted = [one.name for one in spec.sources if isinstance(one, model.HttpSource)]
        for gone in set(there) - set(wanted):
            self.catalog.pipelines.revoke(spec.id, gone)
        return {
            name: self.catalog.pipelines.issue_key(spec.id, name, self.clock())
            for name in wanted
            if name not in there
        }


def _options(one: model.ToArchive) -> dict[str, str]:
    """As a connection has them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in one.options.items()
        if value is not None
    }


def _settings(one: model.ToArchive) -> Settings:
    def seconds(value: model.Duration | None) -> int | None:
        return None if value is None else duration(str(value))

    return Settings(
        title=one.title,
        seal_after_s=seconds(one.seal_after),
        late_sweep_s=seconds(one.late_sweep),
        max_object_bytes=None if one.max_object_bytes is None else size(str(one.max_object_bytes)),
        compression_level=one.compression_level,
        verify_every_s=seconds(one.verify_every),
        drill_every_s=seconds(one.drill_every),
    )
