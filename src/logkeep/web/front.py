"""Which requests are the API's and which the web app's."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

API_PREFIX = "/v1/"


class Front:
    """One ASGI application of two: the API answers below /v1/ and on `api_paths`, the web app elsewhere."""

    def __init__(self, api: ASGIApp, site: ASGIApp, api_paths: Iterable[str]) -> None:
        self._api = api
        self._site = site
        self._paths = frozenset(path for path in api_paths if not path.startswith(API_PREFIX))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path.startswith(API_PREFIX) or path in self._paths:
            await self._api(scope, receive, send)
        else:
            await self._site(scope, receive, send)
