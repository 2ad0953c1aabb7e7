"""What the catalog knows, as frozen values. Times are epoch milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from logkeep.timeline import Hour


class AccountKind(StrEnum):
    LIVE = "live"  # takes lines in
    RESTORED = "restored"  # holds what one restore brought back, until it expires


class KeyRole(StrEnum):
    INGEST = "ingest"  # may send lines into its account
    ADMIN = "admin"  # may do everything on this server


@dataclass(frozen=True, kw_only=True)
class Account:
    id: str  # what stands in object keys and in `_account`; letters, digits and dashes
    kind: AccountKind
    created_at: int
    restore_id: str = ""  # the restore that filled a restored account


@dataclass(frozen=True, kw_only=True)
class Key:
    account: str  # "" for the admin token
    role: KeyRole


@dataclass(frozen=True, kw_only=True)
class ArchivePolicy:
    """Where and how one account is archived."""

    account: str
    url: str  # folder path as file:///…, or s3://bucket/prefix
    seal_after_s: int
    late_sweep_s: int
    max_object_bytes: int  # of raw lines


class ObjectState(StrEnum):
    PLANNED = "planned"  # its frames are chosen; its bytes may or may not be in the bucket
    SEALED = "sealed"  # object and manifest are in the bucket


@dataclass(frozen=True, kw_only=True)
class ArchiveObject:
    """One object of the archive. Which frames it holds is fixed when it is planned, so that sealing
    it again gives the same bytes."""

    account: str
    hour: Hour
    part: int  # 0 is the hour's first object, N the one numbered N
    state: ObjectState
    after_seq: int  # holds the hour's frames with after_seq < seq <= upto_seq
    upto_seq: int
    spool_id: int = 0  # of the spool that these numbers are about
    key: str = ""
    lines: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0
    sha256: str = ""
    min_ts: int = 0
    max_ts: int = 0
    sealed_at: int = 0


class RestoreState(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    ACTIVE = "ACTIVE"  # complete and searchable
    ABORTED = "ABORTED"  # stopped on request
    FAILED = "FAILED"
    DELETED = "DELETED"  # its restored account was deleted on request
    EXPIRED = "EXPIRED"  # its restored account was deleted when its time was over


@dataclass(frozen=True, kw_only=True)
class Restore:
    id: str
    name: str
    state: RestoreState
    account: str  # the restored account
    source: str  # the account whose archive is read
    from_ms: int
    to_ms: int
    query: str
    planned_objects: int
    planned_lines: int
    planned_bytes: int  # stored bytes to read
    planned_raw_bytes: int
    lines: int  # restored so far
    bytes: int  # raw bytes read so far
    duplicates: int  # lines left out because a line with the same id was there
    created_at: int
    finished_at: int = 0
    expires_at: int = 0
    expiry_s: int = 0  # how long it stays after it finished
    text_index: bool = False  # whether the text index is built
    error: str = ""


class ChunkState(StrEnum):
    PENDING = "pending"
    LOADING = "loading"  # rows of it may be in the table
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A ledger row: a run of whole blocks of one or more objects that is loaded in one step."""

    restore_id: str
    number: int  # from 0; every row of the restored table carries it
    state: ChunkState
    spec: bytes  # JSON, owned by restore/plan.py: which byte ranges of which objects
    lines: int = 0
    duplicates: int = 0
    raw_bytes: int = 0
