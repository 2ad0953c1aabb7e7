"""The spool seam: where accepted records wait, durably, until they are archived and indexed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from logkeep.timeline import Hour

# A frame is closed when it holds this many bytes of canonical lines. It is also the archive's block
# size, so the archiver never has to look inside a frame.
FRAME_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Canonical lines of one account and hour, as intake hands them over. At most about FRAME_BYTES.

    A line that goes into two archives is in two pieces, of which one is indexed.
    """

    account: str
    archive: str  # the archive that they wait for; "" for none
    indexed: bool  # whether they go into the live search
    hour: Hour
    lines: int
    min_ts: int
    max_ts: int
    first_lid: int
    last_lid: int
    rx: int
    payload: bytes  # b"" where `data` has it
    data: bytes = b""  # the payload as one zstd frame already, of so many raw bytes: it stays as it is
    data_raw_bytes: int = 0

    @property
    def raw_bytes(self) -> int:
        return self.data_raw_bytes if self.data else len(self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Like pieces of one archive and hour that were committed together. `data` is one zstd frame."""

    seq: int  # rises with every frame of the spool
    account: str
    archive: str
    indexed: bool
    hour: Hour
    lines: int
    raw_bytes: int
    min_ts: int
    max_ts: int
    first_lid: int
    last_lid: int
    rx: int  # when its oldest piece came to the archive: receipt, or the backfill that added it
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits to be archived for one archive and hour."""

    account: str
    archive: str
    hour: Hour
    lines: int
    raw_bytes: int
    stored_bytes: int
    first_seq: int
    last_seq: int
    first_rx: int  # when the oldest came to the archive: receipt, or the backfill that added it


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What was ever accepted for one archive and hour. Counted apart from the frames, which are trimmed."""

    lines: int
    raw_bytes: int


class Spool(Protocol):
    """Durable, ordered, bounded. All methods are safe to call from any thread, `append` from a loop."""

    async def append(
        self, pieces: Sequence[Piece], *, reply: bytes, key: str = "", last_of: str = ""
    ) -> bytes:
        """Return after the pieces are durable, all or none of them, with `reply`.

        `key` is the client's idempotency key, already made unique per account ("" for none): a key
        that was committed within the last day appends nothing and returns the reply given then. With
        `last_of`, the name of a stream, the key is known until another key of that stream is committed,
        however long that takes, and the reply is this one.
        Raises Overloaded when the disk, the spool or the account's share of it is full; then nothing
        was kept.
        """

    def append_now(self, pieces: Sequence[Piece], *, key: str = "", last_of: str = "") -> None:
        """As `append`, from a thread that is no event loop's, and without a reply."""

    def flush(self) -> None:
        """Return when all that was handed to `append` before is kept or refused."""

    def waiting(self, archive: str | None = None) -> list[Waiting]:
        """Every hour of one archive, or of all, with frames that are not archived yet; oldest hour first."""

    def frames(self, archive: str, hour: Hour, *, after: int, upto: int) -> Iterator[Frame]:
        """Frames of one hour with after < seq <= upto, in order of seq. Bounded memory."""

    def since(self, seq: int, *, max_bytes: int) -> list[Frame]:
        """Frames of all archives with a higher seq, in order, until their raw bytes reach `max_bytes`;
        those too that are not to be indexed."""

    def kept_since(self, account: str, seq: int, *, max_bytes: int) -> list[Frame]:
        """The same of one account, and only frames that are to be indexed: every line that the account keeps,
        once."""

    def hold(self, account: str, seq: int | None) -> None:
        """Have `trim` leave what the account keeps with a higher seq; None: it need not. Durable."""

    def held(self) -> Mapping[str, int]:
        """What is held, by account."""

    def archived(self, archive: str, hour: Hour, *, upto: int) -> None:
        """Frames of the hour up to this seq are in the archive. Idempotent."""

    def archived_upto(self, archive: str, hour: Hour) -> int:
        """The seq that `archived` was last told for this hour; 0 if never."""

    def received(self, archive: str) -> Mapping[Hour, Received]:
        """What was accepted for an archive since this spool was made, hour by hour. Kept after a trim."""

    def indexed(self, upto: int) -> None:
        """All frames up to this seq are in the index. Idempotent."""

    def indexed_upto(self) -> int: ...

    def trim(self) -> int:
        """Delete some of the frames that the index mark has passed and that are archived or for no archive.
        Returns how many; 0 does not mean that none is left, for it may be put off while there is room."""

    def forget(self, archive: str) -> None:
        """The archive is gone: its frames wait for none any more, and its counts go."""

    def spool_id(self) -> int:
        """Made at random with the spool. Tells what was planned from this spool's frames from what was
        planned from another's, whose numbers mean nothing here."""

    def belongs_to(self, catalog: int, *, sealed_upto: int) -> None:
        """Before the first append: the catalog beside this spool, and the highest seq of it that the catalog
        knows to be sealed.

        A spool that was put back from an older copy would give out seqs a second time, and what is sealed
        under them would pass for archived: so it goes on behind them. What another catalog counted is
        counted no more.
        """

    def last_seq(self) -> int: ...

    def last_lid(self) -> int:
        """The highest record id that was ever appended; 0 if none. Ids that no clock of ours can have given,
        of records that came from elsewhere, do not count."""

    def stored_bytes(self) -> int: ...

    def account_bytes(self) -> Mapping[str, int]:
        """Stored bytes by account."""

    def oldest_rx(self) -> int | None:
        """The receipt time of the oldest line that the spool holds."""

    def close(self) -> None: ...
