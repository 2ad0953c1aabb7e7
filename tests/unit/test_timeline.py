from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import BadRange, BadTime
from logkeep.timeline import (
    MAX_MS,
    Hour,
    TimeRange,
    as_datetime,
    hour_end,
    hour_of,
    hour_start,
    instant_of_number,
    instant_of_text,
    iso,
    parse_time,
)

NOW = 1_795_165_933_123  # 2026-11-20T09:12:13.123Z
SECOND = 1_795_165_933_000


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-20T09:12:13Z", (SECOND, 0)),
        ("2026-11-20T09:12:13", (SECOND, 0)),
        ("2026-11-20 09:12:13", (SECOND, 0)),
        ("2026-11-20T09:12:13+00:00", (SECOND, 0)),
        ("2026-11-20T10:12:13+01:00", (SECOND, 0)),
        ("2026-11-20T03:42:13-0530", (SECOND, 0)),
        ("2026-11-20T09:12:13.1Z", (SECOND + 100, 0)),
        ("2026-11-20T09:12:13.123Z", (SECOND + 123, 0)),
        ("2026-11-20T09:12:13,123Z", (SECOND + 123, 0)),
        ("2026-11-20T09:12:13.123456Z", (SECOND + 123, 456_000)),
        ("2026-11-20T09:12:13.1234567Z", (SECOND + 123, 456_700)),
        ("2026-11-20T09:12:13.123456789Z", (SECOND + 123, 456_789)),
        ("2026-11-20T09:12:13,123456789+00:00", (SECOND + 123, 456_789)),
        ("2026-11-20T10:12:13.123456789+01:00", (SECOND + 123, 456_789)),
        ("2026-11-20T09:12:13.123456789", (SECOND + 123, 456_789)),
        ("2026-11-20T09:12:13.123456789012Z", (SECOND + 123, 456_789)),
        ("20261120T091213.123456789Z", (SECOND + 123, 456_789)),
        ("20261120T091213Z", (SECOND, 0)),
        ("2026-W47-5T09:12:13Z", (SECOND, 0)),
        ("2026-11-20", (1_795_132_800_000, 0)),
        ("20261120", (1_795_132_800_000, 0)),
        ("1970-01-01T00:00:00Z", (0, 0)),
        ("1970-01-01T00:00:00.000000001Z", (0, 1)),
        ("2026-11-20T09:12:13.000000789+01:00", (SECOND - 3_600_000, 789)),
        ("2261-12-31T23:59:59.999Z", (MAX_MS - 1, 0)),
        ("1795165933", (SECOND, 0)),
        ("1795165933123", (NOW, 0)),
        ("1795165933123456", (NOW, 456_000)),
        ("1795165933123456789", (NOW, 456_789)),
        ("1795165933.123456789", (NOW, 456_789)),
        ("1795165933.1", (SECOND + 100, 0)),
        ("1795165933123.25", (NOW, 0)),
        ("1711111200000", (1_711_111_200_000, 0)),  # looks like 17111112T0000
        ("2012010100000", (2_012_010_100_000, 0)),  # looks like 20120101T0000
        ("171111120000000", (171_111_120_000, 0)),  # looks like 17111112T000000
        ("0", (0, 0)),
    ],
)
def test_a_text_names_an_instant(text: str, instant: tuple[int, int]) -> None:
    assert instant_of_text(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "now", "-5", "1.5.5", "1e9", "0x10", "1795165933.", ".5", "Nov 20 09:12:13"),
        *("2026-13-01", "2026-11-31", "2026-11-20T25:00:00Z", "09:12:13"),
        *("1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01", "0001-01-01T00:00:00+23:59"),
        *("2262-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "9214646400", "9214646400000"),
        *("99999999999", "9" * 20, "9" * 31, "9" * 10_000, "²", "١٧٩٥١٦٥٩٣٣"),
    ],
)
def test_a_text_that_is_no_time_from_1970_to_2262_names_none(text: str) -> None:
    assert instant_of_text(text) is None


