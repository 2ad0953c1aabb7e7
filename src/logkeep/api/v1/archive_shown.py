"""Archives as the API shows them. A secret is never more than its name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from logkeep.api.answers import Asker
from logkeep.api.services import Services
from logkeep.archiver import ArchiveStatus
from logkeep.catalog.values import Archive, Check, Target
from logkeep.errors import BadSetting
from logkeep.storage.connection import masked
from logkeep.storage.providers import PROVIDERS
from logkeep.timeline import hour_start, iso

# What people choose from when they restore.
_OWN = "Archive"
_PIPELINES = "Pipeline archive"


def shown(services: Services, archive_id: str) -> dict[str, object]:
    """One archive. Raises NotFound."""
    archive = services.catalog.archives.get(archive_id)
    statuses = {one.archive: one for one in services.archiver.status()}
    return _archive(services, archive, statuses)


def all_shown(by: Asker, account: str) -> list[dict[str, object]]:
    """The archives of one account and of its pipelines, or all that the caller sees. Raises NotFound for an
    account that is not there."""
    services = by.services
    archives = services.catalog.archives
    if account:
        by.view.account(account)
    statuses = {one.archive: one for one in services.archiver.status()}
    found = [one for one in archives.list() if account in ("", one.account) and by.caller.sees(one.account)]
    return [_archive(services, archive, statuses) for archive in found]


def shown_status(status: ArchiveStatus) -> dict[str, object]:
    return {
        "state": status.state,
        "alarm": status.alarm,
        "lag_s": status.lag_s,
        "open_hours": [
            {
                "hour": iso(hour_start(one.hour)),
                "lines": one.lines,
                "bytes": one.bytes,
                "due_at": iso(one.due_at),
            }
            for one in status.open_hours
        ],
        "waiting_lines": status.waiting_lines,
        "waiting_bytes": status.waiting_bytes,
        "last_error": status.last_error,
        "next_try": _moment(status.next_try or 0),
        "differences": [
            {"hour": iso(hour_start(one.hour)), "accepted": one.accepted, "archived": one.archived}
            for one in status.differences
        ],
    }


def shown_totals(services: Services, archive_id: str) -> dict[str, int]:
    totals = services.catalog.objects.totals(archive_id)
    return {
        "objects": totals.objects,
        "archived_lines": totals.lines,
        "archived_raw_bytes": totals.raw_bytes,
        "archived_bytes": totals.stored_bytes,
    }


def shown_check(check: Check, *, report: bool = False) -> dict[str, object]:
    summary = {
        "archive": check.archive,
        "kind": check.kind,
        "at": iso(check.at),
        "ok": check.ok,
        "summary": check.summary,
    }
    return {**summary, "report": msgspec.Raw(check.report or b"null")} if report else summary


def _archive(
    services: Services, archive: Archive, statuses: Mapping[str, ArchiveStatus]
) -> dict[str, object]:
    catalog = services.catalog
    targets = catalog.archives.targets(archive.id)
    current = next(one for one in targets if one.id == archive.target)
    status = statuses.get(archive.id)  # none when it was made this very moment
    return {
        "id": archive.id,
        "account": archive.account,
        "title": archive.title,
        "pipeline": archive.pipeline,
        "label": _PIPELINES if archive.pipeline else _OWN,
        "state": archive.state,
        "rank": archive.rank,
        "query": archive.query,
        "with_excluded": archive.with_excluded,
        "seal_after": archive.seal_after_s,
        "late_sweep": archive.late_sweep_s,
        "max_object_bytes": archive.max_object_bytes,
        "compression_level": archive.compression_level,
        "verify_every": archive.verify_every_s,
        "drill_every": archive.drill_every_s,
        "layout": archive.layout,
        "layout_options": dict(archive.layout_options),
        "origin": archive.origin,
        "created_at": iso(archive.created_at),
        "place": current.place,
        **_connection(services, current),
        "targets": [_target(one, current) for one in targets],
        "status": shown_status(status) if status else None,
        "totals": shown_totals(services, archive.id),
        "newest": _newest(services, archive.id),
        "checks": [shown_check(one) for one in catalog.checks.list(archive.id)],
    }


def _newest(services: Services, archive_id: str) -> dict[str, object] | None:
    """What tells how far the archive is."""
    one = services.catalog.objects.newest(archive_id)
    if one is None:
        return None
    return {"hour": iso(hour_start(one.hour)), "sealed_at": iso(one.sealed_at), "lines": one.lines}


def _connection(services: Services, target: Target) -> dict[str, object]:
    """How it is reached. Secrets that no key of the server opens are told by the error."""
    shown: dict[str, object] = {"provider": target.provider, "options": dict(target.options)}
    try:
        shown |= masked(services.archives.buckets.connection(target)) | {"secrets_error": None}
    except BadSetting as error:
        shown |= {"secrets": {}, "secrets_error": str(error)}
    return {**shown, "external_id": _external_id(services, target)}


def _external_id(services: Services, target: Target) -> str | None:
    """What a role is to be told, for providers that have roles."""
    if PROVIDERS[target.provider].field_named("external_id") is None:
        return None
    return target.options.get("external_id") or services.archives.external_id(target.account)


def _target(target: Target, current: Target) -> dict[str, object]:
    return {
        "id": target.id,
        "place": target.place,
        "provider": target.provider,
        "created_at": iso(target.created_at),
        "marked_at": _moment(target.marked_at),
        "current": target.id == current.id,
    }


def _moment(ms: int) -> str | None:
    return iso(ms) if ms else None
