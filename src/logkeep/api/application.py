"""The HTTP application: routes and error shapes."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from logkeep.api import compat_mezmo, problems
from logkeep.api.services import Services
from logkeep.api.v1 import accounts, archive, ingest, restores, search
from logkeep.errors import LogkeepError


async def healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


ROUTES = [
    Route("/healthz", healthz),
    Route("/v1/ingest", ingest.ingest, methods=["POST"]),
    Route("/logs/ingest", compat_mezmo.ingest, methods=["POST"]),
    Route("/v1/search", search.get_records),
    Route("/v1/histogram", search.get_histogram),
    Route("/v1/fields", search.get_fields),
    Route("/v1/archive/objects", archive.list_objects),
    Route("/v1/archive/status", archive.get_status),
    Route("/v1/archive/seal", archive.seal, methods=["POST"]),
    Route("/v1/restores", restores.list_restores, methods=["GET"]),
    Route("/v1/restores", restores.create_restore, methods=["POST"]),
    Route("/v1/restores/plan", restores.plan_restore, methods=["POST"]),
    Route("/v1/restores/{id}", restores.get_restore, methods=["GET"]),
    Route("/v1/restores/{id}", restores.delete_restore, methods=["DELETE"]),
    Route("/v1/restores/{id}/abort", restores.abort_restore, methods=["POST"]),
    Route("/v1/accounts", accounts.list_accounts, methods=["GET"]),
    Route("/v1/accounts", accounts.create_account, methods=["POST"]),
]


def build_api(services: Services) -> Starlette:
    """The application over these services. It owns none of them."""
    application = Starlette(
        routes=ROUTES,
        exception_handlers={
            LogkeepError: problems.answer_error,
            HTTPException: problems.answer_http_exception,
            Exception: problems.answer_defect,
        },
    )
    application.state.services = services
    return application
