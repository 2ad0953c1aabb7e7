from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from logkeep.errors import BadRange, BadTime
from logkeep.timeline import parse_time
from logkeep.web.api import Api
from logkeep.web.logs.address import Address
from logkeep.web.logs.moves import moved
from logkeep.web.logs.ranges import Stretch

NOW = parse_time("2026-11-30T05:00:00Z", now=0)
HOUR = 3_600_000
SHOWN = Address(account="main", query="failed", start="-1h", after="c", wrap=True)
LAST_HOUR = Stretch(start=NOW - HOUR, end=NOW)


class Recording:
    """The API's answer to a query that is narrowed, and what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    async def get(self, path: str, **params: Any) -> dict[str, str]:
        self.asked = {"path": path, **params}
        return {"query": "narrowed"}


def move(shown: Stretch = LAST_HOUR, api: Recording | None = None, **params: str) -> Address:
    return asyncio.run(moved(cast(Api, api or Recording()), params, SHOWN, shown, now=NOW))


def range_of(address: Address) -> tuple[str, str]:
    return address.start, address.end


def test_a_preset_is_a_range_up_to_now_on_the_first_page() -> None:
    assert move(preset="-6h") == Address(account="main", query="failed", start="-6h", wrap=True)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("earlier", ("2026-11-30T03:00Z", "2026-11-30T04:00Z")),
        ("later", ("2026-11-30T04:00Z", "2026-11-30T05:00Z")),
        ("out", ("2026-11-30T03:00Z", "2026-11-30T05:00Z")),
    ],
)
def test_the_range_is_moved(direction: str, expected: tuple[str, str]) -> None:
    assert range_of(move(move=direction)) == expected


def test_a_range_without_ends_stays() -> None:
    assert move(Stretch(start=None, end=None), move="out") == SHOWN


def test_a_span_is_shown_alone() -> None:
    assert range_of(move(span=f"{NOW - 60_000},{NOW}")) == ("2026-11-30T04:59Z", "2026-11-30T05:00Z")
    for odd in ("", "1", "x,y", "1,-2", "٣,٤"):
        with pytest.raises(BadTime):
            move(span=odd or ",")
    with pytest.raises(BadRange):
        move(span="2,1")


def test_a_jump_shows_what_is_around_a_time() -> None:
    there = move(jump=" -2h ")
    assert (there.at, *range_of(there)) == ("2026-11-30T03:00Z", "2026-11-30T02:30Z", "2026-11-30T03:30Z")
    assert move(jump=" ") == SHOWN
    with pytest.raises(BadTime):
        move(jump="then")


@pytest.mark.parametrize(("name", "without"), [("pick", False), ("drop", True)])
def test_a_value_narrows_the_query(name: str, without: bool) -> None:
    api = Recording()
    there = move(LAST_HOUR, api, **{name: "field=line&key=user&key=id&value=a%26b"})
    assert there == Address(account="main", query="narrowed", start="-1h", wrap=True)
    assert api.asked == {
        "path": "/v1/query",
        "query": "failed",
        "field": "line",
        "key": ["user", "id"],
        "value": "a&b",
        "without": without,
    }
