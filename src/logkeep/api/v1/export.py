"""GET /v1/export: all lines of a live or restored account, a range and a query, as one download."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anyio import CapacityLimiter, WouldBlock
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from logkeep.api.v1.search import asked
from logkeep.catalog.values import Account
from logkeep.errors import Overloaded
from logkeep.restore.export import EXPORT_FORMATS, NDJSON, TEXT, Pieces, export

EXPORTS_AT_ONCE = 4  # each holds some pages of lines in memory and a thread while it makes the next


async def get_export(request: Request) -> Response:
    """The lines, oldest first, as they are read. What goes wrong before the first is a problem document;
    after that the answer is cut off, so that nobody takes it for complete."""
    services, account, scope = await asked(request)
    form = request.query_params.get("format", NDJSON)
    pieces = export(services.engine, scope, format=form, work=services.settings.data / "work" / "export")
    limiter: CapacityLimiter = request.app.state.exports
    borrower = object()
    try:
        limiter.acquire_on_behalf_of_nowait(borrower)
    except WouldBlock:
        raise Overloaded(
            f"{EXPORTS_AT_ONCE} other exports run", retry_after=30, hint="try again when one has ended"
        ) from None
    try:
        first = await run_in_threadpool(next, pieces, b"")
    except BaseException:
        limiter.release_on_behalf_of(borrower)
        raise
    return ExportResponse(
        first,
        pieces,
        lambda: limiter.release_on_behalf_of(borrower),
        media_type=EXPORT_FORMATS[form],
        headers={"Content-Disposition": f'attachment; filename="{_file_name(account, form)}"'},
    )


class ExportResponse(StreamingResponse):
    """Streams an export, and gives its place free however the response ends."""

    def __init__(
        self,
        first: bytes,
        pieces: Pieces,
        ended: Callable[[], None],
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        super().__init__(_all(first, pieces), media_type=media_type, headers=headers)
        self._pieces = pieces
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()
            self._ended()


def _all(first: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield first
    yield from pieces


def _file_name(account: Account, form: str) -> str:
    """Ids of accounts are letters, digits and dashes."""
    return f"{account.id}.{'log' if form == TEXT else form}"
