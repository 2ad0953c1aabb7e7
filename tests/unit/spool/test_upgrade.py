"""A spool of the former shape, in which an account was its own archive, is brought up in place.

`former.sqlite.zst` was written by logkeep at the last commit before that change: frame 1 (main, nine
o'clock) archived, indexed and trimmed; frame 2 (the same hour) archived; frames 3 to 6 waiting, the last
one of 17 kB, which takes more than a page.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from logkeep.errors import BadSetting
from logkeep.spool.base import Frame, Piece, Received, Waiting
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import Hour

NOW = 1_795_165_933_123
RX = 1_795_165_933_000
NINE, TEN = Hour(498_657), Hour(498_658)
SPOOL_ID = 136_742_894_282_799_238


@pytest.fixture
def path(tmp_path: Path) -> Path:
    former = Path(__file__).with_name("former.sqlite.zst").read_bytes()
    path = tmp_path / "spool.sqlite"
    path.write_bytes(zstandard.decompress(former))
    return path


def opened(path: Path) -> SqliteSpool:
    return SqliteSpool(
        path, clock=lambda: NOW, max_bytes=1 << 40, max_account_bytes=1 << 40, min_free_bytes=0
    )


def line(text: bytes, *, hour: Hour, lid: int) -> Piece:
    return Piece(
        account="main",
        archive="second",
        indexed=False,
        hour=hour,
        lines=1,
        min_ts=0,
        max_ts=0,
        first_lid=lid,
        last_lid=lid,
        rx=NOW,
        payload=text,
    )


def summary(frame: Frame) -> tuple[int, str, str, bool, int, bytes]:
    text = zstandard.decompress(frame.data)
    return frame.seq, frame.account, frame.archive, frame.indexed, frame.hour, text[:6]


def columns(path: Path) -> list[str]:
    db = sqlite3.connect(path)
    names = [row[1] for row in db.execute("PRAGMA table_info(frames)")]
    db.close()
    return names


def test_everything_is_there_and_an_account_is_its_archive(path: Path) -> None:
    for _ in range(2):  # the second time it has the present shape
        spool = opened(path)
        assert [summary(frame) for frame in spool.since(0, max_bytes=1 << 40)] == [
            (2, "main", "main", True, NINE, b"late\n"),
            (3, "main", "main", True, TEN, b"c\n"),
            (4, "other", "other", True, TEN, b"o\n"),
            (5, "main", "main", True, TEN, b"d\n"),
            (6, "main", "main", True, TEN, b"0\n1\n2\n"),
        ]
        assert spool.waiting() == [
            Waiting(
                account="main",
                archive="main",
                hour=TEN,
                lines=8002,
                raw_bytes=38_894,
                stored_bytes=16_658,
                first_seq=3,
                last_seq=6,
                first_rx=RX + 4,
            ),
            Waiting(
                account="other",
                archive="other",
                hour=TEN,
                lines=1,
                raw_bytes=2,
                stored_bytes=11,
                first_seq=4,
                last_seq=4,
                first_rx=RX + 5,
            ),
        ]
        assert (spool.archived_upto("main", NINE), spool.archived_upto("main", TEN)) == (2, 0)
        assert (spool.indexed_upto(), spool.spool_id(), spool.last_seq(), spool.last_lid()) == (
            1,
            SPOOL_ID,
            6,
            8006,
        )
        assert (spool.stored_bytes(), spool.account_bytes()) == (16_683, {"main": 16_672, "other": 11})
        assert asyncio.run(spool.append([], reply=b"new", key="main/k")) == b"kept"
        spool.close()


def test_what_hours_from_before_received_stays_unknown(path: Path) -> None:
    spool = opened(path)
    assert (spool.received("main"), spool.received("other")) == ({}, {})
    late = [line(b"late\n", hour=hour, lid=9000) for hour in (NINE, TEN, Hour(TEN + 1))]
    asyncio.run(spool.append([*map(in_main, late), late[1]], reply=b""))
    spool.close()
    spool = opened(path)
    assert spool.received("main") == {Hour(TEN + 1): Received(lines=1, raw_bytes=5)}
    assert spool.received("second") == {TEN: Received(lines=1, raw_bytes=5)}
    spool.close()


def in_main(piece: Piece) -> Piece:
    return replace(piece, archive="main")


def test_frames_from_before_and_after_are_archived_indexed_and_trimmed_alike(path: Path) -> None:
    spool = opened(path)
    asyncio.run(spool.append([line(b"new\n", hour=TEN, lid=9000)], reply=b""))
    spool.indexed(7)
    assert spool.trim() == 1
    assert [frame.seq for frame in spool.frames("main", TEN, after=0, upto=7)] == [3, 5, 6]
    for archive in ("main", "other", "second"):
        spool.archived(archive, TEN, upto=7)
    assert (spool.trim(), spool.account_bytes(), spool.oldest_rx()) == (5, {}, None)
    spool.close()


def test_an_archive_from_before_can_be_forgotten(path: Path) -> None:
    spool = opened(path)
    spool.forget("main")
    spool.indexed(6)
    assert (spool.trim(), [waiting.archive for waiting in spool.waiting()]) == (4, ["other"])
    spool.close()


def test_an_upgrade_that_fails_leaves_the_former_shape(path: Path) -> None:
    before = columns(path)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE received (something_else)")
    db.commit()
    db.close()
    with pytest.raises(BadSetting, match="table received already exists"):
        opened(path)
    assert columns(path) == before
    db = sqlite3.connect(path)
    db.execute("DROP TABLE received")
    db.commit()
    db.close()
    spool = opened(path)
    assert spool.last_seq() == 6
    spool.close()


@pytest.mark.parametrize("former", [True, False])
def test_a_kill_before_the_tables_are_there_leaves_what_was(path: Path, former: bool) -> None:
    if not former:
        path.unlink()
    code = (
        "import sys; from pathlib import Path; from logkeep.spool.sqlite import SqliteSpool;"
        " SqliteSpool(Path(sys.argv[1]), clock=int, max_bytes=1, max_account_bytes=1, min_free_bytes=0)"
    )
    environment = {**os.environ, "LOGKEEP_CRASH_AT": "spool.shaped"}
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert ("account" in columns(path), "archive" in columns(path)) == (former, False)
    spool = opened(path)
    assert spool.last_seq() == (6 if former else 0)
    spool.close()


def test_a_first_start_of_the_former_version_that_was_killed_is_no_obstacle(path: Path) -> None:
    db = sqlite3.connect(path)
    [(frames,)] = db.execute("SELECT sql FROM sqlite_master WHERE name = 'frames'").fetchall()
    db.close()
    path.unlink()
    db = sqlite3.connect(path)
    db.execute(frames)
    db.close()
    spool = opened(path)
    spool.archived("main", NINE, upto=1)
    assert (spool.waiting(), spool.archived_upto("main", NINE)) == ([], 1)
    spool.close()


def test_a_spool_of_a_later_version_is_refused(path: Path) -> None:
    opened(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(BadSetting, match="a later logkeep made it"):
        opened(path)
