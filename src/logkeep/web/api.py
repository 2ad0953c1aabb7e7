"""The API as pages call it: in this process, as the person who is signed in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from logkeep.api.callers import SCOPE_KEY, Caller
from logkeep.web.problem import problem_of

# Nobody else's requests come this way, so it is the API that decides how long an answer may take.
_TIMEOUT = httpx.Timeout(None)
_BASE = "http://logkeep.invalid"


class Api:
    """Requests to the API with a caller's rights and no others. What it answers with an error is raised as
    a Problem."""

    def __init__(self, app: ASGIApp, caller: Caller) -> None:
        async def as_caller(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, SCOPE_KEY: caller}, receive, send)

        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(as_caller), base_url=_BASE, timeout=_TIMEOUT, trust_env=False
        )

    async def get(self, path: str, **params: Any) -> Any:
        """What GET answers. Parameters that are None or "" are left out; `from_` stands for `from`."""
        return await self.call("GET", path, params=params)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **params: Any) -> Any:
        return await self.call("POST", path, params=params, body=body or {})

    async def put(self, path: str, body: Mapping[str, Any], **params: Any) -> Any:
        return await self.call("PUT", path, params=params, body=body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self.call("PATCH", path, body=body)

    async def delete(self, path: str, **params: Any) -> Any:
        return await self.call("DELETE", path, params=params)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What it answers, decoded where it is JSON (a list of NDJSON's lines), else as text. Raises Problem.

        The answer is held in memory as a whole: what may be large (exports, downloads, tails) browsers
        get from the API themselves."""
        if body is not None:
            content = json.dumps(body).encode()
            headers = {"Content-Type": "application/json", **(headers or {})}
        answer = await self._http.request(
            method, path, params=_given(params or {}), content=content, headers=headers
        )
        kind = answer.headers.get("content-type", "").partition(";")[0]
        decoded = _decoded(kind, answer)
        if answer.status_code >= 400:
            raise problem_of(answer.status_code, decoded if isinstance(decoded, dict) else {})
        return decoded


def _decoded(kind: str, answer: httpx.Response) -> Any:
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in answer.content.splitlines() if line]
    return json.loads(answer.content) if kind.endswith("json") else answer.text


def _given(params: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """As the API reads them: flags in small letters, `from_` as `from`, nothing of what is not given. What
    is a list or a tuple is given several times."""
    return {
        name.removesuffix("_"): [_text(one) for one in value]
        if isinstance(value, list | tuple)
        else _text(value)
        for name, value in params.items()
        if value is not None and value != ""
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
