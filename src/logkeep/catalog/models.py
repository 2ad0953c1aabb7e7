"""The catalog's tables. Column names are those of the values in values.py; times are epoch milliseconds.

A change here needs a migration in migrations/versions and its number in `HEAD`.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from logkeep.catalog.values import AccountKind, ChunkState, KeyRole, ObjectState, RestoreState

HEAD = "0001"  # the newest migration; a catalog that is there already is opened without Alembic

metadata = MetaData()


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
)

keys = Table(
    "keys",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the token, hex
    Column("account", String(63), ForeignKey("accounts.id", ondelete="CASCADE")),  # none: admin
    Column("role", _word(KeyRole), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

archives = Table(
    "archives",
    metadata,
    Column("account", String(63), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("seal_after_s", BigInteger, nullable=False),
    Column("late_sweep_s", BigInteger, nullable=False),
    Column("max_object_bytes", BigInteger, nullable=False),
)

# No foreign key to accounts: what is in a bucket outlives the account that wrote it.
objects = Table(
    "objects",
    metadata,
    Column("account", String(63), primary_key=True),
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
    Index("objects_by_state", "state", "hour"),
    Index("objects_by_hour", "hour"),
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
)
