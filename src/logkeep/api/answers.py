"""What the admin endpoints share: letting the right people in, and answering in JSON."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import require_admin
from logkeep.api.services import Services


def admitted(request: Request) -> Services:
    """The services, for a request with an admin token. Raises Unauthorized or Forbidden."""
    services: Services = request.app.state.services
    require_admin(request, services.catalog.keys)
    return services


def answer(content: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
