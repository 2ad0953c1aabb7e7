"""Requests to an ASGI application, without a server."""

from __future__ import annotations

import asyncio

import httpx
from starlette.types import ASGIApp


def get(application: ASGIApp, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(ask())
