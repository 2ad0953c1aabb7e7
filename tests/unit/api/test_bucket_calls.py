"""Calls that wait for buckets: a few at a time, and never in the way of all others."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from logkeep.api.answers import BUCKET_CALLS, with_bucket
from logkeep.api.application import build_api
from logkeep.api.ending import AnswerCancelled
from logkeep.catalog.values import Key, KeyRole
from logkeep.errors import NotFound
from logkeep.metrics import Tally

CONNECTION = {"provider": "folder", "options": {"path": "/archive"}}
RANGE = {"from": "-2h", "to": "-1h"}
WAITING = [
    ("POST", "/v1/archives", {"account": "main", **CONNECTION}),
    ("PATCH", "/v1/archives/a", {"title": "x"}),
    ("DELETE", "/v1/archives/a", None),
    ("POST", "/v1/archives/test", {"account": "main", **CONNECTION}),
    ("POST", "/v1/archives/a/test", None),
    ("POST", "/v1/archives/a/start", {}),
    ("POST", "/v1/archives/a/pause", None),
    ("POST", "/v1/archives/a/forget-secrets", None),
    ("POST", "/v1/archives/a/backfill", RANGE),
    ("POST", "/v1/archives/a/seal", {}),
    ("POST", "/v1/archives/a/verify", None),
    ("POST", "/v1/archives/a/drill", None),
    ("POST", "/v1/archive/seal", {}),
    ("POST", "/v1/restores", RANGE),
    ("POST", "/v1/restores/plan", RANGE),
    ("DELETE", "/v1/accounts/a", None),
]
NOT_WAITING = [
    ("GET", "/v1/archives/a"),
    ("POST", "/v1/archives/a/stop"),
    ("GET", "/v1/archives/a/checks"),
    ("GET", "/v1/accounts/a"),
]


def client(application: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    headers = {"Authorization": "Bearer lka_admin"}
    return httpx.AsyncClient(transport=transport, base_url="http://server", headers=headers)


def missing(*_: object, **__: object) -> None:
    raise NotFound("there is none")


def taken_up(method: str, path: str, body: object) -> httpx.Response:
    """The answer of a server that has as many calls waiting for buckets as it may have."""
    application = build_api(
        SimpleNamespace(  # type: ignore[arg-type]
            catalog=SimpleNamespace(
                keys=SimpleNamespace(resolve={"lka_admin": Key(account="", role=KeyRole.ADMIN, id="k")}.get),
                archives=SimpleNamespace(get=missing),
                accounts=SimpleNamespace(get=missing),
            ),
            archives=SimpleNamespace(stop=missing),
            metrics=SimpleNamespace(tally=Tally()),
        )
    )

    async def asked() -> httpx.Response:
        for number in range(BUCKET_CALLS):
            application.state.bucket_calls.acquire_on_behalf_of_nowait(number)
        async with client(application) as server:
            return await server.request(method, path, json=body)

    return asyncio.run(asked())


@pytest.mark.parametrize(("method", "path", "body"), WAITING)
def test_a_call_that_would_wait_for_a_bucket_is_refused_at_once_when_too_many_do(
    method: str, path: str, body: object
) -> None:
    answer = taken_up(method, path, body)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:logkeep:overloaded"), answer.text
    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize(("method", "path"), NOT_WAITING)
def test_other_calls_are_answered_all_the_same(method: str, path: str) -> None:
    assert taken_up(method, path, None).status_code == 404


def test_calls_wait_in_threads_of_their_own_and_leave_them_when_they_end() -> None:
    release, waiting = threading.Event(), threading.Semaphore(0)

    def hang() -> str:
        waiting.release()
        release.wait()
        return "done"

    async def hanging(request: Request) -> Response:
        return PlainTextResponse(await with_bucket(request, hang))

    async def quick(_: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(lambda: "quick"))

    application = build_api(SimpleNamespace(metrics=SimpleNamespace(tally=Tally())))  # type: ignore[arg-type]
    application.router.routes[:] = [Route("/hanging", hanging), Route("/quick", quick)]

    async def asked() -> None:
        async with client(application) as server:
            held = [asyncio.create_task(server.get("/hanging")) for _ in range(BUCKET_CALLS)]
            for _ in held:
                await asyncio.to_thread(waiting.acquire)
            assert (await server.get("/hanging")).status_code == 503
            assert (await server.get("/quick")).text == "quick"
            release.set()
            assert [(await one).text for one in held] == ["done"] * BUCKET_CALLS
            assert (await server.get("/hanging")).text == "done"

    asyncio.run(asked())


def test_a_request_that_the_end_of_the_server_cuts_off_is_answered() -> None:
    async def forever(_: Request) -> Response:
        await asyncio.Event().wait()
        return Response()

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def cut_off() -> None:
        application = Starlette(routes=[Route("/", forever)])
        application.add_middleware(AnswerCancelled)
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        request = asyncio.create_task(application(scope, receive, send))
        for _ in range(3):
            await asyncio.sleep(0)
        request.cancel()
        await request

    asyncio.run(cut_off())
    assert [message.get("status") for message in sent] == [503, None]
    assert b"the server stops" in sent[1]["body"]
