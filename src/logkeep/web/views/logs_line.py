"""/logs/line: one line with all its fields, and what stands around it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.timeline import TimeRange
from logkeep.web.logs.fields import entries_of, light, lightened, own_entries, title_of
from logkeep.web.logs.levels import kind_of
from logkeep.web.logs.ranges import around, written
from logkeep.web.logs.rows import rows_of, within_budget
from logkeep.web.visit import Visit, page

SAME = ("host", "app", "file")
COUNTS = (20, 50, 200)
_NEIGHBOUR_CUT = 200
LINE_CUT = 8000  # characters of the line that its page shows
_LINE_BYTES = 16_000
_NEIGHBOURS_BYTES = 18_000  # on either side
_NEAR = TimeRange(start=0, end=30 * 60_000)  # as long as what is searched for a value of the line


async def show_line(visit: Visit) -> Response:
    account = visit.param("account", "main")
    same = [name for name in SAME if visit.param(f"same_{name}") == "1"]
    count = next((n for n in COUNTS if str(n) == visit.param("count")), COUNTS[0])
    found = await _line(visit, account)
    record = found["line"]["records"][0]
    query = await _same(visit, record, same)
    nearby = await _nearby(visit, account, count, query)
    before = list(within_budget(rows_of(nearby["before"], account), _NEIGHBOURS_BYTES))
    after = list(within_budget(rows_of(nearby["after"], account), _NEIGHBOURS_BYTES))
    near = around(record["_ts"], _NEAR)
    line = record.get("_line", "")
    meta, keys = await entries_of(record)
    return visit.render(
        "logs/line.html",
        account=account,
        named=_named(visit),
        record=record,
        kind=kind_of(record.get("level", "")),
        title=title_of(line),
        text=light(line, LINE_CUT, _LINE_BYTES),
        own=own_entries(record),
        meta=lightened(meta),
        keys=lightened(keys),
        object=next(iter(found["line"].get("objects", [])), ""),
        restore=found.get("restore"),
        before=before[::-1],
        after=after,
        more_before=nearby["before"]["cursor"] is not None or len(before) < len(nearby["before"]["records"]),
        more_after=nearby["after"]["cursor"] is not None or len(after) < len(nearby["after"]["records"]),
        same=same,
        sames=SAME,
        count=count,
        counts=COUNTS,
        start=written(near.start),
        end=written(near.end),
        text_url=f"/logs/line/text?{urlencode({'account': account, **_named(visit)})}",
    )


async def get_text(visit: Visit) -> Response:
    """The line's bytes exactly as they came, to be kept as a file."""
    found = await _line(visit, visit.param("account", "main"))
    record = found["line"]["records"][0]
    raw = record.get("_raw", "")
    data = base64.b64decode(raw) if raw else record.get("_line", "").encode()
    name = re.sub(r"[^0-9]", "", record.get("_lid", "")) or str(record["_ts"])
    return Response(
        data,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="line-{name}.txt"'},
    )


async def _line(visit: Visit, account: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = await visit.api.get(
        "/v1/surrounding", account=account, **_named(visit), before=0, after=0
    )
    return found


async def _nearby(visit: Visit, account: str, count: int, query: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = await visit.api.get(
        "/v1/surrounding",
        account=account,
        **_named(visit),
        before=count,
        after=count,
        query=query,
        cut=_NEIGHBOUR_CUT,
        cursors=True,
    )
    return found


def _named(visit: Visit) -> dict[str, str]:
    """The parameters that say which line it is."""
    names = ("cursor",) if visit.param("cursor") else ("ts", "id")
    return {name: visit.param(name) for name in names}


async def _same(visit: Visit, record: Mapping[str, Any], same: list[str]) -> str:
    """The query for lines with the same values of these fields."""
    query = ""
    for name in same:
        value = record.get(f"_{name}", "")
        query = (await visit.api.get("/v1/query", query=query, field=name, value=value))["query"]
    return query


ROUTES: list[BaseRoute] = [page("/logs/line", show_line), page("/logs/line/text", get_text)]
