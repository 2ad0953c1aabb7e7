from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from logkeep.errors import Overloaded
from logkeep.web.logs.pending import Pending


class Slow:
    """An answer that comes when it is let go, and how often it was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        self.asked += 1
        await self.go.wait()
        return f"answer {self.asked}"


def run(test: Callable[[Pending, Slow], Awaitable[None]], **limits: float) -> None:
    async def main() -> None:
        await test(Pending(**limits), Slow())  # type: ignore[arg-type]

    asyncio.run(main())


def test_who_does_not_wait_long_enough_finds_the_answer_later() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        assert await pending.get("key", slow, patience_s=0.01) is None
        slow.go.set()
        assert await pending.get("key", slow) == "answer 1"
        assert await pending.get("key", slow, patience_s=0) == "answer 1"
        assert await pending.get("other", slow) == "answer 2"

    run(test)


def test_an_answer_is_forgotten_after_a_while() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        slow.go.set()
        assert await pending.get("key", slow) == "answer 1"
        async with asyncio.timeout(10):
            while await pending.get("key", slow) == "answer 1":
                await asyncio.sleep(0.005)

    run(test, kept_s=0.01)


class Failing:
    """Fails when it is let go, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        self.asked += 1
        await self.go.wait()
        raise ValueError(f"no {self.asked}")


def test_an_error_is_raised_for_all_who_wait_and_whoever_tries_again_does_so() -> None:
    async def test(pending: Pending, _slow: Slow) -> None:
        failing = Failing()
        failing.go.set()
        both = await asyncio.gather(*(pending.get("key", failing) for _ in range(2)), return_exceptions=True)
        assert [str(one) for one in both] == ["no 1", "no 1"]
        with pytest.raises(ValueError, match="no 2"):
            await pending.get("key", failing)

    run(test)


def test_an_error_that_nobody_waited_for_is_told_to_who_asks_for_the_answer() -> None:
    async def test(pending: Pending, _slow: Slow) -> None:
        failing = Failing()
        assert await pending.get("key", failing, patience_s=0.01) is None
        failing.go.set()
        with pytest.raises(ValueError, match="no 1"):
            await pending.get("key", failing)

    run(test)


def test_what_is_asked_for_again_is_not_forgotten_with_the_error_before() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        failing = Failing()
        failing.go.set()
        with pytest.raises(ValueError, match="no 1"):
            await pending.get("key", failing)
        assert await pending.get("key", slow, patience_s=0.2) is None  # the error's time is over meanwhile
        slow.go.set()
        assert await pending.get("key", slow) == "answer 1"

    run(test, kept_s=0.05)


def test_few_are_asked_at_once() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        for key in ("one", "two", "three"):
            assert await pending.get(key, slow, patience_s=0.01) is None
        assert slow.asked == 2
        slow.go.set()
        assert await pending.get("three", slow) == "answer 3"

    run(test, at_once=2)


def test_what_nobody_waits_for_when_its_turn_comes_is_not_asked() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        left = Slow()
        left.go.set()
        assert await pending.get("slow", slow, patience_s=0.01) is None
        assert await pending.get("left", left, patience_s=0.01) is None
        slow.go.set()
        assert await pending.get("slow", slow) == "answer 1"
        assert await pending.get("wanted", left) == "answer 1"
        assert await pending.get("left", left) == "answer 2"

    run(test, at_once=1)


def test_the_oldest_answer_makes_room_for_a_new_one() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        assert await pending.get("slow", slow, patience_s=0) is None
        quick = Slow()
        quick.go.set()
        assert await pending.get("one", quick) == "answer 1"
        assert await pending.get("two", quick) == "answer 2"
        assert await pending.get("one", quick) == "answer 3"
        slow.go.set()
        assert await pending.get("slow", slow) == "answer 1"

    run(test, most=2)


def test_where_all_are_waited_for_no_more_are_begun() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        assert await pending.get("one", slow, patience_s=0) is None
        with pytest.raises(Overloaded, match="1 answers are being waited for already"):
            await pending.get("two", slow)
        assert await pending.get("two", slow, patience_s=30) is None
        assert slow.asked == 1
        slow.go.set()
        assert await pending.get("one", slow) == "answer 1"
        assert await pending.get("two", slow) == "answer 2"

    run(test, most=1)
