"""The HTTP application: routes and error shapes."""

from __future__ import annotations

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from logkeep.api import compat_mezmo, health, problems
from logkeep.api.access import (
    administrators,
    everybody,
    members,
    of_account,
    of_archive,
    of_asked_account,
    of_key,
    of_restore,
    of_rule,
)
from logkeep.api.answers import BUCKET_CALLS
from logkeep.api.ending import AnswerCancelled
from logkeep.api.services import Services
from logkeep.api.v1 import (
    accounts,
    archive,
    archive_checks,
    archive_days,
    archive_hours,
    archive_object,
    archive_search,
    archives,
    audit,
    export,
    ingest,
    keys,
    layouts,
    me,
    otlp,
    pipeline_ingest,
    pipelines,
    providers,
    query,
    restore_events,
    restore_history,
    restores,
    rules,
    search,
    setup_link,
    tail,
    tokens,
    users,
)
from logkeep.catalog.people import Role
from logkeep.errors import LogkeepError

# Handlers of one path stand together; of two paths that fit, the first counts. Each but those of ingest keys
# and of anybody has a guard (access.py).
ROUTES = [
    *health.ROUTES,
    Route("/v1/ingest", ingest.ingest, methods=["POST"]),
    Route("/logs/ingest", compat_mezmo.ingest, methods=["POST"]),
    Route("/otel/ingest/rest", compat_mezmo.ingest, methods=["POST"]),  # the OpenTelemetry Collector's
    Route("/v1/logs", otlp.export_logs, methods=["POST"]),
    Route("/v1/search", of_asked_account(search.get_records)),
    Route("/v1/surrounding", of_asked_account(search.get_surrounding)),
    Route("/v1/query", everybody(query.get_query)),
    Route("/v1/histogram", of_asked_account(search.get_histogram)),
    Route("/v1/fields", of_asked_account(search.get_fields)),
    Route("/v1/export", of_asked_account(export.get_export, Role.MEMBER)),
    Route("/v1/tail", of_asked_account(tail.tail)),
    Route("/v1/archive/objects", everybody(archive.list_objects)),
    Route("/v1/archive/status", everybody(archive.get_status)),
    Route("/v1/archive/seal", members(archive.seal), methods=["POST"]),
    Route("/v1/providers", everybody(providers.list_providers)),
    Route("/v1/archives", everybody(archives.list_archives), methods=["GET"]),
    Route("/v1/archives", administrators(archives.create_archive), methods=["POST"]),
    Route("/v1/layouts", everybody(layouts.list_layouts)),
    Route("/v1/archives/detect", administrators(layouts.detect_layout), methods=["POST"]),
    Route("/v1/archives/test", administrators(archives.test_connection), methods=["POST"]),
    Route("/v1/archives/grant", administrators(archives.grant_for_connection), methods=["POST"]),
    Route("/v1/archives/{id}", of_archive(archives.get_archive), methods=["GET"]),
    Route("/v1/archives/{id}", administrators(archives.change_archive), methods=["PATCH"]),
    Route("/v1/archives/{id}", administrators(archives.remove_archive), methods=["DELETE"]),
    Route("/v1/archives/{id}/test", of_archive(archives.test_archive, Role.MEMBER), methods=["POST"]),
    Route("/v1/archives/{id}/grant", of_archive(archives.get_grant, Role.MEMBER)),
    Route("/v1/archives/{id}/start", administrators(archives.start_archive), methods=["POST"]),
    Route("/v1/archives/{id}/pause", administrators(archives.pause_archive), methods=["POST"]),
    Route("/v1/archives/{id}/stop", administrators(archives.stop_archive), methods=["POST"]),
    Route("/v1/archives/{id}/forget-secrets", administrators(archives.forget_secrets), methods=["POST"]),
    Route("/v1/archives/{id}/backfill", administrators(archives.backfill), methods=["POST"]),
    Route("/v1/archives/{id}/search", of_archive(archive_search.search_archive)),
    Route("/v1/archives/{id}/seal", of_archive(archive.seal_archive, Role.MEMBER), methods=["POST"]),
    Route("/v1/archives/{id}/objects", of_archive(archive.list_objects_of_archive)),
    Route("/v1/archives/{id}/hours", of_archive(archive_hours.list_hours)),
    Route("/v1/archives/{id}/days", of_archive(archive_days.list_days)),
    Route("/v1/archives/{id}/object", of_archive(archive_object.get_object)),
    Route("/v1/archives/{id}/object/lines", of_archive(archive_object.list_lines)),
    Route("/v1/archives/{id}/object/content", of_archive(archive_object.get_content, Role.MEMBER)),
    Route("/v1/archives/{id}/checks", of_archive(archive_checks.list_checks)),
    Route("/v1/archives/{id}/verify", of_archive(archive_checks.verify, Role.MEMBER), methods=["POST"]),
    Route("/v1/archives/{id}/drill", of_archive(archive_checks.drill, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores", everybody(restore_history.list_restores), methods=["GET"]),
    Route("/v1/restores", members(restores.create_restore), methods=["POST"]),
    Route("/v1/restores/plan", members(restores.plan_restore), methods=["POST"]),
    Route("/v1/restores/counts", everybody(restore_history.count_restores), methods=["GET"]),
    Route("/v1/restores/events", everybody(restore_events.watch_restores), methods=["GET"]),
    Route("/v1/restores/{id}", of_restore(restores.get_restore), methods=["GET"]),
    Route("/v1/restores/{id}/events", of_restore(restore_events.watch_restore), methods=["GET"]),
    Route("/v1/restores/{id}", of_restore(restores.delete_restore, Role.MEMBER), methods=["DELETE"]),
    Route("/v1/restores/{id}/pause", of_restore(restores.pause_restore, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores/{id}/resume", of_restore(restores.resume_restore, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores/{id}/abort", of_restore(restores.abort_restore, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores/{id}/extend", of_restore(restores.extend_restore, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores/{id}/retry", of_restore(restores.retry_restore, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores/{id}/undelete", of_restore(restores.undelete_restore, Role.MEMBER), methods=["POST"]),
    Route("/v1/restores/{id}/audit", of_restore(restore_history.list_entries), methods=["GET"]),
    Route("/v1/restores/{id}/problems", of_restore(restores.list_problems), methods=["GET"]),
    Route("/v1/accounts", everybody(accounts.list_accounts), methods=["GET"]),
    Route("/v1/accounts", administrators(accounts.create_account), methods=["POST"]),
    Route("/v1/accounts/{id}", of_account(accounts.get_account), methods=["GET"]),
    Route("/v1/accounts/{id}", administrators(accounts.change_account), methods=["PATCH"]),
    Route("/v1/accounts/{id}", administrators(accounts.delete_account), methods=["DELETE"]),
    Route("/v1/accounts/{id}/keys", of_account(keys.list_keys, Role.MEMBER), methods=["GET"]),
    Route("/v1/accounts/{id}/keys", of_account(keys.create_key, Role.MEMBER), methods=["POST"]),
    Route("/v1/keys/{id}", of_key(keys.revoke_key), methods=["DELETE"]),
    Route("/v1/admin-tokens", administrators(keys.list_admin_tokens), methods=["GET"]),
    Route("/v1/admin-tokens", administrators(keys.create_admin_token, tokens=False), methods=["POST"]),
    Route("/v1/accounts/{id}/rules", of_account(rules.list_rules), methods=["GET"]),
    Route("/v1/accounts/{id}/rules", of_account(rules.create_rule, Role.MEMBER), methods=["POST"]),
    Route("/v1/accounts/{id}/rules/preview", of_account(rules.preview_rule, Role.MEMBER), methods=["POST"]),
    Route("/v1/rules/{id}", of_rule(rules.get_rule), methods=["GET"]),
    Route("/v1/rules/{id}", of_rule(rules.change_rule, Role.MEMBER), methods=["PATCH"]),
    Route("/v1/rules/{id}", of_rule(rules.delete_rule, Role.MEMBER), methods=["DELETE"]),
    *pipelines.ROUTES,
    Route("/v1/pipelines/{id}/ingest", pipeline_ingest.ingest, methods=["POST"]),
    Route("/v1/me", everybody(me.get_me)),
    Route("/v1/sessions", everybody(me.list_sessions), methods=["GET"]),
    Route("/v1/sessions/{id}", everybody(me.end_session, tokens=False), methods=["DELETE"]),
    Route("/v1/tokens", everybody(tokens.list_tokens), methods=["GET"]),
    Route("/v1/tokens", everybody(tokens.create_token, tokens=False), methods=["POST"]),
    Route("/v1/tokens/{id}", everybody(tokens.revoke_token, tokens=False), methods=["DELETE"]),
    Route("/v1/users", administrators(users.list_users), methods=["GET"]),
    Route("/v1/users", administrators(users.create_user, tokens=False), methods=["POST"]),
    Route("/v1/users/{id}", administrators(users.get_user), methods=["GET"]),
    Route("/v1/users/{id}", administrators(users.change_user, tokens=False), methods=["PATCH"]),
    Route("/v1/users/{id}", administrators(users.delete_user, tokens=False), methods=["DELETE"]),
    Route("/v1/users/{id}/invite", administrators(users.invite_user, tokens=False), methods=["POST"]),
    Route("/v1/setup-link", administrators(setup_link.create_setup_link, tokens=False), methods=["POST"]),
    Route("/v1/audit", administrators(audit.list_entries)),
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
    application.state.downloads = CapacityLimiter(archive_object.DOWNLOADS_AT_ONCE)
    return application
