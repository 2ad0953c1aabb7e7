"""Watching restores: at once, when something changed, to the end, with one look for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.seen_restores import seen

from logkeep.catalog.restores import RUNNING
from logkeep.catalog.values import RestoreState
from logkeep.errors import Overloaded
from logkeep.restore.seen import Seen
from logkeep.restore.watch import RestoreWatches, Watcher
from logkeep.watching import MAX_OF_ONE


@dataclass
class Restores:
    """What there is to see, and how often somebody looked."""

    there: dict[str, Seen] = field(default_factory=dict)
    looks: int = 0
    error: Exception | None = None

    def put(self, *some: Seen) -> None:
        self.there = {**self.there, **{one.restore.id: one for one in some}}

    def look(self, ids: Collection[str], running: bool) -> list[Seen]:
        self.looks += 1
        if self.error:
            raise self.error
        return [
            one
            for one in self.there.values()
            if one.restore.id in ids or (running and one.restore.state in RUNNING)
        ]


def run(case: Callable[[Restores, RestoreWatches], Awaitable[None]]) -> None:
    async def main() -> None:
        restores = Restores()
        async with asyncio.timeout(30):
            await case(restores, RestoreWatches(restores.look, every_s=0.01))

    asyncio.run(main())


async def rest(watcher: Watcher) -> list[Seen]:
    return [one async for one in watcher]


def test_a_watcher_is_shown_its_restore_at_once_when_it_changed_and_when_it_has_ended() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        restores.put(seen("a"), seen("b"))
        with watches.watch("a", who="ada") as watcher:
            assert await anext(watcher) == seen("a")
            restores.put(seen("a", lines=5), seen("b", lines=1))
            assert await anext(watcher) == seen("a", lines=5)
            restores.put(seen("a", lines=9, state=RestoreState.ACTIVE))
            assert await rest(watcher) == [seen("a", lines=9, state=RestoreState.ACTIVE)]

    run(case)


def test_one_that_has_ended_is_shown_once() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        restores.put(seen("a", state=RestoreState.FAILED))
        assert await rest(watches.watch("a", who="ada")) == [seen("a", state=RestoreState.FAILED)]

    run(case)


def test_a_watcher_of_one_that_is_not_there_ends() -> None:
    async def case(_restores: Restores, watches: RestoreWatches) -> None:
        assert await rest(watches.watch("a", who="ada")) == []

    run(case)


def test_nothing_is_told_while_nothing_changes() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        restores.put(seen("a"))
        with watches.watch("a", who="ada") as watcher:
            await anext(watcher)
            before = restores.looks
            while restores.looks < before + 3:
                await asyncio.sleep(0)
            restores.put(seen("a", lines=1))
            assert await anext(watcher) == seen("a", lines=1)

    run(case)


def test_a_watcher_of_all_is_shown_those_that_run_and_the_end_of_each() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        restores.put(seen("a"), seen("old", state=RestoreState.DONE))
        with watches.watch(who="ada") as watcher:
            assert await anext(watcher) == seen("a")
            restores.put(seen("b", state=RestoreState.PAUSED))
            assert await anext(watcher) == seen("b", state=RestoreState.PAUSED)
            restores.put(seen("a", state=RestoreState.ABORTED))
            assert await anext(watcher) == seen("a", state=RestoreState.ABORTED)

    run(case)


def test_a_watcher_of_all_is_shown_what_it_may_see() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        other = replace(seen("b"), restore=replace(seen("b").restore, source="shop"))
        restores.put(other, seen("a"))
        with watches.watch(visible=lambda one: one.restore.source == "main", who="ada") as watcher:
            assert await anext(watcher) == seen("a")
            assert watcher.ids == {"a"}

    run(case)


def test_one_look_is_for_all_watchers_and_none_is_taken_when_there_are_none() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        restores.put(seen("a"))
        watchers = [watches.watch("a", who="ada") for _ in range(MAX_OF_ONE)]
        assert [await anext(one) for one in watchers] == [seen("a")] * MAX_OF_ONE
        assert restores.looks == 1
        with pytest.raises(Overloaded, match="10 of your streams of restore events are open"):
            watches.watch("a", who="ada")
        with watches.watch("a", who="bob") as other:
            assert await anext(other) == seen("a")
        watches.close()
        assert [await rest(one) for one in watchers] == [[]] * MAX_OF_ONE
        while len(asyncio.all_tasks()) > 1:  # the one that looks
            await asyncio.sleep(0)
        with watches.watch("a", who="ada") as again:
            assert await anext(again) == seen("a")

    run(case)


def test_watchers_end_when_there_is_nothing_to_see_for_now() -> None:
    async def case(restores: Restores, watches: RestoreWatches) -> None:
        restores.put(seen("a"))
        watcher = watches.watch("a", who="ada")
        await anext(watcher)
        restores.error = Overloaded("the disk is full")
        assert await rest(watcher) == []
        restores.error = None
        with watches.watch("a", who="ada") as again:
            assert await anext(again) == seen("a")

    run(case)