@pytest.mark.parametrize(
    ("number", "instant"),
    [
        (0, (0, 0)),
        (1_795_165_933, (SECOND, 0)),
        (9_214_646_399, (MAX_MS - 1000, 0)),
        (9_214_646_400, None),
        (99_999_999_999, None),
        (100_000_000_000, (100_000_000_000, 0)),
        (NOW, (NOW, 0)),
        (99_999_999_999_999, None),
        (100_000_000_000_000, (100_000_000_000, 0)),
        (1_795_165_933_123_456, (NOW, 456_000)),
        (99_999_999_999_999_999, None),
        (100_000_000_000_000_000, (100_000_000_000, 0)),
        (1_795_165_933_123_456_789, (NOW, 456_789)),
        (MAX_MS * 1_000_000 - 1, (MAX_MS - 1, 999_999)),
        (MAX_MS * 1_000_000, None),
        (10**400, None),
        (-1, None),
        (1_795_165_933.0, (SECOND, 0)),
        (1_795_165_933.123, (NOW, 0)),
        (1_795_165_933.123456, (NOW, 456_000)),
        (1_795_165_933_123.5, (NOW, 0)),
        (0.5, (500, 0)),
        (-0.5, None),
        (9_214_646_400.0, None),
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
        (1e300, None),
    ],
)
def test_a_numbers_size_tells_its_unit(number: float, instant: tuple[int, int] | None) -> None:
    assert instant_of_number(number) == instant


MOMENTS = st.datetimes(
    min_value=datetime(1971, 1, 1),
    max_value=datetime(2261, 1, 1),
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(MOMENTS, st.integers(0, 999))
def test_every_written_moment_is_read_to_the_nanosecond(moment: datetime, below_us: int) -> None:
    offset = moment.strftime("%z")
    text = f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')}{below_us:03d}{offset[:3]}:{offset[3:5]}"
    us = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert instant_of_text(text) == (us // 1000, us % 1000 * 1000 + below_us)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("now", NOW),
        (" now ", NOW),
        ("-250ms", NOW - 250),
        ("-30s", NOW - 30_000),
        ("-30m", NOW - 1_800_000),
        ("-2h", NOW - 7_200_000),
        ("-7d", NOW - 604_800_000),
        ("-1w", NOW - 604_800_000),
        ("+1h", NOW + 3_600_000),
        ("-0s", NOW),
        ("2026-11-20T09:12:13.123Z", NOW),
        ("1795165933", SECOND),
        ("1795165933123", NOW),
        ("1795165933123456789", NOW),
    ],
)
def test_people_write_points_in_time(text: str, ms: int) -> None:
    assert parse_time(text, now=NOW) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2h", "-2", "-2 h", "-2y", "-999999w", "1" * 5000, "²"])
def test_what_is_no_point_in_time_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadTime) as caught:
        parse_time(text, now=NOW)
    assert caught.value.message == f"{text!r} is not a point in time"


def test_an_instant_is_written_in_utc_to_the_millisecond() -> None:
    assert iso(NOW) == "2026-11-20T09:12:13.123Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(-1) == "1969-12-31T23:59:59.999Z"
    assert as_datetime(NOW) == datetime(2026, 11, 20, 9, 12, 13, 123_000, tzinfo=UTC)


def test_an_hour_holds_its_start_and_not_its_end() -> None:
    hour = hour_of(NOW)
    assert (hour, hour_start(hour), hour_end(hour)) == (498_657, 1_795_165_200_000, 1_795_168_800_000)
    assert hour_of(hour_start(hour)) == hour_of(hour_end(hour) - 1) == hour
    assert hour_of(hour_end(hour)) == Hour(hour + 1)


def test_a_range_touches_the_hours_from_its_start_to_just_before_its_end() -> None:
    assert list(TimeRange(start=0, end=1).hours()) == [0]
    assert list(TimeRange(start=0, end=3_600_000).hours()) == [0]
    assert list(TimeRange(start=3_599_999, end=7_200_001).hours()) == [0, 1, 2]


def test_a_range_overlaps_what_shares_an_instant_with_it() -> None:
    within = TimeRange(start=100, end=200)
    spans = [(0, 99), (0, 100), (150, 160), (199, 300), (200, 300)]
    assert [within.overlaps(*span) for span in spans] == [False, True, True, True, False]


@pytest.mark.parametrize("end", [1000, 999])
def test_a_range_that_ends_before_it_starts_is_refused(end: int) -> None:
    with pytest.raises(BadRange, match=r"not after its start at 1970-01-01T00:00:01.000Z"):
        TimeRange(start=1000, end=end)
