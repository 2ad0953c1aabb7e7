"""GET /v1/search, /v1/surrounding, /v1/histogram, /v1/fields: live lines and restored accounts alike."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import bounded, time_range, whole_number
from logkeep.api.services import Services
from logkeep.api.v1.viewing import page_document, viewing
from logkeep.catalog.values import Account, AccountKind
from logkeep.errors import InputError
from logkeep.index import live, search
from logkeep.index.around import Place, around
from logkeep.index.restored import RestoredLines
from logkeep.index.search import Order, Scope
from logkeep.index.values import COUNTED_TOGETHER, Values, top_values_of
from logkeep.inplace.steps import usual_step
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.query.sql_field import value_expression
from logkeep.record import are_ids
from logkeep.timeline import MAX_MS, MIN_MS

_MOST_FIELDS = 20


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
    view = viewing(request)
    page = await run_in_threadpool(
        search.search_page,
        services.engine,
        scope,
        order=Order(order),
        limit=whole_number(request, "limit", 100),
        cursor=request.query_params.get("cursor", ""),
        cut=view.cut,
    )
    return answer(page_document(page, view) | await _restore(services, account))


async def get_surrounding(request: Request) -> Response:
    """A line, named by its `id` and `ts` or by a cursor, and what the query finds before and after it."""
    services, account, scope = await asked(request)
    view = viewing(request)
    there = await run_in_threadpool(
        around,
        services.engine,
        scope,
        _place(request),
        before=bounded(request, "before", 50, least=0, most=search.MAX_PAGE),
        after=bounded(request, "after", 50, least=0, most=search.MAX_PAGE),
        cut=view.cut,
    )
    found = {
        "line": page_document(there.line, replace(view, cut=0)),
        "before": page_document(there.before, view),
        "after": page_document(there.after, view),
    }
    return answer(found | await _restore(services, account))


def _place(request: Request) -> Place:
    """Of the line that is asked about. Raises InputError."""
    query = request.query_params
    if cursor := query.get("cursor", ""):
        return search.decode_cursor(cursor)
    lid = query.get("id", "")
    if not are_ids([lid]) or not query.get("ts"):
        raise InputError("no line is named", hint="pass its id and ts, or a cursor of a search")
    return whole_number(request, "ts", 0), int(lid)


async def _restore(services: Services, account: Account) -> dict[str, object]:
    """Of a restored account, which restore it is of."""
    if account.kind is AccountKind.LIVE:
        return {}
    restore = await run_in_threadpool(services.catalog.restores.get, account.restore_id)
    return {"restore": {"id": restore.id, "name": restore.name}}


async def get_histogram(request: Request) -> Response:
    services, _, scope = await asked(request)
    interval = whole_number(request, "interval", 0)
    return answer(await run_in_threadpool(_histogram, services, scope, interval))


async def get_fields(request: Request) -> Response:
    """The most frequent values of a field; of several fields, those of each in their order."""
    services, _, scope = await asked(request)
    names = [name for name in request.query_params.getlist("field") if name]
    if not names:
        raise InputError("the parameter 'field' is missing", hint="name one, such as field=host")
    if len(names) > _MOST_FIELDS:
        raise InputError(f"{len(names)} fields are asked for, at most {_MOST_FIELDS} at once")
    limit = whole_number(request, "limit", 10)
    found = await run_in_threadpool(_fields, services, scope, names, limit)
    return answer(found[0] if len(found) == 1 else {"fields": found})


def _fields(services: Services, scope: Scope, names: list[str], limit: int) -> list[dict[str, object]]:
    """Of fields that can be counted together all are, in one look at the lines."""
    together = list(dict.fromkeys(name for name in names if name in COUNTED_TOGETHER))
    values: dict[str, Values] = {}
    if len(together) > 1:
        found = top_values_of(services.engine, scope, together, limit=limit)
        values = dict(zip(together, found, strict=True))
    for name in names:
        if name not in values:
            expression = value_expression(name)
            values[name] = search.top_values(services.engine, scope, expression=expression, limit=limit)
    return [
        {"field": name, "values": [{"value": value, "count": count} for value, count in values[name]]}
        for name in names
    ]


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
