"""Requests go to the API or to the web app by their paths."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse

from logkeep.web.front import Front

from .asking import get


@pytest.mark.parametrize(
    ("path", "answers"),
    [
        ("/v1/search", "api"),
        ("/v1/nowhere", "api"),
        ("/logs/ingest", "api"),
        ("/healthz", "api"),
        ("/logs", "site"),
        ("/", "site"),
        ("/v1", "site"),
        ("/logs/ingest/x", "site"),
    ],
)
def test_paths_of_the_api_are_its_own(path: str, answers: str) -> None:
    front = Front(
        PlainTextResponse("api"), PlainTextResponse("site"), ["/logs/ingest", "/healthz", "/v1/search"]
    )
    assert get(front, path).text == answers
