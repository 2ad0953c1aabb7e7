"""GET /v1/archives/{id}/search: lines of an archive's objects, as they are found; nothing is restored."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from logkeep.api import problems
from logkeep.api.answers import Asker, asker, with_bucket
from logkeep.api.params import flag, time_range, whole_number
from logkeep.api.services import Services
from logkeep.api.v1.viewing import Viewing, line_document, viewing
from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.marker import check_marker
from logkeep.catalog.people import Role
from logkeep.catalog.values import Archive, Target
from logkeep.errors import InputError, LogkeepError
from logkeep.index.search import Order
from logkeep.inplace.counting import Count, document_of
from logkeep.inplace.places import Place, span_of
from logkeep.inplace.search import Hit, Search
from logkeep.inplace.searches import Running
from logkeep.inplace.steps import usual_step
from logkeep.inplace.tally import Outcome
from logkeep.query.ast import Node
from logkeep.query.parse import parse
from logkeep.timeline import TimeRange

PROGRESS_S = 1.0
_WAITING = 4  # parts that wait for a slow client
_STOP_CHECK_S = 0.1
_LINES_A_PART = 1000
_DAMAGE_TOLD = 100

Watch: TypeAlias = Callable[[Callable[[], Outcome]], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request wants to know."""

    node: Node
    within: TimeRange | None
    order: Order
    limit: int
    histogram: bool
    interval: int
    seconds: int  # how long it may take, 0: as long as it does
    view: Viewing


async def search_archive(request: Request) -> Response:
    """One JSON object a line: `record` with the `object` that holds it, in order; `progress` where nothing
    was found for a second; at last `end`, or `error` with a problem. With histogram=true a `histogram`, as
    that of /v1/histogram, instead of records."""
    by = asker(request)
    services = by.services
    asked = _asked(request, services.clock())
    any_marker = flag(request, "any_marker")
    if any_marker:  # it would read what another account wrote
        by.caller.require(Role.ADMIN)
    archive = request.path_params["id"]
    places = await with_bucket(request, _places, by, archive, asked.within, any_marker=any_marker)
    running = services.searches.begin()
    return SearchResponse(partial(_parts, places, asked, running), running, request)


def _asked(request: Request, now: int) -> Asked:
    """Raises InputError."""
    query = request.query_params
    order = query.get("order", Order.NEWEST)
    if order not in tuple(Order):
        raise InputError(f"order is {order!r}, not newest or oldest")
    start, end = query.get("from", ""), query.get("to", "")
    node = parse(query.get("query", ""))
    return Asked(
        node=node,
        within=time_range(start, end, now=now) if start or end else None,
        order=Order(order),
        limit=whole_number(request, "limit", 100),
        histogram=query.get("histogram") == "1" or flag(request, "histogram"),
        interval=whole_number(request, "interval", 0),
        seconds=whole_number(request, "seconds", 0),
        view=viewing(request, node),
    )


def _places(by: Asker, archive_id: str, within: TimeRange | None, *, any_marker: bool) -> list[Place]:
    """Where the archive writes to, and where it did if something of the range is there. Raises NotFound,
    Conflict for a place whose marker names another account or server, StorageError."""
    catalog = by.services.catalog
    archive = by.view.archive(archive_id)
    return [
        _place(by.services, archive, target, any_marker=any_marker)
        for target in catalog.archives.targets(archive_id)
        if target.id == archive.target or catalog.objects.list(within=within, target=target.id)
    ]


def _place(services: Services, archive: Archive, target: Target, *, any_marker: bool) -> Place:
    bucket = services.archives.buckets.of(target)
    if archive.foreign:
        return Place(bucket=bucket, layout=layout_of(archive.layout, archive.layout_options))
    if not any_marker:
        check_marker(bucket, archive.account, services.archives.sealer.server)
    return Place(bucket=bucket, account=archive.account)


