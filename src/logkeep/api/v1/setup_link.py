"""POST /v1/setup-link: another link that makes the first administrator, while there is none."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, answer, asker
from logkeep.errors import Conflict
from logkeep.firststart import SETUP_LINK_LASTS_MS, new_setup_link
from logkeep.timeline import iso


async def create_setup_link(request: Request) -> Response:
    return answer(await run_in_threadpool(_create, asker(request)), status=201)


def _create(by: Asker) -> dict[str, object]:
    now = by.services.clock()
    link = new_setup_link(by.services.catalog, "", now)
    if not link:
        raise Conflict("there is a user already", hint="have users made by: logkeep user add")
    by.note("user.setup-link", "")
    return {"link": link, "link_expires_at": iso(now + SETUP_LINK_LASTS_MS)}
