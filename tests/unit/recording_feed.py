"""Doubles of a server's pipelines: one in memory that is told what to do, and one that survives a kill."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from logkeep.catalog.values import Restore
from logkeep.errors import Conflict, NotFound, Overloaded
from logkeep.record import Record, decode_line, encode_lines

PIPELINE = "clean"
SOURCE = "restored"


class RecordingFeed:
    """Keeps the events and the marks of each call in one step."""

    def __init__(self) -> None:
        self.sources = {SOURCE: "restoration", "http": "http"}
        self.fed: list[list[Record]] = []
        self.marks: dict[str, str] = {}
        self.full = 0  # so many calls are refused first; -1: all of them
        self.gone = False
        self.refusals = 0
        self.was_refused = threading.Event()
        self.after: Callable[[int], None] = lambda _: None  # is called with how many calls were taken

    @property
    def records(self) -> list[Record]:
        return [record for call in self.fed for record in call]

    def check(self, pipeline: str, source: str) -> str:
        if pipeline != PIPELINE or self.gone:
            raise NotFound(f"there is no pipeline {pipeline!r}", hint="see them with: logkeep pipeline ls")
        if source and self.sources.get(source) != "restoration":
            raise Conflict(f"{source!r} is no restoration source", hint=f"send into {SOURCE}")
        return source or SOURCE

    def feed(self, pipeline: str, source: str, records: list[Record], marks: Mapping[str, str]) -> None:
        taken = encode_lines(records)
        for record in records:
            record.line = "changed by a processor"
        if self.full:
            self.full -= self.full > 0
            self.refusals += 1
            self.was_refused.set()
            raise Overloaded("the queue is full")
        self.check(pipeline, source)
        self.fed.append([decode_line(line) for line in taken.splitlines()])
        self.marks |= marks
        self.after(len(self.fed))

    def mark(self, name: str) -> str | None:
        return self.marks.get(name)

    def forget_marks(self, prefix: str) -> None:
        self.marks = {name: mark for name, mark in self.marks.items() if not name.startswith(prefix)}


class DurableFeed:
    """The same over a file: events and marks in one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            file.execute("CREATE TABLE IF NOT EXISTS events (line BLOB)")
            file.execute("CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, mark TEXT)")

    @property
    def records(self) -> list[Record]:
        with self._open() as file:
            return [decode_line(line) for (line,) in file.execute("SELECT line FROM events ORDER BY rowid")]

    def check(self, _pipeline: str, source: str, /) -> str:
        return source or SOURCE

    def feed(self, _pipeline: str, _source: str, records: list[Record], marks: Mapping[str, str], /) -> None:
        with self._open() as file:
            file.executemany("INSERT INTO events VALUES (?)", [(encode_lines([one]),) for one in records])
            file.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", marks.items())

    def mark(self, name: str) -> str | None:
        with self._open() as file:
            row = file.execute("SELECT mark FROM marks WHERE name = ?", (name,)).fetchone()
        return row and str(row[0])

    def forget_marks(self, prefix: str) -> None:
        with self._open() as file:
            file.execute("DELETE FROM marks WHERE name LIKE ? || '%'", (prefix,))

    def _open(self) -> _Connection:
        return _Connection(self._path)


class _Connection:
    """One transaction, and closed behind it."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path)

    def __enter__(self) -> sqlite3.Connection:
        return self._file.__enter__()

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)  # type: ignore[arg-type]
        self._file.close()


def sent(record: Record, restore: Restore, key: str) -> Record:
    """The record, whose meta is none or an object, as an event of this restore."""
    members = msgspec.json.decode(record.meta) if bytes(record.meta) else {}
    told = {"name": restore.name, "id": restore.id, "object": key}
    return msgspec.structs.replace(
        record, meta=msgspec.Raw(msgspec.json.encode({**members, "restore": told}))
    )
