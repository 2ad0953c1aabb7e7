"""What the catalog knows, as frozen values. Times are epoch milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from logkeep.timeline import Hour

Sealed: TypeAlias = bytes
"""Secrets, encrypted (vault.py)."""


class AccountKind(StrEnum):
    LIVE = "live"  # takes lines in
    RESTORED = "restored"  # holds what one restore brought back, until it expires


class KeyRole(StrEnum):
    INGEST = "ingest"  # may send lines into its account
    ADMIN = "admin"  # may do everything on this server


class Match(StrEnum):
    """Which of an account's archives get a line that several of their queries match."""

    FIRST = "first"  # the first one, by rank
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Account:
    id: str  # what stands in object keys and in `_account`; letters, digits and dashes; never changes
    kind: AccountKind
    created_at: int
    restore_id: str = ""  # the restore that filled a restored account
    title: str = ""  # what people read; "" shows the id
    parent: str = ""  # the account that this is a sub-account of
    suspended: bool = False  # takes no lines in
    retention_s: int = 0  # how long its lines stay in the live search; 0: as long as the server keeps them
    match: Match = Match.FIRST


@dataclass(frozen=True, kw_only=True)
class Key:
    account: str  # "" for the admin token
    role: KeyRole
    id: str = ""  # public: names the key in lists and in the audit log


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """A key without its token, of which nobody keeps more than the digest."""

    id: str
    account: str
    role: KeyRole
    name: str
    created_at: int


class ArchiveState(StrEnum):
    ON = "on"  # lines that come are archived
    PAUSED = "paused"  # lines that come wait for it in the spool, and nothing is written
    OFF = "off"  # lines that come are not archived; those that came before still are


class Origin(StrEnum):
    SETTINGS = "settings"  # follows the server's settings at each start
    DECLARED = "declared"  # follows its table in the settings file
    API = "api"  # was set up or changed by request


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What of an account is archived, and how. An account may have several, in the order of `rank`."""

    id: str  # unique on the server; letters, digits and dashes
    account: str
    state: ArchiveState
    created_at: int
    title: str = ""
    rank: int = 0
    target: int = 0  # the id of the target that is written to
    query: str = ""  # only lines that it matches; "" takes all
    with_excluded: bool = False  # whether lines that an exclusion rule drops are archived all the same
    origin: Origin = Origin.API
    seal_after_s: int = 600
    late_sweep_s: int = 6 * 3600
    max_object_bytes: int = 512 << 20  # of raw lines
    compression_level: int = 2  # of gzip, 0 to 3, as isal counts
    verify_every_s: int = 0  # scheduled verify; 0: never
    drill_every_s: int = 0  # scheduled restore of a random hour; 0: never
    layout: str = ""  # of another system whose archive it is, by name (archive/foreign); "": ours
    layout_options: Mapping[str, str] = field(default_factory=dict)  # of a layout that the user defines
    pipeline: str = ""  # whose destination it is; "": it is the account's own

    @property
    def foreign(self) -> bool:
        """Whether it is only read."""
        return bool(self.layout)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A place that an archive writes its objects to, or once did."""

    id: int = 0  # given by the catalog
    archive: str
    account: str
    provider: str
    options: Mapping[str, str]  # as storage/connection.py names them; nothing secret
    place: str  # canonical URL; the same place has the same text
    created_at: int
    secret: bytes = field(default=b"", repr=False)  # the sealed secrets (vault.py); b"" when there are none
    marked_at: int = 0  # when the marker object was written; 0: not yet


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An exclusion rule: lines of these hosts AND these apps AND this query are not kept."""

    id: str
    account: str
    title: str
    created_at: int
    hosts: tuple[str, ...] = ()  # any of them; none: every host
    apps: tuple[str, ...] = ()
    query: str = ""
    active: bool = True
    live_tail: bool = False  # whether a live tail shows the lines before they are dropped
    lines: int = 0  # dropped so far
    bytes: int = 0  # of their text


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline as it was saved the last time, or as it was then."""

    id: str
    account: str
    spec: bytes  # JSON (pipeline/model.py), without secrets
    version: int = 0  # given by the catalog, from 1
    secret: Sealed = field(default=b"", repr=False)
    created_at: int  # of the first version
    updated_at: int
    updated_by: str = ""  # the id of the key that was shown, or "server"


@dataclass(frozen=True, kw_only=True)
class PipelineVersion:
    version: int
    at: int
    by: str
    spec: bytes


@dataclass(frozen=True, kw_only=True)
class SourceKey:
    """What a source's key opens."""

    pipeline: str
    source: str


class CheckKind(StrEnum):
    VERIFY = "verify"
    DRILL = "drill"  # a restore of a random hour


@dataclass(frozen=True, kw_only=True)
class Check:
    """The last result of a scheduled check of an archive."""

    archive: str
    kind: CheckKind
    at: int  # when it ended
    ok: bool
    summary: str  # one line for people
    report: bytes = b""  # JSON


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    id: int
    at: int
    actor: str  # the id of the key that was shown, or "server"
    action: str  # such as archive.update
    subject: str
    details: Mapping[str, object]  # nothing secret


