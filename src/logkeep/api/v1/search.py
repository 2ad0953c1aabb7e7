"""GET /v1/search, /v1/histogram, /v1/fields: live lines and restored accounts alike."""

from __future__ import annotations

from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import time_range, whole_number
from logkeep.api.services import Services
from logkeep.catalog.values import AccountKind
from logkeep.errors import InputError
from logkeep.index import live, search
from logkeep.index.restored import RestoredLines
from logkeep.index.search import Order, Scope
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.query.sql_field import value_expression
from logkeep.timeline import MAX_MS, MIN_MS

# Steps that people read easily; the shortest that makes no more than this many buckets is taken.
_BUCKETS = 120
_STEPS_MS = (
    *(1, 10, 100, 1000, 5000, 10_000, 30_000),
    *(60_000, 300_000, 600_000, 1_800_000),
    *(3_600_000, 10_800_000, 43_200_000, 86_400_000, 604_800_000),
)


async def get_records(request: Request) -> Response:
    services, scope = await _scope(request)
    order = request.query_params.get("order", Order.NEWEST)
    if order not in tuple(Order):
        raise InputError(f"order is {order!r}, not newest or oldest")
    page = await run_in_threadpool(
        search.search_page,
        services.engine,
        scope,
        order=Order(order),
        limit=whole_number(request, "limit", 100),
        cursor=request.query_params.get("cursor", ""),
    )
    return answer({"records": page.records, "cursor": page.cursor})


async def get_histogram(request: Request) -> Response:
    services, scope = await _scope(request)
    interval = whole_number(request, "interval", 0)
    return answer(await run_in_threadpool(_histogram, services, scope, interval))


async def get_fields(request: Request) -> Response:
    services, scope = await _scope(request)
    field = request.query_params.get("field", "")
    if not field:
        raise InputError("the parameter 'field' is missing", hint="name one, such as field=host")
    values = await run_in_threadpool(
        search.top_values,
        services.engine,
        scope,
        expression=value_expression(field),
        limit=whole_number(request, "limit", 10),
    )
    return answer({"field": field, "values": [{"value": value, "count": count} for value, count in values]})


def _histogram(services: Services, scope: Scope, interval: int) -> dict[str, object]:
    """Over the range that was asked for; where a side of it is open, over that of the lines found."""
    if scope.range.start == MIN_MS or scope.range.end == MAX_MS:
        span = search.bounds(services.engine, scope)
        if span is None:
            return {"from": None, "to": None, "interval": interval, "total": 0, "buckets": []}
        scope = replace(scope, range=span)
    span = scope.range
    step = interval or next(
        (step for step in _STEPS_MS if (span.end - span.start) / step <= _BUCKETS), _STEPS_MS[-1]
    )
    buckets = search.histogram(services.engine, scope, interval_ms=step)
    counts = [{"ts": b.ts, "count": sum(b.levels.values()), "levels": b.levels} for b in buckets]
    total = sum(sum(b.levels.values()) for b in buckets)
    return {"from": span.start, "to": span.end, "interval": step, "total": total, "buckets": counts}


async def _scope(request: Request) -> tuple[Services, Scope]:
    """What the request looks at. Raises Unauthorized, NotFound for an unknown account, InputError."""
    services = admitted(request)
    query = request.query_params
    account = await run_in_threadpool(services.catalog.accounts.get, query.get("account", "main"))
    is_live = account.kind is AccountKind.LIVE
    return services, Scope(
        table=live.TABLE if is_live else RestoredLines(services.engine, account.restore_id).name,
        account=account.id if is_live else "",
        range=time_range(query.get("from", ""), query.get("to", ""), now=services.clock()),
        condition=compile_sql(parse(query.get("query", ""))),
    )
