"""Restores in words."""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.web.restores import words
from logkeep.web.shown import NOTHING

RESTORE: dict[str, Any] = {
    "id": "42",
    "state": "IN_PROGRESS",
    "position": 0,
    "paused_for": None,
    "partial": None,
    "account": "r-x-42",
    "destination": None,
    "files": None,
    "files_written": 0,
    "sent": 0,
    "error": None,
    "frozen_objects": 0,
    "limit_lines": 0,
    "limit_bytes": 0,
    "undelete_until": None,
    "created_by": "k-1",
    "created_by_name": "",
    "started_at": None,
    "finished_at": None,
    "progress": {"events_per_s": None, "bytes_per_s": None},
}
INTO_WEB = {"destination": {"pipeline": "web", "source": "back"}, "account": ""}


def restore(**changes: Any) -> dict[str, Any]:
    return {**RESTORE, **changes}


@pytest.mark.parametrize(
    ("changes", "badge"),
    [
        ({}, ("running", "run")),
        ({"position": 2}, ("waiting", "idle")),
        ({"position": None}, ("waiting", "idle")),
        ({"state": "ACTIVE"}, ("active", "ok")),
        ({"state": "ACTIVE", "partial": "limit"}, ("active, in part", "ok")),
        ({"state": "DONE", "partial": "aborted"}, ("done, in part", "ok")),
        ({"state": "FAILED", "partial": "limit"}, ("failed", "bad")),
        ({"state": "PAUSED"}, ("paused", "warn")),
        ({"state": "EXPIRED"}, ("expired", "idle")),
    ],
)
def test_a_state_is_a_word(changes: dict[str, Any], badge: tuple[str, str]) -> None:
    assert words.badge(restore(**changes)) == badge


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({}, "It reads the archive. What has come can be searched already."),
        (INTO_WEB, "It reads the archive."),
        (
            {**INTO_WEB, "progress": {"events_per_s": 2.0, "bytes_per_s": 1}},
            "on their way into the pipeline web",
        ),
        ({"position": 3}, "waits for its turn"),
        ({"frozen_objects": 2}, "2 objects in cold storage"),
        ({"error": "no answer"}, "tried again by itself: no answer"),
        ({"state": "PAUSED", "paused_for": "request"}, "Somebody paused it"),
        ({"state": "PAUSED", "paused_for": "limit", "limit_lines": 150}, "its limit of 150 lines"),
        ({"state": "PAUSED", "paused_for": "error"}, "did not pass"),
        ({"state": "THAWING", "frozen_objects": 1}, "1 object in cold storage"),
        ({"state": "ACTIVE"}, "until it expires"),
        ({"state": "DONE", **INTO_WEB, "sent": 1200}, "1,200 lines went into the pipeline web."),
        ({"state": "DONE", "files": {"format": "parquet"}, "files_written": 3}, "3 files are written."),
        ({"state": "DONE", "files": {"format": "parquet"}, "files_written": 1}, "1 file is written."),
        ({"state": "FAILED"}, "tried again"),
        ({"state": "ABORTED"}, "what came went."),
        ({"state": "ABORTED", **INTO_WEB, "sent": 5}, "5 lines had been sent."),
        ({"state": "DELETED"}, "its lines are gone"),
        ({"state": "DELETED", "undelete_until": "2026-11-30T09:00:00.000Z"}, "can be brought back"),
        ({"state": "EXPIRED"}, "Its time was over"),
    ],
)
def test_a_sentence_says_what_it_does_or_why_it_does_nothing(changes: dict[str, Any], part: str) -> None:
    assert part in words.sentence(restore(**changes))


def test_a_page_is_drawn_anew_when_it_would_say_something_else() -> None:
    sending = {"events_per_s": 2.0, "bytes_per_s": 1}
    changed: list[dict[str, Any]] = [
        {"position": 1},
        {"progress": sending},
        {"frozen_objects": 1},
        {"error": "x"},
        {"state": "PAUSED"},
    ]
    phases = [words.phase(restore(**changes)) for changes in ({}, *changed)]
    assert phases[0] == "IN_PROGRESS True False False False"
    assert len(set(phases)) == len(phases)
    assert words.phase(restore(lines=5)) == phases[0]


def test_what_is_not_whole_says_why() -> None:
    assert words.partly(restore(state="ACTIVE")) == ""
    assert "limit of 5 lines" in words.partly(restore(state="ACTIVE", partial="limit", limit_lines=5))
    assert "ended before all" in words.partly(restore(state="DONE", partial="aborted"))
    assert words.partly(restore(state="EXPIRED", partial="limit")) == ""


def test_a_limit_is_of_lines_or_of_text() -> None:
    assert words.limit(restore()) == ""
    assert words.limit(restore(limit_lines=1, limit_bytes=2 << 30)) == "1 line or 2.0 GiB of text"


def test_each_is_at_home_where_its_lines_go() -> None:
    assert words.home(restore()) == "/archiving/restore/42"
    assert words.home(restore(files={"format": "ndjson"})) == "/archiving/restore/42"
    assert words.home(restore(**INTO_WEB)) == "/archiving/pipeline-restoration/42"


@pytest.mark.parametrize(
    ("action", "details", "said"),
    [
        ("restore.create", {"account": "main"}, "asked for it"),
        ("restore.abort", {"keep": True}, "ended it, and kept what came"),
        ("restore.abort", {"keep": False}, "aborted it"),
        ("restore.extend", {"expiry_s": 86_400}, "kept it for 1 d from then on"),
        ("restore.resume", {}, "had it go on"),
        ("restore.resume", {"limit_lines": 0}, "had it go on, with no limit of lines"),
        (
            "restore.resume",
            {"limit_lines": 9, "limit_bytes": 1024},
            "had it go on, with a limit of 9 lines and a limit of 1.0 KiB of text",
        ),
        ("restore.undelete", {}, "brought its account back"),
        ("restore.forgotten", {}, "forgotten"),
    ],
)
def test_the_audit_log_is_read_aloud(action: str, details: dict[str, Any], said: str) -> None:
    assert words.done_what({"action": action, "details": details}) == said


def test_how_fast_it_goes_is_told_in_what_it_does() -> None:
    assert words.rate(restore()) == NOTHING
    assert words.rate(restore(progress={"events_per_s": None, "bytes_per_s": 2048})) == "2.0 KiB/s"
    assert words.rate(restore(progress={"events_per_s": 12.4, "bytes_per_s": 2048})) == "12 lines/s"


def test_how_long_it_took_is_known_of_one_that_has_ended() -> None:
    begun, ended = "2026-11-30T05:00:00.000Z", "2026-11-30T05:01:30.500Z"
    assert words.took(restore(started_at=begun, finished_at=ended)) == 90.5
    assert words.took(restore(started_at=begun)) is None
