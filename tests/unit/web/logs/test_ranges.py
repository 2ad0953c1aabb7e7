from __future__ import annotations

import pytest

from logkeep.errors import BadRange, BadTime
from logkeep.timeline import MAX_MS, TimeRange, parse_time
from logkeep.web.logs import ranges
from logkeep.web.logs.ranges import Stretch, stretch, written

NOW = parse_time("2026-11-30T05:10:00Z", now=0)
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("start", "end", "meant"),
    [
        ("-1h", "", Stretch(start=NOW - HOUR, end=NOW)),
        ("-2h", "-1h", Stretch(start=NOW - 2 * HOUR, end=NOW - HOUR)),
        ("2026-11-30T05:00Z", "now", Stretch(start=NOW - 600_000, end=NOW)),
        ("all", "", Stretch(start=None, end=None)),
        ("all", "-1h", Stretch(start=None, end=NOW - HOUR)),
    ],
)
def test_texts_mean_a_stretch_of_time(start: str, end: str, meant: Stretch) -> None:
    assert stretch(start, end, now=NOW) == meant


@pytest.mark.parametrize(
    ("start", "end", "error"), [("-1h", "-2h", BadRange), ("soon", "", BadTime), ("+1h", "", BadRange)]
)
def test_what_is_no_range_is_refused(start: str, end: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        stretch(start, end, now=NOW)


def test_a_side_that_is_open_is_not_asked_for() -> None:
    assert Stretch(start=None, end=1000).api == {"to": "1970-01-01T00:00:01.000Z"}
    assert Stretch(start=None, end=None).texts() == ("all", "")


@pytest.mark.parametrize("ms", [NOW, NOW + 1, NOW + 1000, NOW + 61_001, 0, MAX_MS - 1])
def test_a_time_is_written_short_and_exact(ms: int) -> None:
    assert parse_time(written(ms), now=0) == ms


def test_a_time_is_written_as_short_as_it_can_be() -> None:
    assert [written(NOW), written(NOW + 1000), written(NOW + 1), written(None)] == [
        "2026-11-30T05:10Z",
        "2026-11-30T05:10:01Z",
        "2026-11-30T05:10:00.001Z",
        "all",
    ]


HOUR_BEFORE = TimeRange(start=NOW - 2 * HOUR, end=NOW - HOUR)
LAST_HOUR = TimeRange(start=NOW - HOUR, end=NOW)


def test_a_range_moves_by_its_own_length() -> None:
    assert ranges.earlier(LAST_HOUR) == HOUR_BEFORE
    assert ranges.later(HOUR_BEFORE, now=NOW) == LAST_HOUR
    assert ranges.later(LAST_HOUR, now=NOW) == LAST_HOUR
    future = TimeRange(start=NOW + HOUR, end=NOW + 2 * HOUR)
    assert ranges.later(future, now=NOW) == future


def test_a_wider_range_is_twice_as_long_and_ends_no_later_than_now() -> None:
    assert ranges.wider(HOUR_BEFORE, now=NOW) == TimeRange(start=NOW - 5 * HOUR // 2, end=NOW - HOUR // 2)
    assert ranges.wider(LAST_HOUR, now=NOW) == TimeRange(start=NOW - 2 * HOUR, end=NOW)
    assert ranges.wider(TimeRange(start=0, end=1), now=NOW) == TimeRange(start=0, end=2)


def test_a_time_is_in_the_middle_of_what_is_around_it() -> None:
    assert ranges.around(NOW, HOUR_BEFORE) == TimeRange(start=NOW - HOUR // 2, end=NOW + HOUR // 2)
    assert ranges.around(NOW, None) == TimeRange(start=NOW - HOUR // 4, end=NOW + HOUR // 4)
    assert ranges.around(0, LAST_HOUR).start == 0
