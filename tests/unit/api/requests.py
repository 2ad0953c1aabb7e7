"""Requests as a server hands them to the application."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import Message


def request(
    *chunks: bytes, headers: Mapping[str, str] | None = None, query: str = "", disconnect: bool = False
) -> Request:
    """A request with this body; `disconnect` has the client go away before its end."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append(
        {"type": "http.disconnect"}
        if disconnect
        else {"type": "http.request", "body": b"", "more_body": False}
    )

    async def receive() -> Message:
        return messages.pop(0)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/ingest",
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()
        ],
    }
    return Request(scope, receive)
