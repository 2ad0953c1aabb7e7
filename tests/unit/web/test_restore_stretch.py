"""What archives have of a stretch of time."""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.timeline import HOUR_MS, Hour, TimeRange, instant_of_text, iso
from logkeep.web.restores.days import merged
from logkeep.web.restores.stretch import Known, Picture, hour_of_text, picture_of


def ms(text: str) -> int:
    instant = instant_of_text(text)
    assert instant is not None
    return instant[0]


def span(start: str, end: str) -> TimeRange:
    return TimeRange(start=ms(start), end=ms(end))


def day(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "day": name,
        "state": "sealed",
        "accepted": 24,
        "archived": 24,
        "waiting": 0,
        "objects": 24,
        "late_objects": 0,
        "raw_bytes": 240,
        "stored_bytes": 24,
        "hours": list(range(24)),
        "empty_hours": [],
        "verified_objects": None,
        "frozen_objects": 0,
        "problems": [],
        "problem_count": 0,
        **changes,
    }


def hour(text: str, archived: int, waiting: int = 0) -> dict[str, Any]:
    return {"hour": f"{text}:00:00.000Z", "archived": archived, "waiting": waiting}


def picture(
    within: TimeRange,
    days: list[dict[str, Any]],
    hours: list[dict[str, Any]] | None = None,
    *,
    first: str = "2026-11-01T00",
    last: str = "2026-11-29T23",
    told_from: int = 0,
    counted: bool = True,
) -> Picture:
    return picture_of(
        within,
        Known(
            days=days,
            hours=hours,
            first=hour_of_text(f"{first}:00Z"),
            last=hour_of_text(f"{last}:00Z"),
            told_from=Hour(told_from),
            counted=counted,
        ),
    )


def test_a_short_stretch_has_a_bar_for_each_hour() -> None:
    within = span("2026-11-20T09:30Z", "2026-11-20T12:00Z")
    found = picture(within, [day("2026-11-20")], [hour("2026-11-20T09", 5), hour("2026-11-20T11", 7, 3)])
    assert [(iso(bar.start)[11:16], bar.amount) for bar in found.bars] == [
        ("09:00", 5),
        ("10:00", 0),
        ("11:00", 7),
    ]
    assert (found.total, found.largest, found.waiting, found.outside) == (12, 7, 3, False)


def test_a_long_stretch_has_few_bars_of_many_days_each_and_loses_no_line() -> None:
    days = [day(f"2026-{month:02d}-{number:02d}") for month in range(1, 12) for number in range(1, 29)]
    found = picture(
        span("2026-01-01T00:00Z", "2026-12-01T00:00Z"),
        days[::-1],
        first="2026-01-01T00",
        last="2026-11-28T23",
    )
    assert 24 < len(found.bars) <= 96
    assert found.total == len(days) * 24


def test_hours_without_anything_between_the_first_and_the_last_are_gaps() -> None:
    days = [
        day("2026-11-20", empty_hours=[3, 4, 23], archived=21),
        day("2026-11-22", empty_hours=[0]),  # of the day between nothing is told: nothing is there
    ]
    found = picture(span("2026-11-20T04:00Z", "2026-11-22T12:00Z"), days)
    assert [(iso(start), iso(end)) for start, end in found.empty] == [
        ("2026-11-20T04:00:00.000Z", "2026-11-20T05:00:00.000Z"),
        ("2026-11-20T23:00:00.000Z", "2026-11-22T01:00:00.000Z"),
    ]
    assert found.empty_hours == 27


def test_nothing_is_a_gap_before_the_first_hour_and_after_the_last() -> None:
    within = span("2026-11-19T00:00Z", "2026-11-22T00:00Z")
    found = picture(within, [day("2026-11-20")], first="2026-11-20T00", last="2026-11-20T23")
    assert (list(found.empty), found.outside) == ([], False)


def test_nothing_is_a_gap_where_the_days_were_cut_off() -> None:
    within = span("2026-11-10T00:00Z", "2026-11-21T00:00Z")
    told_from = ms("2026-11-20T00:00Z") // HOUR_MS
    assert list(picture(within, [day("2026-11-20")], told_from=told_from).empty) == []


@pytest.mark.parametrize(
    "within", [("2026-10-01T00:00Z", "2026-11-01T00:00Z"), ("2026-11-30T00:00Z", "2026-12-01T00:00Z")]
)
def test_a_stretch_that_the_archive_has_nothing_of_is_told(within: tuple[str, str]) -> None:
    assert picture(span(*within), []).outside


def test_an_archive_without_anything_has_nothing_of_any_stretch() -> None:
    within = span("2026-11-20T00:00Z", "2026-11-21T00:00Z")
    found = picture_of(within, Known(days=[], hours=[], first=None, last=None, told_from=Hour(0)))
    assert (found.outside, found.total, found.largest, list(found.empty)) == (True, 0, 0, [])


def test_problems_are_those_of_the_stretch() -> None:
    problems = [{"hour": f"2026-11-20T{number:02d}:00:00.000Z", "detail": str(number)} for number in (3, 9)]
    found = picture(span("2026-11-20T08:00Z", "2026-11-20T12:00Z"), [day("2026-11-20", problems=problems)])
    assert [one["detail"] for one in found.problems] == ["9"]


def test_where_nobody_counted_lines_bytes_are_shown_and_nothing_is_a_gap() -> None:
    listed = day("2026-11-20", archived=None, waiting=None, stored_bytes=900, empty_hours=[1])
    found = picture(span("2026-11-19T00:00Z", "2026-11-22T00:00Z"), [listed], counted=False)
    assert (found.total, found.waiting, list(found.empty), found.counted) == (900, 0, [], False)


def test_all_of_time_is_a_stretch_too() -> None:
    within = TimeRange(start=0, end=9_214_646_400_000)
    found = picture(within, [day("2026-11-20")])
    assert (len(found.bars) <= 96, found.total) == (True, 24)


def test_several_archives_are_as_one() -> None:
    one = day("2026-11-20", hours=[1, 2], empty_hours=[3, 4], problems=[{"hour": "x"}], problem_count=1)
    other = day(
        "2026-11-20", state="waiting", hours=[3], empty_hours=[1, 2, 4], waiting=7, verified_objects=3
    )
    newer = day("2026-11-21")
    found = merged([[one], [newer, other]])
    assert [each["day"] for each in found] == ["2026-11-21", "2026-11-20"]
    both = found[1]
    assert (both["state"], both["hours"], both["empty_hours"]) == ("waiting", [1, 2, 3], [4])
    assert (both["archived"], both["waiting"], both["stored_bytes"]) == (48, 7, 48)
    assert (both["verified_objects"], both["problem_count"], len(both["problems"])) == (None, 1, 1)
