"""What those who watch have in common, be it lines as they come or restores as they change: a place, a wait
for what comes, an end.

All of it belongs to one event loop; use it from no other thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from types import TracebackType
from typing import Generic, Self, TypeVar

from logkeep.errors import Overloaded

MAX_WATCHERS = 100
MAX_OF_ONE = 10  # of one caller, however many tokens and browsers: nobody takes the places of all

Told = TypeVar("Told")


class Places:
    """How many watch, and who. `what` is what there are only so many of: "live tails"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> None:
        """A place for `who`, until it is given back. Raises Overloaded when all MAX_WATCHERS are taken, or
        MAX_OF_ONE by this caller."""
        if self._taken[who] >= MAX_OF_ONE:
            raise self._full(f"{MAX_OF_ONE} of your {self._what} are open already")
        if self._taken.total() >= MAX_WATCHERS:
            raise self._full(f"{MAX_WATCHERS} {self._what} are open already")
        self._taken[who] += 1

    def give_back(self, who: str) -> None:
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]

    def _full(self, message: str) -> Overloaded:
        return Overloaded(message, hint="close one, or try again later")


class Watching(ABC, Generic[Told]):
    """One who watches. A context manager: when it ends, nothing more is queued. As an async iterator it gives
    what came, waits when nothing did, and ends when it is closed."""

    def __init__(self, who: str) -> None:
        self.who = who  # has its place
        self._woken = asyncio.Event()
        self._closed = False

    @abstractmethod
    def _next(self) -> Told | None:
        """Take what is queued; None when nothing is."""

    @abstractmethod
    def _left(self) -> None:
        """It is closed. Called once."""

    def _wake(self) -> None:
        """Something is queued."""
        self._woken.set()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End it, here or from the other side. Idempotent. What is queued can still be read."""
        if not self._closed:
            self._closed = True
            self._left()
            self._woken.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Told:
        while (told := self._next()) is None:
            if self._closed:
                raise StopAsyncIteration
            self._woken.clear()
            await self._woken.wait()
        return told
