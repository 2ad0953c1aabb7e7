"""Several archives an account, each with its targets; public ids of keys; rules, checks and the audit log.

Every archive that there was becomes one with the id of its account, with one target.
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # By ADD COLUMN, for making `accounts` anew would take with it every row that refers to one of its rows.
    op.add_column("accounts", sa.Column("title", sa.Text, nullable=False, server_default=""))
    op.add_column("accounts", sa.Column("parent", sa.String(63), nullable=False, server_default=""))
    op.add_column("accounts", _flag("suspended", server_default=sa.false()))
    op.add_column("accounts", _number("retention_s", server_default="0"))
    op.add_column("accounts", sa.Column("match", sa.String(16), nullable=False, server_default="first"))
    _keys()
    targets = _archives()
    _objects(targets)
    _rules()
    _checks_and_audit()
    _installation(begun=bool(targets))


def _keys() -> None:
    op.add_column("keys", sa.Column("id", sa.String(12), nullable=False, server_default=""))
    op.add_column("keys", sa.Column("name", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE keys SET id = substr(digest, 1, 12)")  # as catalog/keys.py makes them
    op.create_index("keys_by_id", "keys", ["id"], unique=True)


def _archives() -> dict[str, int]:
    """Returns the target of each account that has an archive."""
    before = (
        op.get_bind()
        .execute(
            sa.text(
                "SELECT archives.*, accounts.created_at FROM archives"
                " JOIN accounts ON accounts.id = archives.account ORDER BY accounts.created_at, accounts.id"
            )
        )
        .all()
    )
    op.drop_table("archives")
    archives, targets = _archive_tables()
    numbers = {}
    for number, row in enumerate(before, start=1):
        numbers[row.account] = number
        op.bulk_insert(archives, [_archive(row, number)])
        op.bulk_insert(targets, [_target(row, number)])
    return numbers


def _archive_tables() -> tuple[sa.Table, sa.Table]:
    archives = op.create_table(
        "archives",
        sa.Column("id", sa.String(63), primary_key=True),
        _account(),
        _word("state"),
        _number("created_at"),
        _text("title"),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("target", sa.Integer, nullable=False),
        _text("query"),
        _flag("with_excluded"),
        _word("origin"),
        *map(_number, ("seal_after_s", "late_sweep_s", "max_object_bytes")),
        sa.Column("compression_level", sa.Integer, nullable=False),
        *map(_number, ("verify_every_s", "drill_every_s")),
    )
    op.create_index("archives_by_account", "archives", ["account", "rank"])
    targets = op.create_table(
        "targets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("archive", sa.String(63), sa.ForeignKey("archives.id", ondelete="CASCADE"), nullable=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        *map(_text, ("options", "place")),
        _number("created_at"),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        _number("marked_at"),
        sa.UniqueConstraint("account", "place", name="targets_by_place"),
        sqlite_autoincrement=True,
    )
    op.create_index("targets_by_archive", "targets", ["archive"])
    return archives, targets


def _archive(row: Any, target: int) -> dict[str, object]:
    return {
        "id": row.account,
        "account": row.account,
        "state": "on",
        "created_at": row.created_at,
        "title": "",
        "rank": 0,
        "target": target,
        "query": "",
        "with_excluded": False,
        "origin": "settings",
        "seal_after_s": row.seal_after_s,
        "late_sweep_s": row.late_sweep_s,
        "max_object_bytes": row.max_object_bytes,
        "compression_level": 2,
        "verify_every_s": 0,
        "drill_every_s": 0,
    }


def _target(row: Any, number: int) -> dict[str, object]:
    provider, options, place = _connection(row.url)
    return {
        "id": number,
        "archive": row.account,
        "account": row.account,
        "provider": provider,
        "options": msgspec.json.encode(options).decode(),
        "place": place,
        "created_at": row.created_at,
        "secret": b"",
        "marked_at": 0,
    }


def _connection(url: str) -> tuple[str, dict[str, str], str]:
    """(provider, options, place) of what stood in `archives.url`: s3://bucket/prefix, file:///folder or a
    plain path. The endpoint of another S3 than Amazon's stood in the settings, and is not known here."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        # Never unquoted: what stood in the URL is what keys began with.
        prefix = "/".join(part for part in parts.path.split("/") if part)
        options = {"bucket": parts.netloc, "credentials": "machine"} | ({"prefix": prefix} if prefix else {})
        return "s3", options, f"s3://{parts.netloc}/{quote(prefix)}".rstrip("/")
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url).expanduser()
    path = path.resolve() if ".." in path.parts else path.absolute()
    return "folder", {"path": str(path)}, path.as_uri()


