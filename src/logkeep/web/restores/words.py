"""Restores in words, the same on every page that shows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logkeep.plurals import plural
from logkeep.web.shown import NOTHING, count, instant, size, span

Restore = Mapping[str, Any]

AT_WORK = ("IN_PROGRESS", "THAWING")
NOT_ENDED = (*AT_WORK, "PAUSED")
# In the order in which they are offered to choose from.
STATES: Mapping[str, str] = {
    "IN_PROGRESS": "running or waiting",
    "THAWING": "thawing",
    "PAUSED": "paused",
    "ACTIVE": "active",
    "DONE": "done",
    "FAILED": "failed",
    "ABORTED": "aborted",
    "EXPIRED": "expired",
    "DELETED": "deleted",
}
ON_LIMIT: Mapping[str, str] = {
    "keep": "end, and keep what came",
    "fail": "fail",
    "ask": "pause, and ask",
}
THAW: Mapping[str, str] = {"bulk": "bulk", "standard": "standard", "expedited": "expedited"}
_TONES = {
    "IN_PROGRESS": "run",
    "THAWING": "run",
    "PAUSED": "warn",
    "ACTIVE": "ok",
    "DONE": "ok",
    "FAILED": "bad",
}
_ACTIONS: Mapping[str, str] = {
    "create": "asked for it",
    "pause": "paused it",
    "resume": "had it go on",
    "abort": "aborted it",
    "extend": "extended it",
    "retry": "had it tried again",
    "delete": "deleted its account",
    "undelete": "brought its account back",
}


def badge(restore: Restore) -> tuple[str, str]:
    """(word, tone) of its state."""
    state = restore["state"]
    if state == "IN_PROGRESS" and restore["position"] != 0:
        return "waiting", "idle"
    word = "running" if state == "IN_PROGRESS" else STATES[state]
    return f"{word}, in part" if restore["partial"] and state in ("ACTIVE", "DONE") else word, _tone(state)


def phase(restore: Restore) -> str:
    """What its page is drawn for: restores.js has it drawn anew when this is another one."""
    turn, sending = restore["position"] == 0, restore["progress"]["events_per_s"] is not None
    parts = (restore["state"], turn, sending, bool(restore["frozen_objects"]), bool(restore["error"]))
    return " ".join(str(part) for part in parts)


def sentence(restore: Restore) -> str:
    """What it is doing, or why it does nothing."""
    match restore["state"]:
        case "IN_PROGRESS":
            return _in_progress(restore)
        case "PAUSED":
            return _paused(restore)
        case "THAWING":
            frozen = plural(restore["frozen_objects"], "object")
            return (
                f"What can be read is restored. {frozen} in cold storage and asked for: "
                "it goes on by itself when they can be read, which may take hours."
            )
        case "ACTIVE":
            return "Its lines can be searched like those of any account, until it expires."
        case "DONE":
            return _done(restore)
        case "FAILED":
            return "Nothing of it is kept. It can be tried again, as it was planned."
        case "ABORTED":
            sent = f" {plural(restore['sent'], 'line')} had been sent." if restore["sent"] else ""
            return f"It was stopped, and what came went.{sent}"
        case "EXPIRED":
            return "Its time was over, and its lines are gone. They are still in the archive."
        case "DELETED" if restore["undelete_until"]:
            return "Its account was deleted. For an hour it can be brought back."
        case _:
            return "It was deleted, and its lines are gone. They are still in the archive."


def partly(restore: Restore) -> str:
    """Why it does not hold all that was asked for; "" where it does."""
    if restore["state"] not in ("ACTIVE", "DONE", "IN_PROGRESS"):
        return ""
    match restore["partial"]:
        case "limit":
            return f"It ended at its limit of {limit(restore)}, so there may be more in the archive."
        case "aborted":
            return "It was ended before all had come, so there is more in the archive."
        case _:
            return ""


def limit(restore: Restore) -> str:
    """How much it may bring; "" for no limit."""
    parts = [plural(restore["limit_lines"], "line")] if restore["limit_lines"] else []
    parts += [f"{size(restore['limit_bytes'])} of text"] if restore["limit_bytes"] else []
    return " or ".join(parts)


def destination(restore: Restore) -> str:
    """Where its lines go: `account`, `files` or `pipeline`."""
    if restore["destination"]:
        return "pipeline"
    return "files" if restore["files"] else "account"


def rate(restore: Restore) -> str:
    """How fast it goes."""
    progress = restore["progress"]
    if progress["events_per_s"] is not None:
        return f"{count(progress['events_per_s'])} lines/s"
    return NOTHING if progress["bytes_per_s"] is None else f"{size(progress['bytes_per_s'])}/s"


def took(restore: Restore) -> float | None:
    """Seconds from its first step to its end; None for one that has not ended, or never begun."""
    begun, ended = instant(restore["started_at"]), instant(restore["finished_at"])
    return (ended - begun).total_seconds() if begun and ended else None


def place(files: Mapping[str, str]) -> str:
    """Where files are, as their options say it."""
    shown = [files.get(name, "") for name in ("bucket", "container", "path", "prefix")]
    return "/".join(part for part in shown if part)


def home(restore: Restore) -> str:
    """Its page."""
    return f"{section(destination(restore) == 'pipeline')}/{restore['id']}"


def section(into_pipeline: bool) -> str:
    """The page of the history that it is in."""
    return "/archiving/pipeline-restoration" if into_pipeline else "/archiving/restore"


def done_what(entry: Mapping[str, Any]) -> str:
    """What an entry of the audit log says that somebody did."""
    verb = str(entry["action"]).partition(".")[2]
    said, details = _ACTIONS.get(verb, verb), entry["details"]
    if verb == "abort" and details.get("keep"):
        return "ended it, and kept what came"
    if verb == "extend":
        return f"kept it for {span(details.get('expiry_s'))} from then on"
    if verb == "resume" and details:
        return f"had it go on, with {_new_limits(details)}"
    return said


def _new_limits(details: Mapping[str, Any]) -> str:
    lines, of_text = details.get("limit_lines"), details.get("limit_bytes")
    parts = []
    if lines is not None:
        parts.append(f"a limit of {plural(lines, 'line')}" if lines else "no limit of lines")
    if of_text is not None:
        parts.append(f"a limit of {size(of_text)} of text" if of_text else "no limit of text")
    return " and ".join(parts)


def _tone(state: str) -> str:
    return _TONES.get(state, "idle")


def _in_progress(restore: Restore) -> str:
    if restore["error"]:
        return f"It is tried again by itself: {restore['error']}"
    if restore["position"] is None or restore["position"] > 0:
        return "It waits for its turn: others run."
    if restore["progress"]["events_per_s"] is not None:
        return f"Its lines are on their way into the pipeline {restore['destination']['pipeline']}."
    if restore["frozen_objects"]:
        frozen = plural(restore["frozen_objects"], "object")
        return f"It reads what can be read; {frozen} in cold storage and asked for."
    searchable = " What has come can be searched already." if restore["account"] else ""
    return f"It reads the archive.{searchable}"


def _paused(restore: Restore) -> str:
    match restore["paused_for"]:
        case "limit":
            return (
                f"It has reached its limit of {limit(restore)}. Give it more, or end it and keep what came."
            )
        case "error":
            return "An error did not pass, so it waits. What came is kept, and it can go on."
        case _:
            return "Somebody paused it. What came is kept."


def _done(restore: Restore) -> str:
    if restore["destination"]:
        lines, pipeline = plural(restore["sent"], "line"), restore["destination"]["pipeline"]
        return f"{lines} went into the pipeline {pipeline}."
    written = restore["files_written"]
    return f"{plural(written, 'file')} {'is' if written == 1 else 'are'} written."
