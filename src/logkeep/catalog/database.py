"""The database behind the catalog: opening, migrating, transactions, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from logkeep.catalog.models import HEAD
from logkeep.errors import BadSetting, LogkeepError, Overloaded

_BUSY_TIMEOUT_S = 10  # how long a writer waits for another process's transaction


class Database:
    """Transactions on one catalog. Safe to use from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._writing = engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view for the time of the block."""
        with _in_our_words(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All of the block's changes or none, durable when it ends.

        An IntegrityError passes through: the repository knows what it means. Raises Overloaded when
        the database is full, locked or away.
        """
        with _in_our_words(), self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        self._reading.dispose()


def open_database(url: str) -> Database:
    """The catalog's database, brought up to date. Raises BadSetting for a URL that names none."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _bad_url(url) from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise _bad_url(url)
    engine = create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT_S}, pool_size=8, max_overflow=64)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    database = Database(engine)
    with database.writing() as connection:
        _migrate(connection)
    return database


def _bad_url(url: str) -> BadSetting:
    return BadSetting(
        f"{url!r} is not a catalog that can be opened", hint="write sqlite:///path/to/catalog.sqlite"
    )


def _set_up_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that read first and wrote later could not wait for another.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection) -> None:
    if _version(connection) == HEAD:
        return
    # Imported here because it takes as long as the rest of opening, and is needed once per version.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "logkeep.catalog:migrations")
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except OperationalError as error:
        raise Overloaded(
            f"the catalog cannot be used: {error.orig}", hint="is the disk full, or the file locked?"
        ) from error
    except SQLAlchemyError as error:
        raise LogkeepError(f"the catalog failed: {error}", hint="check the catalog's file") from error
