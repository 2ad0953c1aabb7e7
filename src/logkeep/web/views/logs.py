"""/logs: live lines, restored accounts, and archives where they lie."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from logkeep.catalog.people import Role
from logkeep.errors import InputError
from logkeep.timeline import HOUR_MS, parse_time
from logkeep.web.logs.address import Address, address_of
from logkeep.web.logs.histogram import Picture, picture_of
from logkeep.web.logs.in_place import InPlace, search_in_place
from logkeep.web.logs.listing import listing
from logkeep.web.logs.moves import MOVES, moved
from logkeep.web.logs.ranges import LIVE_START, PRESETS, Stretch, stretch, written
from logkeep.web.logs.sources import Source, Sources, first_of, sources_of
from logkeep.web.problem import Problem
from logkeep.web.views.logs_line import ROUTES as LINE_ROUTES
from logkeep.web.visit import Visit, page

# A page that took longer does not wait for what it counts, which then comes by itself or with a click.
PATIENCE_S = 0.12
ARCHIVE_START = "-24h"
FIELDS = ("level", "host", "app", "file", "env", "tag")
FORMATS = (
    ("ndjson", "NDJSON"),
    ("ndjson.gz", "NDJSON, gzip"),
    ("parquet", "Parquet"),
    ("text", "Text"),
)
_LONGEST_LINKED = 300  # characters of an address that every link repeats


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What an address means now."""

    address: Address
    source: Source | None
    stretch: Stretch
    start: str  # the range as the fields of the form say it
    end: str

    @property
    def scope(self) -> dict[str, str]:
        """The parameters of a search."""
        return {"account": self.address.account, "query": self.address.query, **self.stretch.api}


async def show_logs(visit: Visit) -> Response:
    now = _now(visit)
    sources = await sources_of(visit.api)
    params = visit.request.query_params
    address = _of_some_source(_asked(params), sources)
    try:
        shown = _meant(address, sources, now)
        if any(name in params for name in MOVES):
            there = await moved(visit.api, params, address, shown.stretch, now=now)
            return visit.go(f"{there.url}#at" if there.at else there.url)
    except InputError as error:
        return _refused(visit, address, sources, _problem(error), "range")
    except Problem as problem:
        return _refused(visit, address, sources, problem, "query")
    if address.archive:
        return await _archive_page(visit, shown, sources)
    return await _page(visit, shown, sources, now)


async def show_histogram(visit: Visit) -> Response:
    """The part of the page that it did not wait for."""
    picture = await _picture(visit, _meant_alone(visit))
    return visit.render("logs/_histogram.html", **_over_time(picture))


async def show_values(visit: Visit) -> Response:
    """The other part that it did not wait for."""
    top = await _top(visit, _meant_alone(visit))
    return visit.render("logs/_values.html", top=top)


async def export(visit: Visit) -> Response:
    """To the lines as a file, of what the form says."""
    sources = await sources_of(visit.api)
    shown = _meant(_of_some_source(_asked(visit.request.query_params), sources), sources, _now(visit))
    scope = {name.rstrip("_"): value for name, value in shown.scope.items()}
    return visit.go("/v1/export", format=visit.param("format"), **scope)


def _asked(params: Mapping[str, str]) -> Address:
    """The address that is asked for; of a form, with the account or archive that it chooses."""
    address = address_of(params)
    source = params.get("source", "")
    if not source:
        return address
    chosen = address.of_source(source)
    if source == params.get("was"):
        return dataclasses.replace(chosen, start=address.start, end=address.end)
    return chosen


def _of_some_source(address: Address, sources: Sources) -> Address:
    if address.archive or address.account:
        return address
    return dataclasses.replace(address, account=first_of(sources))


def _meant(address: Address, sources: Sources, now: int) -> Shown:
    """Raises BadTime, BadRange."""
    source = sources.find(address.source)
    start, end = address.start, address.end
    if not start and source and source.restore:
        start, end = source.restore["from"], end or source.restore["to"]
    start = start or (ARCHIVE_START if address.archive else LIVE_START)
    return Shown(
        address=address,
        source=source,
        stretch=stretch(start, end, now=now),
        start=start,
        end=end,
    )


def _meant_alone(visit: Visit) -> Shown:
    """What the address of a part means, which names its account and range itself."""
    nowhere = Sources(live=[], restored=[], archives=[])
    return _meant(address_of(visit.request.query_params), nowhere, _now(visit))


async def _page(visit: Visit, shown: Shown, sources: Sources, now: int) -> Response:
    if not shown.address.account:
        return visit.render("logs/none.html")
    try:
        # What is counted comes after the lines: side by side a long count would hold them up.
        began = time.monotonic()
        found = await listing(visit.api, shown.address, shown.scope, now=now)
        left_s = max(0.0, began + PATIENCE_S - time.monotonic())
        patience_s = None if shown.address.counted else left_s
        picture, top = await asyncio.gather(
            _picture(visit, shown, patience_s), _top(visit, shown, patience_s)
        )
    except InputError as error:
        return _refused(visit, shown.address, sources, _problem(error), "range")
    except Problem as problem:
        if problem.status != 400:
            raise
        return _refused(visit, shown.address, sources, problem, "query")
    newest = None if found.rows else await _newest(visit, shown.address.account)
    return visit.render(
        "logs/logs.html",
        **_frame(shown.address, sources, shown),
        **_over_time(picture),
        listing=found,
        newest=newest,
        around_newest=_hour_before(newest),
        top=top,
        boot=_boot(visit, shown, now),
        lines_url=visit.server_url,
    )


