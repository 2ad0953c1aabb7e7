"""Downloads of all lines of an account, and what a search of a restored one tells beside its records."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message

from logkeep.api import problems
from logkeep.api.access import of_asked_account
from logkeep.api.v1 import export, search
from logkeep.catalog.values import Account, AccountKind, Key, KeyRole
from logkeep.errors import LogkeepError, NotFound
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.record import bytes_of, encode_lines
from logkeep.restore.export import EXPORT_FORMATS
from tests.unit.archiver_doubles import frame, records
from tests.unit.restored_lines import HOSTILE, KEY, restored

Ask = Callable[..., httpx.Response]
ADMIN = {"Authorization": "Bearer lka_admin"}


@pytest.fixture
def application(engine: ChdbEngine, tmp_path: Path) -> Iterator[Starlette]:
    """A server with the live account `main` and the restored one `r-1`."""
    accounts = {
        "main": Account(id="main", kind=AccountKind.LIVE, created_at=0),
        "r-1": Account(id="r-1", kind=AccountKind.RESTORED, created_at=0, restore_id="ex1"),
        "r-gone": Account(id="r-gone", kind=AccountKind.RESTORED, created_at=0, restore_id="gone"),
    }

    def account(name: str) -> Account:
        if name not in accounts:
            raise NotFound(f"there is no account {name!r}")
        return accounts[name]

    keys = {
        "lka_admin": Key(account="", role=KeyRole.ADMIN, id="k"),
        "lki_main": Key(account="main", role=KeyRole.INGEST, id="i"),
    }
    made = Starlette(
        routes=[
            Route("/v1/export", of_asked_account(export.get_export)),
            Route("/v1/search", of_asked_account(search.get_records)),
        ],
        exception_handlers={LogkeepError: problems.answer_error},
    )
    made.state.services = SimpleNamespace(
        engine=engine,
        settings=SimpleNamespace(data=tmp_path / "data"),
        clock=lambda: 10_000,
        catalog=SimpleNamespace(
            keys=SimpleNamespace(resolve=keys.get),
            accounts=SimpleNamespace(get=account),
            restores=SimpleNamespace(get=lambda name: SimpleNamespace(id=name, name="incident")),
        ),
    )
    made.state.exports = CapacityLimiter(export.EXPORTS_AT_ONCE)
    LiveLines(engine, tmp_path).add([frame(records(3))], some_may_be_there=False)
    with restored(engine, tmp_path, HOSTILE):
        yield made
    engine.run("DROP TABLE live SYNC")


@pytest.fixture
def ask(application: Starlette, tmp_path: Path) -> Iterator[Ask]:
    async def asked(path: str, headers: dict[str, str], params: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://server", headers=headers
        ) as server:
            return await server.get(path, params=params)

    def send(path: str = "/v1/export", headers: dict[str, str] = ADMIN, **params: str) -> httpx.Response:
        named = {name.rstrip("_"): value for name, value in params.items()}
        return asyncio.run(asked(path, headers, named))

    yield send
    assert application.state.exports.borrowed_tokens == 0
    assert not list((tmp_path / "data").glob("work/export/*"))


def test_an_account_is_downloaded_in_every_format(ask: Ask) -> None:
    canonical = encode_lines(HOSTILE)
    answers = {form: ask(account="r-1", format=form) for form in EXPORT_FORMATS}
    assert answers["ndjson"].content == canonical
    assert gzip.decompress(answers["ndjson.gz"].content) == canonical
    assert answers["text"].content == b"".join(bytes_of(record) + b"\n" for record in HOSTILE)
    assert answers["parquet"].content[:4] == b"PAR1" == answers["parquet"].content[-4:]
    told = [
        (answer.status_code, answer.headers["Content-Type"], answer.headers["Content-Disposition"])
        for answer in answers.values()
    ]
    assert told == [
        (200, "application/x-ndjson", 'attachment; filename="r-1.ndjson"'),
        (200, "application/gzip", 'attachment; filename="r-1.ndjson.gz"'),
        (200, "application/vnd.apache.parquet", 'attachment; filename="r-1.parquet"'),
        (200, "text/plain; charset=utf-8", 'attachment; filename="r-1.log"'),
    ]
    # gzip is the content, not how it is sent: a client must not unpack it
    assert "Content-Encoding" not in answers["ndjson.gz"].headers


def test_a_live_account_a_range_and_a_query_are_chosen(ask: Ask) -> None:
    assert ask().content == encode_lines(records(3))
    assert ask(account="main", query="nothing-like-it").content == b""
    assert ask(account="r-1", from_="5", to="7").content == b""  # epoch seconds
    chosen = ask(account="r-1", query="level:error")
    assert chosen.content == encode_lines([one for one in HOSTILE if one.level])


@pytest.mark.parametrize(
    ("params", "status", "detail"),
    [
        ({"format": "csv"}, 400, "format is 'csv', not one of ndjson, ndjson.gz, parquet, text"),
        ({"query": "a AND"}, 400, "column"),
        ({"from_": "tomorrow"}, 400, "'tomorrow' is not a point in time"),
        ({"account": "nobody"}, 404, "there is no account 'nobody'"),
        ({"account": "r-gone"}, 404, "these lines are gone"),
        ({"account": "r-gone", "format": "parquet"}, 404, "these lines are gone"),
    ],
)
def test_what_goes_wrong_before_the_first_line_is_a_problem(
    ask: Ask, params: dict[str, str], status: int, detail: str
) -> None:
    answer = ask(**params)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer lki_main"}, 403)])
def test_only_an_administrator_may(ask: Ask, headers: dict[str, str], status: int) -> None:
    assert ask(headers=headers).status_code == status


def test_too_many_exports_are_refused_at_once(ask: Ask, application: Starlette) -> None:
    limiter: CapacityLimiter = application.state.exports

    async def take() -> None:
        for number in range(export.EXPORTS_AT_ONCE):
            limiter.acquire_on_behalf_of_nowait(number)

    async def give_back() -> None:
        for number in range(export.EXPORTS_AT_ONCE):
            limiter.release_on_behalf_of(number)

    asyncio.run(take())
    answer = ask()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    asyncio.run(give_back())
    assert ask().status_code == 200


def asked_for(form: str) -> dict[str, Any]:
    """The request as the server hands it over."""
    return {
        "type": "http",
        "asgi": {"spec_version": "2.3"},
        "method": "GET",
        "path": "/v1/export",
        "query_string": f"account=r-1&format={form}".encode(),
        "headers": [(b"authorization", b"Bearer lka_admin")],
    }


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_a_client_that_goes_away_leaves_its_place_and_no_file(
    ask: Ask, application: Starlette, form: str
) -> None:
    """`ask` looks for both when the test has ended."""
    sent: list[Message] = []

    async def visit() -> None:
        gone = asyncio.Event()

        async def send(message: Message) -> None:
            sent.append(message)
            if message.get("body"):
                gone.set()
                await asyncio.Event().wait()  # a client that takes no more

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async with asyncio.timeout(60):
            await application(asked_for(form), receive, send)

    asyncio.run(visit())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert ask().status_code == 200


def test_an_export_that_fails_half_way_is_not_ended_as_if_it_were_whole(
    ask: Ask, application: Starlette, engine: ChdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logkeep.index.search._SLICE_LINES", 5)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body"):
            engine.run("DROP TABLE restored_ex1 SYNC")

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RuntimeError, match="response already started") as caught:
        asyncio.run(application(asked_for("ndjson"), receive, send))
    assert "these lines are gone" in str(caught.value.__cause__)
    assert [message.get("more_body") for message in sent] == [None, True]
    assert ask(account="main").status_code == 200


def test_a_search_of_restored_lines_tells_their_objects_and_restore(ask: Ask) -> None:
    found = ask("/v1/search", account="r-1", limit="2", order="oldest").json()
    assert sorted(found) == ["cursor", "objects", "records", "restore"]
    assert [record["_lid"] for record in found["records"]] == ["1", "2"]
    assert found["objects"] == [KEY, KEY]
    assert found["restore"] == {"id": "ex1", "name": "incident"}


def test_a_search_of_live_lines_is_as_it_was(ask: Ask) -> None:
    assert sorted(ask("/v1/search", account="main").json()) == ["cursor", "records"]
