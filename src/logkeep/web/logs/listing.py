"""The lines that the page of logs shows without a script: one page of them, and whether there are more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logkeep.errors import BadTime
from logkeep.index.search import Order
from logkeep.timeline import iso, parse_time
from logkeep.web.api import Api
from logkeep.web.logs.address import Address
from logkeep.web.logs.rows import BUDGET_BYTES, CUT, ROWS, Row, rows_of, within_budget

_OTHER = {Order.NEWEST: Order.OLDEST, Order.OLDEST: Order.NEWEST}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Rows from top to bottom. `split`: so many of them stand before the time that was jumped to."""

    rows: Sequence[Row] = ()
    more_above: bool = False
    more_below: bool = False
    split: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Page:
    rows: list[Row]  # those nearest to where it began come first
    more: bool


async def listing(api: Api, address: Address, scope: Mapping[str, str], *, now: int) -> Listing:
    """What the address shows of the scope, which are the parameters of a search. Raises Problem, BadTime."""
    order = Order(address.order)
    if address.at:
        return await _around(api, order, scope, _instant(address.at, now))
    if address.before:
        page = await _page(api, _OTHER[order], scope, cursor=address.before)
        return Listing(rows=page.rows[::-1], more_above=page.more, more_below=True)
    page = await _page(api, order, scope, cursor=address.after)
    return Listing(rows=page.rows, more_above=bool(address.after), more_below=page.more)


async def _around(api: Api, order: Order, scope: Mapping[str, str], ms: int) -> Listing:
    older, newer = await asyncio.gather(
        _page(api, Order.NEWEST, {**scope, "to": iso(ms)}, share=2),
        _page(api, Order.OLDEST, {**scope, "from_": iso(ms)}, share=2),
    )
    above, below = (newer, older) if order is Order.NEWEST else (older, newer)
    return Listing(
        rows=[*above.rows[::-1], *below.rows],
        more_above=above.more,
        more_below=below.more,
        split=len(above.rows),
    )


async def _page(
    api: Api, order: Order, scope: Mapping[str, str], *, cursor: str = "", share: int = 1
) -> _Page:
    """A page, of which only so much is taken as this one may weigh (or as its share is)."""
    found: Mapping[str, Any] = await api.get(
        "/v1/search",
        **scope,
        order=order,
        limit=ROWS // share,
        cursor=cursor,
        cut=CUT,
        marks=True,
        cursors=True,
    )
    rows = rows_of(found, scope["account"])
    kept = list(within_budget(rows, BUDGET_BYTES // share))
    return _Page(rows=kept, more=found["cursor"] is not None or len(kept) < len(rows))


def _instant(text: str, now: int) -> int:
    try:
        return parse_time(text, now=now)
    except BadTime as error:
        raise BadTime(f"{error.message}, so there is nothing around it", hint=error.hint) from None
