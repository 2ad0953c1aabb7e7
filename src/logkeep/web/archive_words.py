"""Archives in words, the same on every page that shows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Archive = Mapping[str, Any]

_SWITCHED = {"on": "on", "paused": "paused", "off": "off"}
_HEALTH = {
    "failing": ("failing", "bad"),
    "differs": ("counts differ", "bad"),
    "late": ("late", "warn"),
}


def name_of(archive: Archive) -> str:
    """What people call it."""
    return str(archive["title"] or archive["id"])


def state_of(archive: Archive) -> tuple[str, str]:
    """(word, tone) of a badge: how it does if that is not well, else how it is switched."""
    if archive["layout"]:
        return "read only", "idle"
    status = archive["status"]
    if status and status["state"] in _HEALTH:
        return _HEALTH[status["state"]]
    return _SWITCHED[archive["state"]], {"on": "ok", "paused": "warn"}.get(archive["state"], "idle")


def check_of(archive: Archive, kind: str) -> Mapping[str, Any] | None:
    """The last result of its verify or drill."""
    return next((one for one in archive["checks"] if one["kind"] == kind), None)
