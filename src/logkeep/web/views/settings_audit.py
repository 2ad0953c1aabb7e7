"""Settings > Audit log: who changed what, newest first."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.web.visit import Visit, page

_PAGE = 100


async def show_audit(visit: Visit) -> Response:
    found = await visit.api.get("/v1/audit", limit=_PAGE, before=visit.param("before"))
    return visit.render(
        "settings/audit.html",
        entries=[{**one, "said": _said(one["details"])} for one in found["entries"]],
        older=found["before"],
        first=not visit.param("before"),
    )


def _said(details: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values; nothing of what is empty."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in details.items()
        if value not in ("", None, [], {})
    ]


ROUTES: list[BaseRoute] = [page("/settings/audit", show_audit, role=Role.ADMIN)]
