"""The calls that look at lines, over a small table: what a page of the web app asks of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import zstandard
from starlette.applications import Starlette
from starlette.routing import Route

from logkeep.api import problems
from logkeep.api.access import everybody, of_asked_account
from logkeep.api.v1 import query, search
from logkeep.catalog.values import Account, AccountKind, Key, KeyRole
from logkeep.errors import LogkeepError, NotFound
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame
from logkeep.timeline import Hour

LINES = [
    Record(
        lid=str(n + 1),
        ts=1000 + n // 3,
        rx=5000,
        account="main",
        host=f"web-{n % 2}",
        app="api",
        level="error" if n % 4 == 0 else "info",
        line=f'{{"status":{500 + n % 2},"text":"line {n} failed"}}',
    )
    for n in range(12)
]
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def application(engine: ChdbEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    live = LiveLines(engine, tmp_path_factory.mktemp("work"))
    payload = encode_lines(LINES)
    frame = Frame(
        seq=1,
        account="main",
        archive="main",
        indexed=True,
        hour=Hour(0),
        lines=12,
        raw_bytes=len(payload),
        min_ts=1000,
        max_ts=1004,
        first_lid=1,
        last_lid=12,
        rx=5000,
        data=zstandard.compress(payload),
    )
    live.add([frame], some_may_be_there=False)

    def account(name: str) -> Account:
        if name != "main":
            raise NotFound(f"there is no account {name!r}")
        return Account(id="main", kind=AccountKind.LIVE, title="", created_at=0)

    keys = {"lka_admin": Key(account="", role=KeyRole.ADMIN, id="k")}
    made = Starlette(
        routes=[
            Route("/v1/search", of_asked_account(search.get_records)),
            Route("/v1/surrounding", of_asked_account(search.get_surrounding)),
            Route("/v1/fields", of_asked_account(search.get_fields)),
            Route("/v1/query", everybody(query.get_query)),
        ],
        exception_handlers={LogkeepError: problems.answer_error},
    )
    made.state.services = SimpleNamespace(
        clock=lambda: 10_000,
        engine=engine,
        catalog=SimpleNamespace(
            keys=SimpleNamespace(resolve=keys.get), accounts=SimpleNamespace(get=account)
        ),
    )
    yield made
    engine.run("DROP TABLE live SYNC")


@pytest.fixture
def ask(application: Starlette) -> Ask:
    async def asked(path: str, params: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application),
            base_url="http://server",
            headers={"Authorization": "Bearer lka_admin"},
        ) as server:
            return await server.get(path, params=params)

    def send(path: str, status: int = 200, **params: Any) -> Any:
        answer = asyncio.run(asked(path, {name.rstrip("_"): value for name, value in params.items()}))
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def ids(page: dict[str, Any]) -> list[str]:
    return [record["_lid"] for record in page["records"]]


def test_a_page_has_marks_lengths_and_cursors_when_they_are_asked_for(ask: Ask) -> None:
    page = ask("/v1/search", query="failed status:501", limit=2, marks="true", cut=30, cursors="true")
    assert [record["_line"] for record in page["records"]] == [
        '{"status":501,"text":"line 11 failed"}'[:30],
        '{"status":501,"text":"line 9 failed"}'[:30],
    ]
    assert page["marks"] == [[[1, 13]], [[1, 13]]]
    assert page["lengths"] == [38, 37]
    assert page["cursors"][1] == page["cursor"]
    assert ask("/v1/search", limit=1).keys() == {"records", "cursor"}


def test_the_cursor_of_its_first_record_leads_to_what_stands_before_a_page(ask: Ask) -> None:
    first = ask("/v1/search", limit=4)
    second = ask("/v1/search", limit=4, cursor=first["cursor"], cursors="true")
    back = ask("/v1/search", limit=4, order="oldest", cursor=second["cursors"][0])
    assert ids(back) == ids(first)[::-1]


def test_a_line_has_its_surroundings(ask: Ask) -> None:
    found = ask("/v1/surrounding", id="5", ts=1001, before=2, after=3)
    assert [ids(found[part]) for part in ("before", "line", "after")] == [
        ["4", "3"],
        ["5"],
        ["6", "7", "8"],
    ]


def test_surroundings_may_be_those_of_the_same_host(ask: Ask) -> None:
    found = ask(
        "/v1/surrounding", id="5", ts=1001, before=2, after=0, query="host:web-1", marks="true", cut=5
    )
    assert [ids(found[part]) for part in ("before", "line", "after")] == [["4", "2"], ["5"], []]
    assert found["line"]["records"][0]["_line"] == LINES[4].line
    assert found["before"]["records"][0]["_line"] == LINES[3].line[:5]


def test_a_line_is_found_by_the_cursor_that_a_search_gave(ask: Ask) -> None:
    page = ask("/v1/search", limit=3, cursors="true")
    found = ask("/v1/surrounding", cursor=page["cursors"][1], before=1, after=1)
    assert [ids(found[part]) for part in ("before", "line", "after")] == [["10"], ["11"], ["12"]]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"id": "5"}, 400),
        ({"id": "x", "ts": 1001}, 400),
        ({"id": "5", "ts": "now"}, 400),
        ({"id": "5", "ts": 1001, "before": 10_001}, 400),
        ({"cursor": "x"}, 400),
        ({"id": "5", "ts": 1002}, 404),
        ({"id": "5", "ts": 1001, "account": "other"}, 404),
    ],
)
def test_a_line_that_cannot_be_found_is_a_problem(ask: Ask, params: dict[str, Any], status: int) -> None:
    ask("/v1/surrounding", status, **params)


def test_the_values_of_several_fields_come_in_the_order_asked_for(ask: Ask) -> None:
    found = ask("/v1/fields", field=["level", "status", "host", "tag"], limit=1)
    assert found == {
        "fields": [
            {"field": "level", "values": [{"value": "info", "count": 9}]},
            {"field": "status", "values": [{"value": "500", "count": 6}]},
            {"field": "host", "values": [{"value": "web-0", "count": 6}]},
            {"field": "tag", "values": []},
        ]
    }
    assert ask("/v1/fields", field="level", limit=1) == found["fields"][0]


@pytest.mark.parametrize("params", [{}, {"field": ["host"] * 21}, {"field": ["host", "app"], "limit": 0}])
def test_values_that_cannot_be_asked_for_are_a_problem(ask: Ask, params: dict[str, Any]) -> None:
    ask("/v1/fields", 400, **params)


def test_a_query_is_read_and_its_fields_are_told(ask: Ask) -> None:
    assert ask("/v1/query", query="failed -host:a user.id:7") == {
        "query": "failed -host:a user.id:7",
        "fields": ["host", "user.id"],
    }
    problem = ask("/v1/query", 400, query="failed AND")
    assert (problem["column"], problem["type"]) == (11, "urn:logkeep:bad-query")


def test_a_query_is_narrowed_by_a_value(ask: Ask) -> None:
    assert ask("/v1/query", query="a OR b", field="host", value="x y") == {
        "query": '(a OR b) host:"x y"',
        "fields": ["host"],
    }
    narrowed = ask("/v1/query", query="a", field="line", key=["user", "id"], value="7", without="true")
    assert narrowed["query"] == "a -user.id:7"
    ask("/v1/query", 400, query="a (", field="host", value="x")
    ask("/v1/query", 400, field="line", key=[""], value="x")
