"""The live tail: lines shown to whoever watches an account, as they come.

Watchers and intake share one event loop and its thread, so nothing here takes a lock; use it from no
other thread. A watcher that does not keep up loses its oldest lines, and is told how many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import NamedTuple

from logkeep.errors import Overloaded
from logkeep.query import ast
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record

MAX_WATCHERS = 100
MAX_QUEUED = 1_000  # lines of one watcher


class Shown(NamedTuple):
    """What came since the watcher last looked."""

    lines: list[bytes]  # canonical lines, each ended by a newline, in the order they came
    missed: int  # lines that matched before these and were lost because the watcher was slow


class Watcher:
    """One who watches. A context manager: when it ends, nothing is queued any more. As an async iterator
    it gives what came, waits when nothing did, and ends when it is closed."""

    def __init__(self, tails: Tails, account: str, node: ast.Node) -> None:
        self.account = account
        self._tails = tails
        self._holds = compile_predicate(node)
        self._queue: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._missed = 0
        self._changed = asyncio.Event()
        self._closed = False

    def show(self, records: Sequence[tuple[Record, bytes]]) -> None:
        """Queue the lines that it watches for."""
        picked = [line for record, line in records if self._holds(record)]
        if not picked or self._closed:
            return
        self._missed += max(0, len(self._queue) + len(picked) - MAX_QUEUED)
        self._queue.extend(picked)
        self._changed.set()

    def close(self) -> None:
        """End it, here or from the other side. Idempotent. What is queued can still be read."""
        self._closed = True
        self._tails.leave(self)
        self._changed.set()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[Shown]:
        return self

    async def __anext__(self) -> Shown:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        shown = Shown(list(self._queue), self._missed)
        self._queue.clear()
        self._missed = 0
        return shown


class Tails:
    """All watchers, by account."""

    def __init__(self) -> None:
        self._watchers: dict[str, tuple[Watcher, ...]] = {}

    def watch(self, account: str, node: ast.Node) -> Watcher:
        """A watcher of the account's lines that match, from now on. Raises Overloaded when there are
        MAX_WATCHERS already."""
        if sum(map(len, self._watchers.values())) >= MAX_WATCHERS:
            raise Overloaded(
                f"{MAX_WATCHERS} live tails are open already", hint="close one, or try again later"
            )
        watcher = Watcher(self, account, node)
        self._watchers[account] = (*self._watchers.get(account, ()), watcher)
        return watcher

    def watched(self, account: str) -> bool:
        """Whether anyone watches the account. One look into a dict."""
        return account in self._watchers

    def publish(self, account: str, records: Sequence[tuple[Record, bytes]]) -> None:
        """Show records, with their canonical lines, to the account's watchers."""
        for watcher in self._watchers.get(account, ()):
            watcher.show(records)

    def leave(self, watcher: Watcher) -> None:
        """The watcher is closed."""
        others = tuple(each for each in self._watchers.get(watcher.account, ()) if each is not watcher)
        if others:
            self._watchers[watcher.account] = others
        else:
            self._watchers.pop(watcher.account, None)

    def close(self) -> None:
        """End all watchers: the server stops."""
        for watchers in list(self._watchers.values()):
            for watcher in watchers:
                watcher.close()
