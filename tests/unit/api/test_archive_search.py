"""Searching an archive where it lies: records as they are found, progress, an end, or what went wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message

from logkeep.api import problems
from logkeep.api.access import of_archive
from logkeep.api.answers import BUCKET_CALLS
from logkeep.api.v1 import archive_search
from logkeep.api.v1.archive_search import SearchResponse, Watch, at_the_latest
from logkeep.archive.layout import marker_key
from logkeep.archive.marker import Marker, encode
from logkeep.catalog.values import Archive, ArchiveState, Key, KeyRole, Target
from logkeep.errors import LogkeepError, NotFound, StorageUnavailable
from logkeep.index.engine import ChdbEngine
from logkeep.inplace.searches import MOST_SEARCHES, Searches
from logkeep.inplace.tally import Outcome
from logkeep.storage.base import JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import TimeRange
from tests.unit.inplace.archive import START, put, record

Ask = Callable[..., httpx.Response]
HOUR_MS = 3_600_000


@pytest.fixture
def application(engine: ChdbEngine, tmp_path: Path) -> Iterator[Starlette]:
    """A server with the archive `main` of two hours and another in its former place, and `far`, whose bucket
    does not answer."""
    folder, former = tmp_path / "archive", tmp_path / "former"
    put(folder, [record(at, at + 1, f"a {at}", "info") for at in range(3)], [record(60_000, 9, "b", "warn")])
    put(folder, [record(HOUR_MS, 20, "a late", "warn")], hour=1)
    put(former, [record(-HOUR_MS, 30, "a former", "info")], hour=-1)

    class Far(FolderBucket):
        def list(self, prefix: str = "") -> Any:
            raise StorageUnavailable(f"no answer about {prefix}")

    buckets = {1: FolderBucket(folder), 2: Far(folder), 3: FolderBucket(former)}
    archives = {
        name: Archive(id=name, account="main", state=ArchiveState.ON, created_at=0, target=target)
        for name, target in (("main", 1), ("far", 2))
    }

    def archive(name: str) -> Archive:
        if name not in archives:
            raise NotFound(f"there is no archive {name!r}")
        return archives[name]

    def target(number: int) -> Target:
        return Target(
            id=number, archive="main", account="main", provider="folder", options={}, place="", created_at=0
        )

    def targets(name: str) -> list[Target]:
        return [target(number) for number in {"main": (3, 1), "far": (2,)}[name]]

    def objects(within: TimeRange | None, target: int) -> list[str]:
        """Only of the former place: what is asked of the others does not matter."""
        there = within is None or within.overlaps(START - HOUR_MS, START - 1)
        return ["object"] if target == 3 and there else []

    keys = {"lka_admin": Key(account="", role=KeyRole.ADMIN, id="k")}
    made = Starlette(
        routes=[Route("/v1/archives/{id}/search", of_archive(archive_search.search_archive))],
        exception_handlers={LogkeepError: problems.answer_error},
    )
    made.state.bucket_calls = CapacityLimiter(BUCKET_CALLS)
    made.state.services = SimpleNamespace(
        clock=lambda: START + 2 * HOUR_MS,
        searches=Searches(engine, tmp_path / "work"),
        catalog=SimpleNamespace(
            keys=SimpleNamespace(resolve=keys.get),
            archives=SimpleNamespace(get=archive, targets=targets),
            objects=SimpleNamespace(list=objects),
        ),
        archives=SimpleNamespace(
            buckets=SimpleNamespace(of=lambda one: buckets[one.id]), sealer=SimpleNamespace(server="s1")
        ),
    )
    yield made
    made.state.services.searches.close()


@pytest.fixture
def ask(application: Starlette) -> Ask:
    async def asked(path: str, params: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application),
            base_url="http://server",
            headers={"Authorization": "Bearer lka_admin"},
        ) as server:
            return await server.get(path, params=params)

    def send(archive: str = "main", **params: str) -> httpx.Response:
        named = {name.rstrip("_"): value for name, value in params.items()}
        return asyncio.run(asked(f"/v1/archives/{archive}/search", named))

    return send


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in answer.content.splitlines() if b'{"progress"' not in line]


def test_records_come_newest_first_with_their_object_and_an_end(ask: Ask) -> None:
    *records, end = lines_of(ask(query="a", from_=str(START)))
    assert [one["record"]["_line"] for one in records] == ["a late", "a 2", "a 1", "a 0"]
    assert records[0]["record"] == {
        "_lid": "20",
        "_ts": START + HOUR_MS,
        "_account": "main",
        "level": "warn",
        "_line": "a late",
    }
    assert records[0]["object"] == "year=2025/month=11/day=20/main.2025-11-20.1300.json.gz"
    assert (end["end"]["lines"], end["end"]["objects"], end["end"]["complete"]) == (4, 2, True)
    assert (end["end"]["problems"], end["end"]["damage"]) == (0, [])


def test_order_limit_and_range_are_chosen(ask: Ask) -> None:
    *records, end = lines_of(ask(query="a", order="oldest", limit="2", from_=str(START)))
    assert [one["record"]["_line"] for one in records] == ["a 0", "a 1"]
    assert end["end"]["complete"]
    *records, _ = lines_of(ask(from_=str(START + 2), to=str(START + HOUR_MS)))
    assert [one["record"]["_line"] for one in records] == ["b", "a 2"]


def test_what_a_viewer_asks_for_stands_beside_the_record(ask: Ask) -> None:
    *records, _ = lines_of(ask(query="late OR b", marks="true", cut="4", from_=str(START)))
    shown = [(one["record"]["_line"], one["marks"], one["length"]) for one in records]
    assert shown == [("a la", [], 6), ("b", [[0, 1]], 0)]
    assert records[1]["object"] == "year=2025/month=11/day=20/main.2025-11-20.1200.json.gz"


def test_a_search_ends_when_its_time_is_over() -> None:
    now, client_gone = [100.0], [False]
    stopped = at_the_latest(5, lambda: client_gone[0], lambda: now[0])
    assert not stopped()
    now[0] = 105.0
    assert stopped()
    now[0], client_gone[0] = 101.0, True
    assert stopped()
    assert not at_the_latest(0, lambda: False, lambda: now[0])()


def test_a_search_within_its_time_is_complete(ask: Ask) -> None:
    *_, end = lines_of(ask(query="a", seconds="30", from_=str(START)))
    assert end["end"]["complete"]


def test_a_former_place_is_searched_where_it_has_something_of_the_range(ask: Ask, tmp_path: Path) -> None:
    *records, end = lines_of(ask(query="a", order="oldest"))
    assert [one["record"]["_line"] for one in records] == ["a former", "a 0", "a 1", "a 2", "a late"]
    assert records[0]["object"] == "year=2025/month=11/day=20/main.2025-11-20.1100.json.gz"
    assert (end["end"]["objects"], end["end"]["complete"]) == (3, True)
    marker = Marker(account="main", archive="main", server="another", created_at=0)
    FolderBucket(tmp_path / "former").put_new(marker_key("main", 0), encode(marker), JSON)
    assert ask().status_code == 409
    assert ask(from_=str(START)).status_code == 200


@pytest.mark.parametrize("wanted", ["1", "true"])
def test_a_histogram_is_as_that_of_a_search(ask: Ask, wanted: str) -> None:
    histogram, end = lines_of(
        ask(histogram=wanted, interval=str(HOUR_MS), from_=str(START), to=str(START + 2 * HOUR_MS))
    )
    assert histogram["histogram"] == {
        "from": START,
        "to": START + 2 * HOUR_MS,
        "interval": HOUR_MS,
        "total": 5,
        "buckets": [
            {"ts": START, "count": 4, "levels": {"info": 3, "warn": 1}},
            {"ts": START + HOUR_MS, "count": 1, "levels": {"warn": 1}},
        ],
    }
    assert end["end"]["lines"] == 5


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"query": "a ("}, 400),
        ({"order": "sideways"}, 400),
        ({"limit": "many"}, 400),
        ({"from_": "2025-11-21T00:00Z", "to": "2025-11-20T00:00Z"}, 400),
        ({"archive": "none"}, 404),
    ],
)
def test_what_cannot_be_asked_is_a_problem(ask: Ask, params: dict[str, str], status: int) -> None:
    answer = ask(**params)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_a_place_of_another_server_is_not_searched(ask: Ask, tmp_path: Path) -> None:
    marker = Marker(account="main", archive="main", server="another", created_at=0)
    FolderBucket(tmp_path / "archive").put_new(marker_key("main", 0), encode(marker), JSON)
    assert ask().status_code == 409
    assert ask(any_marker="true").status_code == 200


def test_an_error_after_the_beginning_is_the_last_line(ask: Ask) -> None:
    answer = ask(archive="far", any_marker="true")
    assert answer.status_code == 200
    (last,) = lines_of(answer)
    assert (last["error"]["type"], last["error"]["status"]) == ("urn:logkeep:storage-unavailable", 503)


def test_only_so_many_run_at_once(ask: Ask, application: Starlette) -> None:
    searches = application.state.services.searches
    running = [searches.begin() for _ in range(MOST_SEARCHES)]
    answer = ask()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    with running[0]:
        pass
    assert ask().status_code == 200


class Client:
    """Takes the parts of a response, and goes away when `enough` says so."""

    def __init__(self, enough: Callable[[bytes], bool]) -> None:
        self.parts: list[bytes] = []
        self.gone = asyncio.Event()
        self._enough = enough

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            self.parts.append(message["body"])
            if self._enough(message["body"]):
                self.gone.set()


def streamed(
    searches: Searches,
    parts: Callable[[Watch, Callable[[], bool]], Iterator[bytes]],
    enough: Callable[[bytes], bool],
) -> list[bytes]:
    async def main() -> list[bytes]:
        client = Client(enough)
        running = searches.begin()
        request = Request({"type": "http", "headers": []})
        response = SearchResponse(
            lambda watch: parts(watch, running.stopped), running, request, progress_s=0.01
        )
        async with asyncio.timeout(30):
            await response({"type": "http", "asgi": {"spec_version": "2.3"}}, client.receive, client.send)
        return client.parts

    return asyncio.run(main())


def test_while_nothing_is_found_it_tells_how_far_it_is(application: Starlette) -> None:
    told = threading.Event()

    def parts(watch: Watch, _stopped: Callable[[], bool]) -> Iterator[bytes]:
        watch(lambda: Outcome(blocks=7, blocks_read=3))
        assert told.wait(30)
        yield b"found\n"

    def enough(part: bytes) -> bool:
        told.set()
        return False

    progress, *_, found = streamed(application.state.services.searches, parts, lambda part: enough(part))
    assert msgspec.json.decode(progress).keys() == {"progress"}
    assert found == b"found\n"


def test_a_client_that_goes_stops_the_search_and_makes_room(application: Starlette) -> None:
    ended = threading.Event()

    def parts(_watch: Watch, stopped: Callable[[], bool]) -> Iterator[bytes]:
        yield b"first\n"
        while not stopped():
            yield b"more\n"
        ended.set()

    searches = application.state.services.searches
    assert streamed(searches, parts, lambda _: True)[0] == b"first\n"
    assert ended.wait(30)


def test_the_end_of_the_server_ends_every_search(application: Starlette) -> None:
    def parts(_watch: Watch, stopped: Callable[[], bool]) -> Iterator[bytes]:
        yield b"first\n"
        while not stopped():
            pass

    searches = application.state.services.searches

    def end_all(_: bytes) -> bool:
        searches.close()
        return False

    assert streamed(searches, parts, end_all)[0] == b"first\n"
