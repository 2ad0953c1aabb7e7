"""GET /v1/audit: who changed what, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import bounded, whole_number
from logkeep.api.services import Services
from logkeep.catalog.values import AuditEntry
from logkeep.timeline import iso

_MOST = 1000


async def list_entries(request: Request) -> Response:
    """`before` is the id of an entry: only older ones are listed. It is null after the last page."""
    services = admitted(request)
    limit = bounded(request, "limit", 100, most=_MOST)
    before = whole_number(request, "before", 0) or None
    return answer(await run_in_threadpool(_page, services, limit, before))


def shown_entries(services: Services, entries: Sequence[AuditEntry]) -> list[dict[str, object]]:
    """Entries with the names of those who did it. Waits for the catalog."""
    names = services.catalog.actors.names({one.actor for one in entries})
    return [_shown(one, names.get(one.actor, "")) for one in entries]


def _page(services: Services, limit: int, before: int | None) -> dict[str, object]:
    entries = services.catalog.audit.list(limit, before)
    more = len(entries) == limit
    return {"entries": shown_entries(services, entries), "before": entries[-1].id if more else None}


def _shown(entry: AuditEntry, name: str) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": iso(entry.at),
        "actor": entry.actor,
        "actor_name": name,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
    }
