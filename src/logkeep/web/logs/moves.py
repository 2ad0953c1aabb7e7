"""What the buttons of the page of logs ask for: each makes another address of the one that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from logkeep.errors import BadTime
from logkeep.timeline import TimeRange, parse_time
from logkeep.web.api import Api
from logkeep.web.logs import ranges
from logkeep.web.logs.address import Address
from logkeep.web.logs.ranges import Stretch, written

MOVES = ("source", "preset", "span", "move", "jump", "pick", "drop", "count")
"""Names of the page's buttons and fields that are none of its address."""


async def moved(
    api: Api, params: Mapping[str, str], address: Address, shown: Stretch, *, now: int
) -> Address:
    """Where a button leads. Raises BadTime for a time that cannot be read, Problem for a query."""
    if preset := params.get("preset"):
        return address.but(start=preset, end="")
    if text := params.get("span"):
        return _of_range(address, _span(text))
    if (jump := params.get("jump", "").strip()) and "move" not in params:
        ms = parse_time(jump, now=now)
        return _of_range(address, ranges.around(ms, shown.whole)).but(at=written(ms))
    if field := params.get("count"):
        return address.but(top=field)
    if asked := params.get("pick") or params.get("drop"):
        return address.but(query=await _narrowed(api, address.query, asked, without="drop" in params))
    if shown.whole is not None:
        match params.get("move"):
            case "earlier":
                return _of_range(address, ranges.earlier(shown.whole))
            case "later":
                return _of_range(address, ranges.later(shown.whole, now=now))
            case "out":
                return _of_range(address, ranges.wider(shown.whole, now=now))
    return address


def _of_range(address: Address, range_: TimeRange) -> Address:
    return address.but(start=written(range_.start), end=written(range_.end))


def _span(text: str) -> TimeRange:
    """`START,END` in epoch ms."""
    start, _, end = text.partition(",")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit()):
        raise BadTime(f"{text[:80]!r} is no range")
    return TimeRange(start=int(start), end=int(end))


async def _narrowed(api: Api, query: str, asked: str, *, without: bool) -> str:
    """The query with a condition on a value, which is given as parameters of /v1/query."""
    given = parse_qs(asked, keep_blank_values=True)
    answer = await api.get(
        "/v1/query",
        query=query,
        field=given.get("field", [""])[0],
        key=given.get("key", []),
        value=given.get("value", [""])[0],
        without=without,
    )
    narrowed: str = answer["query"]
    return narrowed
