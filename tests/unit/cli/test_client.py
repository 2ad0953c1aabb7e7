from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from logkeep import errors
from logkeep.cli.access import Access
from logkeep.cli.client import Client, retried
from logkeep.cli.unreachable import Unreachable

from .recording_server import Answer, Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(Access(url=server.url, secret="s3cret")) as client:
        yield client


def error_for(server: Server, client: Client, answer: Answer) -> errors.LogkeepError:
    server.respond = lambda _seen: answer
    with pytest.raises(errors.LogkeepError) as caught:
        client.get("/x")
    return caught.value


def test_an_answer_is_decoded_and_the_secret_shown(server: Server, client: Client) -> None:
    server.respond = lambda _seen: Answer(document={"records": [], "cursor": None})
    assert client.get("/v1/search", query="level:error", cursor=None, account="") == {
        "records": [],
        "cursor": None,
    }
    [seen] = server.seen
    assert (seen.method, seen.path, seen.params) == ("GET", "/v1/search", {"query": "level:error"})
    assert seen.headers["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InputError),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.TooLarge),
        (415, errors.InputError),
        (429, errors.Overloaded),
        (500, errors.LogkeepError),
        (502, errors.Overloaded),
        (503, errors.Overloaded),
    ],
)
def test_each_status_is_an_error_of_the_tree(server: Server, client: Client, status: int, kind: type) -> None:
    problem = {"type": "urn:logkeep:x", "title": "T", "status": status, "detail": "what", "hint": "do"}
    error = error_for(server, client, Answer(status=status, document=problem))
    assert (type(error), error.message, error.hint) == (kind, "what", "do")


def test_what_the_server_says_of_its_bucket_keeps_its_kind(server: Server, client: Client) -> None:
    problem = {"type": "urn:logkeep:storage-denied", "status": 502, "detail": "no"}
    assert type(error_for(server, client, Answer(status=502, document=problem))) is errors.StorageDenied


def test_a_bad_query_keeps_its_column(server: Server, client: Client) -> None:
    problem = {"detail": "column 7: the quote is open", "column": 7, "expected": 'a "'}
    error = error_for(server, client, Answer(status=400, document=problem))
    assert isinstance(error, errors.QuerySyntaxError)
    assert (error.message, error.column, error.hint) == ("column 7: the quote is open", 7, 'expected a "')


def test_mezmos_errors_are_read_too(server: Server, client: Client) -> None:
    problem = {"error": "Missing param hostname.", "code": "BadRequest", "status": "error"}
    assert (
        error_for(server, client, Answer(status=400, document=problem)).message == "Missing param hostname."
    )


def test_retry_after_is_kept(server: Server, client: Client) -> None:
    answer = Answer(status=503, document={"detail": "full"}, headers={"Retry-After": "7"})
    error = error_for(server, client, answer)
    assert isinstance(error, errors.Overloaded)
    assert error.retry_after == 7


def test_no_server_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with (
        Client(Access(url=url, secret="")) as client,
        pytest.raises(Unreachable, match=f"no answer from {url}"),
    ):
        client.get("/healthz")


@pytest.mark.parametrize("url", ["not a url", "ftp://host", "http://"])
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(errors.LogkeepError), Client(Access(url=url, secret="")) as client:
        client.get("/healthz")


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, pause: float) -> None:
        self.now += pause
        self.pauses.append(pause)


def failing(errors_: list[errors.LogkeepError]) -> Any:
    def call() -> str:
        if errors_:
            raise errors_.pop(0)
        return "done"

    return call


def test_a_passing_error_is_tried_again_with_longer_pauses() -> None:
    clock = Clock()
    call = failing([Unreachable("x"), Unreachable("x"), Unreachable("x")])
    assert retried(call, patience_s=60, wait=clock.wait, clock=clock) == "done"
    assert len(clock.pauses) == 3
    for pause, longest in zip(clock.pauses, [0.25, 0.5, 1.0], strict=True):
        assert longest / 2 <= pause <= longest


def test_a_pause_is_never_shorter_than_the_server_asks() -> None:
    clock = Clock()
    call = failing([errors.Overloaded("full", retry_after=9)])
    assert retried(call, patience_s=60, wait=clock.wait, clock=clock) == "done"
    assert clock.pauses == [9]


def test_an_error_that_will_not_pass_is_raised_at_once() -> None:
    clock = Clock()
    with pytest.raises(errors.Unauthorized):
        retried(failing([errors.Unauthorized("no")]), patience_s=60, wait=clock.wait, clock=clock)
    assert clock.pauses == []


def test_patience_ends() -> None:
    clock = Clock()
    call = failing([Unreachable("x")] * 100)
    with pytest.raises(Unreachable):
        retried(call, patience_s=5, wait=clock.wait, clock=clock)
    assert clock.now <= 5
