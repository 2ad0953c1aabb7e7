"""Trying again, in one place: only what may heal by itself, a few times, ever later."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from logkeep.errors import LogkeepError

T = TypeVar("T")


def retrying(
    call: Callable[[], T],
    *,
    attempts: int = 4,
    backoff_s: float = 0.2,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> T:
    """What `call` returns, called at most `attempts` times.

    Only errors that say `retryable` are tried again; the last one is raised. The pause doubles from
    `backoff_s` and is stretched by up to half at random, so that many callers do not come back at once.
    """
    for attempt in range(attempts - 1):
        try:
            return call()
        except LogkeepError as error:
            if not error.retryable:
                raise
        sleep(backoff_s * 2**attempt * (1 + jitter() / 2))
    return call()
