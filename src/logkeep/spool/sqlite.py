"""The spool in one SQLite file: WAL, synchronous=FULL, one group commit for all waiting requests."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from shutil import disk_usage
from typing import Any

import zstandard

from logkeep.errors import Overloaded
from logkeep.faults import crash_point
from logkeep.spool.base import FRAME_BYTES, Frame, Piece, Waiting
from logkeep.spool.commit import GroupCommitter, Job
from logkeep.spool.file import SpoolFile
from logkeep.timeline import Clock, Hour

_REPLY_KEPT_MS = 24 * 3_600_000
_TRIM_BATCH = 64  # frames a transaction, so that a trim never holds appends up for long
_PAGES_TO_GIVE_BACK = 4096
_COLUMNS = "seq, account, hour, lines, raw_bytes, min_ts, max_ts, first_lid, last_lid, rx, data"
_INSERT = (
    "INSERT INTO frames (account, hour, lines, raw_bytes, stored_bytes,"
    " min_ts, max_ts, first_lid, last_lid, rx, data) VALUES"
)
_PLACES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS_AT_ONCE = 500  # SQLite binds 32,766 values at most

_Row = tuple[Any, ...]  # as in _INSERT; the last one is the data


class SqliteSpool:
    """`Spool` over one SQLite file.

    `max_bytes` bounds what is stored; `min_free_bytes` is disk space that appends leave untouched, so
    that an hour can still be sealed, and its frames trimmed, when the disk is nearly full.
    """

    def __init__(self, path: Path, *, clock: Clock, max_bytes: int, min_free_bytes: int) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._file = SpoolFile(path)
        self._counting = threading.Lock()
        self._id = self._scalar("SELECT value FROM marks WHERE name = 'spool_id'")
        self._stored = int(self._scalar("SELECT coalesce(sum(stored_bytes), 0) FROM frames"))
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._committer = GroupCommitter(self._commit)

    async def append(self, pieces: Sequence[Piece], *, reply: bytes, key: str = "") -> bytes:
        if self._stored >= self._max_bytes:
            raise Overloaded(
                f"the spool holds {self._stored} bytes, its limit",
                retry_after=10,
                hint="the archive is behind: see 'logkeep archive status', or raise spool_max_bytes",
            )
        return await self._committer.submit(pieces, reply, key)

    def waiting(self) -> list[Waiting]:
        rows = self._file.read(
            "SELECT account, hour, sum(lines), sum(raw_bytes), sum(stored_bytes), min(seq), max(seq), min(rx)"
            " FROM frames LEFT JOIN archived USING (account, hour)"
            " WHERE seq > coalesce(upto_seq, 0) GROUP BY account, hour ORDER BY hour, account"
        )
        return [
            Waiting(
                account=account,
                hour=Hour(hour),
                lines=lines,
                raw_bytes=raw,
                stored_bytes=stored,
                first_seq=first,
                last_seq=last,
                first_rx=rx,
            )
            for account, hour, lines, raw, stored, first, last, rx in rows
        ]

    def frames(self, account: str, hour: Hour, *, after: int, upto: int) -> Iterator[Frame]:
        yield from self._frames(
            "account = ? AND hour = ? AND seq > ? AND seq <= ? ORDER BY seq", (account, hour, after, upto)
        )

    def since(self, seq: int, *, max_bytes: int) -> list[Frame]:
        taken: list[Frame] = []
        size = 0
        with closing(self._frames("seq > ? ORDER BY seq", (seq,))) as frames:
            for frame in frames:
                taken.append(frame)
                size += frame.raw_bytes
                if size >= max_bytes:
                    break
        return taken

    def archived(self, account: str, hour: Hour, *, upto: int) -> None:
        with self._file.transaction() as db:
            db.execute(
                "INSERT INTO archived VALUES (?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET upto_seq = max(upto_seq, excluded.upto_seq), to_trim = 1",
                (account, hour, upto),
            )

    def archived_upto(self, account: str, hour: Hour) -> int:
        rows = self._file.read(
            "SELECT upto_seq FROM archived WHERE account = ? AND hour = ?", (account, hour)
        )
        return int(rows[0][0]) if rows else 0

    def indexed(self, upto: int) -> None:
        with self._file.transaction() as db:
            db.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'indexed'", (upto,))

    def indexed_upto(self) -> int:
        return int(self._scalar("SELECT value FROM marks WHERE name = 'indexed'"))

    def trim(self) -> int:
        trimmed = 0
        while count := self._trim_batch():
            trimmed += count
        if trimmed:
            self._file.give_back(_PAGES_TO_GIVE_BACK)
        return trimmed

    def spool_id(self) -> int:
        return self._id

    def last_seq(self) -> int:
        rows = self._file.read("SELECT seq FROM sqlite_sequence WHERE name = 'frames'")
        return int(rows[0][0]) if rows else 0

    def last_lid(self) -> int:
        return int(
            self._scalar(
                "SELECT max(value, (SELECT coalesce(max(last_lid), 0) FROM frames))"
                " FROM marks WHERE name = 'last_lid'"
            )
        )

    def stored_bytes(self) -> int:
        return self._stored

    def close(self) -> None:
        self._committer.close()
        self._file.close()

    def _commit(self, jobs: list[Job]) -> None:
        """One transaction for all jobs. Raises Overloaded, and then keeps nothing of any of them."""
        self._check_free_space()
        crash_point("append.begin")
        if any(job.key for job in jobs):
            with self._file.transaction() as db:
                fresh = [job for job in jobs if not self._answered_before(db, job)]
                rows = self._rows(fresh)
                self._insert(db, rows)
                crash_point("append.inserted")
        else:
            rows = self._rows(jobs)
            self._insert_alone(rows)
            for job in jobs:
                job.answer = job.reply
        self._count_stored(sum(len(row[-1]) for row in rows))
        crash_point("append.committed")

    def _answered_before(self, db: sqlite3.Connection, job: Job) -> bool:
        job.answer = job.reply
        if not job.key:
            return False
        now = self._clock()
        db.execute("DELETE FROM replies WHERE at < ?", (now - _REPLY_KEPT_MS,))
        if known := db.execute("SELECT reply FROM replies WHERE key = ?", (job.key,)).fetchone():
            job.answer = bytes(known[0])
            return True
        db.execute("INSERT INTO replies VALUES (?, ?, ?)", (job.key, job.reply, now))
        return False

    def _rows(self, jobs: Sequence[Job]) -> list[_Row]:
        return [self._row(group) for group in _frame_groups([piece for job in jobs for piece in job.pieces])]

    def _insert_alone(self, rows: Sequence[_Row]) -> None:
        """The common append, in as few calls as can be: each may wait for the interpreter."""
        if len(rows) > _ROWS_AT_ONCE:
            with self._file.transaction() as db:
                self._insert(db, rows)
        elif rows:
            self._file.write(*_insertion(rows))

    def _insert(self, db: sqlite3.Connection, rows: Sequence[_Row]) -> None:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            db.execute(*_insertion(rows[start : start + _ROWS_AT_ONCE]))

    def _row(self, group: list[Piece]) -> _Row:
        data = self._compressor.compress(b"".join([piece.payload for piece in group]))
        return (*_metadata(group, len(data)), data)

    def _trim_batch(self) -> int:
        with self._file.transaction() as db:
            # From the few hours that are not trimmed yet to their frames, never the other way round.
            rows = db.execute(
                "SELECT seq, stored_bytes, last_lid FROM archived CROSS JOIN frames USING (account, hour)"
                " WHERE to_trim AND seq <= min(upto_seq, (SELECT value FROM marks WHERE name = 'indexed'))"
                " LIMIT ?",
                (_TRIM_BATCH,),
            ).fetchall()
            if rows:
                highest = max(last_lid for _, _, last_lid in rows)
                db.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'last_lid'", (highest,))
                db.executemany("DELETE FROM frames WHERE seq = ?", [(seq,) for seq, _, _ in rows])
            else:
                db.execute(
                    "UPDATE archived SET to_trim = 0 WHERE to_trim"
                    " AND upto_seq <= (SELECT value FROM marks WHERE name = 'indexed')"
                )
        self._count_stored(-sum(stored for _, stored, _ in rows))
        return len(rows)

    def _count_stored(self, change: int) -> None:
        with self._counting:  # commits and trims run side by side
            self._stored += change

    def _frames(self, condition: str, values: tuple[object, ...]) -> Generator[Frame, None, None]:
        sql = f"SELECT {_COLUMNS} FROM frames WHERE {condition}"  # noqa: S608
        with closing(self._file.stream(sql, values)) as rows:
            for row in rows:
                seq, account, hour, lines, raw, min_ts, max_ts, first_lid, last_lid, rx, data = row
                yield Frame(
                    seq=seq,
                    account=account,
                    hour=Hour(hour),
                    lines=lines,
                    raw_bytes=raw,
                    min_ts=min_ts,
                    max_ts=max_ts,
                    first_lid=first_lid,
                    last_lid=last_lid,
                    rx=rx,
                    data=data,
                )

    def _check_free_space(self) -> None:
        free = disk_usage(self._file.path.parent).free
        if free < self._min_free_bytes:
            raise Overloaded(
                f"the disk that holds the spool has {free} bytes left, less than min_free_bytes",
                retry_after=10,
                hint="free space on it; the server goes on by itself",
            )

    def _scalar(self, sql: str) -> int:
        return int(self._file.read(sql)[0][0])


def _frame_groups(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Pieces of one account and hour together, in order, until each group holds a frame's bytes."""
    ordered = sorted(pieces, key=_account_and_hour)  # stable: within an hour the order of arrival stays
    for _, of_hour in groupby(ordered, key=_account_and_hour):
        group: list[Piece] = []
        size = 0
        for piece in of_hour:
            group.append(piece)
            size += len(piece.payload)
            if size >= FRAME_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group


def _insertion(rows: Sequence[_Row]) -> tuple[str, list[Any]]:
    places = ", ".join([_PLACES] * len(rows))
    return f"{_INSERT} {places}", [value for row in rows for value in row]


def _account_and_hour(piece: Piece) -> tuple[str, int]:
    return piece.account, piece.hour


def _metadata(group: list[Piece], stored: int) -> tuple[object, ...]:
    return (
        group[0].account,
        group[0].hour,
        sum(piece.lines for piece in group),
        sum(len(piece.payload) for piece in group),
        stored,
        min(piece.min_ts for piece in group),
        max(piece.max_ts for piece in group),
        min(piece.first_lid for piece in group),
        max(piece.last_lid for piece in group),
        min(piece.rx for piece in group),  # not always the first one: clocks go back
    )
