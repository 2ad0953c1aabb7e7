"""Answers that may take longer than a page wants to wait: asked for once, and taken when they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

KEPT_S = 20.0
MOST = 200
AT_ONCE = 2  # what nobody waits for any more goes on all the same, and must leave room for what is wanted now


class Pending:
    """Of one event loop. An answer is kept for a short while, so that a page finds what it did not wait for;
    who may see it is part of its key."""

    def __init__(self, *, kept_s: float = KEPT_S, most: int = MOST, at_once: int = AT_ONCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._kept_s = kept_s
        self._most = most
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(
        self, key: Hashable, ask: Callable[[], Awaitable[Any]], *, patience_s: float | None = None
    ) -> Any | None:
        """What `ask` gives, asked now or before; None when that takes longer than the patience, and it goes
        on without us. Raises what it raises."""
        task = self._tasks.get(key)
        if task is None:
            task = self._begin(key, ask)
        done, _ = await asyncio.wait({task}, timeout=patience_s)
        return task.result() if done else None

    def _begin(self, key: Hashable, ask: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
        async def asked() -> Any:
            async with self._turns:
                return await ask()

        task = asyncio.get_running_loop().create_task(asked())
        if len(self._tasks) < self._most:
            self._tasks[key] = task
            task.add_done_callback(lambda _done: self._forget_later(key))
        return task

    def _forget_later(self, key: Hashable) -> None:
        task = self._tasks[key]
        if not task.cancelled():
            task.exception()  # nobody may ask for it any more, which is no defect
        asyncio.get_running_loop().call_later(self._kept_s, self._tasks.pop, key, None)
