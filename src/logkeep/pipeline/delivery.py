"""Delivery: one queue's thread. It takes batches, sends them until they are taken or refused for good, and
acknowledges them.

A batch is acknowledged when every event of it has arrived or is in the dead letters. Until then it would be
sent again after a crash: so duplicates are within one batch. A destination that cannot be reached is tried
again for ever, ever later; what waits for it waits in the outbox.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from logkeep.errors import BatchTooLarge, DeliveryFailed, DeliveryRefused, Overloaded
from logkeep.pipeline.batches import Batches, Cut
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.destinations.base import Batch, Destination, Sent
from logkeep.pipeline.outbox import Outbox
from logkeep.timeline import Clock

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_LONGEST_WISH_S = 3600.0  # that a pause may have when the other side names a time
_LOOK_AGAIN_S = 1.0  # whether enough waits, when nobody says that more came
# After a batch that was too large: so many arrive at its size before the next ones are a little larger.
_BATCHES_OF_A_SIZE = 50
_GROWTH = 1.25

log = logging.getLogger("logkeep")

T = TypeVar("T")

State = Literal["idle", "ok", "failing", "full"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a batch is sent: with the first of these that it has."""

    events: int
    bytes: int  # of canonical lines
    age_s: float


@dataclass(frozen=True, kw_only=True)
class DeliveryStatus:
    """idle: nothing waits; full: the dead letters are, and it waits until they have room."""

    state: State
    last_error: str = ""  # why it fails; "" when it does not
    next_try: int = 0  # epoch ms; 0 when no try is put off
    in_flight: int = 0  # events of the batch that is being sent


class _Stopped(Exception):
    """The delivery is to end, and what it has begun is not acknowledged."""


class _Offender(NamedTuple):
    """An event that is refused for good."""

    line: bytes
    reason: str


