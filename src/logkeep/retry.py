"""Trying again, in one place: only what may heal by itself, a few times, ever later, and not for long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from logkeep.errors import LogkeepError

T = TypeVar("T")

# Two requests that hang until they time out (60 s) fit in, and four do not.
_WITHIN_S = 100.0


def retrying(
    call: Callable[[], T],
    *,
    attempts: int = 4,
    backoff_s: float = 0.2,
    within_s: float = _WITHIN_S,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
    clock_s: Callable[[], float] = time.monotonic,
) -> T:
    """What `call` returns, called at most `attempts` times, and not again once `within_s` have passed.

    Only errors that say `retryable` are tried again; the last one is raised. The pause doubles from
    `backoff_s` and is stretched by up to half at random, so that many callers do not come back at once.
    """
    end_s = clock_s() + within_s
    for attempt in range(attempts - 1):
        try:
            return call()
        except LogkeepError as error:
            if not error.retryable or clock_s() >= end_s:
                raise
        sleep(backoff_s * 2**attempt * (1 + jitter() / 2))
    return call()
