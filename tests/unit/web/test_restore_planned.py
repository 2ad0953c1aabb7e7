"""What to know of a plan before it is started."""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.timeline import TimeRange
from logkeep.web.restores.look import Looked
from logkeep.web.restores.planned import remarks
from logkeep.web.restores.stretch import Picture

PLAN: dict[str, Any] = {
    "objects": 3,
    "hits": 100,
    "sampled_lines": 40,
    "needed_bytes": 1000,
    "fits": True,
    "free_bytes": 5000,
    "unknown_objects": 0,
    "blocks_ruled_out": 0,
    "frozen": {"objects": 0, "bytes": 0, "thawing": 0, "by_class": {}, "hours": None},
}
BODY: dict[str, Any] = {"limit_lines": 0, "skip_damaged": False}
FROZEN = {"objects": 2, "bytes": 1 << 20, "thawing": 1, "by_class": {"GLACIER": 2}, "hours": [3, 5]}


def picture(**changes: Any) -> Picture:
    usual: dict[str, Any] = {
        "counted": True,
        "bars": [],
        "total": 0,
        "waiting": 0,
        "empty": [],
        "problems": [],
        "outside": False,
    }
    return Picture(within=TimeRange(start=0, end=1), **{**usual, **changes})


def told(
    plan: dict[str, Any] | None = None, body: dict[str, Any] | None = None, looked: Looked | None = None
) -> list[tuple[str, str]]:
    found = remarks({**PLAN, **(plan or {})}, {**BODY, **(body or {})}, looked or Looked(month=None))
    return [(one.tone, one.text) for one in found]


def test_a_plan_without_anything_odd_has_no_remarks() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("plan", "total", "part"),
    [
        ({}, 0, "the archive has nothing of this range"),
        ({"blocks_ruled_out": 2}, 50, "the query can match in none of 2 blocks"),
        ({}, 50, "50 lines of this range were archived, but the archive's place has no object of them"),
    ],
)
def test_of_a_plan_without_objects_only_the_reason_is_told(
    plan: dict[str, Any], total: int, part: str
) -> None:
    looked = Looked(month=None, picture=picture(empty=[(0, 1)], total=total))
    [(tone, text)] = told({"objects": 0, "hits": 0, **plan}, looked=looked)
    assert (tone, part in text) == ("bad", True), text


@pytest.mark.parametrize(
    ("plan", "body", "tone", "part"),
    [
        ({"hits": 0}, {}, "warn", "None of 40 lines that were looked at matches"),
        (
            {"needed_bytes": 9000, "fits": False},
            {},
            "bad",
            "need about 8.8 KiB on the server's disk, which has room for 4.9 KiB",
        ),
        (
            {"needed_bytes": 9000, "fits": False, "free_bytes": None},
            {},
            "bad",
            "need about 8.8 KiB on the server's disk, which has no room for that",
        ),
        ({"unknown_objects": 1}, {}, "info", "Nobody counted the lines of 1 object"),
        ({"frozen": FROZEN}, {}, "warn", "2 objects (1.0 MiB), 2 in GLACIER, 1 of them thawing already."),
        ({"frozen": FROZEN}, {}, "warn", "It takes 3 h to 5 h until all can be read"),
        ({}, {"limit_lines": 50}, "info", "About 100 lines match, and the limit is 50."),
        ({}, {"rate": 10}, "info", "At 10 events a second it takes about 10 s to send them."),
    ],
)
def test_what_may_surprise_is_told(plan: dict[str, Any], body: dict[str, Any], tone: str, part: str) -> None:
    [(found_tone, text)] = told(plan, body)
    assert (found_tone, part in text) == (tone, True), text


def test_gaps_damage_and_what_waits_are_told() -> None:
    looked = Looked(
        month=None,
        picture=picture(empty=[(0, 7_200_000)], problems=[{"gap": True}, {"gap": False}], waiting=1),
        notes=["x could not be looked at: no answer"],
    )
    texts = [text for _, text in told(looked=looked)]
    assert "1 thing is known to be missing" in texts[0]
    assert "does not stop for it" in texts[0]
    assert "1 thing is known to be damaged" in texts[1]
    assert "unless you have that passed over" in texts[1]
    assert "nothing of 2 hours" in texts[2]
    assert "1 line waits to be archived" in texts[3]
    assert texts[4] == "X could not be looked at: no answer."
    assert "passed over" not in told(body={"skip_damaged": True}, looked=looked)[1][1]


def test_the_worst_comes_first() -> None:
    tones = [tone for tone, _ in told({"fits": False, "unknown_objects": 1, "hits": 0})]
    assert tones == ["bad", "warn", "info"]
