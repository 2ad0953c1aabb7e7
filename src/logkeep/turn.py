"""One turn of the event loop that takes requests, seen from another thread."""

from __future__ import annotations

import asyncio
import threading

_PATIENCE_S = 30.0  # a loop that does not turn for so long is about to end, or has


class LoopTurn:
    """Tells when whatever the loop was in the middle of is done."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that requests are taken on. Before this nothing is under way."""
        self._loop = loop

    def wait(self) -> None:
        """Return one turn of the loop later. Not to be called from the loop itself."""
        if self._loop is not None and self._loop.is_running():
            turned = threading.Event()
            self._loop.call_soon_threadsafe(turned.set)
            turned.wait(_PATIENCE_S)
