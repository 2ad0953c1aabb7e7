"""How much the events of one run may grow by, for all processors of a chain together.

Each processor by itself is bounded for each event, but a chain multiplies: two arrays unrolled make a million
events of one, and copies of `meta` into itself double it each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from logkeep.record import Record

MORE_BYTES = 64 << 20  # and what came in, so many times:
TIMES_BYTES = 3
MORE_EVENTS = 10_000  # beside so many for each that came in:
TIMES_EVENTS = 20
MAX_EVENT = 4 << 20  # bytes of one field of an event that has grown
_EVENT_BYTES = 256  # what an event takes beside its text


@dataclass(slots=True)
class Room:
    """What is left. A processor that lets an event grow takes it from here, or leaves the event as it is.
    Bytes are those of text and JSON; one character of a text counts as one."""

    bytes: int = MORE_BYTES
    events: int = MORE_EVENTS

    def grows(self, before: int, after: int) -> bool:
        """Whether a field of an event may have `after` bytes instead of `before`; then they are taken."""
        more = after - before
        if more > 0 and (more > self.bytes or after > MAX_EVENT):
            return False
        self.bytes -= more
        return True

    def multiplies(self, events: int, size: int) -> bool:
        """Whether so many events of `size` bytes in all may come beside those that are there; then they are
        taken."""
        taken = size + events * _EVENT_BYTES
        if events > self.events or taken > self.bytes:
            return False
        self.events -= events
        self.bytes -= taken
        return True


RULE = (
    f"the events of one round may grow by {MORE_BYTES >> 20} MiB and {TIMES_BYTES} times their size, to"
    f" {TIMES_EVENTS} times their number and {MORE_EVENTS}, and a field to {MAX_EVENT >> 20} MiB"
)
NO_ROOM = f"{RULE}: this one was left as it is; drop other fields before"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run: what its events may have in all at any step."""

    bytes: int
    events: int

    @classmethod
    def of(cls, records: Sequence[Record]) -> Limits:
        """`records` are those that come in. Their short fields are left out: they are looked at for every
        event there is, and `MORE_BYTES` has room for them."""
        size = sum([len(record.line) + len(record.meta) for record in records])
        return cls(MORE_BYTES + (1 + TIMES_BYTES) * size, MORE_EVENTS + TIMES_EVENTS * len(records))

    def left(self, records: Sequence[Record]) -> Room:
        """What these, which are at some step, may still grow by."""
        return Room(self.bytes - held(records), self.events - len(records))


def held(records: Sequence[Record]) -> int:
    """Bytes of all text and JSON in them."""
    return sum(map(weight, records))


def weight(record: Record) -> int:
    return (
        len(record.line)
        + len(record.meta)
        + len(record.raw)
        + len(record.host)
        + len(record.app)
        + len(record.file)
        + len(record.env)
        + len(record.level)
        + sum(map(len, record.tag))
    )
