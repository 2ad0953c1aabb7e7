from __future__ import annotations

import asyncio

import msgspec
import pytest

from logkeep.api.params import bounded, flag, json_body, one_line, seconds, size, time_range, whole_number
from logkeep.errors import BadBody, BadRange, BadSetting, BadTime, InputError
from logkeep.timeline import MAX_MS, TimeRange

from .requests import request

NOW = 1_795_165_933_123


def test_a_range_is_open_where_it_is_empty() -> None:
    assert time_range("", "", now=NOW) == TimeRange(start=0, end=MAX_MS)
    assert time_range("-2h", "now", now=NOW) == TimeRange(start=NOW - 7_200_000, end=NOW)
    assert time_range("2026-11-20", "", now=NOW) == TimeRange(start=1_795_132_800_000, end=MAX_MS)


def test_a_range_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadRange):
        time_range("now", "-2h", now=NOW)
    with pytest.raises(BadTime, match="'soon' is not a point in time"):
        time_range("soon", "", now=NOW)


@pytest.mark.parametrize(("query", "number"), [("", 7), ("limit=", 7), ("limit=0", 0), ("limit=12", 12)])
def test_a_whole_number_has_a_default(query: str, number: int) -> None:
    assert whole_number(request(query=query), "limit", 7) == number


@pytest.mark.parametrize("text", ["-1", "1.5", "ten", "%C2%B2", "+1", "1_0", "1" * 16])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^limit is '.*', not a whole number$"):
        whole_number(request(query=f"limit={text}".replace("+", "%2B")), "limit", 7)


def test_a_bounded_number_is_from_1_to_its_bound() -> None:
    assert bounded(request(query="limit=10"), "limit", 5, most=10) == 10
    for text in ("0", "11"):
        with pytest.raises(InputError, match="not 1 to 10"):
            bounded(request(query=f"limit={text}"), "limit", 5, most=10)


def test_a_flag_is_true_or_false_and_false_when_left_out() -> None:
    assert [flag(request(query=text), "x") for text in ("", "x=true", "x=false")] == [False, True, False]
    with pytest.raises(InputError, match="not true or false"):
        flag(request(query="x=1"), "x")


def test_durations_and_sizes_are_numbers_or_texts() -> None:
    assert [seconds("d", value) for value in (90, "90", "10m", "5d")] == [90, 90, 600, 432_000]
    assert [size("s", value) for value in (512, "64KiB")] == [512, 65_536]
    with pytest.raises(BadSetting, match="d is '5 years', which cannot be used") as caught:
        seconds("d", "5 years")
    assert caught.value.field == "d"


def test_one_line_is_short_and_one() -> None:
    assert one_line("title", "  our shop ") == "our shop"
    for text in ("x" * 201, "a\nb", "a\x00b"):
        with pytest.raises(BadSetting) as caught:
            one_line("title", text)
        assert caught.value.field == "title"


class Body(msgspec.Struct):
    name: str = "none"


def test_a_json_body_is_read_whole_and_may_be_absent() -> None:
    assert asyncio.run(json_body(request(b'{"na', b'me":"x"}'), Body)) == Body(name="x")
    assert asyncio.run(json_body(request(), Body)) == Body()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body cannot be read: Input data was truncated"),
        (b"[]", "the body cannot be read: Expected `object`, got `array`"),
        (b'{"name":5}', "the body cannot be read: Expected `str`, got `int` - at `\\$.name`"),
        (b'{"name":"\xff"}', "the body cannot be read"),
        (b'{"x":' * 9000, "the body cannot be read"),
        (b" " * 70_000, "the body has more than 65536 bytes"),
    ],
)
def test_a_json_body_that_cannot_be_read_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(BadBody, match=message):
        asyncio.run(json_body(request(body), Body))


def test_a_client_that_goes_away_in_a_json_body_is_no_defect() -> None:
    with pytest.raises(BadBody, match="the client went away"):
        asyncio.run(json_body(request(b"{", disconnect=True), Body))
