"""Pipeline: the lines of a restore as events, sent into a pipeline's restoration source.

How far it is stands in the pipeline's own store, as the mark `/restore/ID`, written in one transaction with
the events: `TS.NUMBER.SENT`, the last line's time and number in the restore's table, and how many lines were
sent up to it. So it goes on right behind that line, whenever and however it was stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

import msgspec

from logkeep.catalog.values import Restore
from logkeep.errors import LogkeepError, NotFound, Overloaded
from logkeep.faults import crash_point
from logkeep.index.base import Engine
from logkeep.index.columns import NO_ID
from logkeep.index.search import Page, Scope, pages
from logkeep.record import NO_META, Record

PAGE_LINES = 2000
PAGE_BYTES = 1 << 20  # of text and meta
_PAGES_A_SECOND = 10  # at a rate; so a page is never more than a tenth of a second's events
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LOOK_EVERY_S = 0.25  # while it waits: whether it is still to go on
_GONE_AFTER_S = 5.0  # that a pipeline is not there may be because it is being changed
_TOLD_AT = 3  # so many refusals in a row are told of: a full pipeline alone is nothing to tell
_NOTED_EVERY_S = 1.0
_ID_BITS = (1 << 63) - 1

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class PipelineFeed(Protocol):
    """The restoration sources of this server's pipelines. Safe from any thread."""

    def check(self, pipeline: str, source: str, /) -> str:
        """The name of the restoration source; "" stands for the only one that the pipeline has.

        Raises NotFound when there is no such pipeline or source, Conflict when it is no restoration source or
        has to be named; both with a hint."""

    def feed(self, pipeline: str, source: str, records: list[Record], marks: Mapping[str, str], /) -> None:
        """Take these events, which may be changed, and return when they are durable, the marks with them: all
        or nothing. Raises Overloaded while there is no room, NotFound when pipeline or source is gone."""

    def mark(self, name: str, /) -> str | None:
        """The value that was last given."""

    def forget_marks(self, prefix: str, /) -> None:
        """Marks whose name begins so go."""


class NoPipelines:
    """`PipelineFeed` of a server without pipelines."""

    def check(self, pipeline: str, _source: str, /) -> str:
        raise self._none(pipeline)

    def feed(self, pipeline: str, _source: str, _records: list[Record], _marks: Mapping[str, str], /) -> None:
        raise self._none(pipeline)

    def mark(self, _name: str, /) -> str | None:
        return None

    def forget_marks(self, _prefix: str, /) -> None:
        pass

    def _none(self, pipeline: str) -> NotFound:
        return NotFound(f"there is no pipeline {pipeline!r}", hint="this server has no pipelines")


def mark_of(restore_id: str) -> str:
    """The name of the mark that says how far a restore is sent."""
    return f"/restore/{restore_id}"  # marks of a pipeline's own begin with its id


