"""Answers that may take longer than a page wants to wait: asked for once, and taken when they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from logkeep.errors import Overloaded

KEPT_S = 20.0
MOST = 200
AT_ONCE = 2  # what was begun goes on though nobody waits for it, and must leave room for what is wanted now


@dataclass(eq=False)
class _Asked:
    task: asyncio.Task[Any]
    waiting: int = 0  # so many wait for it
    end: asyncio.TimerHandle | None = None  # of its time, once it is done


class Pending:
    """Of one event loop. An answer is kept for a short while, so that a page finds what it did not wait for;
    an error until somebody is told of it, so that who tries again does try again. What nobody waits for any
    more when its turn comes is not asked. Who may see an answer is part of its key."""

    def __init__(self, *, kept_s: float = KEPT_S, most: int = MOST, at_once: int = AT_ONCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._kept_s = kept_s
        self._most = most
        self._asked: dict[Hashable, _Asked] = {}  # in the order in which they were asked for

    async def get(
        self, key: Hashable, ask: Callable[[], Awaitable[Any]], *, patience_s: float | None = None
    ) -> Any | None:
        """What `ask` gives, asked now or before; None when that takes longer than the patience, and it goes
        on without us. Raises what it raises. While too many others go on it is not begun: who has patience
        for nothing less than the answer is told so by Overloaded."""
        asked = self._asked.get(key)
        if asked is None and not self._make_room():
            if patience_s is not None:
                return None
            raise Overloaded(f"{self._most} answers are being waited for already", hint="try again later")
        asked = asked or self._begin(key, ask)
        asked.waiting += 1
        try:
            done, _ = await asyncio.wait({asked.task}, timeout=patience_s)
        finally:
            asked.waiting -= 1
        if not done:
            return None
        if asked.task.cancelled() or asked.task.exception():
            self._forget(key, asked)
        return asked.task.result()

    def _begin(self, key: Hashable, ask: Callable[[], Awaitable[Any]]) -> _Asked:
        async def in_turn() -> Any:
            async with self._turns:
                if not asked.waiting:
                    self._forget(key, asked)
                    return None
                return await ask()

        asked = _Asked(asyncio.get_running_loop().create_task(in_turn()))
        self._asked[key] = asked
        asked.task.add_done_callback(lambda _done: self._forget_later(key, asked))
        return asked

    def _make_room(self) -> bool:
        """Whether there is room for one more, be it that of the oldest that is done."""
        if len(self._asked) >= self._most:
            done = next((key for key, asked in self._asked.items() if asked.task.done()), None)
            if done is None:
                return False
            self._forget(done, self._asked[done])
        return True

    def _forget_later(self, key: Hashable, asked: _Asked) -> None:
        if not asked.task.cancelled():
            asked.task.exception()  # nobody may ask for it any more, which is no defect
        if self._asked.get(key) is asked:
            asked.end = asyncio.get_running_loop().call_later(self._kept_s, self._forget, key, asked)

    def _forget(self, key: Hashable, asked: _Asked) -> None:
        if asked.end:
            asked.end.cancel()
        if self._asked.get(key) is asked:
            del self._asked[key]
