"""What is the SQLite outbox's own; what every outbox promises is in tests/contract."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from logkeep.errors import BadSetting, Overloaded
from logkeep.pipeline import sqlite_outbox as module
from logkeep.pipeline.outbox import Parcel, Place, Put
from logkeep.pipeline.sqlite_outbox import SqliteOutbox

PATIENCE_S = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[SqliteOutbox]:
    opened = open_(path)
    yield opened
    opened.close()


def open_(path: Path) -> SqliteOutbox:
    return SqliteOutbox(path, clock=lambda: 1, min_free_bytes=0)


def put(outbox: SqliteOutbox, payload: bytes = b"1\n", queue: str = "p/a") -> None:
    parcel = Parcel(queue=queue, lines=payload.count(b"\n"), payload=payload)
    outbox.put([Put(pipeline="p", parcels=[parcel])])


def frames(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM frames").fetchone()[0])


def await_waiting(outbox: SqliteOutbox, jobs: int) -> None:
    for _ in range(2_000):
        with outbox._lock:
            if len(outbox._jobs) == jobs:
                return
        threading.Event().wait(0.005)
    raise AssertionError(f"{jobs} jobs never waited")


def test_threads_that_come_while_one_commits_are_committed_together(
    outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = outbox._commit
    commits: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def slow(jobs: list[object]) -> None:
        commits.append(len(jobs))
        begun.set()
        assert go.wait(PATIENCE_S)
        commit(jobs)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox, "_commit", slow)
    threads = [threading.Thread(target=put, args=(outbox, b"%d\n" % n, f"p/{n}")) for n in range(9)]
    threads[0].start()
    assert begun.wait(PATIENCE_S)
    for one in threads[1:]:
        one.start()
    await_waiting(outbox, 8)
    go.set()
    for one in threads:
        one.join(PATIENCE_S)
    assert commits == [1, 8]
    assert len(outbox.queues()) == 9


def test_a_commit_that_fails_is_answered_to_all_that_were_in_it_and_the_next_one_goes_on(
    outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()
    commit = outbox._commit

    def slow(jobs: list[object]) -> None:
        if not begun.is_set():
            begun.set()
            assert go.wait(PATIENCE_S)
            commit(jobs)  # type: ignore[arg-type]
            return
        raise Overloaded("the disk is full")

    answers: list[str] = []

    def try_to_put() -> None:
        try:
            put(outbox)
            answers.append("kept")
        except Overloaded as error:
            answers.append(error.message)

    with monkeypatch.context() as failing:
        failing.setattr(outbox, "_commit", slow)
        threads = [threading.Thread(target=try_to_put) for _ in range(4)]
        threads[0].start()
        assert begun.wait(PATIENCE_S)
        for one in threads[1:]:
            one.start()
        await_waiting(outbox, 3)
        go.set()
        for one in threads:
            one.join(PATIENCE_S)
    assert sorted(answers) == ["kept", *["the disk is full"] * 3]
    put(outbox)
    assert outbox.backlog("p/a").lines == 2


def test_closing_waits_for_what_is_being_put(outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()
    commit = outbox._commit

    def slow(jobs: list[object]) -> None:
        begun.set()
        assert go.wait(PATIENCE_S)
        commit(jobs)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox, "_commit", slow)
    putting = threading.Thread(target=put, args=(outbox,))
    closing_ = threading.Thread(target=outbox.close)
    putting.start()
    assert begun.wait(PATIENCE_S)
    closing_.start()
    go.set()
    for one in (putting, closing_):
        one.join(PATIENCE_S)
        assert not one.is_alive()
    reopened = open_(outbox._file.path)
    assert reopened.backlog("p/a").lines == 1
    reopened.close()


def test_frames_that_are_done_are_deleted_some_at_a_time_with_what_is_committed_anyway(
    outbox: SqliteOutbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DONE_FRAMES", 4)
    monkeypatch.setattr(module, "_DELETED_AT_ONCE", 3)
    for _ in range(10):
        put(outbox)
    left = []
    for seq in range(2, 12):
        outbox.delivered("p/a", Place(seq, 0), counts={})
        left.append(frames(path))
    assert left[:5] == [10, 10, 10, 10, 7]  # what an earlier commit made done, and no more
    assert outbox.queued("p/a", max_lines=1, max_bytes=1) == []
    assert left[-1] <= 4


def test_what_is_done_but_not_deleted_is_known_after_opening_again(
    outbox: SqliteOutbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        put(outbox)
    outbox.delivered("p/a", Place(9, 0), counts={})
    outbox.close()
    monkeypatch.setattr(module, "_DONE_FRAMES", 4)
    again = open_(path)
    assert (frames(path), again.backlog("p/a").lines) == (10, 2)
    put(again)
    assert (frames(path), again.backlog("p/a").lines) == (3, 3)
    again.close()


def test_the_file_gives_back_what_a_long_backlog_took(
    outbox: SqliteOutbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT_FREE_BYTES", 1 << 20)
    for _ in range(40):
        put(outbox, os.urandom(500_000).replace(b"\n", b" ") + b"\n")
    put(outbox, queue="p/b")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    assert outbox.forget("p/a") == 40
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Frames that are done, and free pages, may stay up to their bounds.
    assert before > 20_000_000 > 10_500_000 > path.stat().st_size
    assert outbox.queues() == ["p/b"]


def test_opening_reads_no_frame(outbox: SqliteOutbox, path: Path) -> None:
    put(outbox)
    outbox.close()
    with closing(sqlite3.connect(path)) as db:
        for statement in (module._DONE, module._WAITING):
            plan = " / ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
            assert "USING COVERING INDEX frames_by_queue" in plan, plan
        for statement, values in ((module._BETWEEN, ("p/a", 1, 2)), (module._OLDEST, ("p/a", 1))):
            plan = " / ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values))
            assert "USING COVERING INDEX frames_by_queue" in plan, plan


def test_a_file_that_is_no_outbox_is_not_opened(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(BadSetting, match=r"the outbox .* cannot be opened"):
        open_(path)


def test_an_outbox_of_a_later_logkeep_is_not_opened(outbox: SqliteOutbox, path: Path) -> None:
    outbox.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(BadSetting, match=r"a later logkeep made it \(shape 9"):
        open_(path)


def test_errors_of_sqlite_are_overloaded_and_name_the_outbox(outbox: SqliteOutbox, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE marks")
    with pytest.raises(Overloaded, match="the outbox cannot be read: no such table"):
        outbox.mark("p/x")
    with pytest.raises(Overloaded, match="the outbox cannot be written"):
        outbox.put([Put(pipeline="p", marks={"p/x": "1"})])
