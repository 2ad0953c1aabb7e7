"""Users with their accounts, sessions, tokens and one-time links."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("folded", sa.String(200), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("disabled", sa.Boolean(create_constraint=False), nullable=False),
        *_times("created_at", "signed_in_at"),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
    )
    op.create_table(
        "user_accounts",
        sa.Column("user", sa.String(12), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "account", sa.String(63), sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
        ),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(12), nullable=False),
        _user(),
        *_times("created_at", "seen_at", "expires_at"),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
    )
    op.create_index("sessions_by_user", "sessions", ["user"])
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(12), nullable=False, unique=True),
        _user(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        *_times("created_at", "expires_at", "used_at"),
    )
    op.create_index("tokens_by_user", "tokens", ["user"])
    op.create_table(
        "invites",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user", sa.String(12), nullable=False),
        *_times("expires_at"),
    )


def _user() -> sa.Column[str]:
    return sa.Column("user", sa.String(12), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def _times(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
