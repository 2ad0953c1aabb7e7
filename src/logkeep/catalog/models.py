"""The catalog's tables. Column names are those of the values in values.py; times are epoch milliseconds.

A change here needs a migration in migrations/versions and its number in `HEAD`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

from logkeep.catalog.people import Role
from logkeep.catalog.values import (
    AccountKind,
    ArchiveState,
    CheckKind,
    ChunkState,
    KeyRole,
    Match,
    NoticeState,
    ObjectState,
    OnLimit,
    Origin,
    Partial,
    RestoreState,
)

HEAD = "0005"  # the newest migration; a catalog that is there already is opened without Alembic

metadata = MetaData()


class _Json(TypeDecorator[Any]):
    """A value as JSON text; it is read back as a `kind`."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        # enc_hook: mappings that are no dict, such as a read-only view of one
        return None if value is None else msgspec.json.encode(value, enc_hook=dict).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else msgspec.json.decode(value, type=self.kind)


def _number(name: str) -> Column[int]:
    """One that rows from before it have as 0."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def _text(name: str) -> Column[str]:
    """One that rows from before it have as ''."""
    return Column(name, Text, nullable=False, server_default="")


def _word(kind: type[StrEnum]) -> Enum:
    """The values of `kind` as plain text, so that a new member needs no migration."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


