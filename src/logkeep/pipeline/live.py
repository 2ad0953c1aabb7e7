"""A pipeline at work: one thread takes what its sources bring, shapes it and puts it into the outbox.

What waits when the thread comes round is worked on together and made durable in one step, so many small
requests cost as little as one large one, and events stay in order. The answer to an input is given when
all its events are in the outbox, for every destination, together with the mark that says how far the input
is read. An account's lines are read from the spool, which keeps them until they are copied.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import msgspec
import zstandard

from logkeep.errors import LogkeepError, NotFound, Overloaded
from logkeep.faults import crash_point
from logkeep.pipeline.frames import Frame, frames_by_hour, frames_of
from logkeep.pipeline.model import PipelineSpec, Source
from logkeep.pipeline.outbox import Outbox, Parcel, Put
from logkeep.pipeline.plan import Plan, Route, Tee, plan_of
from logkeep.pipeline.putting import Putting
from logkeep.record import Record
from logkeep.spool.base import Spool

_MOST_EVENTS = 20_000  # that are worked on together
_PENDING_BYTES = 64 << 20  # of text, that may wait for the thread
_COPIED_BYTES = 4 << 20  # of an account's lines, that are worked on together
_NO_END = 1 << 62
_LOOK_AGAIN_S = 1.0  # whether there is room again, for an account's lines
_MAX_FRAME_BYTES = 256 << 20  # decompressed; a frame has about a MiB, or one line that is longer

_lines = msgspec.json.Decoder(Record)

Counts = Counter[tuple[str, str]]


@dataclass(slots=True, kw_only=True, eq=False)
class Input:
    """Events of one source, that wait to be worked on."""

    source: str
    records: list[Record]
    via: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    reply: bytes = b""
    reply_marks: tuple[str, ...] = ()  # under the first the reply is remembered; it may stand under others
    size: int = 0
    done: Future[bytes] = field(default_factory=Future)


class LivePipeline:
    """One pipeline's thread. Every method is safe from any thread."""

    def __init__(
        self,
        spec: PipelineSpec,
        *,
        outbox: Outbox,
        spool: Spool,
        clock_s: Callable[[], float],
        posted: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`posted` is told of each queue that got something. Raises BadSetting, QuerySyntaxError."""
        self._outbox = outbox
        self._spool = spool
        self._clock_s = clock_s
        self._posted = posted
        self._decompressor = zstandard.ZstdDecompressor()
        self._changed = threading.Condition()  # of what follows up to the thread
        self._inbox: deque[Input] = deque()
        self._pending = 0
        self._more_to_copy = True
        self._stopping = False
        self._plan = self._wanted = self._made(spec)
        self._cursors: dict[Tee, int] = {}  # the thread's own, as all that follows
        self._replying: set[str] = set()  # reply marks that are being put
        self._putting = Putting(outbox, f"put-{spec.id}")
        self._thread = threading.Thread(target=self._run, name=f"pipeline-{spec.id}", daemon=True)

    def start(self) -> None:
        self._putting.start()
        self._thread.start()

    @property
    def spec(self) -> PipelineSpec:
        return self._wanted.spec

    def change(self, spec: PipelineSpec, *, patience_s: float = 10.0) -> bool:
        """Work by this from the next round on. Returns whether that began within the time. Raises BadSetting,
        QuerySyntaxError."""
        wanted = self._made(spec)
        with self._changed:
            self._wanted = wanted
            self._more_to_copy = True
            self._changed.notify_all()
        return self.adopted(patience_s)

    def source(self, name: str) -> Source:
        """Raises NotFound."""
        found = next((one for one in self.spec.sources if one.name == name), None)
        if found is None:
            raise NotFound(
                f"the pipeline {self.spec.id!r} has no source {name!r}",
                hint=f"its sources are {', '.join(one.name for one in self.spec.sources)}",
            )
        return found

    def submit(self, one: Input) -> Future[bytes]:
        """Have the thread work on it; the future holds the reply, or a LogkeepError. Raises Overloaded when
        it, or a destination that it has to wait for, has no room."""
        self.check_room()
        with self._changed:
            if self._stopping:
                raise self._stopped()
            if self._pending + one.size > _PENDING_BYTES and self._pending:
                raise Overloaded(
                    f"more events wait for the pipeline {self.spec.id} than memory may hold", retry_after=1
                )
            self._pending += one.size
            self._inbox.append(one)
            self._changed.notify_all()
        return one.done

    def check_room(self) -> None:
        """Raises Overloaded while a destination that is waited for has no room."""
        for route in self._wanted.routes:
            if not route.drops and self._is_full(route):
                raise Overloaded(
                    f"{route.buffer} bytes of events wait for the destination {route.name} of the pipeline"
                    f" {self.spec.id}: its buffer is full",
                    retry_after=5,
                    hint=f"'logkeep pipeline show {self.spec.id}' says why; when_full: drop goes on without",
                )

    def appended(self) -> None:
        """The spool has more lines, or a destination more room."""
        if self._wanted.tees:
            with self._changed:
                self._more_to_copy = True
                self._changed.notify_all()

    @property
    def copied(self) -> Mapping[str, int]:
        """By account whose lines are copied: the seq up to which the spool's frames are."""
        cursors = self._cursors.copy()
        upto: dict[str, int] = {}
        for tee in (*self._wanted.tees, *cursors):
            upto[tee.account] = min(upto.get(tee.account, _NO_END), cursors.get(tee, 0))
        return upto

    def adopted(self, patience_s: float) -> bool:
        """Whether the thread goes by what is wanted; it is waited for so long."""
        return self._wanted.adopted.wait(patience_s)

    def stop(self) -> None:
        """Have the thread end after what it is at."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout_s: float | None = None) -> bool:
        """Whether the thread has ended; it is waited for so long."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def problems(self) -> Mapping[str, str]:
        """The last problem of each processor that had one."""
        return self._plan.chain.problems()

    def _made(self, spec: PipelineSpec) -> Plan:
        return plan_of(spec, self._clock_s)

    def _stopped(self) -> Overloaded:
        return Overloaded(f"the pipeline {self.spec.id} stops", hint="send it again")

    def _run(self) -> None:
        while self._wait():
            if not self._wanted.adopted.is_set() and not self._adopt():
                continue
            if inputs := self._take():
                self._work(inputs)
            self._copy()
        self._putting.stop()
        for left in self._inbox:
            left.done.set_exception(self._stopped())

    def _wait(self) -> bool:
        """Return when there is something to do; False when it is to end."""
        with self._changed:
            while not (self._inbox or self._stopping or self._more_to_copy):
                self._changed.wait()
            return not self._stopping

    def _pause(self) -> None:
        with self._changed:
            if not self._inbox and not self._stopping:
                self._changed.wait(_LOOK_AGAIN_S)

    def _adopt(self) -> bool:
        """Go by what is wanted from now on; False when the outbox has no room to write that down."""
        wanted = self._wanted
        try:
            cursors = {tee: self._cursor(wanted.spec.id, tee) for tee in wanted.tees}
            for gone in self._cursors:
                if not any(gone.same_lines(tee) for tee in wanted.tees):
                    self._outbox.forget_marks(self._mark(wanted.spec.id, gone))
            self._cursors = cursors
        except Overloaded as error:
            for one in self._take():
                one.done.set_exception(error)
            with self._changed:
                if not self._stopping:
                    self._changed.wait(_LOOK_AGAIN_S)
            return False
        self._plan = wanted
        wanted.adopted.set()
        return True

    def _take(self) -> list[Input]:
        taken: list[Input] = []
        events = 0
        with self._changed:
            while self._inbox and events < _MOST_EVENTS:
                one = self._inbox.popleft()
                self._pending -= one.size
                events += len(one.records)
                taken.append(one)
        return taken

    def _work(self, inputs: Sequence[Input]) -> None:
        """Shape them, and have them put out and answered."""
        try:
            if any(not self._replying.isdisjoint(one.reply_marks) for one in inputs):
                self._putting.settle()
            fresh, known = self._unknown(inputs)
            put = self._shaped(fresh)
            crash_point("pipeline.shaped")
            self._putting.hand(put, lambda error: self._answer(inputs, known, put, error))
            self._replying = {mark for one in fresh for mark in one.reply_marks[:1]}
        except LogkeepError as error:
            # What processors remember of these events, and of those before that were not put, would pass for
            # the events themselves next time.
            self._plan = replace(self._plan, chain=self._made(self._plan.spec).chain)
            for one in inputs:
                one.done.set_exception(error)

    def _answer(
        self, inputs: Sequence[Input], known: Mapping[str, bytes], put: Put, error: LogkeepError | None
    ) -> None:
        """Called when the put is durable, or is not."""
        if error is not None:
            for one in inputs:
                one.done.set_exception(error)
            return
        crash_point("pipeline.put")
        for queue in {parcel.queue for parcel in put.parcels}:
            self._posted(queue)
        given = dict(known)
        for one in inputs:
            reply = next((given[name] for name in one.reply_marks if name in given), one.reply)
            given.update(dict.fromkeys(one.reply_marks[:1], reply))
            one.done.set_result(reply)

    def _unknown(self, inputs: Sequence[Input]) -> tuple[list[Input], dict[str, bytes]]:
        """Those that did not come before with the same key, and the replies to those that did."""
        fresh: list[Input] = []
        replies: dict[str, bytes] = {}
        new: set[str] = set()
        for one in inputs:
            if not new.isdisjoint(one.reply_marks):
                continue
            for name in one.reply_marks:
                if (before := self._outbox.mark(name)) is not None:
                    replies[name] = before.encode()
            if replies.keys().isdisjoint(one.reply_marks):
                new.update(one.reply_marks[:1])
                fresh.append(one)
        return fresh, replies

    def _shaped(self, inputs: Sequence[Input]) -> Put:
        plan = self._plan
        counts, marks = Counts(), dict[str, str]()
        parcels: list[Parcel] = []
        for via, group in _by_via(inputs):
            events: list[Record] = []
            for one in group:
                counts[f"sources.{one.source}", "events"] += len(one.records)
                marks.update(one.marks)
                if one.reply_marks:
                    marks[one.reply_marks[0]] = one.reply.decode()
                events += one.records
            parcels += self._parcels(plan.chain.run(events), via, counts)
        counts.update(plan.chain.take_counts())
        return Put(pipeline=plan.spec.id, parcels=parcels, counts=counts, marks=marks)

    def _parcels(self, events: list[Record], via: str, counts: Counts) -> Iterator[Parcel]:
        shared: dict[bool, list[Frame]] = {}  # what destinations without a condition share
        for route in self._plan.routes:
            picked = events if route.takes is None else list(filter(route.takes, events))
            if not picked:
                continue
            if route.drops and self._is_full(route):
                counts[route.part, "dropped"] += len(picked)
                continue
            counts[route.part, "queued"] += len(picked)
            frames = shared.get(route.spans) if route.takes is None else None
            if frames is None:
                frames = list(frames_by_hour(picked) if route.spans else frames_of(picked))
                if route.takes is None:
                    shared[route.spans] = frames
            for frame in frames:
                yield Parcel(queue=route.queue, via=via, **frame._asdict())

    def _is_full(self, route: Route) -> bool:
        return self._outbox.backlog(route.queue).stored_bytes >= route.buffer

    def _copy(self) -> None:
        """Take over some of the lines of accounts, if there are more."""
        with self._changed:
            if not self._more_to_copy:
                return
            self._more_to_copy = False
        try:
            more = [self._copy_some(tee) for tee in self._plan.tees]
        except Overloaded:  # no room: a later round finds out whether there is
            self._pause()
            more = [True]
        if any(more):
            with self._changed:
                self._more_to_copy = True

    def _copy_some(self, tee: Tee) -> bool:
        """Returns whether there may be more. Raises Overloaded; then nothing is taken over."""
        self.check_room()
        cursor, last = self._cursors[tee], self._spool.last_seq()
        frames = self._spool.kept_since(tee.account, cursor, max_bytes=_COPIED_BYTES)
        if not frames:
            self._cursors[tee] = max(cursor, last)
            return False
        records: list[Record] = []
        for frame in frames:
            data = self._decompressor.decompress(frame.data, max_output_size=_MAX_FRAME_BYTES)
            records += _lines.decode_lines(data)
        if tee.takes is not None:
            records = list(filter(tee.takes, records))
        mark = {self._mark(self._plan.spec.id, tee): f"{self._spool.spool_id()}:{frames[-1].seq}"}
        one = Input(source=tee.name, records=records, marks=mark)
        self._work([one])
        one.done.result()
        crash_point("pipeline.copied")
        self._cursors[tee] = frames[-1].seq
        return True

    def _cursor(self, pipeline: str, tee: Tee) -> int:
        """Where it goes on: behind what is copied; a new one, or one of another spool, with what comes."""
        known = next((seq for one, seq in self._cursors.items() if one.same_lines(tee)), None)
        if known is not None:
            return known
        spool, _, seq = (self._outbox.mark(self._mark(pipeline, tee)) or "").partition(":")
        if spool == str(self._spool.spool_id()):
            # Not beyond what there is: a spool that was put back from an older copy gives seqs a second time.
            return min(int(seq), self._spool.last_seq())
        last = self._spool.last_seq()
        begun = {self._mark(pipeline, tee): f"{self._spool.spool_id()}:{last}"}
        self._outbox.put([Put(pipeline=pipeline, marks=begun)])
        return last

    @staticmethod
    def _mark(pipeline: str, tee: Tee) -> str:
        return f"{pipeline}/tee/{tee.name}/{tee.account}/"


def _by_via(inputs: Sequence[Input]) -> Iterator[tuple[str, list[Input]]]:
    """The inputs in order, those side by side that came the same way together."""
    group: list[Input] = []
    for one in inputs:
        if group and group[0].via != one.via:
            yield group[0].via, group
            group = []
        group.append(one)
    if group:
        yield group[0].via, group
