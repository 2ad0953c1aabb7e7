"""Slots: how many chunks are loaded at a time, over all restores, each in its turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """Whoever asks first is served first. A released slot goes straight to the one that waits longest, so a
    restore of a thousand chunks and one of two get the same share while both run."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """A slot for as long as the block takes."""
        self._take()
        try:
            yield
        finally:
            self._give_back()

    def waiting(self) -> int:
        """How many wait for one."""
        with self._lock:
            return len(self._waiting)

    def _take(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
