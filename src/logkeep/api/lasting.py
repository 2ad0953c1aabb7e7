"""Answers that go on and on end when their caller may not have them any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool

CHECK_S = 15.0


def always() -> bool:
    return True


@asynccontextmanager
async def while_allowed(
    allowed: Callable[[], bool], close: Callable[[], None], *, every_s: float = CHECK_S
) -> AsyncIterator[None]:
    """`close` is called, once, when `allowed` says no within the block. It is asked in a thread."""

    async def check() -> None:
        while await run_in_threadpool(allowed):
            await asyncio.sleep(every_s)
        close()

    checking = asyncio.create_task(check())
    try:
        yield
    finally:
        checking.cancel()
