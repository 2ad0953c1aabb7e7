"""The HTTP application: routes and error shapes."""

from __future__ import annotations

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from logkeep.api import compat_mezmo, health, problems
from logkeep.api.answers import BUCKET_CALLS
from logkeep.api.ending import AnswerCancelled
from logkeep.api.services import Services
from logkeep.api.v1 import (
    accounts,
    archive,
    archive_checks,
    archive_hours,
    archive_search,
    archives,
    audit,
    export,
    ingest,
    keys,
    pipeline_ingest,
    pipelines,
    providers,
    restores,
    rules,
    search,
    tail,
)
from logkeep.errors import LogkeepError

# Handlers of one path stand together; of two paths that fit, the first counts.
ROUTES = [
    *health.ROUTES,
    Route("/v1/ingest", ingest.ingest, methods=["POST"]),
    Route("/logs/ingest", compat_mezmo.ingest, methods=["POST"]),
    Route("/v1/search", search.get_records),
    Route("/v1/histogram", search.get_histogram),
    Route("/v1/fields", search.get_fields),
    Route("/v1/export", export.get_export),
    Route("/v1/tail", tail.tail),
    Route("/v1/archive/objects", archive.list_objects),
    Route("/v1/archive/status", archive.get_status),
    Route("/v1/archive/seal", archive.seal, methods=["POST"]),
    Route("/v1/providers", providers.list_providers),
    Route("/v1/archives", archives.list_archives, methods=["GET"]),
    Route("/v1/archives", archives.create_archive, methods=["POST"]),
    Route("/v1/archives/test", archives.test_connection, methods=["POST"]),
    Route("/v1/archives/grant", archives.grant_for_connection, methods=["POST"]),
    Route("/v1/archives/{id}", archives.get_archive, methods=["GET"]),
    Route("/v1/archives/{id}", archives.change_archive, methods=["PATCH"]),
    Route("/v1/archives/{id}", archives.remove_archive, methods=["DELETE"]),
    Route("/v1/archives/{id}/test", archives.test_archive, methods=["POST"]),
    Route("/v1/archives/{id}/grant", archives.get_grant),
    Route("/v1/archives/{id}/start", archives.start_archive, methods=["POST"]),
    Route("/v1/archives/{id}/pause", archives.pause_archive, methods=["POST"]),
    Route("/v1/archives/{id}/stop", archives.stop_archive, methods=["POST"]),
    Route("/v1/archives/{id}/forget-secrets", archives.forget_secrets, methods=["POST"]),
    Route("/v1/archives/{id}/backfill", archives.backfill, methods=["POST"]),
    Route("/v1/archives/{id}/search", archive_search.search_archive),
    Route("/v1/archives/{id}/seal", archive.seal_archive, methods=["POST"]),
    Route("/v1/archives/{id}/objects", archive.list_objects_of_archive),
    Route("/v1/archives/{id}/hours", archive_hours.list_hours),
    Route("/v1/archives/{id}/checks", archive_checks.list_checks),
    Route("/v1/archives/{id}/verify", archive_checks.verify, methods=["POST"]),
    Route("/v1/archives/{id}/drill", archive_checks.drill, methods=["POST"]),
    Route("/v1/restores", restores.list_restores, methods=["GET"]),
    Route("/v1/restores", restores.create_restore, methods=["POST"]),
    Route("/v1/restores/plan", restores.plan_restore, methods=["POST"]),
    Route("/v1/restores/{id}", restores.get_restore, methods=["GET"]),
    Route("/v1/restores/{id}", restores.delete_restore, methods=["DELETE"]),
    Route("/v1/restores/{id}/pause", restores.pause_restore, methods=["POST"]),
    Route("/v1/restores/{id}/resume", restores.resume_restore, methods=["POST"]),
    Route("/v1/restores/{id}/abort", restores.abort_restore, methods=["POST"]),
    Route("/v1/restores/{id}/extend", restores.extend_restore, methods=["POST"]),
    Route("/v1/restores/{id}/retry", restores.retry_restore, methods=["POST"]),
    Route("/v1/restores/{id}/undelete", restores.undelete_restore, methods=["POST"]),
    Route("/v1/restores/{id}/problems", restores.list_problems, methods=["GET"]),
    Route("/v1/accounts", accounts.list_accounts, methods=["GET"]),
    Route("/v1/accounts", accounts.create_account, methods=["POST"]),
    Route("/v1/accounts/{id}", accounts.get_account, methods=["GET"]),
    Route("/v1/accounts/{id}", accounts.change_account, methods=["PATCH"]),
    Route("/v1/accounts/{id}", accounts.delete_account, methods=["DELETE"]),
    Route("/v1/accounts/{id}/keys", keys.list_keys, methods=["GET"]),
    Route("/v1/accounts/{id}/keys", keys.create_key, methods=["POST"]),
    Route("/v1/keys/{id}", keys.revoke_key, methods=["DELETE"]),
    Route("/v1/admin-tokens", keys.list_admin_tokens, methods=["GET"]),
    Route("/v1/admin-tokens", keys.create_admin_token, methods=["POST"]),
    Route("/v1/accounts/{id}/rules", rules.list_rules, methods=["GET"]),
    Route("/v1/accounts/{id}/rules", rules.create_rule, methods=["POST"]),
    Route("/v1/accounts/{id}/rules/preview", rules.preview_rule, methods=["POST"]),
    Route("/v1/rules/{id}", rules.get_rule, methods=["GET"]),
    Route("/v1/rules/{id}", rules.change_rule, methods=["PATCH"]),
    Route("/v1/rules/{id}", rules.delete_rule, methods=["DELETE"]),
    *pipelines.ROUTES,
    Route("/v1/pipelines/{id}/ingest", pipeline_ingest.ingest, methods=["POST"]),
    Route("/v1/audit", audit.list_entries),
]


def build_api(services: Services) -> Starlette:
    """The application over these services. It owns none of them."""
    application = Starlette(
        routes=ROUTES,
        exception_handlers={
            LogkeepError: health.answer_counted,
            HTTPException: problems.answer_http_exception,
            Exception: problems.answer_defect,
        },
    )
    application.add_middleware(AnswerCancelled)
    application.state.services = services
    application.state.bucket_calls = CapacityLimiter(BUCKET_CALLS)
    application.state.exports = CapacityLimiter(export.EXPORTS_AT_ONCE)
    return application
