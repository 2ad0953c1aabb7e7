"""Archives in words, the same on every page that shows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logkeep.web.shown import span

Archive = Mapping[str, Any]

_SWITCHED = {"on": "on", "paused": "paused", "off": "off"}
_HEALTH = {
    "failing": ("failing", "bad"),
    "differs": ("counts differ", "bad"),
    "late": ("late", "warn"),
}
# Of those that are switched on: tone, what is added to that, and what becomes of lines meanwhile.
_TROUBLES = {
    "failing": (
        "bad",
        "and fails",
        "Nothing can be written. What comes waits here until that works; it is tried again by itself.",
    ),
    "late": (
        "paused",
        "and late",
        "Hours that are due are not written yet. What comes waits here meanwhile.",
    ),
    "differs": (
        "bad",
        "and counts differ",
        "Of some hours another number of lines is archived than was accepted.",
    ),
}
_SWITCHES = {
    "on": "What comes is written into the bucket, {after}.",
    "paused": "What comes waits in the spool, and nothing is written.",
    "off": "What comes is not archived here.",
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


def switch_of(archive: Archive) -> tuple[str, str, str]:
    """(tone, heading, sentence): how it is switched, and what keeps it from doing as it is told."""
    if archive["layout"]:
        said = "It is searched in place and restored from, and nothing is ever written to it."
        return "off", "Only read: another system's archive", said
    state = archive["state"]
    trouble = _TROUBLES.get(archive["status"]["state"]) if archive["status"] and state == "on" else None
    if trouble:
        tone, word, said = trouble
        return tone, f"Archiving is on, {word}", said
    after = f"an hour {span(archive['seal_after'])} after its end"
    return state, f"Archiving is {state}", _SWITCHES[state].format(after=after)


def check_of(archive: Archive, kind: str) -> Mapping[str, Any] | None:
    """The last result of its verify or drill."""
    return next((one for one in archive["checks"] if one["kind"] == kind), None)