class Pace:
    """A token bucket: at most `rate` events a second (0: any number), and `burst` of those that could have
    come before and did not."""

    def __init__(self, rate: int, burst: int, clock_s: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock_s = clock_s
        self._tokens = 0.0
        self._at = clock_s()

    def take(self, count: int) -> float:
        """After how many seconds so many events may go."""
        if not self._rate:
            return 0.0
        now = self._clock_s()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - count
        self._at = now
        return max(0.0, -self._tokens / self._rate)


class _Position(NamedTuple):
    """Behind which line of the table it goes on, and how many were sent up to it."""

    ts: int
    number: int
    sent: int

    def text(self) -> str:
        return f"{self.ts}.{self.number}.{self.sent}"


class _Part(NamedTuple):
    """Events that are fed in one step, and the time and number of the last one."""

    records: list[Record]
    ts: int
    number: int


@dataclass(kw_only=True)
class Sending:
    """The lines of one restore on their way into its pipeline, oldest first."""

    engine: Engine
    scope: Scope  # all lines of its table
    restore: Restore
    pipelines: PipelineFeed
    goes_on: Callable[[], bool]  # asked before each page, and while it waits
    wait: Callable[[float], object]  # pauses for so many seconds; may return earlier when the server stops
    noted: Callable[[int], None]  # is told now and then how many are sent
    held_up: Callable[[str], None]  # is told what it waits for, and "" when it goes on
    clock_s: Callable[[], float] = time.monotonic
    sent: int = field(default=0, init=False)
    refused: LogkeepError | None = field(default=None, init=False)  # why the pipeline takes nothing any more
    _begun: tuple[float, int] = field(default=(0.0, 0), init=False)
    _noted_at: float = field(default=0.0, init=False)
    _told: bool = field(default=False, init=False)  # whether an error is shown that goes when it goes on

    def run(self) -> bool:
        """Send what is not sent yet. Returns whether all is; else it was stopped, or is refused.

        Raises EngineError, and retryable errors of the pipeline other than Overloaded, which is waited for.
        """
        text = self.pipelines.mark(mark_of(self.restore.id))
        at = _Position(*map(int, text.split("."))) if text else None
        self.sent = at.sent if at else 0
        self._begun = self.clock_s(), self.sent
        self._told = bool(self.restore.error)
        most = PAGE_LINES
        if self.restore.rate:
            most = min(most, max(1, self.restore.rate // _PAGES_A_SECOND))
        pace = Pace(self.restore.rate, most, self.clock_s)
        stamp = _Stamp(self.restore)
        complete = all(
            self._rest(pace.take(len(part.records))) and self._feed(part)
            for page in pages(self.engine, self.scope, after=(at.ts, at.number) if at else None)
            for part in _parts(stamp, page, most)
        )
        self.noted(self.sent)
        return complete

    def events_per_s(self) -> float | None:
        """As it went since this run began; None before there is anything to go by."""
        began, before = self._begun
        took = self.clock_s() - began
        return (self.sent - before) / took if took > 0 and self.sent > before else None

    def _feed(self, part: _Part) -> bool:
        """Have a part taken, however long that takes. Returns whether it was: not when it is to stop, and not
        when the pipeline is gone for good or refuses it."""
        total = self.sent + len(part.records)
        marks = {mark_of(self.restore.id): _Position(part.ts, part.number, total).text()}
        pause = _FIRST_PAUSE_S
        refusals = 0
        gone_at: float | None = None
        while True:
            try:
                # Copies: processors change events in place, and these may have to be sent again.
                # (`__copy__` is msgspec's own, and takes half the time of copy.copy.)
                events: list[Record] = [one.__copy__() for one in part.records]  # type: ignore[attr-defined]
                self.pipelines.feed(self.restore.pipeline, self.restore.pipeline_source, events, marks)
                break
            except NotFound as gone:
                now = self.clock_s()
                gone_at = now if gone_at is None else gone_at
                left = gone_at + _GONE_AFTER_S - now
                if left <= 0:
                    self.refused = gone
                    return False
                if not self._rest(min(pause, left)):
                    return False
                pause *= 2
            except Overloaded as full:
                gone_at = None
                refusals += 1
                if refusals == _TOLD_AT:
                    self.held_up(str(full))
                    self._told = True
                if not self._rest(pause):
                    return False
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            except LogkeepError as error:
                if error.retryable:
                    raise
                self.refused = error
                return False
        crash_point("restore.page_fed")
        self.sent = total
        if self._told:
            self.held_up("")
            self._told = False
        self._note()
        return True

    def _note(self) -> None:
        now = self.clock_s()
        if now - self._noted_at >= _NOTED_EVERY_S:
            self._noted_at = now
            self.noted(self.sent)

    def _rest(self, seconds: float) -> bool:
        """Wait so long. Returns whether it is to go on; when it is not, at once."""
        while seconds > 0:
            if not self.goes_on():
                return False
            step = min(seconds, _LOOK_EVERY_S)
            self.wait(step)
            seconds -= step
        return self.goes_on()


class _Stamp:
    """What an event of a restore has beside its line: where it comes from, and an id."""

    def __init__(self, restore: Restore) -> None:
        self._id = restore.id
        self._name = restore.name

    def member(self, key: str) -> bytes:
        """What the meta of a line from this object gets, as a member of a JSON object."""
        return b'"restore":' + msgspec.json.encode({"name": self._name, "id": self._id, "object": key})

    def lid(self, number: int) -> str:
        """An id for a line that has none: the same whenever it is sent."""
        digest = blake2b(f"{self._id}/{number}".encode(), digest_size=8).digest()
        return str(int.from_bytes(digest) & _ID_BITS or 1)


def _joined(meta: bytes, member: bytes) -> bytes:
    """The meta with the member added. What is no object, or nested too deep to be looked into, becomes the
    member `meta` of one."""
    if meta.startswith(b'{"') and meta.endswith(b"}") and b'"restore"' not in meta:
        return meta[:-1] + b"," + member + b"}"
    try:
        members = _members.decode(meta)
    except (msgspec.DecodeError, RecursionError):
        return b'{"meta":' + meta + b"," + member + b"}"
    members.pop("restore", None)  # of a restore before
    rest = msgspec.json.encode(members)[1:-1]
    return b"{" + rest + (b"," if rest else b"") + member + b"}"


def _parts(stamp: _Stamp, page: Page, most: int) -> Iterator[_Part]:
    """The events of a page in parts of at most so many, and PAGE_BYTES unless one has more."""
    taken: list[Record] = []
    size = 0
    ts = number = -1
    last, member, alone = "", b"", NO_META  # lines of one object mostly follow each other
    for record, own, key in zip(page.records, page.numbers, page.objects or (), strict=True):
        meta = record.meta
        more = len(record.line) + len(meta) + len(record.raw)
        # A line that is there twice, to the number, is not parted from itself: both have one position.
        if taken and (len(taken) >= most or size + more > PAGE_BYTES) and (record.ts, own) != (ts, number):
            yield _Part(taken, ts, number)
            taken = []
            size = 0
        if key != last or not member:
            last, member = key, stamp.member(key)
            alone = msgspec.Raw(b"{" + member + b"}")
        record.meta = alone if meta is NO_META else msgspec.Raw(_joined(bytes(meta), member))
        if own >= NO_ID:
            record.lid = stamp.lid(own)
        ts, number = record.ts, own
        size += more
        taken.append(record)
    if taken:
        yield _Part(taken, ts, number)
