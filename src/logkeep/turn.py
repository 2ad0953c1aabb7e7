"""The event loop that takes requests, seen from another thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent import futures
from typing import Any, TypeVar

from logkeep.errors import Overloaded

T = TypeVar("T")

_PATIENCE_S = 30.0
_LOOK_S = 0.25  # whether the loop still runs


class LoopTurn:
    """Tells when whatever the loop was in the middle of is done, and has it do what only it may."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that requests are taken on. Before this nothing is under way."""
        self._loop = loop

    def wait(self) -> None:
        """Return one turn of the loop later. Not to be called from the loop itself. Raises Overloaded when
        the loop does not turn: then requests may still be in the middle of what they were doing."""
        if self._loop is not None and self._loop.is_running():
            turned = threading.Event()
            self._loop.call_soon_threadsafe(turned.set)
            if not turned.wait(self._patience_s):
                raise Overloaded(
                    f"requests that were taken before have not come to their end in {self._patience_s:g} s",
                    hint="the server is overloaded or stops; try again",
                )

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns, or raises, on the loop. Not to be called from the loop itself. Raises
        Overloaded when the loop does not run, or does not come to the end of it; what it does may come to
        pass all the same."""
        loop = self._loop
        try:
            if loop is None or not loop.is_running():
                raise RuntimeError
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # also of a loop that was closed this moment
            coroutine.close()
            raise Overloaded("the server takes no requests", hint="it starts, or stops") from None
        end = time.monotonic() + self._patience_s
        while True:
            done, _ = futures.wait([future], timeout=_LOOK_S)
            if done:
                break
            if time.monotonic() >= end or not loop.is_running():  # a loop that has ended calls nothing more
                future.cancel()
                raise Overloaded("the server did not come to it", hint="it is overloaded or stops")
        try:
            return future.result()
        except futures.CancelledError as error:
            raise Overloaded("the server did not come to it", hint="it stops") from error
