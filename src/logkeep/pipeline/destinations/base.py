"""What a destination is to the delivery that it belongs to.

DeliveryFailed      it could not be reached or has no room: the same batch is sent again, and again
DeliveryRefused     it refuses the batch for good; of several events, one may be the reason
BatchTooLarge       it takes smaller batches
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import msgspec

from logkeep.errors import DeliveryRefused
from logkeep.record import Record, decode_line


@dataclass(frozen=True)
class Batch:
    """Events of one destination, in order; one at least."""

    lines: Sequence[bytes]  # canonical, each ended by a newline
    key: str = ""  # unlike that of any other batch; "" for one that is not what the outbox holds in one piece
    queue: str = ""  # that it is of: of one queue only the last batch can come a second time
    via: str = ""  # through which pipelines its events came before: for those that pass it on

    @cached_property
    def records(self) -> list[Record]:
        """Raises DeliveryRefused for what cannot be read: JSON within `_meta` that is far too deep."""
        try:
            return list(map(decode_line, self.lines))
        except (msgspec.DecodeError, RecursionError) as error:
            raise DeliveryRefused(f"an event cannot be read: {error}") from None

    @cached_property
    def payload(self) -> bytes:
        return b"".join(self.lines)

    def part(self, places: Sequence[int]) -> Batch:
        """Only these of its events."""
        return Batch(tuple(self.lines[place] for place in places), queue=self.queue, via=self.via)


@dataclass(frozen=True)
class Refused:
    """An event that the other side refuses for good, with its words."""

    place: int  # in the batch, from 0
    reason: str


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of a batch: all of it arrived but these."""

    refused: Sequence[Refused] = ()
    again: Sequence[int] = ()  # places of events that have to be sent again
    again_because: str = ""  # the other side's words
    again_after: float = 0.0  # seconds that it asks to wait; 0: it says nothing


class Destination(Protocol):
    """Used by one thread. Nothing in what it raises or logs is secret."""

    whole_frames: bool
    """Whether it is given batches exactly as the outbox holds them, each with its key: then it can tell one
    that comes a second time, and nothing arrives twice."""

    def send(self, batch: Batch) -> Sent:
        """Return when the other side has taken the batch, and would not lose it in a crash of ours.

        Raises DeliveryFailed, DeliveryRefused, BatchTooLarge; none of it can have arrived whole then, though
        parts may have.
        """

    def close(self) -> None:
        """Give up connections. Never raises."""
