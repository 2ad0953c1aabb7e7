"""Pipelines with their versions and keys; archives of pipelines; restores that are sent into one, and which
archive a restore reads."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # By ADD COLUMN: making a table anew would take with it every row that refers to one of its rows.
    op.add_column("archives", _name_or_none("pipeline"))
    for name in ("pipeline", "pipeline_source", "archive"):
        op.add_column("restores", _name_or_none(name))
    for name in ("rate", "sent"):
        op.add_column("restores", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "pipelines",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("account", sa.String(63), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("pipelines_by_account", "pipelines", ["account"])
    op.create_table(
        "pipeline_versions",
        _pipeline(),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("spec", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "source_keys",
        _pipeline(),
        sa.Column("source", sa.String(63), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("source_keys_by_digest", "source_keys", ["digest"], unique=True)


def _pipeline() -> sa.Column[str]:
    return sa.Column(
        "pipeline", sa.String(63), sa.ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True
    )


def _name_or_none(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(63), nullable=False, server_default="")
