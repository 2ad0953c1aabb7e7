"""Where an archive's pages are, and its state in words."""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.web.archive_links import Links
from logkeep.web.archive_words import check_of, name_of, state_of

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
SPAN = ("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z")


def test_links_carry_what_they_are_about() -> None:
    links = Links("main")
    assert links.day("2026-11-20") == "/archiving/browse/main/2026-11-20"
    assert links.hour("2026-11-20", 9) == "/archiving/browse/main/2026-11-20/09"
    quoted = "year%3D2026%2Fmonth%3D11%2Fday%3D20%2Fmain.2026-11-20.0900.json.gz"
    assert links.object(KEY) == f"/archiving/browse/main/object?key={quoted}"
    assert links.content(KEY, 2) == f"/v1/archives/main/object/content?key={quoted}&target=2"
    times = "from=2026-11-20T09%3A00%3A00Z&to=2026-11-20T10%3A00%3A00Z"
    assert links.search(SPAN) == f"/logs?archive=main&{times}"
    assert links.restore(SPAN) == f"/archiving/restore/new?archive=main&{times}"


@pytest.mark.parametrize(
    ("archive", "word", "tone"),
    [
        ({"state": "on", "status": {"state": "ok"}}, "on", "ok"),
        ({"state": "on", "status": {"state": "failing"}}, "failing", "bad"),
        ({"state": "off", "status": {"state": "differs"}}, "counts differ", "bad"),
        ({"state": "on", "status": {"state": "late"}}, "late", "warn"),
        ({"state": "paused", "status": {"state": "paused"}}, "paused", "warn"),
        ({"state": "off", "status": None}, "off", "idle"),
        ({"state": "off", "status": {"state": "off"}, "layout": "datadog"}, "read only", "idle"),
    ],
)
def test_a_state_is_one_word(archive: dict[str, Any], word: str, tone: str) -> None:
    assert state_of({"layout": "", **archive}) == (word, tone)


def test_an_archive_is_called_by_its_title() -> None:
    assert name_of({"id": "main", "title": "Everything"}) == "Everything"
    assert name_of({"id": "main", "title": ""}) == "main"
    verify = {"kind": "verify", "ok": True}
    assert check_of({"checks": [{"kind": "drill"}, verify]}, "verify") == verify
    assert check_of({"checks": []}, "verify") is None
