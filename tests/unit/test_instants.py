from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep import instants
from logkeep.instants import instant_of, instants_of
from logkeep.timeline import instant_of_number, instant_of_text

SECOND = 1_795_165_933_000  # 2026-11-20T09:12:13Z


def test_the_second_time_a_second_is_seen_gives_the_same_as_the_first() -> None:
    texts = ["2026-11-20T09:12:13.123Z", "2026-11-20T09:12:13.000Z", "2026-11-20T09:12:13.999Z"]
    expected = [(SECOND + 123, 0), (SECOND, 0), (SECOND + 999, 0)]
    assert [instant_of(text) for text in texts + texts] == expected + expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:12:13,123Z",
        "2026-11-20T09:12:13.123",
        "2026-11-20T09:12:13.123z",
        "2026-11-20T09:12:13.12Z",
        "2026-11-20T09:12:13.1234Z",
        "2026-11-20T09:12:13.123+01:00",
        "2026-11-20T09:12:13+01:00",
        "20261120T091213.1234567Z",
        "2026-W47-5T09:12:13.123Z",
        "2026-11-20T091213.123Z",
        "2026-11-20T09:12:13.",
        "1795165933.1234567890123",
        "2026-11-20T09:12:13.123Z ",
        "1969-12-31T23:59:59.999Z",
        "2262-01-01T00:00:00.000Z",
    ],
)
def test_texts_that_look_like_one_that_was_seen_are_read_for_themselves(text: str) -> None:
    instant_of("2026-11-20T09:12:13.123Z")
    assert [instant_of(text), instant_of(text)] == [instant_of_text(text), instant_of_text(text)]


PIECES = st.sampled_from(
    [
        *("2026-11-20", "20261120", "2026-W47-5", "T", " ", "09:12:13", "091213", ".", ",", "123", "000"),
        *("Z", "+01:00", "", "1", "9", "z", "é"),
    ]
)


@given(st.lists(PIECES, max_size=7).map("".join))
def test_what_was_seen_before_never_changes_an_answer(text: str) -> None:
    instant_of("2026-11-20T09:12:13.123Z")
    assert instant_of(text) == instant_of(text) == instant_of_text(text)


def test_seconds_that_are_kept_are_bounded() -> None:
    for number in range(10_000):
        hour, minute, second = number // 3600, number // 60 % 60, number % 60
        text = f"2026-11-20T{hour:02}:{minute:02}:{second:02}.007Z"
        assert instant_of(text) == (1_795_132_800_000 + number * 1000 + 7, 0)
    assert len(instants._SECONDS) <= 4096


@pytest.mark.parametrize("value", [0, 1_795_165_933, 1_795_165_933.5, 1_795_165_933_123_456_789, -1, 10**400])
def test_numbers_are_epoch_numbers(value: float) -> None:
    assert instant_of(value) == instant_of_number(value)


@pytest.mark.parametrize("value", [None, True, False, [], {}, [1_795_165_933], {"$date": 1}, b"2026-11-20"])
def test_values_that_are_neither_text_nor_number_name_no_instant(value: object) -> None:
    assert instant_of(value) is None


@given(st.lists(st.lists(PIECES, max_size=7).map("".join) | st.integers() | st.none(), max_size=3))
def test_many_at_once_are_read_as_each_alone_or_not_at_all(values: list[object]) -> None:
    seen = ["2026-11-20T09:12:13.123Z", "2026-11-20T09:12:13.000Z"]
    instant_of(seen[0])
    assert instants_of(seen) == [SECOND + 123, SECOND]
    at_once = instants_of([*seen, *values])
    assert at_once is None or [(ms, 0) for ms in at_once] == [instant_of(value) for value in [*seen, *values]]
