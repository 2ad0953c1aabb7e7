"""Sign-ins that failed, for the audit log: told of each user once a minute, with how many there were."""

from __future__ import annotations

import threading

from logkeep.timeline import Clock

_EVERY_MS = 60_000


class Refusals:
    """Bounded by the number of users: all names that nobody has are one. Safe from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[str, tuple[int, int]] = {}  # user: when last, and how many since

    def count(self, user: str) -> int:
        """How many to tell of now, this one and those before it; 0 when it has to wait."""
        now = self._clock()
        with self._lock:
            last, since = self._told.get(user, (now - _EVERY_MS, 0))
            if now - last < _EVERY_MS:
                self._told[user] = (last, since + 1)
                return 0
            self._told[user] = (now, 0)
            return since + 1
