"""The spool seam: where accepted records wait, durably, until they are archived and indexed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from logkeep.timeline import Hour

# A frame is closed when it holds this many bytes of canonical lines. It is also the archive's block
# size, so the archiver never has to look inside a frame.
FRAME_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Canonical lines of one account and hour, as intake hands them over. At most about FRAME_BYTES."""

    account: str
    hour: Hour
    lines: int
    min_ts: int
    max_ts: int
    first_lid: int
    last_lid: int
    rx: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Pieces of one account and hour that were committed together. `data` is one zstd frame."""

    seq: int  # rises with every frame of the spool
    account: str
    hour: Hour
    lines: int
    raw_bytes: int
    min_ts: int
    max_ts: int
    first_lid: int
    last_lid: int
    rx: int  # receipt time of the frame's oldest line
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits to be archived for one account and hour."""

    account: str
    hour: Hour
    lines: int
    raw_bytes: int
    stored_bytes: int
    first_seq: int
    last_seq: int
    first_rx: int  # receipt time of the oldest waiting line


class Spool(Protocol):
    """Durable, ordered, bounded. All methods are safe to call from any thread, `append` from a loop."""

    async def append(self, pieces: Sequence[Piece], *, reply: bytes, key: str = "") -> bytes:
        """Return after the pieces are durable, all or none of them, with `reply`.

        `key` is the client's idempotency key, already made unique per account ("" for none): a key
        that was committed within the last day appends nothing and returns the reply given then.
        Raises Overloaded when the spool or the disk is full; then nothing was kept.
        """

    def waiting(self) -> list[Waiting]:
        """Every account and hour with frames that are not archived yet, oldest hour first."""

    def frames(self, account: str, hour: Hour, *, after: int, upto: int) -> Iterator[Frame]:
        """Frames of one hour with after < seq <= upto, in order of seq. Bounded memory."""

    def since(self, seq: int, *, max_bytes: int) -> list[Frame]:
        """Frames of all hours with a higher seq, in order, until their raw bytes reach `max_bytes`."""

    def archived(self, account: str, hour: Hour, *, upto: int) -> None:
        """Frames of the hour up to this seq are in the archive. Idempotent."""

    def archived_upto(self, account: str, hour: Hour) -> int:
        """The seq that `archived` was last told for this hour; 0 if never."""

    def indexed(self, upto: int) -> None:
        """All frames up to this seq are in the index. Idempotent."""

    def indexed_upto(self) -> int: ...

    def trim(self) -> int:
        """Delete frames that are both archived and indexed. Returns how many."""

    def spool_id(self) -> int:
        """Made at random with the spool. Tells what was planned from this spool's frames from what was
        planned from another's, whose numbers mean nothing here."""

    def last_seq(self) -> int: ...

    def last_lid(self) -> int:
        """The highest record id that was ever appended; 0 if none."""

    def stored_bytes(self) -> int: ...

    def close(self) -> None: ...
