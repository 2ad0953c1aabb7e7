from __future__ import annotations

from typing import Any

from logkeep.web.logs.histogram import Bar, picture_of

HISTOGRAM: dict[str, Any] = {
    "from": 1500,
    "to": 4200,
    "interval": 1000,
    "total": 107,
    "buckets": [
        {"ts": 1000, "count": 100, "levels": {"info": 60, "INFO": 39, "error": 1}},
        {"ts": 4000, "count": 7, "levels": {"": 5, "warn": 2}},
    ],
}


def test_bars_stand_at_their_steps_within_the_range() -> None:
    picture = picture_of(HISTOGRAM)
    assert picture is not None
    assert (picture.steps, picture.width, picture.highest, picture.total) == (4, 40, 100, 107)
    assert picture.bars == [
        Bar(start=1500, end=2000, number=0, count=100, kinds={"info": 99, "error": 1}),
        Bar(start=4000, end=4200, number=3, count=7, kinds={"none": 5, "warn": 2}),
    ]


def test_the_gravest_stand_at_the_bottom_and_a_single_line_can_be_seen() -> None:
    picture = picture_of(HISTOGRAM)
    assert picture is not None
    assert picture.paths == [
        ("error", "M1 100h8v-3h-8z"),
        ("warn", "M31 100h8v-3h-8z"),
        ("info", "M1 97h8v-97h-8z"),
        ("none", "M31 97h8v-5h-8z"),
    ]


def test_levels_are_told_as_they_are_written() -> None:
    picture = picture_of(HISTOGRAM)
    assert picture is not None
    assert picture.levels == [
        ("error", "error", 1),
        ("warn", "warn", 2),
        ("info", "info", 60),
        ("info", "INFO", 39),
        ("none", "", 5),
    ]


def test_times_below_it_are_no_more_exact_than_its_steps() -> None:
    picture = picture_of(HISTOGRAM)
    assert picture is not None
    assert picture.ticks == [1000, 2000, 2000, 3000, 4000]
    assert not picture.dated
    days = picture_of({**HISTOGRAM, "to": 1500 + 86_400_000, "interval": 3_600_000, "buckets": []})
    assert days is not None
    assert (days.dated, days.steps, days.bars) == (True, 25, [])


def test_of_no_range_there_is_no_picture() -> None:
    assert picture_of({"from": None, "to": None, "interval": 0, "total": 0, "buckets": []}) is None
