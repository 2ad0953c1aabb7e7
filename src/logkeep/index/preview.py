"""Preview: which of the lines that came lately an exclusion rule would have dropped."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.index.base import Engine, Param
from logkeep.index.live import TABLE
from logkeep.index.search import Order, Scope, search_page, top_values
from logkeep.query.sql import Condition
from logkeep.record import Record
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange

_SAMPLES = 10
_TOP = 5


@dataclass(frozen=True, kw_only=True)
class Preview:
    """`lines` of `of_lines` match; `bytes` are those of their text."""

    lines: int
    bytes: int
    of_lines: int
    samples: list[Record]  # the newest, by event time
    hosts: list[tuple[str, int]]  # where most of them come from
    apps: list[tuple[str, int]]


def preview(engine: Engine, account: str, condition: Condition, *, since: int) -> Preview:
    """Of the account's live lines received from `since` (epoch ms) on, those that meet the condition.
    Raises EngineError."""
    scope = Scope(
        table=TABLE,
        account=account,
        range=TimeRange(start=MIN_MS, end=MAX_MS),
        condition=Condition(
            sql=f"_rx >= {{since:Int64}} AND ({condition.sql})", params={"since": since, **condition.params}
        ),
    )
    lines, size = _sums(engine, scope)
    return Preview(
        lines=lines,
        bytes=size,
        of_lines=_received(engine, account, since),
        samples=search_page(engine, scope, order=Order.NEWEST, limit=_SAMPLES).records if lines else [],
        hosts=_top(engine, scope, "_host") if lines else [],
        apps=_top(engine, scope, "_app") if lines else [],
    )


def _sums(engine: Engine, scope: Scope) -> tuple[int, int]:
    where, params = scope.where()
    row = engine.rows(
        f"SELECT count() AS lines, sum(length(_line)) AS size FROM {scope.table} WHERE {where}", params
    )[0]
    return row["lines"], row["size"]


def _received(engine: Engine, account: str, since: int) -> int:
    params: dict[str, Param] = {"account": account, "since": since}
    where = "_account = {account:String} AND _rx >= {since:Int64}"
    rows = engine.rows(f"SELECT count() AS lines FROM {TABLE} WHERE {where}", params)
    lines: int = rows[0]["lines"]
    return lines


def _top(engine: Engine, scope: Scope, column: str) -> list[tuple[str, int]]:
    return top_values(engine, scope, expression=Condition(sql=column, params={}), limit=_TOP)
