"""Archives as the API shows them. A secret is never more than its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from logkeep.api.answers import Asker
from logkeep.api.services import Services
from logkeep.archiver import ArchiveStatus
from logkeep.catalog.objects import NOTHING, Totals
from logkeep.catalog.values import Archive, ArchiveObject, Check, Target
from logkeep.errors import BadSetting
from logkeep.storage.connection import masked
from logkeep.storage.providers import PROVIDERS
from logkeep.timeline import hour_start, iso

# What people choose from when they restore.
_OWN = "Archive"
_PIPELINES = "Pipeline archive"


@dataclass(frozen=True, kw_only=True)
class _Beside:
    """What is known of an archive beside its settings."""

    targets: Sequence[Target]
    totals: Totals
    newest: ArchiveObject | None  # tells how far it is
    checks: Sequence[Check]
    status: ArchiveStatus | None  # none when it was made this very moment


def shown(services: Services, archive_id: str) -> dict[str, object]:
    """One archive. Raises NotFound."""
    catalog = services.catalog
    archive = catalog.archives.get(archive_id)
    beside = _Beside(
        targets=catalog.archives.targets(archive_id),
        totals=catalog.objects.totals(archive_id),
        newest=catalog.objects.newest(archive_id),
        checks=catalog.checks.list(archive_id),
        status=next((one for one in services.archiver.status() if one.archive == archive_id), None),
    )
    return _archive(services, archive, beside)


def all_shown(by: Asker, account: str) -> list[dict[str, object]]:
    """The archives of one account and of its pipelines, or all that the caller sees. Raises NotFound for an
    account that is not there.

    Asks the catalog as often for hundreds as for one.
    """
    services = by.services
    if account:
        by.view.account(account)
    found = [
        one
        for one in services.catalog.archives.list()
        if account in ("", one.account) and by.caller.sees(one.account)
    ]
    beside = _beside_all(services)
    return [_archive(services, one, beside[one.id]) for one in found if one.id in beside]


def _beside_all(services: Services) -> Mapping[str, _Beside]:
    catalog = services.catalog
    totals, newest = catalog.objects.totals_of_all(), catalog.objects.newest_of_all()
    statuses = {one.archive: one for one in services.archiver.status()}
    checks: dict[str, list[Check]] = {}
    for one in catalog.checks.list():
        checks.setdefault(one.archive, []).append(one)
    return {
        archive: _Beside(
            targets=targets,
            totals=totals.get(archive, NOTHING),
            newest=newest.get(archive),
            checks=checks.get(archive, ()),
            status=statuses.get(archive),
        )
        for archive, targets in catalog.archives.targets_of_all().items()
    }


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


def shown_totals(totals: Totals) -> dict[str, int]:
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


def _archive(services: Services, archive: Archive, beside: _Beside) -> dict[str, object]:
    current = next(one for one in beside.targets if one.id == archive.target)
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
        "targets": [_target(one, current) for one in beside.targets],
        "status": shown_status(beside.status) if beside.status else None,
        "totals": shown_totals(beside.totals),
        "newest": _newest(beside.newest),
        "checks": [shown_check(one) for one in beside.checks],
    }


def _newest(one: ArchiveObject | None) -> dict[str, object] | None:
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
