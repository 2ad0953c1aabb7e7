"""Retention: live lines go when they are older than is kept, counted from receipt, in whole days."""

from __future__ import annotations

from collections.abc import Mapping

from logkeep.index.live import DAY_MS, LiveLines
from logkeep.timeline import Clock


def drop_expired(
    live: LiveLines, *, retention_s: int, of_accounts: Mapping[str, int], clock: Clock
) -> list[int]:
    """Drop lines whose day of receipt has been over for as long as they are kept: `retention_s`, or what
    `of_accounts` has for their account (shorter or longer; 0 stands for `retention_s`).

    Returns the days that went whole. Idempotent; does nothing where nothing has expired.
    """
    now = clock()
    own = {account: seconds for account, seconds in of_accounts.items() if seconds}
    dropped = live.drop_before(now - max([retention_s, *own.values()]) * 1000)
    for day in live.days():
        over_s = (now - (day + 1) * DAY_MS) / 1000
        if over_s >= retention_s:
            live.drop_lines(day, [a for a, seconds in own.items() if over_s < seconds], all_but=True)
        elif expired := [a for a, seconds in own.items() if over_s >= seconds]:
            live.drop_lines(day, expired)
    return dropped