async def _archive_page(visit: Visit, shown: Shown, sources: Sources) -> Response:
    found: InPlace | None = None
    if shown.source is None:
        await visit.api.get(
            f"/v1/archives/{quote(shown.address.archive, safe='')}"
        )  # to be told that it is not there
    if shown.address.read:
        try:
            found = await search_in_place(visit.api, shown.address, shown.stretch.api)
        except Problem as problem:
            if problem.code != "bad-query":
                raise
            return _refused(visit, shown.address, sources, problem, "query")
    return visit.render(
        "logs/archive.html",
        **_frame(shown.address, sources, shown),
        found=found,
        boot=_boot(visit, shown, _now(visit)),
    )


def _refused(visit: Visit, address: Address, sources: Sources, problem: Problem, about: str) -> Response:
    """The page with what is wrong about its query or range, and no lines."""
    told = {"problem": problem, "about": "query" if problem.column else about}
    return visit.render("logs/refused.html", status=400, **_frame(address, sources, None) | told)


def _frame(address: Address, sources: Sources, shown: Shown | None) -> dict[str, Any]:
    """What every one of these pages shows."""
    return {
        "address": address,
        "linked": len(address.search) < _LONGEST_LINKED,
        "sources": sources,
        "source": sources.find(address.source),
        "shown": shown,
        "start": shown.start if shown else address.start,
        "end": shown.end if shown else address.end,
        "presets": PRESETS,
        "fields": FIELDS,
        "formats": FORMATS,
        "problem": None,
        "about": "",
        "caret": None,
    }


async def _picture(
    visit: Visit, shown: Shown, patience_s: float | None = None
) -> Picture | Literal[False] | None:
    """None while it is being counted; False where there is nothing to count."""
    found = await _counted(visit, "/v1/histogram", shown.scope, patience_s)
    return None if found is None else picture_of(found) or False


def _over_time(picture: Picture | Literal[False] | None) -> dict[str, Any]:
    return {"counting": picture is None, "picture": picture or None}


async def _top(
    visit: Visit, shown: Shown, patience_s: float | None = None
) -> Mapping[str, Any] | Literal[False] | None:
    """The most frequent values of the field that the address names: None while they are being counted; False
    where it names none."""
    field = shown.address.top
    if not field:
        return False
    scope = {**shown.scope, "field": field, "limit": "20"}
    try:
        return await _counted(visit, "/v1/fields", scope, patience_s)
    except Problem as problem:
        if problem.status != 400:
            raise
        return {"field": field, "values": [], "problem": problem}


async def _counted(
    visit: Visit, path: str, scope: Mapping[str, str], patience_s: float | None
) -> Mapping[str, Any] | None:
    """What the API counts; None when that takes longer than the patience, and it goes on."""
    found: Mapping[str, Any] | None = await visit.site.counts.get(
        (visit.me.id, path, *sorted(scope.items())),
        partial(visit.api.get, path, **scope),
        patience_s=patience_s,
    )
    return found


async def _newest(visit: Visit, account: str) -> int | None:
    """The time of the account's newest line."""
    found = await visit.api.get("/v1/search", account=account, limit=1, cut=1)
    return next((record["_ts"] for record in found["records"]), None)


def _hour_before(ms: int | None) -> tuple[str, str] | None:
    return None if ms is None else (written(max(0, ms + 1 - HOUR_MS)), written(ms + 1))


def _boot(visit: Visit, shown: Shown, now: int) -> dict[str, Any]:
    """What the page's module needs to go on where the server's rows end."""
    address = shown.address
    return {
        "account": address.account,
        "archive": address.archive,
        "order": address.order,
        "from": shown.stretch.api.get("from_", ""),
        "to": shown.stretch.api.get("to", ""),
        "after": address.after,
        "before": address.before,
        "at": written(parse_time(address.at, now=now)) if address.at else "",
        "top": address.top,
        "restored": bool(shown.source and shown.source.restore),
        "wrap": address.wrap,
        "tail": address.tail,
        "read": address.read,
        "user": visit.me.id,
    }


def _problem(error: InputError) -> Problem:
    return Problem(
        status=400,
        code=error.code,
        title="",
        detail=error.message,
        hint=error.hint,
        members=error.details,
    )


def _now(visit: Visit) -> int:
    return visit.site.services.clock()


ROUTES: list[BaseRoute] = [
    page("/logs", show_logs),
    page("/logs/histogram", show_histogram),
    page("/logs/values", show_values),
    page("/logs/export", export, role=Role.MEMBER),
    *LINE_ROUTES,
]
