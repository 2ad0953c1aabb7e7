"""The API as pages call it: as one caller, with problems raised."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from logkeep.api.callers import SCOPE_KEY, Caller
from logkeep.catalog.people import Role
from logkeep.web.api import Api
from logkeep.web.problem import Problem

CALLER = Caller(actor="user:1", role=Role.MEMBER, accounts=frozenset({"main"}))


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "query": dict(request.query_params),
            "body": json.loads(body) if body else None,
            "actor": request.scope[SCOPE_KEY].actor,
        }
    )


async def refuse(_: Request) -> Response:
    told = {
        "type": "urn:logkeep:bad-query",
        "title": "Bad request",
        "status": 400,
        "detail": "a word is missing",
        "hint": "write one",
        "column": 7,
        "field": "query",
    }
    return JSONResponse(told, status_code=400, media_type="application/problem+json")


async def strange(_: Request) -> Response:
    return Response(b'{"line": "\\ud800x"}', media_type="application/json")


async def text(_: Request) -> Response:
    return PlainTextResponse("id: clean\n", media_type="application/yaml")


async def lines(request: Request) -> Response:
    told = "".join(f'{{"line": "{name}"}}\n' for name in request.query_params.getlist("name"))
    return Response(told, media_type="application/x-ndjson")


def api() -> Api:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Api(
        Starlette(
            routes=[
                Route("/v1/echo", echo, methods=methods),
                Route("/v1/refuse", refuse),
                Route("/v1/strange", strange),
                Route("/v1/text", text),
                Route("/v1/lines", lines),
            ]
        ),
        CALLER,
    )


def test_a_call_comes_as_the_caller_with_what_is_given() -> None:
    found: dict[str, Any] = asyncio.run(
        api().get("/v1/echo", from_="-1h", limit=5, flag=True, none=None, empty="", text="a&b=c")
    )
    assert found == {
        "method": "GET",
        "query": {"from": "-1h", "limit": "5", "flag": "true", "text": "a&b=c"},
        "body": None,
        "actor": "user:1",
    }


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_body_goes_as_json(method: str) -> None:
    found = asyncio.run(getattr(api(), method)("/v1/echo", {"a": [1]}))
    assert (found["method"], found["body"]) == (method.upper(), {"a": [1]})


def test_an_error_is_raised_with_all_it_tells() -> None:
    with pytest.raises(Problem) as caught:
        asyncio.run(api().get("/v1/refuse"))
    problem = caught.value
    assert (problem.status, problem.code, problem.detail, problem.hint) == (
        400,
        "bad-query",
        "a word is missing",
        "write one",
    )
    assert (problem.column, problem.field, str(problem)) == (7, "query", "a word is missing")


def test_an_answer_that_is_no_problem_document_is_one_all_the_same() -> None:
    with pytest.raises(Problem) as caught:
        asyncio.run(api().get("/v1/nowhere"))
    assert caught.value.status == 404


def test_half_of_a_character_passes() -> None:
    assert asyncio.run(api().get("/v1/strange")) == {"line": "\ud800x"}


def test_what_is_no_json_comes_as_text() -> None:
    assert asyncio.run(api().get("/v1/text")) == "id: clean\n"


def test_lines_of_json_come_as_a_list_and_a_list_goes_as_several_parameters() -> None:
    assert asyncio.run(api().get("/v1/lines", name=["a", "b"])) == [{"line": "a"}, {"line": "b"}]
    assert asyncio.run(api().get("/v1/lines", name=[])) == []
