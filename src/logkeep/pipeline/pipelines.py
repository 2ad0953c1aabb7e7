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
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Pipeline
from logkeep.errors import Conflict, Forbidden, LogkeepError, NotFound
from logkeep.intake import stamped
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.delivery import Delivery, DeliveryStatus, Limits
from logkeep.pipeline.destinations.base import Destination as Deliverer
from logkeep.pipeline.live import Input, LivePipeline
from logkeep.pipeline.model import Destination, HttpSource, RestorationSource
from logkeep.pipeline.outbox import Outbox
from logkeep.pipeline.plan import queue_of
from logkeep.pipeline.stored import Whole, opened
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

log = logging.getLogger("logkeep")

Ended = Callable[[str, Destination], None]
"""Told of a pipeline and a destination that it has no more, when nothing waits for that one."""

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
    """Safe from any thread; `accept` belongs to the loop that intake belongs to, with its ids."""

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
        ended: Ended = lambda *_: None,
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
        self._tell_ended = ended
        self._clock = clock
        self._clock_s = clock_s
        self._live: dict[str, LivePipeline] = {}
        self._deliveries: dict[str, _Delivering] = {}
        self._copying: tuple[LivePipeline, ...] = ()  # those that copy an account's lines
        self._changing = threading.RLock()
        self._ended = False
        self.worker = Worker("pipelines", self._upkeep)

    def start(self) -> None:
        """Have every pipeline of the catalog work. One that cannot, by what this release makes of its
        settings, stays still, and says so in the log and to whoever uses it."""
        for pipeline in self._catalog.pipelines.list():
            try:
                self.place(pipeline)
            except LogkeepError as error:
                log.error("the pipeline %s cannot work: %s", pipeline.id, error)
        self.worker.start()

    def place(self, pipeline: Pipeline) -> None:
        """Have the pipeline work as it is saved. Raises BadSetting, QuerySyntaxError; then it goes on as it
        did before."""
        whole = opened(pipeline, self._vault)
        with self._changing:
            fresh = {
                queue_of(whole.spec.id, one.name): self._made(whole, one) for one in whole.spec.destinations
            }
            self._hold_all()
            live = self._live.get(pipeline.id)
            if live is None:
                live = LivePipeline(whole.spec, outbox=self._outbox, spool=self._spool, clock_s=self._clock_s)
                self._live[pipeline.id] = live
                live.start()
            else:
                live.change(whole.spec)
            self._deliver(pipeline.id, fresh)
            self._copying = tuple(one for one in self._live.values() if one.copied_upto is not None)
        self.worker.wake()

    def remove(self, pipeline_id: str, *, discard: bool) -> None:
        """Stop it, and forget all that is kept of it. Raises Conflict while events wait for destinations,
        unless they are to be discarded; then it goes on."""
        with self._changing:
            live = self._live.pop(pipeline_id, None)
            if live is not None:
                live.stop()
                live.join()
            waiting = self.waiting(pipeline_id)
            if waiting and not discard:
                self.place(self._catalog.pipelines.get(pipeline_id))
                raise Conflict(
                    f"{waiting} events wait for destinations of the pipeline {pipeline_id!r}",
                    hint="wait until they are delivered, or discard them with it",
                )
            for queue in [one for one in self._deliveries if one.startswith(f"{pipeline_id}/")]:
                self._deliveries.pop(queue).delivery.stop(_PATIENCE_S)
            self._copying = tuple(one for one in self._copying if one is not live)
            self._outbox.forget_pipeline(pipeline_id)
            self._dead_letters.forget_pipeline(pipeline_id)
        self.worker.wake()

    def waiting(self, pipeline_id: str) -> int:
        """How many events wait for its destinations, those that were taken out included."""
        queues = [one for one in self._outbox.queues() if one.startswith(f"{pipeline_id}/")]
        return sum(self._outbox.backlog(queue).lines for queue in queues)

    def discard(self, queue: str) -> int:
        """Take what waits for a destination that was taken out, or any other. Returns how many events."""
        return self._outbox.forget(queue)

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
        today = self._clock() // _DAY_MS
        if key and (before := self._outbox.mark(_reply_mark(pipeline_id, today - 1, key))) is not None:
            return before.encode()
        if not len(received):
            return reply
        records, _ = stamped(self._ids, self._clock(), account, received.columns)
        one = Input(
            source=source,
            records=records,
            via=via,
            marks={f"{pipeline_id}/lid": records[-1].lid},
            reply=reply,
            reply_mark=_reply_mark(pipeline_id, today, key) if key else "",
            size=sum(map(len, received.columns.line)),
        )
        return await asyncio.wrap_future(live.submit(one))

    def feed(self, pipeline_id: str, source: str, records: list[Record], marks: Mapping[str, str]) -> None:
        """Return when the events are in the outbox, together with the marks. Raises Overloaded while there
        is no room, NotFound."""
        live = self.live(pipeline_id)
        live.source(source)
        size_ = sum(len(record.line) for record in records)
        live.submit(Input(source=source, records=records, marks=marks, size=size_)).result()

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
        """Raises NotFound."""
        live = self._live.get(pipeline_id)
        if live is None:
            raise NotFound(f"there is no pipeline {pipeline_id!r} at work", hint="see 'logkeep pipeline ls'")
        return live

    def delivering(self, pipeline_id: str) -> Mapping[str, DeliveryStatus]:
        """How its destinations do, by name; those too that were taken out, while something waits for them."""
        prefix = f"{pipeline_id}/"
        return {
            queue.removeprefix(prefix): one.delivery.status()
            for queue, one in self._deliveries.copy().items()
            if queue.startswith(prefix)
        }

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
        self._ended = True
        for live in self._live.values():
            live.stop()
        for one in self._deliveries.values():
            one.delivery.stop(0)
        for live in self._live.values():
            live.join(max(0.0, end - self._clock_s()))
        for one in self._deliveries.values():
            one.delivery.stop(max(0.0, end - self._clock_s()))

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
        for queue, one in fresh.items():
            before = self._deliveries.get(queue)
            if before is not None and before.delivery is not one.delivery:
                before.delivery.stop(_PATIENCE_S)
            self._deliveries[queue] = one
            if before is None or before.delivery is not one.delivery:
                one.delivery.start()
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
            self._deliver_what_is_left()
            self._hold()
            self._forget_replies()
        return _UPKEEP_S

    def _deliver_what_is_left(self) -> None:
        """End destinations that were taken out and are done; begin those of which something waits still."""
        for queue, one in list(self._deliveries.items()):
            if one.ends and not self._outbox.backlog(queue).lines:
                del self._deliveries[queue]
                one.delivery.stop(_PATIENCE_S)
                self._tell_ended(queue.partition("/")[0], one.settings)
        for queue in self._outbox.queues():
            pipeline_id, _, name = queue.partition("/")
            if queue not in self._deliveries and pipeline_id in self._live:
                former = self._former(pipeline_id, name)
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

    def _hold_all(self) -> None:
        """Before an account's lines begin to be copied: have the spool keep what comes from now on."""
        upto = [self._spool.last_seq(), *self._copied()]
        self._spool.hold(min(upto))

    def _hold(self) -> None:
        copied = self._copied()
        self._spool.hold(min(copied, default=None))
        if copied:
            self._spool.trim()

    def _copied(self) -> list[int]:
        return [upto for live in self._live.values() if (upto := live.copied_upto) is not None]

    def _forget_replies(self) -> None:
        day = self._clock() // _DAY_MS - 2
        for pipeline_id in self._live:
            self._outbox.forget_marks(_reply_mark(pipeline_id, day, ""))


def _ending(one: _Delivering) -> _Delivering:
    return _Delivering(settings=one.settings, secrets=one.secrets, delivery=one.delivery, ends=True)


def _reply_mark(pipeline_id: str, day: int, key: str) -> str:
    return f"{pipeline_id}/reply/{day}/{key}"
