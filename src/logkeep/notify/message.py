"""Message: what a notice says of a restore, as JSON for programs and as fields of a template for people."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from logkeep.catalog.values import Notice, Partial, Restore, RestoreState
from logkeep.notify.template import one_line
from logkeep.timeline import iso

_PAGE = "/v1/restores/"  # of a restore, below the server's public URL
_LIMIT = "the limit of "  # as restore/carry.py says that it is reached
_OUTCOMES = {
    RestoreState.PAUSED: "is paused",
    RestoreState.ACTIVE: "is ready",
    RestoreState.DONE: "is done",
    RestoreState.ABORTED: "was stopped",
    RestoreState.FAILED: "has failed",
}
_IN_PART = {
    Partial.LIMIT: " in part, as its limit was reached",
    Partial.ABORTED: " in part, as it was stopped",
}
_KEPT = (RestoreState.ACTIVE, RestoreState.DONE)


def event_of(restore: Restore) -> str:
    """Such as `restore.active`."""
    return f"restore.{restore.state.lower()}"


def notice_id(notice: Notice) -> str:
    """What tells two notices apart, also those of two servers; the same at every try."""
    return f"{notice.restore_id}-{notice.id}"


def waits(restore: Restore) -> bool:
    """Whether it is PAUSED by a limit or an error, and not on request."""
    return restore.state is RestoreState.PAUSED and bool(restore.error)


def url_of(restore: Restore, public_url: str) -> str:
    return f"{public_url.rstrip('/')}{_PAGE}{restore.id}" if public_url else ""


def fields_of(restore: Restore, public_url: str) -> Mapping[str, str]:
    """What a template may name (template.FIELDS), each as one line. Nothing left out leaves both counts of
    what was left out empty."""
    left_out = restore.skipped_objects or restore.skipped_lines
    values = {
        "id": restore.id,
        "name": restore.name,
        "event": event_of(restore),
        "state": restore.state.value,
        "outcome": _outcome(restore),
        "account": restore.shown_account,
        "source": restore.source,
        "from": iso(restore.from_ms),
        "to": iso(restore.to_ms),
        "query": restore.query,
        "lines": f"{restore.lines:,}",
        "bytes": f"{restore.bytes:,}",
        "duplicates": f"{restore.duplicates:,}",
        "partial": restore.partial.value,
        "skipped_objects": f"{restore.skipped_objects:,}" if left_out else "",
        "skipped_lines": f"{restore.skipped_lines:,}" if left_out else "",
        "error": restore.error,
        "reason": restore.reason,
        "created_by": restore.created_by,
        "created_at": _time(restore.created_at) or "",
        "started_at": _time(restore.started_at) or "",
        "finished_at": _time(restore.finished_at) or "",
        "expires_at": _time(restore.expires_at) or "",
        "url": url_of(restore, public_url),
    }
    return {name: one_line(text) for name, text in values.items()}


def document(notice: Notice, restore: Restore, *, public_url: str, text: str) -> bytes:
    """The JSON body of a webhook. `text` are the words that an e-mail would have."""
    told = {
        "event": event_of(restore),
        "notice": notice_id(notice),
        "at": iso(notice.created_at),
        "restore": {
            "id": restore.id,
            "name": encodable(restore.name),
            "state": restore.state.value,
            "account": restore.shown_account,
            "source": restore.source,
            "from": iso(restore.from_ms),
            "to": iso(restore.to_ms),
            "query": encodable(restore.query),
            "lines": restore.lines,
            "bytes": restore.bytes,
            "duplicates": restore.duplicates,
            "partial": restore.partial.value or None,
            "skipped_objects": restore.skipped_objects,
            "skipped_lines": restore.skipped_lines,
            "error": encodable(restore.error) or None,
            "reason": encodable(restore.reason) or None,
            "created_by": restore.created_by or None,
            "created_at": _time(restore.created_at),
            "started_at": _time(restore.started_at),
            "finished_at": _time(restore.finished_at),
            "expires_at": _time(restore.expires_at),
            "url": url_of(restore, public_url) or None,
        },
        "text": encodable(text),
    }
    return msgspec.json.encode(told)


def encodable(text: str) -> str:
    """The text, with half of a surrogate pair (of a file's name, say) spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _outcome(restore: Restore) -> str:
    if waits(restore):
        at_limit = restore.error.startswith(_LIMIT)
        return "waits, as its limit is reached" if at_limit else "waits, as an error stopped it"
    in_part = _IN_PART.get(restore.partial, "") if restore.state in _KEPT else ""
    return _OUTCOMES.get(restore.state, f"is {restore.state}") + in_part


def _time(ms: int) -> str | None:
    return iso(ms) if ms else None
