"""The outbox seam: events on their way to destinations, durable until these have taken them.

A queue is one destination of one pipeline, named `PIPELINE/DESTINATION`. What a pipeline makes of one
input goes to all its queues in one transaction, together with the mark that says how far that input is
read, so a crash neither loses an event nor puts it there twice.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol, overload

import zstandard


class Place(NamedTuple):
    """How far a queue is delivered: all frames below `seq`, and of that one so many lines."""

    seq: int
    line: int


class Span(NamedTuple):
    """What lines of one hour have between them. It stands with those that may go into an archive unread."""

    min_ts: int
    max_ts: int
    first_lid: int
    last_lid: int


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Events for one queue. At most about a MiB of canonical lines."""

    queue: str
    lines: int
    payload: bytes  # canonical lines, each ended by a newline
    via: str = ""  # through which pipelines they came
    span: Span | None = None  # None: nobody looked, or not all lines have a time of one hour and an id


class FrameLines(Sequence[bytes]):
    """The lines of a frame from `first` on, cut when they are first looked at."""

    def __init__(
        self, data: bytes, *, lines: int, raw_bytes: int, first: int = 0, span: Span | None = None
    ) -> None:
        """`data`, all of the frame as zstd, has so many lines and raw bytes."""
        self.data = data
        self.raw_bytes = raw_bytes
        self.span = span
        self._first = first
        self._count = lines - first

    @property
    def whole(self) -> bool:
        """Whether `data` is these lines and no others."""
        return not self._first

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[bytes, ...]: ...
    def __getitem__(self, place: int | slice) -> bytes | tuple[bytes, ...]:
        return self._lines[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._lines == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _lines(self) -> tuple[bytes, ...]:
        payload = zstandard.ZstdDecompressor().decompress(self.data, max_output_size=self.raw_bytes)
        lines = io.BytesIO(payload).readlines()  # at newlines alone: splitlines ends them at other bytes too
        return tuple(lines[self._first :] if self._first else lines)


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A frame of the outbox: one parcel, or what is left of it."""

    seq: int  # rises with every frame of the outbox
    first: int  # the number in the frame of the first line here: lines before it are delivered
    lines: Sequence[bytes]
    via: str
    rx: int  # when it was put there, epoch ms


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits in one queue."""

    lines: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0
    oldest_rx: int = 0  # 0: nothing waits


@dataclass(frozen=True, kw_only=True)
class Put:
    """One step of a pipeline: its parcels, what is counted with them, and how far its input is read."""

    pipeline: str
    parcels: Sequence[Parcel] = ()
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (part, what) -> to add
    marks: Mapping[str, str] = field(default_factory=dict)  # whole new values


class Outbox(Protocol):
    """Durable, ordered, bounded by whoever puts. Safe from any thread."""

    def put(self, puts: Sequence[Put]) -> None:
        """Return after all of it is durable; all or nothing. Raises Overloaded when the disk is full."""

    def mark(self, name: str) -> str | None:
        """The value that was last put."""

    def forget_marks(self, prefix: str) -> None:
        """Marks whose name begins so go."""

    def forget_marks_between(self, first: str, end: str) -> None:
        """Marks whose names are in this order from `first` to `end`, which stays, go."""

    def queued(self, queue: str, *, max_lines: int, max_bytes: int) -> list[Posted]:
        """The oldest lines that are not delivered, in order, until they are so many or have so many raw
        bytes. Whole frames, so a frame more than fits may be there; none only if nothing waits."""

    def delivered(self, queue: str, upto: Place, *, counts: Mapping[tuple[str, str], int]) -> None:
        """Everything before this place is delivered, or refused for good. Durable; idempotent but for the
        counts. Frames that are done go."""

    def backlog(self, queue: str) -> Backlog: ...

    def counts(self, pipeline: str) -> Mapping[tuple[str, str], int]:
        """(part, what) -> how many, since the pipeline was made."""

    def queues(self) -> Sequence[str]:
        """Every queue in which something waits."""

    def forget(self, queue: str) -> int:
        """Delete what waits in a queue. Returns how many lines that were."""

    def forget_pipeline(self, pipeline: str) -> None:
        """Its counts, marks (`PIPELINE/...`) and queues go."""

    def outbox_id(self) -> str:
        """Made at random with the outbox."""

    def stored_bytes(self) -> int: ...

    def close(self) -> None: ...
