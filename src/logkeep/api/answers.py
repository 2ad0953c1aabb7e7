"""What the admin endpoints share: letting the right people in, answering in JSON, the audit log."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.auth import require_admin
from logkeep.api.services import Services


class Admin(NamedTuple):
    """An administrator's request: what it may use, and by which key it came."""

    services: Services
    key_id: str

    def note(self, action: str, subject: str, **details: object) -> None:
        """Write a change into the audit log, once it is done. `details` hold nothing secret. Waits for the
        disk, so it is called from a thread."""
        services = self.services
        services.catalog.audit.add(services.clock(), self.key_id, action, subject, details)


def admitted(request: Request) -> Services:
    """The services, for a request with an admin token. Raises Unauthorized or Forbidden."""
    return administrator(request).services


def administrator(request: Request) -> Admin:
    """The same, with who asks: for requests that change something."""
    services: Services = request.app.state.services
    return Admin(services, require_admin(request, services.catalog.keys).id)


def answer(content: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