class ObjectState(StrEnum):
    PLANNED = "planned"  # its frames are chosen; its bytes may or may not be in the bucket
    SEALED = "sealed"  # object and manifest are in the bucket


@dataclass(frozen=True, kw_only=True)
class ArchiveObject:
    """One object of an archive. Which frames it holds is fixed when it is planned, so that sealing
    it again gives the same bytes."""

    account: str
    archive: str
    target: int  # the id of the target that it is in; parts are counted within a target
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
    chain: int = 0  # the manifest's place in the chain of its target, from 1; 0: not in the chain
    manifest_sha256: str = ""  # of the manifest's bytes


class RestoreState(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"  # running, or waiting for its turn
    PAUSED = "PAUSED"  # on request (no error), at a limit, or after an error that did not pass
    THAWING = "THAWING"  # what can be read is restored; the rest is in cold storage and asked for
    ACTIVE = "ACTIVE"  # complete, or stopped and kept, and searchable
    DONE = "DONE"  # its files are written
    ABORTED = "ABORTED"  # stopped on request
    FAILED = "FAILED"
    DELETED = "DELETED"  # its restored account was deleted on request
    EXPIRED = "EXPIRED"  # its restored account was deleted when its time was over


class OnLimit(StrEnum):
    """What happens when a restore reaches its limit of lines or bytes."""

    KEEP = "keep"  # it stops, and what came stays
    FAIL = "fail"
    ASK = "ask"  # it is paused until it is given more, or told to keep what came


class Partial(StrEnum):
    """Why an ACTIVE or DONE restore does not hold all that was asked for."""

    NO = ""
    LIMIT = "limit"
    ABORTED = "aborted"


@dataclass(frozen=True, kw_only=True)
class Restore:
    id: str
    name: str
    state: RestoreState
    account: str  # the restored account; of a restore into files none is left when it is done
    source: str  # the account whose archives are read
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
    created_by: str = ""  # the id of the key that was shown
    reason: str = ""  # why, in the words of who asked: a ticket, say
    limit_lines: int = 0  # 0: none
    limit_bytes: int = 0  # of lines' text; 0: none
    on_limit: OnLimit = OnLimit.KEEP
    partial: Partial = Partial.NO
    skip_damaged: bool = False  # whether an object that cannot be read is reported and passed over
    skipped_objects: int = 0
    skipped_lines: int = 0
    text_bytes: int = 0  # of the restored lines' text
    read_bytes: int = 0  # stored bytes read so far
    started_at: int = 0  # when its first chunk was begun
    worked_ms: int = 0  # for how long chunks were being loaded
    deleted_at: int = 0
    thaw: str = ""  # the tier to ask a thaw for; "": what is frozen makes it fail
    frozen_objects: int = 0  # still to be thawed
    files: Mapping[str, str] = field(default_factory=dict)  # where to write files: provider, format and
    # options as a target has them; empty for a restored account
    files_secret: Sealed = field(default=b"", repr=False)
    files_written: int = 0
    notify_url: str = field(default="", repr=False)  # a webhook beside those of the settings
    notify_email: str = ""  # addresses with commas between them
    pipeline: str = ""  # the one that its lines are sent into; "": they are kept
    pipeline_source: str = ""  # the restoration source there
    rate: int = 0  # events a second, at most; 0: no limit
    sent: int = 0  # lines that the pipeline has taken
    archive: str = ""  # the only one that is read; "": all of the source account's own

    @property
    def shown_account(self) -> str:
        """The restored account that people can search; "" of a restore into files or a pipeline, whose own is
        gone when it is done."""
        return "" if self.files or self.pipeline else self.account

    @property
    def full(self) -> bool:
        """Whether it has as many lines or bytes as it may have."""
        return 0 < self.limit_lines <= self.lines or 0 < self.limit_bytes <= self.text_bytes


class ChunkState(StrEnum):
    PENDING = "pending"
    LOADING = "loading"  # rows of it may be in the table
    DONE = "done"
    CUT = "cut"  # done up to the restore's limit: more of it would fit a higher one
    SKIPPED = "skipped"  # left out because the restore came to its end before


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
    text_bytes: int = 0
    stored_bytes: int = 0
    skipped_lines: int = 0


@dataclass(frozen=True, kw_only=True)
class RestoreProblem:
    """Something that a restore could not read and left out, or lines without a time or text."""

    key: str  # of the object
    offset: int  # in its decompressed bytes; 0 for the object as a whole
    reason: str
    sample: str = ""  # the beginning of the line
    target: int = 0
    whole: bool = False  # whether it is about the object, of which perhaps nothing could be read
    chunk: int = 0  # the number of the chunk that met it


class NoticeState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"  # given up


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Word that a restore has ended, on its way to one receiver."""

    id: int = 0  # given by the catalog
    restore_id: str
    channel: str  # webhook, email
    receiver: str = field(repr=False)  # a URL or an address
    body: bytes  # as it is sent
    subject: str = ""
    state: NoticeState = NoticeState.WAITING
    tries: int = 0
    next_at: int = 0
    created_at: int = 0
    error: str = ""  # of the last try
