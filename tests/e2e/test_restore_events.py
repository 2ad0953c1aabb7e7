"""Restores watched as server-sent events, at a real server, also over a kill -9 and its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx

from logkeep.watching import MAX_OF_ONE
from tests.e2e.server import DEADLINE_S, Server, eventually

HOURS = {"from": "2026-05-06T00:00:00Z", "to": "2026-05-07T00:00:00Z"}
LINES = [f'{{"time":"2026-05-06T01:00:00Z","msg":"line {number}"}}' for number in range(200)]
REPLAY = {"sources": [{"type": "restoration"}], "destinations": [{"type": "file", "path": "replayed.ndjson"}]}


def filled(server: Server) -> Server:
    server.send(LINES)
    server.seal()
    return server


@contextmanager
def events(server: Server, path: str) -> Iterator[Iterator[dict[str, Any]]]:
    with server.http.stream("GET", path) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield (
            json.loads(line.removeprefix("data: "))
            for line in response.iter_lines()
            if line.startswith("data: ")
        )


def begin_slowly(server: Server) -> str:
    """A restore that takes some seconds: its lines go into a pipeline, so many a second."""
    assert server.http.put("/v1/pipelines/replay", json=REPLAY).status_code == 201
    wanted = {"name": "slow", "pipeline": {"id": "replay"}, "rate": 50, **HOURS}
    return str(server.post("/v1/restores", wanted)["id"])


def test_a_restore_is_watched_to_its_end(make_server: Callable[..., Server]) -> None:
    server = filled(make_server().start())
    path = f"/v1/restores/{begin_slowly(server)}"
    with events(server, f"{path}/events") as stream:
        told = list(stream)
    shares = [one["progress"]["share"] for one in told]
    assert [one["state"] for one in (told[0], told[-1])] == ["IN_PROGRESS", "DONE"]
    assert shares == sorted(shares)
    assert len(told) > 3
    assert told[-1] == server.get(path)
    with events(server, f"{path}/events") as again:
        assert list(again) == [told[-1]]


def test_who_watches_comes_again_after_a_kill_9_and_sees_it_go_on(make_server: Callable[..., Server]) -> None:
    server = filled(make_server().start())
    path = f"/v1/restores/{begin_slowly(server)}/events"
    with events(server, path) as stream:
        sent = next(one["sent"] for one in stream if one["sent"])
        process = server.process
        assert process is not None
        process.kill()
        with suppress(httpx.TransportError):  # it may be cut off in the middle
            list(stream)
    server.kill()
    server.start()
    with events(server, path) as stream:
        told = list(stream)
    assert told[0]["sent"] >= sent
    assert (told[-1]["state"], told[-1]["sent"]) == ("DONE", len(LINES))


def test_all_that_run_are_watched_as_one(make_server: Callable[..., Server]) -> None:
    server = filled(make_server().start())
    waiting = server.post("/v1/restores", {"limit_lines": 5, "on_limit": "ask", **HOURS})["id"]
    eventually(lambda: server.get(f"/v1/restores/{waiting}")["state"] == "PAUSED", "the limit")
    server.post(f"/v1/restores/{server.restore(**HOURS)['id']}/extend", {"expiry_s": "1d"})
    with events(server, "/v1/restores/events") as stream:
        first = next(stream)
        assert (first["id"], first["state"], first["paused_for"]) == (waiting, "PAUSED", "limit")
        server.post(f"/v1/restores/{waiting}/abort", {})
        assert next(stream)["state"] == "ABORTED"


def test_watchers_do_not_hold_up_the_end_of_the_server(make_server: Callable[..., Server]) -> None:
    server = filled(make_server().start())
    waiting = server.restore(limit_lines=5, on_limit="ask", **HOURS)["id"]
    with events(server, f"/v1/restores/{waiting}/events") as stream:
        assert next(stream)["state"] == "PAUSED"
        process = server.process
        assert process is not None
        process.terminate()
        assert list(stream) == []  # it comes to its end, and is not cut off
    assert process.wait(DEADLINE_S) == 0


def test_no_events_of_a_restore_that_is_not_there(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    assert server.http.get("/v1/restores/42/events").status_code == 404


def test_one_reader_does_not_take_the_places_of_all_who_watch(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    user = server.post("/v1/users", {"name": "ada", "role": "read-only", "accounts": ["main"]})
    made = server.post(f"/v1/tokens?user={user['id']}", {"name": "t", "scope": "read-only"})
    token = {"Authorization": f"Bearer {made['token']}"}
    for path in ("/v1/restores/events", "/v1/tail"):
        with ExitStack() as opened:
            for _ in range(MAX_OF_ONE):
                opened.enter_context(server.http.stream("GET", path, headers=token))
            refused = server.http.get(path, headers=token)
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:logkeep:overloaded")
            assert "10 of your" in refused.json()["detail"]
            with server.http.stream("GET", path) as of_another:
                assert of_another.status_code == 200
