from __future__ import annotations

import asyncio
import threading

import pytest

from logkeep.errors import Overloaded
from logkeep.spool import commit as module
from logkeep.spool.base import Piece
from logkeep.spool.commit import GroupCommitter, Job
from logkeep.timeline import Hour

PATIENCE_S = 10


def piece(payload: bytes) -> Piece:
    return Piece(
        account="main",
        archive="main",
        indexed=True,
        hour=Hour(1),
        lines=1,
        min_ts=0,
        max_ts=0,
        first_lid=1,
        last_lid=1,
        rx=0,
        payload=payload,
    )


class Disk:
    """Commits when it is told to, and tells what came in which commit."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.commits: list[list[bytes]] = []
        self.full = False

    def __call__(self, jobs: list[Job]) -> None:
        self.entered.release()
        assert self.go.acquire(timeout=PATIENCE_S)
        if self.full:
            raise Overloaded("the disk is full")
        self.commits.append([job.pieces[0].payload for job in jobs])
        for job in jobs:
            job.answer = job.reply

    async def wait_until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.acquire, timeout=PATIENCE_S)


def test_what_comes_while_a_commit_runs_goes_into_the_next_one_together() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)

    async def appends() -> list[bytes]:
        first = asyncio.create_task(committer.submit([piece(b"1")], b"one", ""))
        await disk.wait_until_entered()
        rest = [asyncio.create_task(committer.submit([piece(b"%d" % n)], b"%d" % n, "")) for n in (2, 3, 4)]
        await asyncio.sleep(0)
        disk.go.release(2)
        return await asyncio.gather(first, *rest)

    assert asyncio.run(appends()) == [b"one", b"2", b"3", b"4"]
    committer.close()
    assert disk.commits == [[b"1"], [b"2", b"3", b"4"]]


def test_a_commit_that_fails_fails_for_all_of_it_and_the_next_one_is_tried() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)
    disk.go.release(10)

    async def append() -> bytes:
        return await committer.submit([piece(b"x")], b"ok", "")

    disk.full = True
    with pytest.raises(Overloaded, match="the disk is full"):
        asyncio.run(append())
    disk.full = False
    assert asyncio.run(append()) == b"ok"
    committer.close()
    assert disk.commits == [[b"x"]]


def test_more_bytes_than_memory_may_hold_are_refused_until_some_are_on_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PENDING_BYTES", 100)
    disk = Disk()
    committer = GroupCommitter(disk)

    async def appends() -> list[bytes]:
        larger_than_all = asyncio.create_task(committer.submit([piece(b"x" * 101)], b"1", ""))
        await disk.wait_until_entered()
        with pytest.raises(Overloaded, match="than memory may hold") as caught:
            await committer.submit([piece(b"y")], b"2", "")
        assert caught.value.retry_after == 1
        disk.go.release(2)
        return [await larger_than_all, await committer.submit([piece(b"y" * 100)], b"3", "")]

    assert asyncio.run(appends()) == [b"1", b"3"]
    committer.close()


def test_a_loop_that_ended_in_the_middle_of_a_commit_takes_nobody_with_it() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)

    async def leave() -> None:
        task = asyncio.create_task(committer.submit([piece(b"1")], b"", ""))
        await disk.wait_until_entered()
        task.cancel()

    asyncio.run(leave())
    disk.go.release(2)
    assert asyncio.run(committer.submit([piece(b"2")], b"ok", "")) == b"ok"
    committer.close()
    assert disk.commits == [[b"1"], [b"2"]]


def test_closing_commits_what_waits() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)

    async def close_meanwhile() -> bytes:
        first = asyncio.create_task(committer.submit([piece(b"1")], b"one", ""))
        await disk.wait_until_entered()
        second = asyncio.create_task(committer.submit([piece(b"2")], b"two", ""))
        await asyncio.sleep(0)
        disk.go.release(2)
        await asyncio.to_thread(committer.close)
        return await first + await second

    assert asyncio.run(close_meanwhile()) == b"onetwo"
    assert disk.commits == [[b"1"], [b"2"]]


def test_a_thread_waits_for_the_commit_and_gets_its_error() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)
    thread = threading.Thread(target=committer.submit_now, args=([piece(b"1")],))
    thread.start()
    assert disk.entered.acquire(timeout=PATIENCE_S)
    assert (thread.is_alive(), disk.commits) == (True, [])
    disk.go.release(2)
    thread.join(PATIENCE_S)
    assert (thread.is_alive(), disk.commits) == (False, [[b"1"]])
    disk.full = True
    with pytest.raises(Overloaded, match="the disk is full"):
        committer.submit_now([piece(b"2")])
    committer.close()


def test_a_thread_and_loops_share_a_commit() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)

    async def appends() -> bytes:
        first = asyncio.create_task(committer.submit([piece(b"1")], b"one", ""))
        await disk.wait_until_entered()
        second = asyncio.create_task(committer.submit([piece(b"2")], b"two", ""))
        await asyncio.sleep(0)
        from_thread = asyncio.create_task(asyncio.to_thread(committer.submit_now, [piece(b"3")]))
        while committer._jobs.qsize() < 2:
            await asyncio.sleep(0)
        disk.go.release(2)
        await from_thread
        return await first + await second

    assert asyncio.run(appends()) == b"onetwo"
    committer.close()
    assert disk.commits == [[b"1"], [b"2", b"3"]]


def test_nothing_is_taken_once_it_is_closed() -> None:
    disk = Disk()
    committer = GroupCommitter(disk)
    committer.close()
    with pytest.raises(Overloaded, match="is being closed"):
        committer.submit_now([piece(b"1")])
    with pytest.raises(Overloaded, match="is being closed"):
        asyncio.run(committer.submit([piece(b"1")], b"", ""))
    assert disk.commits == []
