"""GET /v1/audit: who changed what, newest first."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import bounded, whole_number
from logkeep.catalog.values import AuditEntry
from logkeep.timeline import iso

_MOST = 1000


async def list_entries(request: Request) -> Response:
    """`before` is the id of an entry: only older ones are listed. It is null after the last page."""
    services = admitted(request)
    limit = bounded(request, "limit", 100, most=_MOST)
    before = whole_number(request, "before", 0) or None
    entries = await run_in_threadpool(services.catalog.audit.list, limit, before)
    more = len(entries) == limit
    return answer({"entries": [_shown(one) for one in entries], "before": entries[-1].id if more else None})


def _shown(entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": iso(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
    }
