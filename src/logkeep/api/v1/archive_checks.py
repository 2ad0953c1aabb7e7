"""Verify and drill of an archive: their last results, and running one now."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import Asker, admitted, answer, asker, with_bucket
from logkeep.api.services import Services
from logkeep.api.v1.archive_shown import shown_check
from logkeep.catalog.values import Check, CheckKind


async def list_checks(request: Request) -> Response:
    services = admitted(request)
    checks = await run_in_threadpool(_of_archive, services, request.path_params["id"])
    return answer({"checks": [shown_check(one, report=True) for one in checks]})


async def verify(request: Request) -> Response:
    return await _run(request, CheckKind.VERIFY)


async def drill(request: Request) -> Response:
    return await _run(request, CheckKind.DRILL)


async def _run(request: Request, kind: CheckKind) -> Response:
    """Answers when it is done, which may take minutes."""
    check = await with_bucket(request, _checked, asker(request), request.path_params["id"], kind)
    return answer(shown_check(check, report=True))


def _of_archive(services: Services, archive: str) -> list[Check]:
    services.catalog.archives.get(archive)
    checks = services.catalog.checks
    return [checks.get(archive, one.kind) for one in checks.list(archive)]


def _checked(by: Asker, archive: str, kind: CheckKind) -> Check:
    check = by.services.checks.run(archive, kind)
    by.note(f"archive.{kind}", archive, ok=check.ok, summary=check.summary)
    return check
