from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.errors import BadSetting, Overloaded
from logkeep.spool import sqlite as module
from logkeep.spool.base import Piece
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import Hour

NINE = Hour(498_657)


def opened(folder: Path, *, min_free_bytes: int = 0) -> SqliteSpool:
    return SqliteSpool(
        folder / "spool.sqlite",
        clock=lambda: 1000,
        max_bytes=1 << 40,
        max_account_bytes=1 << 40,
        min_free_bytes=min_free_bytes,
    )


def piece(lid: int, size: int) -> Piece:
    """A piece that does not compress."""
    payload = random.Random(lid).randbytes(size)
    return Piece(
        account="main",
        archive="main",
        indexed=True,
        hour=NINE,
        lines=1,
        min_ts=0,
        max_ts=0,
        first_lid=lid,
        last_lid=lid,
        rx=0,
        payload=payload,
    )


def append(spool: SqliteSpool, *pieces: Piece, key: str = "") -> bytes:
    return asyncio.run(spool.append(pieces, reply=b"ok", key=key))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk on which no file of this process can grow further: the kernel refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_keeps_nothing_of_a_request_and_recovers(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    append(spool, piece(1, 1000))
    stored = spool.stored_bytes()
    with files_no_larger_than(1 << 20):
        with pytest.raises(Overloaded, match="the spool cannot be written"):
            append(spool, piece(2, 1000), piece(3, 3 << 20), key="k")
        assert (spool.last_seq(), spool.last_lid(), spool.stored_bytes()) == (1, 1, stored)
        assert [waiting.lines for waiting in spool.waiting()] == [1]
        assert spool.received("main")[NINE].lines == 1
    assert append(spool, piece(2, 1000), piece(3, 3 << 20), key="k") == b"ok"
    assert [waiting.lines for waiting in spool.waiting()] == [3]
    assert spool.received("main")[NINE].lines == 3
    spool.close()
    again = opened(tmp_path)
    assert [waiting.lines for waiting in again.waiting()] == [3]
    again.close()


def test_a_trim_on_a_full_disk_can_be_tried_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for lid in range(1, 101):
        append(spool, piece(lid, 50_000))
    spool.archived("main", NINE, upto=100)
    spool.indexed(100)
    with files_no_larger_than(16_384), pytest.raises(Overloaded, match="the spool cannot be written"):
        spool.trim()
    while spool.trim():
        pass
    assert (spool.waiting(), spool.stored_bytes()) == ([], 0)
    spool.close()


def test_a_trim_gives_its_space_back_to_the_disk(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for lid in range(1, 101):
        append(spool, piece(lid, 50_000))
    spool.archived("main", NINE, upto=100)
    spool.indexed(100)
    assert spool.trim() == 100
    spool.close()
    assert (tmp_path / "spool.sqlite").stat().st_size < 500_000


def test_disk_space_that_is_to_stay_free_is_not_used(tmp_path: Path) -> None:
    spool = opened(tmp_path, min_free_bytes=1 << 60)
    with pytest.raises(Overloaded, match="less than min_free_bytes"):
        append(spool, piece(1, 10), key="k")
    assert (spool.last_seq(), spool.waiting()) == (0, [])
    spool.close()
    again = opened(tmp_path)
    assert append(again, piece(1, 10), key="k") == b"ok"
    assert again.last_seq() == 1
    again.close()


def test_the_file_is_durable_at_every_commit(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    append(spool, piece(1, 10))
    # What another process sees at once is in the file or its log, not in this process.
    other = sqlite3.connect(tmp_path / "spool.sqlite")
    assert other.execute("SELECT seq, lines FROM frames").fetchall() == [(1, 1)]
    assert other.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    other.close()
    spool.close()


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 100, None])
def test_a_file_that_is_no_spool_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        (tmp_path / "spool.sqlite").mkdir()
    else:
        (tmp_path / "spool.sqlite").write_bytes(content)
    with pytest.raises(BadSetting, match="cannot be opened"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "query",
    [
        module._WAITING + module._BY_HOUR,
        module._WAITING + module._OF_ARCHIVE + module._BY_HOUR,
        module._TO_TRIM,
        module._BYTES_BY_ACCOUNT,
        module._OLDEST_RX,
    ],
)
def test_what_looks_over_frames_reads_the_index_alone(tmp_path: Path, query: str) -> None:
    opened(tmp_path).close()
    db = sqlite3.connect(tmp_path / "spool.sqlite")
    values = (1,) * query.count("?")
    steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", values)]
    db.close()
    on_frames = [step for step in steps if " frames" in step]
    assert on_frames
    assert all("USING COVERING INDEX frames_by_hour" in step for step in on_frames)


@pytest.mark.parametrize("statement", [module._TO_TRIM, module._TRIMMED])
def test_a_trim_passes_over_hours_that_are_done(tmp_path: Path, statement: str) -> None:
    opened(tmp_path).close()
    db = sqlite3.connect(tmp_path / "spool.sqlite")
    values = (1,) * statement.count("?")
    steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    db.close()
    assert [step for step in steps if " archived" in step]
    assert all("INDEX archived_to_trim" in step for step in steps if " archived" in step)


def test_the_common_append_is_one_statement(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    statements: list[str] = []
    spool._file._writer.set_trace_callback(statements.append)
    append(spool, piece(1, 10), replace(piece(2, 10), archive="second", indexed=False))
    spool._file._writer.set_trace_callback(None)
    # The trigger's own steps are told under the name of the statement that they belong to.
    assert {statement.partition(" (")[0] for statement in statements} == {"INSERT INTO frames"}
    assert spool.received("second")[NINE].lines == 1
    spool.close()
