"""How numbers, sizes, spans and times are written for people."""

from __future__ import annotations

import pytest

from logkeep.web import shown

DASH = "\N{EN DASH}"


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1234567, "1,234,567"), (None, DASH)])
def test_counts_have_separators(value: int | None, text: str) -> None:
    assert shown.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (200 * 1024, "200 KiB"),
        (3 << 40, "3.0 TiB"),
        (5000 << 50, "5000 PiB"),
        (None, DASH),
    ],
)
def test_sizes_have_the_unit_that_fits(value: int | None, text: str) -> None:
    assert shown.size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (45, "45 s"),
        (3 * 3600 + 20 * 60 + 5, "3 h 20 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (None, DASH),
    ],
)
def test_spans_have_their_two_largest_units(seconds: float | None, text: str) -> None:
    assert shown.span(seconds) == text


def test_times_are_in_utc_whatever_they_come_as() -> None:
    written = (
        '<time datetime="2026-03-01T07:30:00.250Z" title="2026-03-01 07:30:00 UTC">2026-03-01 07:30:00</time>'
    )
    assert shown.when(1772350200250) == written
    assert shown.when("2026-03-01T08:30:00.250+01:00") == written
    assert "07:30:00.250</time>" in shown.when("2026-03-01T07:30:00.250Z", milliseconds=True)
    assert shown.when(None) == shown.when("") == DASH


def test_shares_are_percents() -> None:
    assert [shown.percent(0.256), shown.percent(None)] == ["26 %", DASH]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1260, "1.3k"),
        (34_400, "34k"),
        (999_400, "999k"),
        (999_600, "1.0M"),
        (5_600_000_000_000, "5600G"),
        (None, DASH),
    ],
)
def test_numbers_have_little_room_in_a_calendar(value: int | None, text: str) -> None:
    assert shown.compact(value) == text
