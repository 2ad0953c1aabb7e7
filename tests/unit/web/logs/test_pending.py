from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

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


def test_an_error_is_raised_for_all_who_wait() -> None:
    async def fail() -> str:
        raise ValueError("no")

    async def test(pending: Pending, _slow: Slow) -> None:
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await pending.get("key", fail)

    run(test)


def test_few_are_asked_at_once() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        for key in ("one", "two", "three"):
            assert await pending.get(key, slow, patience_s=0.01) is None
        assert slow.asked == 2
        slow.go.set()
        assert await pending.get("three", slow) == "answer 3"

    run(test, at_once=2)


def test_where_too_much_is_kept_nothing_more_is() -> None:
    async def test(pending: Pending, slow: Slow) -> None:
        slow.go.set()
        assert await pending.get("one", slow) == "answer 1"
        assert await pending.get("two", slow) == "answer 2"
        assert await pending.get("two", slow) == "answer 3"
        assert await pending.get("one", slow) == "answer 1"

    run(test, most=1)
