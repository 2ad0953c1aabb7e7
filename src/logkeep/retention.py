"""Retention: live lines go when they are older than the server keeps them, counted from receipt."""

from __future__ import annotations

from logkeep.index.live import LiveLines
from logkeep.timeline import Clock


def drop_expired(live: LiveLines, *, retention_s: int, clock: Clock) -> list[int]:
    """Drop whole days of receipt that are over for longer than the retention. Returns the days."""
    return live.drop_before(clock() - retention_s * 1000)
