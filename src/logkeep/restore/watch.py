"""Watching restores: one look at all that somebody watches, twice a second, however many watch.

Watchers and the task that looks for them share one event loop; use it from no other thread. A watcher that
is slow is not told what a restore was meanwhile, only what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from anyio import to_thread

from logkeep.catalog.restores import RUNNING
from logkeep.errors import LogkeepError
from logkeep.restore.seen import Seen
from logkeep.watching import Places, Watching

LOOK_S = 0.5

Look = Callable[[Collection[str], bool], Sequence[Seen]]
"""The restores with these ids and, if that is true, all that have not ended. Waits for catalog and engine,
so it is called in a thread."""


class Watcher(Watching[Seen]):
    """One who watches a restore, or all that have not ended: told of each as it is now, when it is not as it
    was. It ends with its one restore."""

    def __init__(self, watches: RestoreWatches, only: str, visible: Callable[[Seen], bool], who: str) -> None:
        super().__init__(who)
        self.only = only  # the id of a restore; "": all that have not ended
        self._watches = watches
        self._visible = visible
        self._shown: dict[str, Seen] = {}  # of those that have not ended, as they were shown last
        self._changed: dict[str, Seen] = {}

    @property
    def ids(self) -> set[str]:
        """What to look at, also when it has ended."""
        return {self.only} if self.only else set(self._shown)

    def show(self, looked_at: Sequence[Seen]) -> None:
        """Queue what is not as it was, of what there is to see now."""
        for seen in looked_at:
            if self.only in ("", seen.restore.id) and self._visible(seen):
                self._show(seen)
        if self.only and self.only not in self._shown:
            self.close()  # it has ended, and this is told

    def _show(self, seen: Seen) -> None:
        restore = seen.restore
        if self._shown.get(restore.id) == seen:
            return
        if restore.state in RUNNING:
            self._shown[restore.id] = seen
        elif self._shown.pop(restore.id, None) is None and not self.only:
            return  # it had ended before this watcher came
        self._changed[restore.id] = seen
        self._wake()

    def _next(self) -> Seen | None:
        return self._changed.pop(next(iter(self._changed))) if self._changed else None

    def _left(self) -> None:
        self._watches.leave(self)


class RestoreWatches:
    """All watchers, and the task that looks for them while there are any."""

    def __init__(self, look: Look, *, every_s: float = LOOK_S) -> None:
        self._look = look
        self._every_s = every_s
        self._watchers: set[Watcher] = set()
        self._places = Places("streams of restore events")
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def watch(self, only: str = "", *, who: str, visible: Callable[[Seen], bool] = lambda _: True) -> Watcher:
        """A watcher of one restore, or of all that have not ended, as far as they are visible; it is shown
        how things are at once. Raises Overloaded when there are too many already, of `who` or of all."""
        watcher = Watcher(self, only, visible, who)
        self._places.take(who)
        self._watchers.add(watcher)
        self._came.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """The watcher is closed."""
        self._places.give_back(watcher.who)
        self._watchers.discard(watcher)

    def close(self) -> None:
        """End all watchers: the server stops, or there is nothing to see for now."""
        for watcher in tuple(self._watchers):
            watcher.close()

    async def _run(self) -> None:
        try:
            while self._watchers:
                self._came.clear()
                await self._look_for_all()
                await self._pause()
        except LogkeepError:
            pass  # catalog or engine cannot be asked now: whoever comes again is told why
        finally:
            self._task = None
            self.close()

    async def _look_for_all(self) -> None:
        watchers = tuple(self._watchers)
        ids = {one for watcher in watchers for one in watcher.ids}
        follows_all = any(not watcher.only for watcher in watchers)
        looked_at = await to_thread.run_sync(self._look, ids, follows_all)
        for watcher in watchers:
            watcher.show(looked_at)

    async def _pause(self) -> None:
        """Until the next look; one who comes is shown something at once."""
        try:
            async with asyncio.timeout(self._every_s):
                await self._came.wait()
        except TimeoutError:
            return
