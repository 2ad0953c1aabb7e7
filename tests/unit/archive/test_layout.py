from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.archive.layout import (
    filter_key,
    filtered_key,
    key_of,
    manifest_key,
    marker_key,
    object_key,
    parse_key,
    parse_marker_key,
    prefixes,
)
from logkeep.timeline import MAX_MS, Hour, TimeRange, hour_of, parse_time


def hour(text: str) -> Hour:
    return hour_of(parse_time(text, now=0))


def within(start: str, end: str) -> TimeRange:
    return TimeRange(start=parse_time(start, now=0), end=parse_time(end, now=0))


def test_the_first_object_of_an_hour_has_no_number() -> None:
    assert (
        key_of("a2bea9c45b", hour("2026-11-20T09:59"), 0)
        == "year=2026/month=11/day=20/a2bea9c45b.2026-11-20.0900.json.gz"
    )


def test_later_objects_of_an_hour_are_numbered() -> None:
    assert key_of("main", hour("2026-01-02T23:00"), 12) == (
        "year=2026/month=01/day=02/main.2026-01-02.2300.12.json.gz"
    )


def test_a_manifest_is_below_its_own_folder() -> None:
    key = key_of("main", hour("2026-11-20T09:00"), 1)

    assert manifest_key(key) == "_manifest/year=2026/month=11/day=20/main.2026-11-20.0900.1.json"


@given(
    account=st.from_regex(r"[A-Za-z0-9-]{1,20}", fullmatch=True),
    at=st.integers(0, MAX_MS),
    part=st.integers(0, 99_999),
)
def test_a_key_says_what_it_was_made_from(account: str, at: int, part: int) -> None:
    key = key_of(account, hour_of(at), part)

    assert parse_key(key) == (account, hour_of(at), part)
    assert object_key(manifest_key(key)) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "main.2026-11-20.0900.json.gz",
        "year=2026/month=11/day=21/main.2026-11-20.0900.json.gz",
        "year=2026/month=13/day=20/main.2026-13-20.0900.json.gz",
        "year=2026/month=11/day=20/main.2026-11-20.2400.json.gz",
        "year=2026/month=11/day=20/main.2026-11-20.0930.json.gz",
        "year=2026/month=11/day=20/main.2026-11-20.0900.0.json.gz",
        "year=2026/month=11/day=20/main.2026-11-20.0900.01.json.gz",
        "year=2026/month=11/day=20/.2026-11-20.0900.json.gz",
        "year=2026/month=11/day=20/main.2026-11-20.0900.json",
        "year=1969/month=11/day=20/main.1969-11-20.0900.json.gz",
        "_manifest/year=2026/month=11/day=20/main.2026-11-20.0900.json.gz",
    ],
)
def test_other_keys_are_no_objects(key: str) -> None:
    assert parse_key(key) is None


@given(account=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), number=st.integers(0, 99_999))
def test_a_markers_key_says_what_it_was_made_from(account: str, number: int) -> None:
    key = marker_key(account, number)

    assert parse_marker_key(key) == (account, number)
    assert parse_key(key) is None
    assert object_key(key) is None


def test_the_first_marker_has_no_number() -> None:
    assert [marker_key("main", number) for number in (0, 1)] == ["_account/main.json", "_account/main.1.json"]


@pytest.mark.parametrize(
    "key",
    ["_account/main", "_account/main.0.json", "_account/main.01.json", "_account/a/b.json", "main.json", ""],
)
def test_other_keys_are_no_markers(key: str) -> None:
    assert parse_marker_key(key) is None


def test_a_short_range_is_listed_by_days() -> None:
    assert prefixes(within("2026-11-30T23:00", "2026-12-01T00:01")) == [
        "year=2026/month=11/day=30/",
        "year=2026/month=12/day=01/",
    ]


def test_the_end_of_a_range_is_not_inside() -> None:
    assert prefixes(within("2026-11-30T23:00", "2026-12-01T00:00")) == ["year=2026/month=11/day=30/"]


def test_a_range_of_months_is_listed_by_months() -> None:
    assert prefixes(within("2026-10-01", "2027-01-01")) == [
        "year=2026/month=10/",
        "year=2026/month=11/",
        "year=2026/month=12/",
    ]


def test_a_range_of_decades_is_listed_by_years() -> None:
    found = prefixes(within("1971-01-01", "2026-01-01"))

    assert (len(found), found[0], found[-1]) == (55, "year=1971/", "year=2025/")


def test_a_filter_is_below_its_own_folder_under_a_key_of_its_bytes() -> None:
    key = key_of("main", hour("2026-11-20T09:00"), 1)
    filters = "_filter/year=2026/month=11/day=20/main.2026-11-20.0900.1.0123abcd"

    assert filter_key(key, "0123abcd" + "f" * 56) == filters
    assert filtered_key(filters) == key


@pytest.mark.parametrize(
    "key",
    [
        "_filter/notes",
        "_filter/notes.0123abcd",
        "_filter/year=2026/month=11/day=20/main.2026-11-20.0900",
        "_filter/year=2026/month=11/day=20/main.2026-11-20.0900.0123ABCD",
        "_manifest/year=2026/month=11/day=20/main.2026-11-20.0900.0123abcd",
        "",
    ],
)
def test_other_keys_are_no_filters(key: str) -> None:
    assert filtered_key(key) is None
