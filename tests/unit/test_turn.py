from __future__ import annotations

import asyncio
import threading

import pytest

from logkeep.errors import Overloaded
from logkeep.turn import LoopTurn


def test_without_a_loop_nothing_is_under_way() -> None:
    LoopTurn().wait()


def test_what_the_loop_was_in_the_middle_of_is_done_after_the_wait() -> None:
    done: list[str] = []

    async def taken() -> None:
        turn = LoopTurn()
        turn.begin(asyncio.get_running_loop())

        def wait() -> None:
            turn.wait()
            done.append("waited")

        waiting = asyncio.create_task(asyncio.to_thread(wait))
        await asyncio.sleep(0)
        done.append("request")
        await waiting

    asyncio.run(taken())
    assert done == ["request", "waited"]


def test_a_loop_that_does_not_turn_is_told() -> None:
    busy, release, turn = threading.Event(), threading.Event(), LoopTurn(patience_s=0.01)

    async def stuck() -> None:
        turn.begin(asyncio.get_running_loop())
        busy.set()
        release.wait()

    loop = threading.Thread(target=lambda: asyncio.run(stuck()))
    loop.start()
    try:
        busy.wait()
        with pytest.raises(Overloaded, match="have not come to their end"):
            turn.wait()
    finally:
        release.set()
        loop.join()


def test_the_loop_runs_what_a_thread_hands_it() -> None:
    async def answer(value: int) -> int:
        if value < 0:
            raise Overloaded("no room")
        return value + 1

    async def serve() -> list[object]:
        turn = LoopTurn()
        turn.begin(asyncio.get_running_loop())

        def ask() -> list[object]:
            with pytest.raises(Overloaded, match="no room"):
                turn.run(answer(-1))
            return [turn.run(answer(1))]

        return await asyncio.to_thread(ask)

    assert asyncio.run(serve()) == [2]


def test_without_a_loop_nothing_can_be_run() -> None:
    async def never() -> None:
        raise AssertionError

    with pytest.raises(Overloaded, match="takes no requests"):
        LoopTurn().run(never())