class _Part(NamedTuple):
    """Events of a batch that are sent at once, with their places in it."""

    batch: Batch
    places: range | list[int]

    def of(self, picked: range | list[int]) -> _Part:
        """Only these of its own events."""
        return _Part(self.batch.part(picked), [self.places[place] for place in picked])

    def halves(self) -> tuple[_Part, _Part]:
        count = len(self.places)
        return self.of(range(count // 2)), self.of(range(count // 2, count))


def _now() -> int:
    return time.time_ns() // 1_000_000


class Delivery:
    """The thread of one queue. Every method is safe from any thread.

    An exception that is none of the destination's is a defect: it ends the process.
    """

    def __init__(
        self,
        queue: str,
        *,
        part: str,
        destination: Destination,
        limits: Limits,
        outbox: Outbox,
        dead_letters: DeadLetters,
        clock: Clock = _now,
        clock_s: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        name: str = "",
        delivered: Callable[[], None] = lambda: None,
    ) -> None:
        """`part` is what its counts belong to. `delivered` is called after each acknowledgment."""
        self._queue = queue
        self._part = part
        self._destination = destination
        self._limits = limits
        self._outbox = outbox
        self._dead_letters = dead_letters
        self._clock = clock
        self._clock_s = clock_s
        self._jitter = jitter
        self._delivered = delivered
        self._max_bytes = limits.bytes  # less after a batch that was too large
        self._of_this_size = 0
        self._failures = 0  # in a row
        self._failing: tuple[State, str] | None = None
        self._batches = Batches(outbox, queue, whole_frames=destination.whole_frames)
        self._next_try = 0
        self._in_flight = 0
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name or f"deliver-{queue}", daemon=True)
        self._starting = threading.Lock()

    def start(self) -> None:
        with self._starting:
            if not self._stopping.is_set():
                self._thread.start()

    def wake(self) -> None:
        """More waits, perhaps enough for a batch. Without this it is found out a second later at most."""
        self._woken.set()

    def stop(self, patience_s: float) -> bool:
        """Send nothing more, and wait so long for a send that is under way. Returns whether the thread has
        ended; if it has not, its batch may arrive and be sent again later. May be called again."""
        with self._starting:
            self._stopping.set()
        self._woken.set()
        if self._thread.ident is None:
            self._destination.close()
            return True
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def status(self) -> DeliveryStatus:
        failing, in_flight = self._failing, self._in_flight
        if failing is not None:
            state, error = failing
            return DeliveryStatus(state=state, last_error=error, next_try=self._next_try, in_flight=in_flight)
        waits = in_flight or self._outbox.backlog(self._queue).lines
        return DeliveryStatus(state="ok" if waits else "idle", in_flight=in_flight)

    def _run(self) -> None:
        try:
            while True:
                self._await_batch()
                self._deliver_next()
        except _Stopped:
            self._destination.close()

    # When

    def _await_batch(self) -> None:
        """Return when enough waits, or for long enough."""
        since: float | None = None  # when it was first seen that something waits: wall clocks go back
        while True:
            self._woken.clear()
            if self._stopping.is_set():
                raise _Stopped
            waiting = self._outbox_does(lambda: self._outbox.backlog(self._queue))
            patience_s = self._limits.age_s
            if waiting.lines:
                if waiting.lines >= self._limits.events or waiting.raw_bytes >= self._max_bytes:
                    return
                since = self._clock_s() if since is None else since
                age_s = max((self._clock() - waiting.oldest_rx) / 1000, self._clock_s() - since)
                patience_s -= age_s
                if patience_s <= 0:
                    return
            else:
                since = None
                patience_s = _LOOK_AGAIN_S
            self._woken.wait(min(patience_s, _LOOK_AGAIN_S))

    def _pause(self, error: DeliveryFailed | Overloaded, wish_s: float, state: State = "failing") -> None:
        """Wait before the next try: for longer each time, or as long as the other side asks."""
        if self._failing is None or self._failing[0] != state:
            log.warning("the destination %s fails and will be tried again: %s", self._queue, error)
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(self._failures, 16), _LONGEST_PAUSE_S)
        pause_s = max(pause_s * (1 + self._jitter() / 2), min(wish_s, _LONGEST_WISH_S))
        self._failures += 1
        self._next_try = self._clock() + int(pause_s * 1000)
        self._failing = state, str(error)
        if self._stopping.wait(pause_s):
            raise _Stopped
        self._next_try = 0

    def _works(self) -> None:
        if self._failing is not None:
            log.warning("the destination %s works again", self._queue)
        self._failing = None
        self._failures = 0

    # What

    def _deliver_next(self) -> None:
        cut = self._outbox_does(
            lambda: self._batches.next(max_lines=self._limits.events, max_bytes=self._max_bytes)
        )
        if cut is None:  # what waited was forgotten
            return
        self._in_flight = len(cut.batch.lines)
        try:
            self._deliver(cut)
        finally:
            self._in_flight = 0

    def _deliver(self, cut: Cut) -> None:
        """Send it, then acknowledge it."""
        counts: Counter[str] = Counter()
        offenders: list[tuple[int, _Offender]] = []
        parts = deque([_Part(cut.batch, range(len(cut.batch.lines)))])
        while parts:
            self._send(parts, offenders, counts)
            if self._failing is not None and not self._outbox.backlog(self._queue).lines:
                self._start_anew()  # what waited was forgotten, and this with it
                return
        if offenders:
            offenders.sort(key=lambda one: one[0])  # in the order of the batch
            self._bury([offender for _, offender in offenders])
        counts["refused"] = len(offenders)
        counts["delivered"] = len(cut.batch.lines) - len(offenders)
        noted = {(self._part, what): count for what, count in counts.items() if count}
        self._outbox_does(lambda: self._outbox.delivered(self._queue, cut.upto, counts=noted))
        self._grow(cut.batch)
        self._delivered()

    def _send(
        self, parts: deque[_Part], offenders: list[tuple[int, _Offender]], counts: Counter[str]
    ) -> None:
        """Send the first of these parts, and leave in its place what has to be sent yet."""
        if self._stopping.is_set():
            raise _Stopped
        part = parts.popleft()
        try:
            sent = self._destination.send(part.batch)
        except DeliveryFailed as error:
            parts.appendleft(part)
            counts["sent-again"] += len(part.places)
            self._pause(error, error.retry_after)
            return
        except (BatchTooLarge, DeliveryRefused) as error:
            if len(part.places) == 1:
                offenders.append((part.places[0], _Offender(part.batch.lines[0], error.message)))
                return
            if isinstance(error, BatchTooLarge):
                self._shrink(part.batch)
            parts.extendleft(reversed(part.halves()))
            return
        offenders += [
            (part.places[one.place], _Offender(part.batch.lines[one.place], one.reason))
            for one in sent.refused
        ]
        if not sent.again:
            self._works()
            return
        again = sorted(sent.again)
        parts.appendleft(part.of(again))
        counts["sent-again"] += len(again)
        self._pause(DeliveryFailed(_words(sent)), sent.again_after)

    def _start_anew(self) -> None:
        self._batches = Batches(self._outbox, self._queue, whole_frames=self._destination.whole_frames)
        self._failing = None
        self._failures = 0

    def _bury(self, offenders: list[_Offender]) -> None:
        """Into the dead letters, with patience when they are full."""
        while True:
            try:
                self._dead_letters.add(self._queue, offenders)
            except Overloaded as error:
                self._pause(error, 0.0, "full")
                continue
            self._works()
            return

    def _outbox_does(self, step: Callable[[], T]) -> T:
        """What the step returns, with patience while the outbox's disk is full or failing."""
        failed = False
        while True:
            try:
                result = step()
            except Overloaded as error:
                failed = True
                self._pause(error, 0.0)
                continue
            if failed:
                self._works()
            return result

    # How large

    def _shrink(self, batch: Batch) -> None:
        self._max_bytes = max(1, min(self._max_bytes, len(batch.payload) // 2))
        self._of_this_size = 0

    def _grow(self, batch: Batch) -> None:
        if self._max_bytes >= self._limits.bytes or 2 * sum(map(len, batch.lines)) < self._max_bytes:
            return
        self._of_this_size += 1
        if self._of_this_size >= _BATCHES_OF_A_SIZE:
            self._max_bytes = min(int(self._max_bytes * _GROWTH) + 1, self._limits.bytes)
            self._of_this_size = 0


def _words(sent: Sent) -> str:
    return sent.again_because or "it took the batch in part"
