"""The first tables: accounts, keys, archives, objects, restores and their chunks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _accounts()
    _archive()
    _restores()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        _number("created_at"),
        sa.Column("restore_id", sa.String(32), nullable=False),
    )
    op.create_table(
        "keys",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(63), sa.ForeignKey("accounts.id", ondelete="CASCADE")),
        sa.Column("role", sa.String(16), nullable=False),
        _number("created_at"),
    )
    op.create_table(
        "archives",
        sa.Column(
            "account", sa.String(63), sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("url", sa.Text, nullable=False),
        *map(_number, ("seal_after_s", "late_sweep_s", "max_object_bytes")),
    )


def _archive() -> None:
    op.create_table(
        "objects",
        sa.Column("account", sa.String(63), primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        *map(_number, ("after_seq", "upto_seq", "spool_id")),
        sa.Column("key", sa.Text, nullable=False),
        *map(_number, ("lines", "raw_bytes", "stored_bytes")),
        sa.Column("sha256", sa.String(64), nullable=False),
        *map(_number, ("min_ts", "max_ts", "sealed_at")),
    )
    op.create_index("objects_by_state", "objects", ["state", "hour"])
    op.create_index("objects_by_hour", "objects", ["hour"])


def _restores() -> None:
    op.create_table(
        "restores",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        *map(_number, ("from_ms", "to_ms")),
        sa.Column("query", sa.Text, nullable=False),
        *map(_number, ("planned_objects", "planned_lines", "planned_bytes", "planned_raw_bytes")),
        *map(_number, ("lines", "bytes", "duplicates")),
        *map(_number, ("created_at", "finished_at", "expires_at", "expiry_s")),
        sa.Column("text_index", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("restores_by_state", "restores", ["state", "expires_at"])
    op.create_table(
        "chunks",
        sa.Column(
            "restore_id", sa.String(32), sa.ForeignKey("restores.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("spec", sa.LargeBinary, nullable=False),
        *map(_number, ("lines", "duplicates", "raw_bytes")),
    )


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)