def _objects(targets: dict[str, int]) -> None:
    op.drop_index("objects_by_state", "objects")
    op.drop_index("objects_by_hour", "objects")
    op.rename_table("objects", "objects_0001")
    op.create_table(
        "objects",
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("archive", sa.String(63), nullable=False),
        sa.Column("target", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        _word("state"),
        *map(_number, ("after_seq", "upto_seq", "spool_id")),
        _text("key"),
        *map(_number, ("lines", "raw_bytes", "stored_bytes")),
        sa.Column("sha256", sa.String(64), nullable=False),
        *map(_number, ("min_ts", "max_ts", "sealed_at", "chain")),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
    )
    _copy_objects(targets)
    op.drop_table("objects_0001")
    op.create_index("objects_by_state", "objects", ["state", "hour"])
    op.create_index("objects_by_account", "objects", ["account", "state", "hour"])
    op.create_index("objects_by_archive", "objects", ["archive", "state", "hour"])
    op.create_index("objects_by_chain", "objects", ["target", "chain"])


def _copy_objects(targets: dict[str, int]) -> None:
    """An account that has no archive (any more) wrote to a target that is no row: it gets a number below 0,
    which no target ever has. What such an account had planned can never be made, and goes."""
    connection = op.get_bind()
    accounts = connection.execute(sa.text("SELECT DISTINCT account FROM objects_0001 ORDER BY account"))
    for gone, account in enumerate(accounts.scalars().all(), start=1):
        connection.execute(
            sa.text(
                "INSERT INTO objects (account, archive, target, hour, part, state, after_seq, upto_seq,"
                " spool_id, key, lines, raw_bytes, stored_bytes, sha256, min_ts, max_ts, sealed_at,"
                " chain, manifest_sha256)"
                " SELECT account, account, :target, hour, part, state, after_seq, upto_seq,"
                " spool_id, key, lines, raw_bytes, stored_bytes, sha256, min_ts, max_ts, sealed_at,"
                " 0, '' FROM objects_0001 WHERE account = :account"
            ),
            {"account": account, "target": targets.get(account, -gone)},
        )
    connection.execute(sa.text("DELETE FROM objects WHERE target < 0 AND state = 'planned'"))


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("id", sa.String(63), primary_key=True),
        _account(),
        _text("title"),
        _number("created_at"),
        *map(_text, ("hosts", "apps", "query")),
        *map(_flag, ("active", "live_tail")),
        *map(_number, ("lines", "bytes")),
    )
    op.create_index("rules_by_account", "rules", ["account", "created_at"])


def _checks_and_audit() -> None:
    op.create_table(
        "checks",
        sa.Column(
            "archive", sa.String(63), sa.ForeignKey("archives.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("kind", sa.String(16), primary_key=True),
        _number("at"),
        _flag("ok"),
        _text("summary"),
        sa.Column("report", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        _number("at"),
        sa.Column("actor", sa.String(32), nullable=False),
        sa.Column("action", sa.String(63), nullable=False),
        *map(_text, ("subject", "details")),
        sqlite_autoincrement=True,
    )


def _installation(*, begun: bool) -> None:
    """`begun`: the first start gave its account an archive as the last thing that it did."""
    installation = op.create_table(
        "installation",
        sa.Column("server_id", sa.String(32), primary_key=True),
        _number("begun_at"),
    )
    op.bulk_insert(installation, [{"server_id": secrets.token_hex(16), "begun_at": int(begun)}])


def _account() -> sa.Column[str]:
    return sa.Column(
        "account", sa.String(63), sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False
    )


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(16), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str, server_default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=server_default)


def _flag(name: str, server_default: Any = None) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(create_constraint=False), nullable=False, server_default=server_default)
