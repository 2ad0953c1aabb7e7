"""The live tail: lines shown to whoever watches an account, as they come.

Watchers and intake share one event loop and its thread, so nothing here takes a lock; use it from no
other thread. A watcher that does not keep up loses its oldest lines, and is told how many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from logkeep.query import ast
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record
from logkeep.watching import Places, Watching

MAX_QUEUED = 1_000  # lines of one watcher


class Shown(NamedTuple):
    """What came since the watcher last looked."""

    lines: list[bytes]  # canonical lines, each ended by a newline, in the order they came
    missed: int  # lines that matched before these and were lost because the watcher was slow


class Watcher(Watching[Shown]):
    """One who watches an account's lines."""

    def __init__(self, tails: Tails, account: str, node: ast.Node, who: str) -> None:
        super().__init__(who)
        self.account = account
        self._tails = tails
        self._holds = compile_predicate(node)
        self._queue: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._missed = 0

    def show(self, records: Sequence[tuple[Record, bytes]]) -> None:
        """Queue the lines that it watches for."""
        picked = [line for record, line in records if self._holds(record)]
        if not picked or self.closed:
            return
        self._missed += max(0, len(self._queue) + len(picked) - MAX_QUEUED)
        self._queue.extend(picked)
        self._wake()

    def _next(self) -> Shown | None:
        if not self._queue:
            return None
        shown = Shown(list(self._queue), self._missed)
        self._queue.clear()
        self._missed = 0
        return shown

    def _left(self) -> None:
        self._tails.leave(self)


class Tails:
    """All watchers, by account."""

    def __init__(self) -> None:
        self._watchers: dict[str, tuple[Watcher, ...]] = {}
        self._places = Places("live tails")

    def watch(self, account: str, node: ast.Node, *, who: str) -> Watcher:
        """A watcher of the account's lines that match, from now on. Raises Overloaded when there are too many
        already, of `who` or of all."""
        watcher = Watcher(self, account, node, who)
        self._places.take(who)
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
        self._places.give_back(watcher.who)
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
