"""Restores with limits, files, thaw and problems; notices that they have ended; archives of other systems."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # By ADD COLUMN: making a table anew would take with it every row that refers to one of its rows.
    op.add_column("archives", sa.Column("layout", sa.String(32), nullable=False, server_default=""))
    op.add_column("archives", sa.Column("layout_options", sa.Text, nullable=False, server_default="{}"))
    _restores()
    for name in ("text_bytes", "stored_bytes", "skipped_lines"):
        op.add_column("chunks", _number(name))
    _problems()
    _notices()


def _restores() -> None:
    numbers = (
        *("limit_lines", "limit_bytes", "skipped_objects", "skipped_lines", "text_bytes", "read_bytes"),
        *("started_at", "worked_ms", "deleted_at", "frozen_objects", "files_written"),
    )
    for name in numbers:
        op.add_column("restores", _number(name))
    for name in ("reason", "notify_url", "notify_email"):
        op.add_column("restores", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("restores", sa.Column("created_by", sa.String(32), nullable=False, server_default=""))
    for name, default in (("on_limit", "keep"), ("partial", ""), ("thaw", "")):
        op.add_column("restores", sa.Column(name, sa.String(16), nullable=False, server_default=default))
    flag = sa.Boolean(create_constraint=False)
    op.add_column("restores", sa.Column("skip_damaged", flag, nullable=False, server_default=sa.false()))
    op.add_column("restores", sa.Column("files", sa.Text, nullable=False, server_default="{}"))
    secret = sa.Column("files_secret", sa.LargeBinary, nullable=False, server_default=sa.text("x''"))
    op.add_column("restores", secret)


def _problems() -> None:
    op.create_table(
        "problems",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "restore_id", sa.String(32), sa.ForeignKey("restores.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("target", sa.Integer, nullable=False),
        sa.Column("whole", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("chunk", sa.Integer, nullable=False),
    )
    op.create_index("problems_by_restore", "problems", ["restore_id", "id"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("restore_id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_by_state", "notices", ["state", "next_at"])


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
