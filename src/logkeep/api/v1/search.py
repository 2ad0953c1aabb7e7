"""GET /v1/search, /v1/histogram, /v1/fields: live lines and restored accounts alike."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import time_range, whole_number
from logkeep.api.services import Services
from logkeep.catalog.values import Account, AccountKind
from logkeep.errors import InputError
from logkeep.index import live, search
from logkeep.index.restored import RestoredLines
from logkeep.index.search import Order, Scope
from logkeep.inplace.steps import usual_step
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.query.sql_field import value_expression
from logkeep.timeline import MAX_MS, MIN_MS


class Asked(NamedTuple):
    """What a request looks at, and what may be used for it."""

    services: Services
    account: Account
    scope: Scope


async def get_records(request: Request) -> Response:
    """A page of records. Of a restored account also `objects`, the key of the object that each record came
    from ("" where it is unknown), and which restore it is."""
    services, account, scope = await asked(request)
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
    found: dict[str, object] = {"records": page.records, "cursor": page.cursor}
    if page.objects is not None:
        restore = await run_in_threadpool(services.catalog.restores.get, account.restore_id)
        found |= {"objects": page.objects, "restore": {"id": restore.id, "name": restore.name}}
    return answer(found)


async def get_histogram(request: Request) -> Response:
    services, _, scope = await asked(request)
    interval = whole_number(request, "interval", 0)
    return answer(await run_in_threadpool(_histogram, services, scope, interval))


async def get_fields(request: Request) -> Response:
    services, _, scope = await asked(request)
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
    step = interval or usual_step(span)
    buckets = search.histogram(services.engine, scope, interval_ms=step)
    counts = [{"ts": b.ts, "count": sum(b.levels.values()), "levels": b.levels} for b in buckets]
    total = sum(sum(b.levels.values()) for b in buckets)
    return {"from": span.start, "to": span.end, "interval": step, "total": total, "buckets": counts}


async def asked(request: Request) -> Asked:
    """What the request looks at. Raises Unauthorized, NotFound for an unknown account, InputError."""
    services = admitted(request)
    query = request.query_params
    account = await run_in_threadpool(services.catalog.accounts.get, query.get("account", "main"))
    is_live = account.kind is AccountKind.LIVE
    scope = Scope(
        table=live.TABLE if is_live else RestoredLines(services.engine, account.restore_id).name,
        account=account.id if is_live else "",
        range=time_range(query.get("from", ""), query.get("to", ""), now=services.clock()),
        condition=compile_sql(parse(query.get("query", ""))),
        objects=not is_live,
    )
    return Asked(services, account, scope)
