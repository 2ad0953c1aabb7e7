"""The pipelines of a server at work: their threads, and those of their destinations.

A destination that is taken out of a pipeline goes on, by the settings that it had, until what waits for it
is delivered. That holds over a restart: the outbox says what waits, and former versions how it is delivered.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Pipeline
from logkeep.errors import Conflict, Forbidden, LogkeepError, NotFound, Overloaded
from logkeep.intake import stamped
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.delivery import Delivery, DeliveryStatus, Limits
from logkeep.pipeline.destinations.base import Destination as Deliverer
from logkeep.pipeline.live import Input, LivePipeline
from logkeep.pipeline.model import AccountSource, Destination, HttpSource, PipelineSpec, RestorationSource
from logkeep.pipeline.outbox import Outbox
from logkeep.pipeline.plan import queue_of
from logkeep.pipeline.stored import Whole, opened, spec_of
from logkeep.record import IdSource, Received, Record
from logkeep.routing import Router
from logkeep.settings import duration, size
from logkeep.spool.base import Spool
from logkeep.timeline import Clock
from logkeep.vault import Vault
from logkeep.worker import Worker

_UPKEEP_S = 5.0
_PATIENCE_S = 5.0  # for a send that is under way when its destination is changed
_DAY_MS = 86_400_000
_NO_END = 1 << 62

log = logging.getLogger("logkeep")

Build = Callable[[str, Destination, Mapping[str, str]], Deliverer]
"""Pipeline, settings, secrets -> what delivers."""


@dataclass(frozen=True, kw_only=True)
class _Delivering:
    """A destination at work, by these settings."""

    settings: Destination
    secrets: Mapping[str, str]
    delivery: Delivery
    ends: bool = False  # it was taken out, and ends when nothing waits for it


class Pipelines:
    """Safe from any thread; `accept` belongs to the loop that intake belongs to, with its ids. `settled` is
    told now and then, when destinations that were taken out may have come to their end."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        outbox: Outbox,
        dead_letters: DeadLetters,
        spool: Spool,
        ids: IdSource,
        router: Router,
        vault: Vault,
        server: str,
        build: Build,
        settled: Callable[[], None] = lambda: None,
        clock: Clock,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._outbox = outbox
        self._dead_letters = dead_letters
        self._spool = spool
        self._ids = ids
        self._router = router
        self._vault = vault
        self._server = server
        self._build = build
        self._settled = settled
        self._clock = clock
        self._clock_s = clock_s
        self._live: dict[str, LivePipeline] = {}
        self._deliveries: dict[str, _Delivering] = {}
        self._copying: tuple[LivePipeline, ...] = ()  # those that copy an account's lines
        self._versions: dict[str, int] = {}  # by which each of them is at work
        self._still: set[str] = set()  # those that cannot work
        self._undeliverable: dict[str, str] = {}  # queues of what was taken out and cannot be built any more
        self._forgotten_on = 0  # the day on which old replies were forgotten
        self._changing = threading.RLock()
        self._ended = False
        self.worker = Worker("pipelines", self._upkeep)

    def start(self) -> None:
        """Have every pipeline of the catalog work. One that cannot, by what this release makes of its
        settings, stays still, and says so in the log and to whoever uses it."""
        with self._changing:
            for pipeline in self._catalog.pipelines.list():
                try:
                    self._place(pipeline)
                except LogkeepError as error:
                    self._still.add(pipeline.id)
                    log.error("the pipeline %s cannot work: %s", pipeline.id, error)
            self._hold()
        self.worker.start()

    def place(self, pipeline: Pipeline) -> None:
        """Have the pipeline work as it is saved, and return when it does. Raises BadSetting,
        QuerySyntaxError, Overloaded; then it goes on as it did before."""
        with self._changing:
            if self._ended:
                raise Overloaded("the server stops", hint="send it again when it is back")
            for account in _copied_accounts(spec_of(pipeline)):
                # Before its lines begin to be copied: have the spool keep what comes from now on.
                if account not in self._spool.held():
                    self._spool.hold(account, self._spool.last_seq())
            self._place(pipeline)
            self._still.discard(pipeline.id)
        self.worker.wake()

    def works_by(self, pipeline: Pipeline) -> bool:
        """Whether it is at work as it is saved here."""
        return self._versions.get(pipeline.id) == pipeline.version

    def remove(self, pipeline_id: str, *, discard: bool) -> None:
        """Stop it, and forget all that is kept of it. Raises Conflict while events wait for destinations,
        unless they are to be discarded; then it goes on."""
        with self._changing:
            self._check_nothing_waits(pipeline_id, discard=discard)
            live = self._live.get(pipeline_id)
            if live is not None:
                live.stop()  # what comes from now on is refused
                live.join()
            try:
                self._check_nothing_waits(pipeline_id, discard=discard)
            except Conflict:
                self._live.pop(pipeline_id)
                self._place(self._catalog.pipelines.get(pipeline_id))
                raise
            self._live.pop(pipeline_id, None)
            self._versions.pop(pipeline_id, None)
            self._still.discard(pipeline_id)
            self._stop([one for one in self._deliveries if one.startswith(f"{pipeline_id}/")])
            self._copying = tuple(one for one in self._copying if one is not live)
            self._outbox.forget_pipeline(pipeline_id)
            self._dead_letters.forget_pipeline(pipeline_id)
        self.worker.wake()

    def waiting(self, pipeline_id: str) -> int:
        """How many events wait for its destinations, those that were taken out included."""
        queues = [one for one in self._outbox.queues() if one.startswith(f"{pipeline_id}/")]
        return sum(self._outbox.backlog(queue).lines for queue in queues)

    def discard_ended(self, pipeline_id: str) -> int:
        """Take what waits for destinations that the pipeline has no more. Returns how many events."""
        with self._changing:
            names = {one.name for one in self.live(pipeline_id).spec.destinations}
            queues = [
                queue
                for queue in self._outbox.queues()
                if queue.startswith(f"{pipeline_id}/") and queue.partition("/")[2] not in names
            ]
            self._stop([queue for queue in queues if queue in self._deliveries])
            return sum(self._outbox.forget(queue) for queue in queues)

    def hop(self, pipeline_id: str) -> str:
        """How events that it passes on name it."""
        return f"{self._server}/{pipeline_id}"

    async def accept(
        self, pipeline_id: str, source: str, received: Received, *, via: str, reply: bytes, key: str = ""
    ) -> bytes:
        """Keep all events, or raise and keep none. Returns `reply`, or the reply that was given when the same
        idempotency key came within the last day. Raises NotFound, Forbidden, Overloaded."""
        live = self.live(pipeline_id)
        if not isinstance(live.source(source), HttpSource):
            raise NotFound(f"the source {source!r} of the pipeline {pipeline_id!r} takes no requests")
        account = live.spec.account
        if self._router.route(account).suspended:
            raise Forbidden(
                f"account {account} is suspended and takes no lines",
                hint="ask the administrator to resume it",
            )
        if not len(received):
            return reply
        now = self._clock()
        records, _ = stamped(self._ids, now, account, received.columns)
        one = Input(
            source=source,
            records=received.with_own_ids(records),  # the mark is of ids that were given out here
            via=via,
            marks={f"{pipeline_id}/lid": records[-1].lid},
            reply=reply,
            reply_marks=_reply_marks(pipeline_id, source, now // _DAY_MS, key),
            size=_size(records),
        )
        # A request that is cancelled leaves its events where they are.
        return await asyncio.shield(asyncio.wrap_future(live.submit(one)))

    def feed(self, pipeline_id: str, source: str, records: list[Record], marks: Mapping[str, str]) -> None:
        """Return when the events are in the outbox, together with the marks. Raises Overloaded while there
        is no room, NotFound."""
        live = self.live(pipeline_id)
        live.source(source)
        live.submit(Input(source=source, records=records, marks=marks, size=_size(records))).result()

    def check(self, pipeline_id: str, source: str) -> str:
        """The name of the restoration source; "" stands for the only one that there is. Raises NotFound;
        Conflict for a source that no restore can be sent into, and where one has to be named."""
        live = self.live(pipeline_id)
        names = [one.name for one in live.spec.sources if isinstance(one, RestorationSource)]
        if source and source not in names:
            raise Conflict(
                f"the source {source!r} of the pipeline {pipeline_id!r} is no restoration source, but of the"
                f" type {live.source(source).type}",
                hint="a restore is sent into a source of the type restoration",
            )
        if not names:
            raise Conflict(
                f"the pipeline {pipeline_id!r} has no restoration source",
                hint="add one to its sources: {type: restoration}",
            )
        if not source and len(names) > 1:
            raise Conflict(
                f"the pipeline {pipeline_id!r} has {len(names)} restoration sources",
                hint=f"name one of them: {', '.join(names)}",
            )
        return source or names[0]

    def mark(self, name: str) -> str | None:
        return self._outbox.mark(name)

    def forget_marks(self, prefix: str) -> None:
        self._outbox.forget_marks(prefix)

    def live(self, pipeline_id: str) -> LivePipeline:
        """Raises NotFound; Overloaded for one that is there and stands still."""
        live = self._live.get(pipeline_id)
        if live is None and pipeline_id in self._still:
            raise Overloaded(
                f"the pipeline {pipeline_id!r} is not at work",
                retry_after=60,
                hint="its settings cannot be used by this release: see the log, and apply it again",
            )
        if live is None:
            raise NotFound(f"there is no pipeline {pipeline_id!r}", hint="see 'logkeep pipeline ls'")
        return live

    def delivering(self, pipeline_id: str) -> Mapping[str, DeliveryStatus]:
        """How its destinations do, by name; those too that were taken out, while something waits for them."""
        prefix = f"{pipeline_id}/"
        return {
            queue.removeprefix(prefix): one.delivery.status()
            for queue, one in self._deliveries.copy().items()
            if queue.startswith(prefix)
        }

    def ending(self, pipeline_id: str) -> Mapping[str, tuple[str, str]]:
        """(type, why it cannot be delivered) of destinations that were taken out and for which something
        waits, by name."""
        prefix = f"{pipeline_id}/"
        found = {
            queue.removeprefix(prefix): (one.settings.type, "")
            for queue, one in self._deliveries.copy().items()
            if one.ends and queue.startswith(prefix)
        }
        for queue, why in self._undeliverable.copy().items():
            if queue.startswith(prefix) and self._outbox.backlog(queue).lines:
                found[queue.removeprefix(prefix)] = "", why
        return found

    def appended(self) -> None:
        """The spool has more lines."""
        for live in self._copying:
            live.appended()

    def last_lid(self) -> int:
        """The highest id that was given to an event of an HTTP source: the spool may know nothing of it."""
        marks = [self._outbox.mark(f"{one.id}/lid") for one in self._catalog.pipelines.list()]
        return max((int(mark) for mark in marks if mark), default=0)

    def stop(self, patience_s: float) -> None:
        """Have all threads end after what they are at, within this time in all. Nothing is lost if they do
        not: what was not acknowledged is delivered again."""
        end = self._clock_s() + patience_s
        waited = self._changing.acquire(timeout=patience_s / 2)  # for a change that is under way
        self._ended = True
        if waited:
            self._changing.release()
        lives, deliveries = list(self._live.values()), list(self._deliveries.values())
        for live in lives:
            live.stop()
        for one in deliveries:
            one.delivery.stop(0)
        for live in lives:
            live.join(max(0.0, end - self._clock_s()))
        for one in deliveries:
            one.delivery.stop(max(0.0, end - self._clock_s()))

    def _place(self, pipeline: Pipeline) -> None:
        whole = opened(pipeline, self._vault)
        fresh: dict[str, _Delivering] = {}
        try:
            for one in whole.spec.destinations:
                fresh[queue_of(whole.spec.id, one.name)] = self._made(whole, one)
            self._work_by(whole.spec)
        except LogkeepError:
            known = [one.delivery for one in self._deliveries.values()]
            _stop_all([one.delivery for one in fresh.values() if one.delivery not in known], self._clock_s)
            raise
        self._versions[pipeline.id] = pipeline.version
        self._deliver(pipeline.id, fresh)
        self._copying = tuple(one for one in self._live.values() if one.copied)

    def _work_by(self, spec: PipelineSpec) -> None:
        live = self._live.get(spec.id)
        if live is not None:
            live.change(spec, patience_s=_PATIENCE_S)
            return
        live = LivePipeline(
            spec, outbox=self._outbox, spool=self._spool, clock_s=self._clock_s, posted=self._wake
        )
        live.start()
        live.adopted(_PATIENCE_S)
        self._live[spec.id] = live

    def _check_nothing_waits(self, pipeline_id: str, *, discard: bool) -> None:
        waiting = 0 if discard else self.waiting(pipeline_id)
        if waiting:
            raise Conflict(
                f"{waiting} events wait for destinations of the pipeline {pipeline_id!r}",
                hint="wait until they are delivered, or discard them with it",
            )

    def _stop(self, queues: Sequence[str]) -> None:
        """End these deliveries, within one time for all."""
        ending = [self._deliveries.pop(queue).delivery for queue in queues]
        _stop_all(ending, self._clock_s)

    def _made(self, whole: Whole, settings: Destination) -> _Delivering:
        """The destination as it is at work, if that is by these settings; else a new one, not started."""
        queue = queue_of(whole.spec.id, settings.name)
        secrets = whole.secrets.get(settings.name, {})
        before = self._deliveries.get(queue)
        if before is not None and (before.settings, before.secrets) == (settings, secrets):
            return _Delivering(settings=settings, secrets=secrets, delivery=before.delivery)
        delivery = Delivery(
            queue,
            part=f"destinations.{settings.name}",
            destination=self._build(whole.spec.id, settings, secrets),
            limits=Limits(
                events=settings.batch.events,
                bytes=size(str(settings.batch.bytes)),
                age_s=duration(str(settings.batch.age)),
            ),
            outbox=self._outbox,
            dead_letters=self._dead_letters,
            clock=self._clock,
            clock_s=self._clock_s,
            jitter=random.random,
            delivered=self.appended,
        )
        return _Delivering(settings=settings, secrets=secrets, delivery=delivery)

    def _deliver(self, pipeline_id: str, fresh: Mapping[str, _Delivering]) -> None:
        """Have these destinations work, and those of before end when nothing waits for them any more."""
        before = {queue: self._deliveries.get(queue) for queue in fresh}
        changed = [
            queue
            for queue, one in fresh.items()
            if (was := before[queue]) is None or was.delivery is not one.delivery
        ]
        _stop_all([was.delivery for queue in changed if (was := before[queue])], self._clock_s)
        self._deliveries.update(fresh)
        for queue in changed:
            fresh[queue].delivery.start()
        for queue, one in self._deliveries.items():
            if queue.startswith(f"{pipeline_id}/") and queue not in fresh:
                self._deliveries[queue] = _ending(one)

    def _wake(self, queue: str) -> None:
        if (one := self._deliveries.get(queue)) is not None:
            one.delivery.wake()

    def _upkeep(self) -> float:
        with self._changing:
            if self._ended:
                return _UPKEEP_S
            self._hold()
            self._forget_replies()
            self._deliver_what_is_left()
        self._settled()
        return _UPKEEP_S

    def _deliver_what_is_left(self) -> None:
        """End destinations that were taken out and are done; begin those of which something waits still."""
        waiting = self._outbox.queues()
        self._stop([queue for queue, one in self._deliveries.items() if one.ends and queue not in waiting])
        for queue in waiting:
            pipeline_id, _, name = queue.partition("/")
            if queue in self._deliveries or pipeline_id not in self._live:
                continue
            try:
                former = self._former(pipeline_id, name)
            except LogkeepError as error:
                if queue not in self._undeliverable:
                    log.error("what waits for %s, which was taken out, cannot be delivered: %s", queue, error)
                self._undeliverable[queue] = str(error)
                continue
            self._undeliverable.pop(queue, None)
            if former is not None:
                self._deliveries[queue] = _ending(former)
                former.delivery.start()

    def _former(self, pipeline_id: str, name: str) -> _Delivering | None:
        """The destination as it was last, with nothing at work."""
        for version in self._catalog.pipelines.versions(pipeline_id):
            whole = opened(self._catalog.pipelines.version(pipeline_id, version.version), self._vault)
            for settings in whole.spec.destinations:
                if settings.name == name:
                    return self._made(whole, settings)
        return None

    def _hold(self) -> None:
        """Have the spool keep what is not copied yet, and let go of the rest."""
        copied: dict[str, int] = {}
        for live in self._live.values():
            for account, upto in live.copied.items():
                copied[account] = min(upto, copied.get(account, upto))
        for still in self._still:
            for account in _copied_accounts(spec_of(self._catalog.pipelines.get(still))):
                copied[account] = min(self._spool.held().get(account, 0), copied.get(account, _NO_END))
        for account in {*copied, *self._spool.held()}:
            self._spool.hold(account, copied.get(account))
        if copied:
            self._spool.trim()

    def _forget_replies(self) -> None:
        """Those of the day before yesterday and before."""
        today = self._clock() // _DAY_MS
        if today == self._forgotten_on:
            return
        for pipeline in self._catalog.pipelines.list():
            prefix = f"{pipeline.id}/reply/"
            self._outbox.forget_marks_between(prefix, f"{prefix}{today - 1:08d}/")
        self._forgotten_on = today


def _stop_all(deliveries: Sequence[Delivery], clock_s: Callable[[], float]) -> None:
    """Within one time for all of them. What is not acknowledged by then is sent again by who comes after."""
    end = clock_s() + _PATIENCE_S
    for one in deliveries:
        one.stop(0)
    for one in deliveries:
        one.stop(max(0.0, end - clock_s()))


def _copied_accounts(spec: PipelineSpec) -> set[str]:
    return {one.account for one in spec.sources if isinstance(one, AccountSource)}


def _size(records: Sequence[Record]) -> int:
    return sum([len(record.line) + len(record.meta) + len(record.raw) for record in records])


def _ending(one: _Delivering) -> _Delivering:
    return _Delivering(settings=one.settings, secrets=one.secrets, delivery=one.delivery, ends=True)


def _reply_marks(pipeline_id: str, source: str, day: int, key: str) -> tuple[str, ...]:
    """Under which the reply to a request with this key is remembered, and may stand since yesterday."""
    if not key:
        return ()
    return tuple(f"{pipeline_id}/reply/{one:08d}/{source}/{key}" for one in (day, day - 1))
