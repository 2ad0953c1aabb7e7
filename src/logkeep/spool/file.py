"""A SQLite file of the spool's kind: one connection that writes, one for each call that reads at a time."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from logkeep.errors import BadSetting, Overloaded
from logkeep.faults import crash_point

Values = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What a file of one kind holds. Scripts are package data, run in one transaction."""

    kind: str  # as messages call it
    shape: int  # as the file's user_version; what was before the first one never set it
    package: str
    schema: str  # makes them, in a new file or after `upgrade`
    upgrade: str = ""  # what a file of the former shape needs first


SPOOL = Tables(kind="spool", shape=1, package="logkeep.spool", schema="schema.sql", upgrade="upgrade.sql")


class SpoolFile:
    """Every error of SQLite becomes Overloaded: what it says of a good file is that the disk is full or
    failing, and both may pass. Safe from any thread."""

    def __init__(self, path: Path, tables: Tables = SPOOL) -> None:
        """Opens the file, and makes it if need be. Raises BadSetting."""
        self.path = path
        self._tables = tables
        self._lock = threading.Lock()  # for the writer
        # Lent for a call, not kept by its thread: threads come and go.
        self._free: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._writer = self._connect()
        try:
            # Larger pages suit payloads of 100 KB; both take effect only when the file is made.
            self._writer.execute("PRAGMA page_size = 16384")
            self._writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            # The rows of one INSERT wait here for the trigger. On disk they would be written twice.
            self._writer.execute("PRAGMA temp_store = MEMORY")
            self._bring_into_shape()
        except sqlite3.DatabaseError as error:
            self._writer.close()
            raise self._not_opened(error) from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Durable when the block ends, undone when it raises."""
        with self._lock, self._translated("written"), self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            yield self._writer

    def write(self, sql: str, values: Sequence[object]) -> None:
        """One statement that is durable when this returns, or undone when it raises."""
        with self._lock, self._translated("written"):
            self._writer.execute(sql, values)

    def give_back(self, pages: int) -> None:
        """Return up to this many free pages to the file system."""
        with self._lock, self._translated("written"):
            # Every page is a step of this statement, and `execute` takes only the first one.
            self._writer.executescript(f"PRAGMA incremental_vacuum({pages:d})")

    def read(self, sql: str, values: Values = ()) -> list[Any]:
        with self._translated("read"), self._reader() as db:
            return db.execute(sql, values).fetchall()

    def stream(self, sql: str, values: Values = ()) -> Generator[Any, None, None]:
        """Rows as they are asked for. Close it, or read it to its end: it holds a view of the file."""
        with self._translated("read"), self._reader() as db, closing(db.execute(sql, values)) as rows:
            yield from rows

    def close(self) -> None:
        """Call it when no other thread reads any more."""
        while not self._free.empty():
            self._free.get().close()
        self._writer.close()

    def _bring_into_shape(self) -> None:
        """Make the tables, or turn those of the former shape into them: all of it, or nothing."""
        wanted = self._tables
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version == wanted.shape:
            return
        if version > wanted.shape:
            raise sqlite3.DatabaseError(
                f"a later logkeep made it (shape {version}, this one reads {wanted.shape})"
            )
        former = self._writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'frames'").fetchone()
        scripts = [self._script(wanted.upgrade)] if former else []
        scripts.append(self._script(wanted.schema))
        steps = ["BEGIN IMMEDIATE;", *scripts, f"PRAGMA user_version = {wanted.shape};"]
        self._writer.executescript("\n".join(steps))
        crash_point(f"{wanted.kind}.shaped")
        self._writer.execute("COMMIT")

    def _script(self, name: str) -> str:
        return files(self._tables.package).joinpath(name).read_text()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            reader = self._free.get_nowait()
        except queue.Empty:
            reader = self._connect()
        try:
            yield reader
        finally:
            self._free.put(reader)

    def _connect(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=30)
        except sqlite3.DatabaseError as error:
            raise self._not_opened(error) from None

    def _not_opened(self, error: sqlite3.DatabaseError) -> BadSetting:
        return BadSetting(
            f"the {self._tables.kind} {self.path} cannot be opened: {error}",
            hint="check that the data folder is writable, has room, and that nobody else uses the file",
        )

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Overloaded(
                f"the {self._tables.kind} cannot be {what}: {error}",
                retry_after=10,
                hint=f"look at the disk that holds {self.path.parent}; the server goes on by itself",
            ) from None
