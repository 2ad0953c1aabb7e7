"""Restores as the API shows them. Of a connection and a webhook nothing secret is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from logkeep.api.answers import Asker
from logkeep.api.callers import Caller
from logkeep.api.v1.restore_bodies import without_path
from logkeep.catalog.people import Role
from logkeep.catalog.values import OnLimit, Partial, Restore, RestoreProblem, RestoreState
from logkeep.restore.desk import undelete_until
from logkeep.restore.preview import Preview
from logkeep.restore.seen import Seen
from logkeep.timeline import iso

Shown = dict[str, object]

_ALMOST = 0.99
_LIMIT = "the limit of "  # as restore/carry.py says that it is reached


def shown(by: Asker, restore: Restore) -> Shown:
    """One restore."""
    return all_shown(by, [restore])[0]


def all_shown(by: Asker, restores: Sequence[Restore]) -> list[Shown]:
    """Several, in their order."""
    return [shown_seen(by, one) for one in by.services.restores.seen(restores)]


def shown_preview(preview: Preview, caller: Caller) -> Shown:
    """A plan with lines that the restore would bring, and how many more it might. The server's disk is an
    administrator's matter; others are told whether there is room."""
    plan = preview.plan
    return {
        "objects": plan.objects,
        "unknown_objects": plan.unknown_objects,
        "blocks": plan.blocks,
        "blocks_ruled_out": plan.blocks_ruled_out,
        "lines": plan.lines,
        "bytes": plan.bytes,
        "raw_bytes": plan.raw_bytes,
        "exact": plan.exact,
        "filter_bytes": plan.filter_bytes,
        "requests": plan.requests,
        "chunks": len(plan.chunks),
        "seconds": round(plan.seconds, 2),
        "frozen": asdict(plan.frozen),
        "hits": preview.hits,
        "sampled_lines": preview.sampled_lines,
        "needed_bytes": preview.needed_bytes,
        "fits": preview.fits,
        "free_bytes": preview.free_bytes if caller.role is Role.ADMIN else None,
        "sample": preview.sample,
    }


def shown_problem(problem: RestoreProblem) -> Shown:
    return {
        "key": problem.key,
        "offset": problem.offset,
        "reason": problem.reason,
        "sample": problem.sample,
        "target": problem.target,
    }


def shown_seen(by: Asker, seen: Seen) -> Shown:
    """A restore as it was seen a moment ago."""
    restore, position = seen.restore, _position(by, seen)
    return {
        "id": restore.id,
        "name": restore.name,
        "reason": restore.reason,
        "created_by": restore.created_by,
        "created_by_name": seen.created_by_name,
        "state": restore.state,
        "position": position,
        "paused_for": _paused_for(restore),
        "partial": restore.partial or None,
        "account": restore.shown_account,
        "source": restore.source,
        "archive": restore.archive,
        "from": iso(restore.from_ms),
        "to": iso(restore.to_ms),
        "query": restore.query,
        "planned": {
            "objects": restore.planned_objects,
            "lines": restore.planned_lines,
            "bytes": restore.planned_bytes,
            "raw_bytes": restore.planned_raw_bytes,
        },
        "progress": _progress(restore, position, seen.events_per_s),
        "lines": restore.lines,
        "bytes": restore.bytes,
        "read_bytes": restore.read_bytes,
        "text_bytes": restore.text_bytes,
        "duplicates": restore.duplicates,
        "skip_damaged": restore.skip_damaged,
        "skipped_objects": restore.skipped_objects,
        "skipped_lines": restore.skipped_lines,
        "textless_lines": seen.textless_lines,
        "limit_lines": restore.limit_lines,
        "limit_bytes": restore.limit_bytes,
        "on_limit": restore.on_limit,
        "thaw": restore.thaw,
        "frozen_objects": restore.frozen_objects,
        "files": dict(restore.files) or None,
        "files_folder": restore.account if restore.files else "",
        "files_written": restore.files_written,
        "destination": _destination(restore),
        "rate": restore.rate,
        "sent": restore.sent,
        "storage_bytes": seen.storage_bytes,
        "notify_url": without_path(restore.notify_url) if restore.notify_url else "",
        "notify_email": restore.notify_email,
        "created_at": iso(restore.created_at),
        "started_at": _moment(restore.started_at),
        "finished_at": _moment(restore.finished_at),
        "deleted_at": _moment(restore.deleted_at),
        "undelete_until": _moment(undelete_until(restore)),
        "expires_at": _moment(restore.expires_at),
        "expires_in_s": _expires_in(restore, by.services.clock()),
        "expiry_s": restore.expiry_s,
        "text_index": restore.text_index,
        "error": restore.error or None,
    }


def _position(by: Asker, seen: Seen) -> int | None:
    """Its place in the queue of all accounts. To those who do not see all, 1 stands for any but the first."""
    place = seen.position
    return place if by.caller.accounts is None or not place else 1


def _destination(restore: Restore) -> Shown | None:
    """The pipeline that it is sent into."""
    if not restore.pipeline:
        return None
    return {"pipeline": restore.pipeline, "source": restore.pipeline_source}


def _progress(restore: Restore, position: int | None, events_per_s: float | None) -> Shown:
    """How far it is, how fast it goes or went, and the time left if the rest goes as what is done did. Of one
    that goes into a pipeline `share` counts loading as a half, sending as the other, and the time left is
    known when it is being sent."""
    share = _share(restore)
    runs = position == 0
    timed = runs or restore.finished_at
    took_s = restore.worked_ms / 1000 if timed else 0.0
    left = took_s * (1 - share) / share if runs and took_s and share else None
    if restore.pipeline:
        left = (restore.lines - restore.sent) / events_per_s if runs and events_per_s else None
        share = _share_of_pipeline(restore, share)
    return {
        "bytes": restore.bytes,
        "raw_bytes": restore.planned_raw_bytes,
        "share": round(share, 4),
        "lines": restore.lines,
        "bytes_per_s": round(restore.bytes / took_s) if took_s else None,
        "events_per_s": None if events_per_s is None else round(events_per_s, 1),
        "seconds_left": None if left is None else round(max(0.0, left), 1),
    }


def _share(restore: Restore) -> float:
    """By stored bytes: of objects without a manifest nobody knows the raw ones before they are read. All of
    it only once all is there: what was cut off at a limit was read, too."""
    if restore.state in (RestoreState.ACTIVE, RestoreState.DONE) and restore.partial is Partial.NO:
        return 1.0
    return min(_ALMOST, restore.read_bytes / restore.planned_bytes) if restore.planned_bytes else 0.0


def _share_of_pipeline(restore: Restore, loaded: float) -> float:
    if restore.state is RestoreState.DONE:
        return loaded
    if not restore.sent:
        return loaded / 2
    return min(_ALMOST, 0.5 + restore.sent / restore.lines / 2) if restore.lines else 0.5


def _paused_for(restore: Restore) -> str | None:
    if restore.state is not RestoreState.PAUSED:
        return None
    reached = (
        0 < restore.limit_lines <= restore.lines,
        0 < restore.limit_bytes <= restore.text_bytes,
        restore.error.startswith(_LIMIT),  # the next line may be longer than the room that is left
    )
    if restore.on_limit is OnLimit.ASK and any(reached):
        return "limit"
    return "error" if restore.error else "request"


def _expires_in(restore: Restore, now: int) -> int | None:
    if restore.state is not RestoreState.ACTIVE or not restore.expires_at:
        return None
    return max(0, restore.expires_at - now) // 1000


def _moment(ms: int) -> str | None:
    return iso(ms) if ms else None
