"""A month as a calendar, and a range that two clicks choose."""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.web import calendar
from logkeep.web.calendar import build_month, build_year, marks_of, pick


def day(name: str, **facts: Any) -> dict[str, Any]:
    """A day as the API tells of it."""
    usual: dict[str, Any] = {
        "state": "sealed",
        "archived": 10,
        "waiting": 0,
        "objects": 1,
        "late_objects": 0,
        "stored_bytes": 100,
        "empty_hours": [],
        "verified_objects": None,
        "frozen_objects": 0,
        "problems": [],
        "problem_count": 0,
    }
    return {"day": name, **usual, **facts}


def test_a_month_has_whole_weeks_from_monday_on() -> None:
    month = build_month("2026-11", [], today="2026-11-30")
    assert (month.title, month.before, month.after) == ("November 2026", "2026-10", "2026-12")
    numbers = [[cell.number if cell else 0 for cell in week] for week in month.weeks]
    assert numbers[0] == [0, 0, 0, 0, 0, 0, 1]
    assert numbers[-1] == [30, 0, 0, 0, 0, 0, 0]
    assert [cell.day for cell in month.cells] == [f"2026-11-{number:02d}" for number in range(1, 31)]


def test_months_end_where_time_does() -> None:
    assert build_month("1970-01", [], today="2026-11-30").before == ""
    assert build_month("2261-12", [], today="2026-11-30").after == ""


def test_a_cell_knows_its_day() -> None:
    days = [
        day("2026-10-31", stored_bytes=9000),
        day("2026-11-02", stored_bytes=50, waiting=3),
        day("2026-11-20"),
        day("2026-11-21", archived=None),
    ]
    month = build_month(
        "2026-11",
        days,
        today="2026-11-21",
        first_hour="2026-10-31T09:00:00.000Z",
        last_hour="2026-11-20T09:00:00.000Z",
    )
    cells = {cell.number: cell for cell in month.cells}
    assert [cells[number].share for number in (1, 2, 20)] == [0.0, 0.5, 1.0]
    assert [cells[number].lines for number in (1, 2, 20, 21)] == [0, 13, 10, None]
    assert [cells[number].between for number in (1, 20, 21)] == [True, True, False]
    assert [cells[number].future for number in (20, 21, 22)] == [False, False, True]
    assert [cell.number for cell in month.cells if cell.today] == [21]


def test_a_chosen_range_is_seen_in_every_month_that_it_touches() -> None:
    def chosen(month: str, start: str, end: str) -> list[int]:
        built = build_month(month, [], today="2026-11-30", chosen=(start, end))
        return [cell.number for cell in built.cells if cell.chosen]

    assert chosen("2026-11", "2026-11-28", "2026-12-02") == [28, 29, 30]
    assert chosen("2026-12", "2026-11-28", "2026-12-02") == [1, 2]
    assert chosen("2026-11", "2026-11-28", "") == [28]
    assert chosen("2026-11", "", "") == []


def test_the_first_click_begins_a_range_and_the_second_ends_it() -> None:
    begun = pick("2026-11-20", "", "")
    assert begun == ("2026-11-20", "")
    assert pick("2026-11-22", *begun) == ("2026-11-20", "2026-11-22")
    assert pick("2026-11-18", *begun) == ("2026-11-18", "2026-11-20")
    assert pick("2026-11-20", *begun) == ("2026-11-20", "2026-11-20")
    assert pick("2026-11-25", "2026-11-20", "2026-11-22") == ("2026-11-25", "")


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({}, []),
        ({"verified_objects": 1}, ["verified"]),
        ({"verified_objects": 1, "objects": 2, "late_objects": 1}, ["late"]),
        ({"problems": [{"gap": True}], "problem_count": 1, "verified_objects": 1}, ["gap"]),
        ({"problems": [{"gap": False}], "problem_count": 1, "verified_objects": 1}, ["wrong"]),
        ({"problems": [{"gap": False}], "problem_count": 1, "state": "differs"}, ["differs"]),
        ({"problems": [{"gap": True}], "problem_count": 1, "state": "differs"}, ["gap"]),
        ({"problems": [{"gap": True}], "problem_count": 9}, ["gap", "wrong"]),
        ({"waiting": 5, "empty_hours": [3], "frozen_objects": 2}, ["waiting", "empty", "frozen"]),
        ({"objects": 0, "verified_objects": 0, "waiting": 5}, ["waiting"]),
    ],
)
def test_marks_tell_the_worst_first(facts: dict[str, Any], names: list[str]) -> None:
    assert [name for name, _ in marks_of(day("2026-11-20", **facts))] == names


def test_marks_say_in_words_what_they_mean() -> None:
    words = [words for _, words in marks_of(day("2026-11-20", waiting=1200, late_objects=2, empty_hours=[1]))]
    assert words == ["1,200 lines wait", "2 late or further objects", "1 hour without lines"]


def test_a_year_adds_up_its_months() -> None:
    days = [
        day("2026-11-20", problem_count=2),
        day("2026-11-21"),
        day("2026-03-01", stored_bytes=50),
        day("2026-04-01", archived=None),
    ]
    year = build_year("2026-11", days)
    assert [one.name for one in year] == [f"2026-{number:02d}" for number in range(1, 13)]
    november, march, april, may = year[10], year[2], year[3], year[4]
    assert (november.lines, november.objects, november.problems) == (20, 2, 2)
    assert (november.share, november.current, november.title) == (1.0, True, "November 2026")
    assert (march.lines, march.share, march.current) == (10, 0.25, False)
    assert (april.lines, april.objects) == (None, 1)
    assert (may.lines, may.objects, may.share) == (0, 0, 0.0)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2026-11-20", True),
        ("2026-02-30", False),
        ("20261120", False),
        ("2026-W47-5", False),
        ("1969-12-31", False),
        ("2300-01-01", False),
        ("<b>", False),
        ("", False),
    ],
)
def test_days_are_read_strictly(text: str, is_one: bool) -> None:
    assert (calendar.parse_day(text) is not None) is is_one
    assert (calendar.parse_month(text.rpartition("-")[0]) is not None) is (is_one or text in ("2026-02-30",))


def test_bounds_are_what_the_api_reads() -> None:
    assert calendar.bounds_of_month("2026-12") == ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")
    assert calendar.bounds_of_year("2026-12") == ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    assert calendar.bounds_of_day("2026-12-31") == ("2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z")
    assert calendar.bounds_of_day("2026-12-31", 23) == ("2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z")
    assert calendar.beside("2026-12-31") == ("2026-12-30", "2027-01-01")
