"""Archives in words."""

from __future__ import annotations

import pytest

from logkeep.web.archive_words import switch_of


def archive(state: str = "on", health: str = "ok", layout: str = "") -> dict[str, object]:
    return {"state": state, "layout": layout, "seal_after": 600, "status": {"state": health}}


@pytest.mark.parametrize(
    ("one", "tone", "heading", "says"),
    [
        (archive(), "on", "Archiving is on", "an hour 10 min after its end"),
        (archive(health="failing"), "bad", "Archiving is on, and fails", "tried again by itself"),
        (archive(health="late"), "paused", "Archiving is on, and late", "not written yet"),
        (archive(health="differs"), "bad", "Archiving is on, and counts differ", "another number"),
        (archive("paused", "failing"), "paused", "Archiving is paused", "nothing is written"),
        (archive("off", "off"), "off", "Archiving is off", "not archived"),
        (archive(layout="datadog"), "off", "Only read: another system's archive", "searched in place"),
    ],
)
def test_the_switch_tells_what_keeps_it_from_doing_as_told(
    one: dict[str, object], tone: str, heading: str, says: str
) -> None:
    found = switch_of(one)
    assert found[:2] == (tone, heading)
    assert says in found[2]


def test_one_that_was_made_this_very_moment_has_no_status() -> None:
    assert switch_of({**archive(), "status": None})[1] == "Archiving is on"
