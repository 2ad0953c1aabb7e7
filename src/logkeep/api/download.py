"""Answers that are files: sent as they are read, a few at once, cut off where they cannot be whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from urllib.parse import quote

from anyio import CapacityLimiter, WouldBlock
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from logkeep.errors import Overloaded

Pieces = Generator[bytes, None, None]


async def download(
    pieces: Pieces, limiter: CapacityLimiter, *, media_type: str, headers: Mapping[str, str]
) -> StreamingResponse:
    """The pieces as an answer. What goes wrong before the first is raised; after that the answer is cut off,
    so that nobody takes it for complete. Raises Overloaded while all places of the limiter are taken."""
    borrower = object()
    try:
        limiter.acquire_on_behalf_of_nowait(borrower)
    except WouldBlock:
        most = int(limiter.total_tokens)
        raise Overloaded(
            f"{most} other downloads run", retry_after=30, hint="try again when one has ended"
        ) from None
    place = _Place(limiter, borrower, pieces)
    try:
        first = await run_in_threadpool(next, pieces, b"")
    except BaseException:
        place.leave()
        raise
    return _Download(first, place, media_type=media_type, headers=headers)


def attachment(name: str) -> str:
    """The Content-Disposition of a file to be saved under this name, whatever characters it has."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name)
    other = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{other}'


class _Place:
    def __init__(self, limiter: CapacityLimiter, borrower: object, pieces: Pieces) -> None:
        self._limiter = limiter
        self._borrower = borrower
        self.pieces = pieces

    def leave(self) -> None:
        self.pieces.close()
        self._limiter.release_on_behalf_of(self._borrower)


class _Download(StreamingResponse):
    """Gives its place free however it ends."""

    def __init__(self, first: bytes, place: _Place, *, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(_all(first, place.pieces), media_type=media_type, headers=headers)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.leave()


def _all(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces
