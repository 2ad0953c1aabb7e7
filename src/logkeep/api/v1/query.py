"""GET /v1/query: what a query asks for, or what is wrong with it; and a query narrowed by a value."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.answers import admitted, answer
from logkeep.api.params import flag
from logkeep.query.marks import fields_asked
from logkeep.query.parse import parse
from logkeep.query.writing import condition, narrowed


async def get_query(request: Request) -> Response:
    """The query, with `field` narrowed to the lines whose field has this `value` (or, `without`, has not),
    and the fields it asks for. Raises QuerySyntaxError, InputError."""
    admitted(request)
    params = request.query_params
    query = params.get("query", "")
    parse(query)
    if field := params.get("field", ""):
        added = condition(field, params.getlist("key"), params.get("value", ""))
        query = narrowed(query, added, without=flag(request, "without"))
    return answer({"query": query, "fields": fields_asked(parse(query))})