accounts = Table(
    "accounts",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("kind", _word(AccountKind), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("restore_id", String(32), nullable=False),
    # The defaults are for the rows that were there before the column.
    Column("title", Text, nullable=False, server_default=""),
    Column("parent", String(63), nullable=False, server_default=""),
    Column("suspended", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("retention_s", BigInteger, nullable=False, server_default="0"),
    Column("match", _word(Match), nullable=False, server_default="first"),
)

keys = Table(
    "keys",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the token, hex
    Column("account", String(63), ForeignKey("accounts.id", ondelete="CASCADE")),  # none: admin
    Column("role", _word(KeyRole), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("id", String(12), nullable=False, server_default=""),
    Column("name", Text, nullable=False, server_default=""),
    Index("keys_by_id", "id", unique=True),
)

archives = Table(
    "archives",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("account", String(63), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("state", _word(ArchiveState), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("target", Integer, nullable=False),  # no foreign key: targets has one to this table
    Column("query", Text, nullable=False),
    Column("with_excluded", Boolean(create_constraint=False), nullable=False),
    Column("origin", _word(Origin), nullable=False),
    Column("seal_after_s", BigInteger, nullable=False),
    Column("late_sweep_s", BigInteger, nullable=False),
    Column("max_object_bytes", BigInteger, nullable=False),
    Column("compression_level", Integer, nullable=False),
    Column("verify_every_s", BigInteger, nullable=False),
    Column("drill_every_s", BigInteger, nullable=False),
    Column("layout", String(32), nullable=False, server_default=""),
    Column("layout_options", _Json(dict[str, str]), nullable=False, server_default="{}"),
    Column("pipeline", String(63), nullable=False, server_default=""),
    Index("archives_by_account", "account", "rank"),
)

# Numbers are never given twice (AUTOINCREMENT): rows of objects keep the number of a target that is gone.
targets = Table(
    "targets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("archive", String(63), ForeignKey("archives.id", ondelete="CASCADE"), nullable=False),
    Column("account", String(63), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("options", _Json(dict[str, str]), nullable=False),
    Column("place", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("marked_at", BigInteger, nullable=False),
    UniqueConstraint("account", "place", name="targets_by_place"),
    Index("targets_by_archive", "archive"),
    sqlite_autoincrement=True,
)

# No foreign keys: what is in a bucket outlives the account, the archive and the target that wrote it.
objects = Table(
    "objects",
    metadata,
    Column("account", String(63), nullable=False),
    Column("archive", String(63), nullable=False),
    Column("target", Integer, primary_key=True, autoincrement=False),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("state", _word(ObjectState), nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    Column("upto_seq", BigInteger, nullable=False),
    Column("spool_id", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("raw_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("min_ts", BigInteger, nullable=False),
    Column("max_ts", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("chain", BigInteger, nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Index("objects_by_state", "state", "hour"),
    Index("objects_by_account", "account", "state", "hour"),
    Index("objects_by_archive", "archive", "state", "hour"),
    Index("objects_by_chain", "target", "chain"),
)

rules = Table(
    "rules",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("account", String(63), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("hosts", _Json(tuple[str, ...]), nullable=False),
    Column("apps", _Json(tuple[str, ...]), nullable=False),
    Column("query", Text, nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("live_tail", Boolean(create_constraint=False), nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index("rules_by_account", "account", "created_at"),
)

# What a pipeline is stands in the row of its newest version. An account that has pipelines stays.
pipelines = Table(
    "pipelines",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("account", String(63), ForeignKey("accounts.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("pipelines_by_account", "account"),
)

# The account without a foreign key: a former version may be of an account that is gone.
pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    Column("pipeline", String(63), ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("account", String(63), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(32), nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
)

source_keys = Table(
    "source_keys",
    metadata,
    Column("pipeline", String(63), ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String(63), primary_key=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the token, hex
    Column("created_at", BigInteger, nullable=False),
    Index("source_keys_by_digest", "digest", unique=True),
)

checks = Table(
    "checks",
    metadata,
    Column("archive", String(63), ForeignKey("archives.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", _word(CheckKind), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("ok", Boolean(create_constraint=False), nullable=False),
    Column("summary", Text, nullable=False),
    Column("report", LargeBinary, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(32), nullable=False),
    Column("action", String(63), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", _Json(dict[str, object]), nullable=False),
    sqlite_autoincrement=True,
)

restores = Table(
    "restores",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", _word(RestoreState), nullable=False),
    Column("account", String(63), nullable=False),
    Column("source", String(63), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("query", Text, nullable=False),
    Column("planned_objects", BigInteger, nullable=False),
    Column("planned_lines", BigInteger, nullable=False),
    Column("planned_bytes", BigInteger, nullable=False),
    Column("planned_raw_bytes", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("expiry_s", BigInteger, nullable=False),
    Column("text_index", Boolean(create_constraint=False), nullable=False),
    Column("error", Text, nullable=False),
    Column("created_by", String(32), nullable=False, server_default=""),
    _text("reason"),
    _number("limit_lines"),
    _number("limit_bytes"),
    Column("on_limit", _word(OnLimit), nullable=False, server_default="keep"),
    Column("partial", _word(Partial), nullable=False, server_default=""),
    Column("skip_damaged", Boolean(create_constraint=False), nullable=False, server_default=false()),
    _number("skipped_objects"),
    _number("skipped_lines"),
    _number("text_bytes"),
    _number("read_bytes"),
    _number("started_at"),
    _number("worked_ms"),
    _number("deleted_at"),
    Column("thaw", String(16), nullable=False, server_default=""),
    _number("frozen_objects"),
    Column("files", _Json(dict[str, str]), nullable=False, server_default="{}"),
    Column("files_secret", LargeBinary, nullable=False, server_default=text("x''")),
    _number("files_written"),
    _text("notify_url"),
    _text("notify_email"),
    Column("pipeline", String(63), nullable=False, server_default=""),
    Column("pipeline_source", String(63), nullable=False, server_default=""),
    _number("rate"),
    _number("sent"),
    Column("archive", String(63), nullable=False, server_default=""),
    Index("restores_by_state", "state", "expires_at"),
)

chunks = Table(
    "chunks",
    metadata,
    Column("restore_id", String(32), ForeignKey("restores.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", _word(ChunkState), nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("raw_bytes", BigInteger, nullable=False),
    _number("text_bytes"),
    _number("stored_bytes"),
    _number("skipped_lines"),
)

problems = Table(
    "problems",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("restore_id", String(32), ForeignKey("restores.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sample", Text, nullable=False),
    Column("target", Integer, nullable=False),
    Column("whole", Boolean(create_constraint=False), nullable=False),
    Column("chunk", Integer, nullable=False),
    Index("problems_by_restore", "restore_id", "id"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("restore_id", String(32), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("receiver", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", _word(NoticeState), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Index("notices_by_state", "state", "next_at"),
    sqlite_autoincrement=True,
)

# One row, made by the migration.
installation = Table(
    "installation",
    metadata,
    Column("server_id", String(32), primary_key=True),
    Column("begun_at", BigInteger, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("folded", String(200), nullable=False, unique=True),  # the name without its case
    Column("role", _word(Role), nullable=False),
    Column("password", Text, nullable=False),
    Column("disabled", Boolean(create_constraint=False), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("signed_in_at", BigInteger, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
)

user_accounts = Table(
    "user_accounts",
    metadata,
    Column("user", String(12), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("account", String(63), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(12), nullable=False),
    Column("user", String(12), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("way", String(16), nullable=False),
    Column("agent", Text, nullable=False),
    Index("sessions_by_user", "user"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(12), nullable=False, unique=True),
    Column("user", String(12), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", _word(Role), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("tokens_by_user", "user"),
)

invites = Table(
    "invites",
    metadata,
    Column("digest", String(64), primary_key=True),
    # "" stands for the first administrator, so it is no foreign key
    Column("user", String(12), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
