from __future__ import annotations

import asyncio

import pytest

from logkeep.errors import Overloaded
from logkeep.query.parse import parse
from logkeep.record import Record
from logkeep.tail import MAX_QUEUED, Shown, Tails
from logkeep.watching import MAX_OF_ONE


def lines(*texts: str) -> list[tuple[Record, bytes]]:
    return [(Record(line=text), text.encode() + b"\n") for text in texts]


async def told(awaitable: asyncio.Future[Shown] | asyncio.Task[Shown]) -> Shown:
    return await asyncio.wait_for(awaitable, 10)


def test_a_watcher_is_shown_the_lines_of_its_account_that_match() -> None:
    async def watch() -> Shown:
        tails = Tails()
        with tails.watch("main", parse("failed"), who="ada") as watcher:
            tails.publish("main", lines("failed 1", "fine", "failed 2"))
            tails.publish("other", lines("failed 3"))
            tails.publish("main", lines("Failed 4"))
            return await anext(watcher)

    assert asyncio.run(watch()) == Shown([b"failed 1\n", b"failed 2\n", b"Failed 4\n"], 0)


def test_a_watcher_waits_until_something_comes() -> None:
    async def watch() -> Shown:
        tails = Tails()
        with tails.watch("main", parse("*"), who="ada") as watcher:
            waiting = asyncio.ensure_future(anext(watcher))
            await asyncio.sleep(0)
            assert not waiting.done()
            tails.publish("main", lines("a"))
            return await told(waiting)

    assert asyncio.run(watch()) == Shown([b"a\n"], 0)


@pytest.mark.parametrize("batch", [1, 7, MAX_QUEUED + 4])
def test_a_slow_watcher_loses_the_oldest_lines_and_is_told_how_many(batch: int) -> None:
    count = MAX_QUEUED + 4
    texts = [str(number) for number in range(count)]

    async def watch() -> tuple[Shown, Shown]:
        tails = Tails()
        with tails.watch("main", parse("*"), who="ada") as watcher:
            for start in range(0, count, batch):
                tails.publish("main", lines(*texts[start : start + batch]))
            first = await anext(watcher)
            tails.publish("main", lines("more"))
            return first, await anext(watcher)

    first, second = asyncio.run(watch())
    assert first == Shown([text.encode() + b"\n" for text in texts[4:]], 4)
    assert second == Shown([b"more\n"], 0)


def test_a_watcher_that_left_is_shown_nothing_more() -> None:
    async def watch() -> list[Shown]:
        tails = Tails()
        assert not tails.watched("main")
        with (
            tails.watch("main", parse("*"), who="ada") as watcher,
            tails.watch("main", parse("*"), who="ada"),
        ):
            tails.publish("main", lines("a"))
            watcher.close()
            watcher.close()
            assert tails.watched("main")
            tails.publish("main", lines("b"))
        assert not tails.watched("main")
        return [shown async for shown in watcher]

    assert asyncio.run(watch()) == [Shown([b"a\n"], 0)]


def test_a_server_that_stops_ends_all_watchers() -> None:
    async def watch() -> None:
        tails = Tails()
        watchers = [tails.watch(account, parse("*"), who="ada") for account in ("main", "main", "other")]
        waiting = [asyncio.ensure_future(anext(watcher)) for watcher in watchers]
        await asyncio.sleep(0)
        tails.close()
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
        assert [type(each) for each in ended] == [StopAsyncIteration] * 3
        assert not tails.watched("main")

    asyncio.run(watch())


def test_a_caller_has_only_so_many_watchers_and_gets_the_place_of_one_that_is_closed() -> None:
    async def watch() -> None:
        tails = Tails()
        watchers = [tails.watch(f"a{number % 3}", parse("*"), who="ada") for number in range(MAX_OF_ONE)]
        with pytest.raises(Overloaded, match="10 of your live tails are open"):
            tails.watch("main", parse("*"), who="ada")
        tails.watch("main", parse("*"), who="bob")
        watchers[0].close()
        watchers[0].close()
        tails.watch("main", parse("*"), who="ada")
        with pytest.raises(Overloaded):
            tails.watch("main", parse("*"), who="ada")

    asyncio.run(watch())
