"""What waits is told from memory, and trims are put off: neither may differ from what the file holds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.spool import sqlite as module
from logkeep.spool.base import Piece
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import Hour

NINE, TEN = Hour(498_657), Hour(498_658)


def opened(folder: Path, *, max_bytes: int = 1 << 40, max_account_bytes: int = 1 << 40) -> SqliteSpool:
    return SqliteSpool(
        folder / "spool.sqlite",
        clock=lambda: 1000,
        max_bytes=max_bytes,
        max_account_bytes=max_account_bytes,
        min_free_bytes=0,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SqliteSpool]:
    spool = opened(tmp_path)
    yield spool
    spool.close()


def piece(lid: int, *, archive: str = "main", hour: Hour = NINE, rx: int = 0) -> Piece:
    return Piece(
        account="main",
        archive=archive,
        indexed=True,
        hour=hour,
        lines=1,
        min_ts=0,
        max_ts=0,
        first_lid=lid,
        last_lid=lid,
        rx=rx,
        payload=b"%d\n" % lid,
    )


@pytest.fixture
def putting_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if hours were archived one after the other for ever, and there were much to trim."""
    monkeypatch.setattr(module, "_LITTLE_BYTES", -1)
    monkeypatch.setattr(module, "_QUIET_S", math.inf)
    monkeypatch.setattr(module, "_PUT_OFF_S", math.inf)


@pytest.mark.parametrize("seed", range(10))
def test_what_waits_is_what_the_file_holds(tmp_path: Path, seed: int) -> None:
    spool, choose = opened(tmp_path), random.Random(seed)
    archives, hours = ["", "a", "b", "c"], [NINE, TEN]
    for lid in range(1, 121):
        archive, hour = choose.choice(archives), choose.choice(hours)
        step = choose.randrange(12)
        if step == 0:
            spool.forget(archive or "a")
        elif step == 1:
            spool.indexed(choose.randint(0, spool.last_seq()))
            spool.trim()
        elif step in (2, 3) and archive:
            spool.archived(archive, hour, upto=choose.randint(0, spool.last_seq()))
        else:
            spool.append_now([piece(lid, archive=archive, hour=hour, rx=choose.randrange(9))])
        assert spool.waiting() == spool._waiting_in_file()
        assert spool.waiting("a") == spool._waiting_in_file("a")
    before = spool.waiting()
    spool.close()
    again = opened(tmp_path)
    assert again.waiting() == before
    again.close()


@pytest.mark.usefixtures("putting_off")
def test_a_trim_is_put_off_while_hours_are_archived(
    spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append_now([piece(1)])
    spool.archived("main", NINE, upto=1)
    spool.indexed(1)
    assert spool.trim() == 0
    monkeypatch.setattr(module, "_QUIET_S", 0)
    assert spool.trim() == 1


@pytest.mark.usefixtures("putting_off")
@pytest.mark.parametrize("limit", ["max_bytes", "max_account_bytes"])
def test_a_trim_is_not_put_off_when_room_is_needed(tmp_path: Path, limit: str) -> None:
    spool = opened(tmp_path, **{limit: 20})
    spool.append_now([piece(1)])
    spool.archived("main", NINE, upto=1)
    spool.indexed(1)
    assert spool.trim() == 1
    spool.close()


def test_a_trim_of_much_takes_several_calls(spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIM_FRAMES", 2)
    monkeypatch.setattr(module, "_TRIM_TRANSACTIONS", 2)
    for lid in range(1, 8):
        spool.append_now([piece(lid)])
    spool.archived("main", NINE, upto=7)
    spool.indexed(7)
    assert [spool.trim() for _ in range(4)] == [4, 3, 0, 0]
    assert (spool.stored_bytes(), spool.since(0, max_bytes=1000)) == (0, [])


def test_the_bytes_of_a_transaction_are_bounded(spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIM_BYTES", 1)
    monkeypatch.setattr(module, "_TRIM_TRANSACTIONS", 1)
    spool.append_now([piece(1, archive="a"), piece(2, archive="b")])
    for archive in ("a", "b"):
        spool.archived(archive, NINE, upto=2)
    spool.indexed(2)
    assert [spool.trim() for _ in range(3)] == [1, 1, 0]


def test_what_looks_for_more_to_trim_reads_the_index_alone(spool: SqliteSpool) -> None:
    plan = [row[3] for row in spool._file.read(f"EXPLAIN QUERY PLAN {module._NEXT_TO_TRIM}", (1, 1))]
    on_frames = [step for step in plan if " frames" in step]
    assert on_frames
    assert all("USING COVERING INDEX frames_by_hour" in step for step in on_frames)
