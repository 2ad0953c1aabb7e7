"""GET /v1/export: all lines of a live or restored account, a range and a query, as one download."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.download import attachment, download
from logkeep.api.v1.search import asked
from logkeep.catalog.values import Account
from logkeep.restore.export import EXPORT_FORMATS, NDJSON, TEXT, export

EXPORTS_AT_ONCE = 4  # each holds some pages of lines in memory and a thread while it makes the next


async def get_export(request: Request) -> Response:
    """The lines, oldest first, as they are read."""
    services, account, scope = await asked(request)
    form = request.query_params.get("format", NDJSON)
    pieces = export(services.engine, scope, format=form, work=services.settings.data / "work" / "export")
    return await download(
        pieces,
        request.app.state.exports,
        media_type=EXPORT_FORMATS[form],
        headers={"Content-Disposition": attachment(_file_name(account, form))},
    )


def _file_name(account: Account, form: str) -> str:
    """Ids of accounts are letters, digits and dashes."""
    return f"{account.id}.{'log' if form == TEXT else form}"