def _parts(places: Sequence[Place], asked: Asked, running: Running, watch: Watch) -> Iterator[bytes]:
    """The answer's lines, as they come. `watch` is given what tells how far the search is."""
    stopped = at_the_latest(asked.seconds, running.stopped)
    if asked.histogram:
        span = span_of(places, asked.within, stopped)
        step = asked.interval or (usual_step(span) if span else None)
        counted = Count(
            places, asked.node, asked.within, interval_ms=step, large=running.large, stopped=stopped
        )
        watch(lambda: counted.outcome)
        yield _line("histogram", _histogram(counted, asked.within or span))
        yield _line("end", _told(counted.outcome))
        return
    search = Search(
        places,
        asked.node,
        asked.within,
        order=asked.order,
        limit=asked.limit,
        large=running.large,
        stopped=stopped,
    )
    watch(lambda: search.outcome)
    with closing(iter(search)) as found:
        for hits in found:
            for start in range(0, len(hits), _LINES_A_PART):
                yield b"".join(_record(hit, asked.view) for hit in hits[start : start + _LINES_A_PART])
    yield _line("end", _told(search.outcome))


def _histogram(counted: Count, span: TimeRange | None) -> dict[str, object]:
    """As /v1/histogram answers."""
    buckets = counted.run()
    return {
        "from": span.start if span else None,
        "to": span.end if span else None,
        "interval": counted.interval_ms,
        "total": counted.outcome.lines,
        "buckets": list(map(document_of, buckets)),
    }


def at_the_latest(
    seconds: int, stopped: Callable[[], bool], clock_s: Callable[[], float] = time.monotonic
) -> Callable[[], bool]:
    """Says to stop when `stopped` does, or when so many seconds have gone by (0: only then)."""
    if not seconds:
        return stopped
    end = clock_s() + seconds
    return lambda: stopped() or clock_s() >= end


def _record(hit: Hit, view: Viewing) -> bytes:
    if view.asked:
        return line_document(hit.line, view, object=hit.key)
    return b'{"record":%b,"object":%b}\n' % (hit.line.rstrip(b"\n"), msgspec.json.encode(hit.key))


def _told(outcome: Outcome) -> dict[str, object]:
    told = asdict(outcome)
    told["damage"] = told["damage"][:_DAMAGE_TOLD]
    return told


def _line(name: str, document: object) -> bytes:
    return msgspec.json.encode({name: document}) + b"\n"


class SearchResponse(StreamingResponse):
    """Streams a search that runs in a thread of its own, and stops it however the response ends. The thread
    makes room for another search when it is over."""

    def __init__(
        self,
        parts: Callable[[Watch], Iterator[bytes]],
        running: Running,
        request: Request,
        *,
        progress_s: float = PROGRESS_S,
    ) -> None:
        super().__init__(self._stream(), media_type="application/x-ndjson")
        self._parts = parts
        self._running = running
        self._request = request
        self._progress_s = progress_s
        self._waiting: queue.Queue[bytes | LogkeepError | None] = queue.Queue(_WAITING)
        self._came = asyncio.Event()
        self._so_far: Callable[[], Outcome] = Outcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._search, args=(loop,), name="search-archive", daemon=True).start()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._running.stop()

    async def _stream(self) -> AsyncIterator[bytes]:
        while True:
            try:
                part = self._waiting.get_nowait()
            except queue.Empty:
                if self._running.stopped() and self._waiting.empty():
                    return
                if not await self._something_came():
                    yield _progress(self._so_far())
                continue
            if part is None:
                return
            yield part if isinstance(part, bytes) else await self._problem(part)

    async def _something_came(self) -> bool:
        try:
            async with asyncio.timeout(self._progress_s):
                await self._came.wait()
        except TimeoutError:
            return False
        self._came.clear()
        return True

    async def _problem(self, error: LogkeepError) -> bytes:
        document = await problems.answer_error(self._request, error)
        return b'{"error":%b}\n' % bytes(document.body)

    def _search(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread."""
        with self._running:
            try:
                for part in self._parts(self._watch):
                    self._put(part, loop)
            except LogkeepError as error:
                self._put(error, loop)
            finally:
                self._put(None, loop)

    def _watch(self, so_far: Callable[[], Outcome]) -> None:
        self._so_far = so_far

    def _put(self, part: bytes | LogkeepError | None, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until there is room for it, or nobody is there to read it."""
        while not self._running.stopped():
            try:
                self._waiting.put(part, timeout=_STOP_CHECK_S)
            except queue.Full:
                continue
            with suppress(RuntimeError):  # the loop is closed: the server ended meanwhile
                loop.call_soon_threadsafe(self._came.set)
            return


def _progress(outcome: Outcome) -> bytes:
    names = ("lines", "objects", "blocks", "blocks_read", "blocks_ruled_out", "bytes_read")
    return _line("progress", {name: getattr(outcome, name) for name in names})
