"""Requests that are cut off by the end of the server."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logkeep.api.problems import answer_error
from logkeep.errors import Overloaded


class AnswerCancelled:
    """Middleware that answers a request which is cancelled: only the server's end does that, to requests
    that have not come to theirs in time. Whether what they asked for is done, nobody knows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def noted(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if began:
                raise
            error = Overloaded("the server stops", hint="see what became of this request, then repeat it")
            await (await answer_error(Request(scope), error))(scope, receive, send)
