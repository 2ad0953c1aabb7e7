"""GET /v1/restores/events and /v1/restores/{id}/events: restores as they change, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from logkeep.api.access import still_admitted
from logkeep.api.answers import Asker, asker
from logkeep.api.callers import Caller
from logkeep.api.lasting import always, while_allowed
from logkeep.api.v1.restore_shown import Shown, shown_seen
from logkeep.restore.seen import Seen
from logkeep.restore.watch import Watcher

HEARTBEAT_S = 15.0
# Whether the client may still see what it sees is asked when it comes again, so it has to.
LONGEST_S = 600.0
_AGAIN_MS = 2000  # after how long a client comes again that was cut off


async def watch_restore(request: Request) -> Response:
    """One restore, until it has ended."""
    by = asker(request)
    restore = await run_in_threadpool(by.services.catalog.restores.get, request.path_params["id"])
    return _events(request, by, by.services.restore_watches.watch(restore.id, who=by.caller.actor))


async def watch_restores(request: Request) -> Response:
    """All that the caller sees and that have not ended."""
    by = asker(request)
    visible = partial(may_watch, by.caller)
    watcher = by.services.restore_watches.watch(who=by.caller.actor, visible=visible)
    return _events(request, by, watcher)


def _events(request: Request, by: Asker, watcher: Watcher) -> EventsResponse:
    return EventsResponse(watcher, partial(shown_seen, by), allowed=partial(still_admitted, request))


def may_watch(caller: Caller, seen: Seen) -> bool:
    """As access.py has it: one that is sent into a pipeline is seen by those who see both."""
    return all(map(caller.sees, {seen.restore.source, *seen.destination_accounts}))


class EventsResponse(StreamingResponse):
    """Streams what a watcher gets, and closes it however the response ends. It ends with the watcher, and
    after a while of its own accord."""

    def __init__(
        self,
        watcher: Watcher,
        show: Callable[[Seen], Shown],
        *,
        heartbeat_s: float = HEARTBEAT_S,
        longest_s: float = LONGEST_S,
        allowed: Callable[[], bool] = always,
    ) -> None:
        super().__init__(
            _parts(watcher, show, heartbeat_s),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._watcher = watcher
        self._longest_s = longest_s
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        end = asyncio.get_running_loop().call_later(self._longest_s, self._watcher.close)
        async with while_allowed(self._allowed, self._watcher.close):
            with self._watcher:
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    end.cancel()


async def _parts(watcher: Watcher, show: Callable[[Seen], Shown], heartbeat_s: float) -> AsyncIterator[bytes]:
    yield f"retry: {_AGAIN_MS}\n\n".encode()
    while True:
        try:
            async with asyncio.timeout(heartbeat_s):
                seen = await anext(watcher)
        except StopAsyncIteration:
            return
        except TimeoutError:
            yield b":\n\n"  # a comment
            continue
        yield b"event: restore\ndata: " + msgspec.json.encode(show(seen)) + b"\n\n"
