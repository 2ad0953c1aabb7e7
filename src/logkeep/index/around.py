"""The lines around one line, in the order of their table: also among those of the same millisecond."""

from __future__ import annotations

from dataclasses import dataclass, replace

from logkeep.errors import NotFound
from logkeep.index.base import Engine
from logkeep.index.search import Order, Page, Scope, encode_cursor, search_page
from logkeep.query.sql import Condition
from logkeep.timeline import MAX_MS, TimeRange

Place = tuple[int, int]
"""The time of a line and its number in its table, which is its id if it has one."""


@dataclass(frozen=True, kw_only=True)
class Around:
    line: Page  # of the one line, which comes whole
    before: Page  # newest first: the nearest one is the first
    after: Page  # oldest first


def around(engine: Engine, scope: Scope, place: Place, *, before: int, after: int, cut: int = 0) -> Around:
    """The line at the place, whether the scope's condition and range hold for it or not, and up to so many
    lines of the scope before and after it; 0: none. Raises NotFound if no line is there, InputError."""
    cursor = encode_cursor(*place)
    return Around(
        line=_line(engine, scope, place),
        before=_page(engine, scope, Order.NEWEST, before, cursor, cut),
        after=_page(engine, scope, Order.OLDEST, after, cursor, cut),
    )


def _line(engine: Engine, scope: Scope, place: Place) -> Page:
    ts, number = place
    if not 0 <= ts < MAX_MS:
        raise _gone()
    condition = Condition(sql="_lid = {wanted_lid:UInt64}", params={"wanted_lid": number})
    there = replace(scope, range=TimeRange(start=ts, end=ts + 1), condition=condition)
    page = search_page(engine, there, order=Order.OLDEST, limit=1)
    if not page.records:
        raise _gone()
    return page


def _page(engine: Engine, scope: Scope, order: Order, limit: int, cursor: str, cut: int) -> Page:
    if not limit:
        return Page(records=[], cursor=None)
    return search_page(engine, scope, order=order, limit=limit, cursor=cursor, cut=cut)


def _gone() -> NotFound:
    return NotFound(
        "there is no such line",
        hint="it may be past its retention, not searchable yet, or of an account that is gone",
    )
