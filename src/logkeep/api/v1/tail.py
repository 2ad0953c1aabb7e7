"""GET /v1/tail: an account's lines as they are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from logkeep.api.access import still_admitted
from logkeep.api.answers import asker
from logkeep.api.lasting import CHECK_S, always, while_allowed
from logkeep.api.v1.viewing import line_document, viewing
from logkeep.catalog.values import AccountKind
from logkeep.errors import Conflict
from logkeep.query.parse import parse
from logkeep.tail import Watcher

HEARTBEAT_S = 15.0

Show: TypeAlias = Callable[[bytes], bytes]
"""What a canonical line is sent as, with its newline."""


async def tail(request: Request) -> Response:
    """Canonical lines, and an empty one where none came for a while; with `marks` or `cut` each as the
    `record` of an object. `{"missed": n}` stands for lines that the client was too slow for. Ends when the
    client goes, or the server, or soon after the caller lost the right to it."""
    services, caller = asker(request)
    query = request.query_params
    account = await run_in_threadpool(services.catalog.accounts.get, query.get("account", "main"))
    if account.kind is not AccountKind.LIVE:
        raise Conflict(f"account {account.id!r} is a restored one, which takes no lines in")
    node = parse(query.get("query", ""))
    view = viewing(request, node)
    shown = partial(line_document, view=view) if view.asked else None
    watcher = services.tails.watch(account.id, node, who=caller.actor)
    return TailResponse(watcher, shown=shown, allowed=partial(still_admitted, request))


class TailResponse(StreamingResponse):
    """Streams what a watcher gets, and closes it however the response ends."""

    def __init__(
        self,
        watcher: Watcher,
        *,
        shown: Show | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        allowed: Callable[[], bool] = always,
        check_s: float = CHECK_S,
    ) -> None:
        super().__init__(_parts(watcher, shown, heartbeat_s), media_type="application/x-ndjson")
        self._watcher = watcher
        self._allowed = allowed
        self._check_s = check_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with while_allowed(self._allowed, self._watcher.close, every_s=self._check_s):
            with self._watcher:
                await super().__call__(scope, receive, send)


async def _parts(watcher: Watcher, shown_as: Show | None, heartbeat_s: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(heartbeat_s):
                shown = await anext(watcher)
        except StopAsyncIteration:
            return
        except TimeoutError:
            yield b"\n"
            continue
        if shown.missed:
            yield msgspec.json.encode({"missed": shown.missed}) + b"\n"
        yield b"".join(map(shown_as, shown.lines) if shown_as else shown.lines)
