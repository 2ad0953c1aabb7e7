"""The spool in one SQLite file: WAL, synchronous=FULL, one group commit for all waiting requests."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path
from shutil import disk_usage
from typing import Any

import zstandard

from logkeep.errors import Overloaded
from logkeep.faults import crash_point
from logkeep.record import first_foreign_id
from logkeep.spool.base import FRAME_BYTES, Frame, Piece, Received, Waiting
from logkeep.spool.commit import GroupCommitter, Job
from logkeep.spool.file import SpoolFile
from logkeep.spool.ledger import Ledger
from logkeep.timeline import Clock, Hour

_REPLY_KEPT_MS = 24 * 3_600_000
# A trim takes at most so much a transaction, and then leaves the file alone for as long as that took, so that
# it never holds appends up for long. Nor does one call hold its caller up.
_TRIM_FRAMES = 1024
_TRIM_BYTES = 8 << 20
_TRIM_TRANSACTIONS = 8  # a call
# It is put off while hours are archived one after the other, unless there is little to it: frames of many
# archives share a page, which would be written anew for each of them, and sealing needs the processors.
_LITTLE_BYTES = 64 << 20
_QUIET_S = 10.0  # so long since the last was archived
_PUT_OFF_S = 120.0  # at most
_PAGES_TO_GIVE_BACK = 4096
# A frame of the former shape has '' for its account: see schema.sql.
_COLUMNS = (
    "seq, iif(account = '', archive, account), archive, indexed, hour, lines, raw_bytes,"
    " min_ts, max_ts, first_lid, last_lid, rx, data"
)
_INSERT = (
    "INSERT INTO frames (account, archive, indexed, hour, lines, raw_bytes, stored_bytes,"
    " min_ts, max_ts, first_lid, last_lid, rx, data) VALUES"
)
_PLACES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HELD = "held/"  # begins the names of marks up to which an account's frames are copied
_NO_END = 1 << 62  # when a reply ends that is kept until another one of its stream
_ROWS_AT_ONCE = 500  # SQLite binds 32,766 values at most

# What looks over frames; all of it is answered by the index.
_WAITING = (
    "SELECT max(iif(account = '', archive, account)), archive, hour,"
    " sum(lines), sum(raw_bytes), sum(stored_bytes), min(seq), max(seq), min(rx)"
    " FROM frames LEFT JOIN archived USING (archive, hour)"
    " WHERE archive > '' AND seq > coalesce(upto_seq, 0)"
)
_OF_ARCHIVE = " AND archive = ?"
_BY_HOUR = " GROUP BY archive, hour ORDER BY hour, archive"
_INDEXED = "(SELECT value FROM marks WHERE name = 'indexed')"
# From the few hours that are not trimmed yet to their frames, never the other way round. What is not to be
# indexed waits for the mark as well: it gets there soon, and so one number says what is done.
_TO_TRIM = (
    "SELECT seq, iif(account = '', archive, account), stored_bytes, last_lid"
    " FROM archived CROSS JOIN frames USING (archive, hour)"
    f" WHERE to_trim AND seq > ? AND seq <= min(?, upto_seq, {_INDEXED})"
    " UNION ALL SELECT seq, account, stored_bytes, last_lid FROM frames"
    f" WHERE archive = '' AND seq > ? AND seq <= min(?, {_INDEXED})"
    " ORDER BY seq"
)
_NEXT_TO_TRIM = (
    "SELECT min(next) FROM (SELECT upto_seq AS upto, (SELECT min(seq) FROM frames WHERE"
    " frames.archive = archived.archive AND frames.hour = archived.hour AND seq > ?) AS next"
    " FROM archived WHERE to_trim UNION ALL SELECT next AS upto, next"
    " FROM (SELECT min(seq) AS next FROM frames WHERE archive = '' AND seq > ?))"
    f" WHERE next <= min(upto, {_INDEXED})"
)
# `to_trim AND` lets it go to the few such rows by the index that has no others.
_TRIMMED = f"UPDATE archived SET to_trim = 0 WHERE to_trim AND upto_seq <= {_INDEXED}"
_BYTES_BY_ACCOUNT = "SELECT iif(account = '', archive, account), sum(stored_bytes) FROM frames GROUP BY 1"
_OLDEST_RX = "SELECT min(rx) FROM frames"

_Row = tuple[Any, ...]  # as in _INSERT; the first one is the account, the last one the data


class SqliteSpool:
    """`Spool` over one SQLite file.

    `max_bytes` bounds what is stored, `max_account_bytes` what is stored for one account, so that one
    whose archive is stuck leaves room for the others. `min_free_bytes` is disk space that appends leave
    untouched, so that an hour can still be sealed, and its frames trimmed, when the disk is nearly full.
    """

    def __init__(
        self, path: Path, *, clock: Clock, max_bytes: int, max_account_bytes: int, min_free_bytes: int
    ) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_account_bytes = max_account_bytes
        self._min_free_bytes = min_free_bytes
        self._file = SpoolFile(path)
        self._counting = threading.Lock()
        self._id = self._scalar("SELECT value FROM marks WHERE name = 'spool_id'")
        self._of_accounts = dict[str, int](self._file.read(_BYTES_BY_ACCOUNT))
        self._stored = sum(self._of_accounts.values())
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._held = {
            name.removeprefix(_HELD): int(seq)
            for name, seq in self._file.read("SELECT name, value FROM marks WHERE name GLOB 'held/*'")
        }
        self._writing = threading.Lock()  # for what changes the ledger: it is to follow the file
        self._ledger = Ledger(self._waiting_in_file())
        self._last_seq = self.last_seq()
        self._trimming = threading.Lock()
        self._archived_at = self._trimmed_at = time.monotonic()
        self._space_to_give_back = False
        self._committer = GroupCommitter(self._commit)

    async def append(
        self, pieces: Sequence[Piece], *, reply: bytes, key: str = "", last_of: str = ""
    ) -> bytes:
        self._check_room(pieces)
        return await self._committer.submit(pieces, reply, key, last_of)

    def append_now(self, pieces: Sequence[Piece], *, key: str = "", last_of: str = "") -> None:
        self._check_room(pieces)
        self._committer.submit_now(pieces, key, last_of)

    def flush(self) -> None:
        with suppress(Overloaded):  # of one before it, which is then settled too
            self._committer.submit_now(())

    def waiting(self, archive: str | None = None) -> list[Waiting]:
        return self._ledger.waiting(archive)

    def frames(self, archive: str, hour: Hour, *, after: int, upto: int) -> Iterator[Frame]:
        yield from self._frames(
            "archive = ? AND hour = ? AND seq > ? AND seq <= ? ORDER BY seq", (archive, hour, after, upto)
        )

    def since(self, seq: int, *, max_bytes: int) -> list[Frame]:
        return self._some("seq > ? ORDER BY seq", (seq,), max_bytes)

    def kept_since(self, account: str, seq: int, *, max_bytes: int) -> list[Frame]:
        kept = "seq > ? AND indexed AND account = ? ORDER BY seq"
        return self._some(kept, (seq, account), max_bytes)

    def hold(self, account: str, seq: int | None) -> None:
        if self._held.get(account) == seq:
            return
        name = f"{_HELD}{account}"
        if seq is None:
            self._file.write("DELETE FROM marks WHERE name = ?", (name,))
            self._held.pop(account, None)
        else:
            self._file.write("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", (name, seq))
            self._held[account] = seq

    def held(self) -> Mapping[str, int]:
        return self._held.copy()

    def archived(self, archive: str, hour: Hour, *, upto: int) -> None:
        self._archived_at = time.monotonic()
        with self._writing:
            with self._file.transaction() as db:
                db.execute(
                    "INSERT INTO archived VALUES (?, ?, ?, 1)"
                    " ON CONFLICT DO UPDATE SET upto_seq = max(upto_seq, excluded.upto_seq), to_trim = 1",
                    (archive, hour, upto),
                )
            waiting = self._ledger.find(archive, hour)
            if waiting is not None and waiting.last_seq <= upto:
                self._ledger.drop(archive, hour)
            elif waiting is not None and waiting.first_seq <= upto:
                self._ledger.replace(archive, self._waiting_in_file(archive))

    def archived_upto(self, archive: str, hour: Hour) -> int:
        rows = self._file.read(
            "SELECT upto_seq FROM archived WHERE archive = ? AND hour = ?", (archive, hour)
        )
        return int(rows[0][0]) if rows else 0

    def received(self, archive: str) -> Mapping[Hour, Received]:
        with self._writing:  # so that what is told here is told by `waiting` too from now on
            rows = self._file.read(
                "SELECT hour, lines, raw_bytes FROM received WHERE archive = ? AND lines >= 0", (archive,)
            )
        return {Hour(hour): Received(lines=lines, raw_bytes=raw) for hour, lines, raw in rows}

    def indexed(self, upto: int) -> None:
        with self._file.transaction() as db:
            db.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'indexed'", (upto,))

    def indexed_upto(self) -> int:
        return int(self._scalar("SELECT value FROM marks WHERE name = 'indexed'"))

    def trim(self) -> int:
        """Takes some of them each time. Put off while hours are archived one after the other and there is
        room; and when another thread is at it, this one goes on."""
        if not self._trimming.acquire(blocking=False):
            return 0
        try:
            return self._trim() if self._pays_to_trim() else 0
        finally:
            self._trimming.release()

    def forget(self, archive: str) -> None:
        with self._writing:
            with self._file.transaction() as db:
                db.execute("DELETE FROM received WHERE archive = ?", (archive,))
                db.execute("DELETE FROM archived WHERE archive = ?", (archive,))
                # Frames are not rewritten. They count as archived, up to here: an archive that is made under
                # the same name later begins behind them, and its plans rely on these rows.
                db.execute(
                    "INSERT INTO archived SELECT archive, hour, max(seq), 1 FROM frames"
                    " WHERE archive = ? GROUP BY hour",
                    (archive,),
                )
            self._ledger.replace(archive, ())

    def spool_id(self) -> int:
        return self._id

    def belongs_to(self, catalog: int, *, sealed_upto: int) -> None:
        with self._writing, self._file.transaction() as db:
            if db.execute("SELECT value FROM marks WHERE name = 'catalog'").fetchone() != (catalog,):
                db.execute("UPDATE received SET lines = -1")
                db.execute("INSERT OR REPLACE INTO marks (name, value) VALUES ('catalog', ?)", (catalog,))
            last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'frames'").fetchone()
            if last is None:
                db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('frames', ?)", (sealed_upto,))
            elif last[0] < sealed_upto:
                db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'frames'", (sealed_upto,))
        self._last_seq = self.last_seq()

    def last_seq(self) -> int:
        rows = self._file.read("SELECT seq FROM sqlite_sequence WHERE name = 'frames'")
        return int(rows[0][0]) if rows else 0

    def last_lid(self) -> int:
        found = self._file.read(
            "SELECT max(value, (SELECT coalesce(max(last_lid), 0) FROM frames WHERE last_lid < ?))"
            " FROM marks WHERE name = 'last_lid'",
            (first_foreign_id(self._clock()),),
        )
        return int(found[0][0])

    def stored_bytes(self) -> int:
        return self._stored

    def account_bytes(self) -> Mapping[str, int]:
        with self._counting:
            return dict(self._of_accounts)

    def oldest_rx(self) -> int | None:
        rx: int | None = self._file.read(_OLDEST_RX)[0][0]
        return rx

    def close(self) -> None:
        self._committer.close()
        self._file.close()

    def _commit(self, jobs: list[Job]) -> None:
        """One transaction for all jobs. Raises Overloaded, and then keeps nothing of any of them."""
        if any(job.pieces for job in jobs):
            self._check_free_space()
        crash_point("append.begin")
        if any(job.key for job in jobs):
            with self._writing:
                with self._file.transaction() as db:
                    fresh = [job for job in jobs if not self._answered_before(db, job)]
                    rows = self._rows(fresh)
                    self._insert(db, rows)
                    crash_point("append.inserted")
                self._enter(rows)
        else:
            rows = self._rows(jobs)
            with self._writing:
                self._insert_alone(rows)
                self._enter(rows)
            for job in jobs:
                job.answer = job.reply
        self._count_stored((row[0], len(row[-1])) for row in rows)
        crash_point("append.committed")

    def _answered_before(self, db: sqlite3.Connection, job: Job) -> bool:
        job.answer = job.reply
        if not job.key:
            return False
        if job.last_of:
            return self._is_last(db, job)
        now = self._clock()
        db.execute("DELETE FROM replies WHERE at < ?", (now - _REPLY_KEPT_MS,))
        if known := db.execute("SELECT reply FROM replies WHERE key = ?", (job.key,)).fetchone():
            job.answer = bytes(known[0])
            return True
        db.execute("INSERT INTO replies VALUES (?, ?, ?)", (job.key, job.reply, now))
        return False

    def _is_last(self, db: sqlite3.Connection, job: Job) -> bool:
        """Whether the job's key is the last one of its stream; else it is from now on."""
        name, key = f"last/{job.last_of}", job.key.encode()
        if db.execute("SELECT reply FROM replies WHERE key = ?", (name,)).fetchone() == (key,):
            return True
        db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", (name, key, _NO_END))
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
        data = group[0].data or self._compressor.compress(b"".join([piece.payload for piece in group]))
        return (*_metadata(group, len(data)), data)

    def _enter(self, rows: Sequence[_Row]) -> None:
        """Count what was inserted, in this order, as waiting."""
        for account, archive, _, hour, lines, raw, stored, _, _, _, _, rx, _ in rows:
            self._last_seq += 1
            if archive:
                self._ledger.add(
                    Waiting(
                        account=account,
                        archive=archive,
                        hour=Hour(hour),
                        lines=lines,
                        raw_bytes=raw,
                        stored_bytes=stored,
                        first_seq=self._last_seq,
                        last_seq=self._last_seq,
                        first_rx=rx,
                    )
                )

    def _waiting_in_file(self, archive: str | None = None) -> list[Waiting]:
        if archive is None:
            rows = self._file.read(_WAITING + _BY_HOUR)
        else:
            rows = self._file.read(_WAITING + _OF_ARCHIVE + _BY_HOUR, (archive,))
        return [
            Waiting(
                account=account,
                archive=archive,
                hour=Hour(hour),
                lines=lines,
                raw_bytes=raw,
                stored_bytes=stored,
                first_seq=first,
                last_seq=last,
                first_rx=rx,
            )
            for account, archive, hour, lines, raw, stored, first, last, rx in rows
        ]

    def _pays_to_trim(self) -> bool:
        """Whether it need not be put off."""
        now, held = time.monotonic(), self._stored
        return (
            held <= _LITTLE_BYTES
            or now - self._archived_at >= _QUIET_S
            or now - self._trimmed_at >= _PUT_OFF_S
            or held >= self._max_bytes / 2
            or max(self.account_bytes().values(), default=0) >= self._max_account_bytes / 2
            or disk_usage(self._file.path.parent).free < self._min_free_bytes + held
        )

    def _trim(self) -> int:
        """Delete in the order of seq, so that what lies on one page goes at once."""
        trimmed = after = transactions = 0
        while transactions < _TRIM_TRANSACTIONS:
            first = self._file.read(_NEXT_TO_TRIM, (after, after))[0][0]
            if first is None:
                self._end_trim()
                break
            began = time.monotonic()
            rows = self._next_to_trim(first)
            after = rows[-1][0]
            held = self._held_of(rows)
            if free := [row for row in rows if row[0] not in held]:
                self._delete(free)
                trimmed += len(free)
                transactions += 1
                time.sleep(time.monotonic() - began)
        return trimmed

    def _held_of(self, rows: Sequence[Any]) -> set[int]:
        """The seqs of those that are held."""
        held = self._held.copy()
        possible = [row[0] for row in rows if row[1] in held and row[0] > held[row[1]]]
        if not possible:
            return set()
        kept = "SELECT seq FROM frames WHERE seq >= ? AND seq <= ? AND indexed"
        indexed = {seq for (seq,) in self._file.read(kept, (possible[0], possible[-1]))}
        return indexed.intersection(possible)

    def _end_trim(self) -> None:
        """Nothing was left a moment ago: do not look there again, and give space back."""
        with self._file.transaction() as db:
            # Unless there is more again: an hour was archived, or the index came further, meanwhile.
            if db.execute(_NEXT_TO_TRIM, (0, 0)).fetchone()[0] is None:
                db.execute(_TRIMMED)
        self._trimmed_at = time.monotonic()
        if self._space_to_give_back:
            self._space_to_give_back = False
            self._file.give_back(_PAGES_TO_GIVE_BACK)

    def _next_to_trim(self, first: int) -> list[Any]:
        """One transaction's frames, from this seq on; one at least."""
        upto = first + _TRIM_FRAMES - 1
        rows = self._file.read(_TO_TRIM, (first - 1, upto, first - 1, upto))
        size = 0
        for count, (_, _, stored, _) in enumerate(rows, 1):
            size += stored
            if size >= _TRIM_BYTES:
                return rows[:count]
        return rows

    def _delete(self, rows: Sequence[Any]) -> None:
        with self._file.transaction() as db:
            foreign = first_foreign_id(self._clock())
            highest = max((row[3] for row in rows if row[3] < foreign), default=0)
            db.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'last_lid'", (highest,))
            db.executemany("DELETE FROM frames WHERE seq = ?", [(row[0],) for row in rows])
        self._space_to_give_back = True
        self._count_stored((account, -stored) for _, account, stored, _ in rows)

    def _count_stored(self, changes: Iterable[tuple[str, int]]) -> None:
        by_account = Counter[str]()
        for account, change in changes:
            by_account[account] += change
        with self._counting:  # commits and trims run side by side
            for account, change in by_account.items():
                self._stored += change
                self._of_accounts[account] = self._of_accounts.get(account, 0) + change
                if not self._of_accounts[account]:
                    del self._of_accounts[account]

    def _some(self, condition: str, values: tuple[object, ...], max_bytes: int) -> list[Frame]:
        taken: list[Frame] = []
        size = 0
        with closing(self._frames(condition, values)) as frames:
            for frame in frames:
                taken.append(frame)
                size += frame.raw_bytes
                if size >= max_bytes:
                    break
        return taken

    def _frames(self, condition: str, values: tuple[object, ...]) -> Generator[Frame, None, None]:
        sql = f"SELECT {_COLUMNS} FROM frames WHERE {condition}"
        with closing(self._file.stream(sql, values)) as rows:
            for row in rows:
                seq, account, archive, indexed, hour, lines, raw, *times, first_lid, last_lid, rx, data = row
                yield Frame(
                    seq=seq,
                    account=account,
                    archive=archive,
                    indexed=bool(indexed),
                    hour=Hour(hour),
                    lines=lines,
                    raw_bytes=raw,
                    min_ts=times[0],
                    max_ts=times[1],
                    first_lid=first_lid,
                    last_lid=last_lid,
                    rx=rx,
                    data=data,
                )

    def _check_room(self, pieces: Sequence[Piece]) -> None:
        if self._stored >= self._max_bytes:
            raise Overloaded(
                f"the spool holds {self._stored} bytes, its limit",
                retry_after=10,
                hint="the archive is behind: see 'logkeep archive status', or raise spool_max_bytes",
            )
        for account in {piece.account for piece in pieces}:
            if (stored := self._of_accounts.get(account, 0)) >= self._max_account_bytes:
                raise Overloaded(
                    f"the spool holds {stored} bytes of the account {account}, its share",
                    retry_after=10,
                    hint="its archive is behind: see 'logkeep archive status'; other accounts go on",
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
    """Like pieces of one archive and hour together, in order, until each group holds a frame's bytes; one
    that is a frame already by itself."""
    ordered = sorted(pieces, key=_kind)  # stable: within an hour the order of arrival stays
    for _, of_hour in groupby(ordered, key=_kind):
        group: list[Piece] = []
        size = 0
        for piece in of_hour:
            if piece.data:
                if group:
                    yield group
                yield [piece]
                group, size = [], 0
                continue
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


def _kind(piece: Piece) -> tuple[str, str, bool, int]:
    return piece.account, piece.archive, piece.indexed, piece.hour


def _metadata(group: list[Piece], stored: int) -> tuple[object, ...]:
    return (
        *_kind(group[0]),
        sum(piece.lines for piece in group),
        sum(piece.raw_bytes for piece in group),
        stored,
        min(piece.min_ts for piece in group),
        max(piece.max_ts for piece in group),
        min(piece.first_lid for piece in group),
        max(piece.last_lid for piece in group),
        min(piece.rx for piece in group),  # not always the first one: clocks go back
    )
