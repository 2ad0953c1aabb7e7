"""kill -9 at every named point: after a restart every acknowledged line is there exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import Server, archived_lines, eventually

APPEND = ["append.begin", "append.inserted", "append.committed"]
INDEX = ["index.begin", "index.inserted", "index.marked"]
SEAL = [
    "seal.planned",
    "seal.built",
    "seal.uploaded",
    "seal.filtered",
    "seal.manifest",
    "seal.catalog",
    "seal.archived",
    "seal.trimmed",
]
RESTORE = [
    "restore.chunk_begun",
    "restore.chunk_fetched",
    "restore.chunk_loaded",
    "restore.chunk_done",
    "restore.active",
    "restore.indexed",
]
HOUR = "2026-03-01T07"


def bodies() -> dict[str, list[str]]:
    """Twelve bodies of 50 distinct lines over three hours, by idempotency key."""
    return {
        f"body-{n}": [
            f'{{"time":"2026-03-01T{7 + n % 3:02d}:{i:02d}:00Z","host":"h{n}","msg":"line {n}-{i}"}}'
            for i in range(50)
        ]
        for n in range(12)
    }


def send_all(server: Server) -> None:
    """As a careful client does: again with the same key, until it is acknowledged or nobody is there."""
    for key, lines in bodies().items():
        try:
            response = server.send(lines, key=key)
        except httpx.TransportError:
            return
        assert response.status_code == 200, response.text


def all_lines() -> list[str]:
    return sorted(line for lines in bodies().values() for line in lines)


@pytest.mark.parametrize("point", [*APPEND, "append.committed:7", *INDEX])
def test_lines_are_there_once_after_a_kill_in_append_or_index(
    make_server: Callable[..., Server], point: str
) -> None:
    server = make_server()
    server.start()
    server.stop()  # the first start is over; from here on only lines are at stake
    server.start(crash_at=point)
    send_all(server)
    eventually(lambda: not server.running(), f"the kill at {point}")
    server.kill()  # it is dead; this lets go of its pipes

    server.start()
    send_all(server)
    server.wait_until_indexed()
    assert sorted(server.lines()) == all_lines()
    server.seal()
    assert sorted(archived_lines(server.data)) == all_lines()


@pytest.mark.parametrize("point", [*SEAL, "seal.uploaded:2", "seal.catalog:3"])
def test_lines_are_archived_once_after_a_kill_in_seal(make_server: Callable[..., Server], point: str) -> None:
    server = make_server()
    server.start(crash_at=point)
    send_all(server)
    with pytest.raises(httpx.TransportError):
        server.seal()
    server.kill()

    server.start()
    server.seal()
    assert sorted(archived_lines(server.data)) == all_lines()
    status = server.get("/v1/archive/status")["accounts"][0]
    assert (status["waiting_lines"], status["archived_lines"], status["objects"]) == (0, 600, 3)
    server.wait_until_indexed()
    assert sorted(server.lines()) == all_lines()
    eventually(lambda: server.get("/v1/archive/status")["spool_bytes"] == 0, "the spool to be trimmed")


def ask_and_see_it_die(server: Server, wanted: dict[str, str], point: str) -> None:
    """Ask for a restore, which kills the server at this point; perhaps before it has answered."""
    with suppress(httpx.TransportError):
        server.post("/v1/restores", wanted)
    eventually(lambda: not server.running(), f"the kill at {point}")
    server.kill()  # it is dead; this lets go of its pipes


@pytest.mark.parametrize("point", RESTORE)
def test_a_killed_restore_resumes_and_ends_with_the_lines_of_the_plan(
    make_server: Callable[..., Server], point: str
) -> None:
    server = make_server()
    server.start()
    send_all(server)
    server.seal()
    server.stop()
    server.start(crash_at=point)
    span = {"from": "2026-03-01T07:00:00Z", "to": "2026-03-01T10:00:00Z"}
    ask_and_see_it_die(server, {"name": "crash", **span}, point)

    server.start()
    [restore] = server.get("/v1/restores")["restores"]
    assert restore["planned"]["lines"] == 600
    ended = server.wait_for_restore(restore["id"])
    assert (ended["state"], ended["lines"], ended["duplicates"]) == ("ACTIVE", 600, 0)
    assert sorted(server.lines(account=restore["account"])) == all_lines()
    eventually(lambda: server.get(f"/v1/restores/{restore['id']}")["text_index"], "the text index")
    assert len(server.lines(account=restore["account"], query='"line 3-7"')) == 1


@pytest.mark.parametrize("point", ["restore.chunk_loaded:2", "restore.chunk_done:3"])
def test_a_restore_of_many_chunks_loads_none_of_them_twice_after_a_kill(
    make_server: Callable[..., Server], point: str
) -> None:
    server = make_server()
    server.start()
    sent: list[str] = []
    for hour in range(8):  # five megabytes each, so that every hour is a chunk or more
        lines = [f'{{"time":"2026-03-01T{hour:02d}:30:00Z","msg":"{n}{"x" * 1000}"}}' for n in range(5000)]
        assert server.send(lines).status_code == 200
        sent += lines
    server.seal()
    server.stop()
    server.start(crash_at=point)
    span = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T08:00:00Z"}
    ask_and_see_it_die(server, {"name": "chunks", **span}, point)

    server.start()
    [restore] = server.get("/v1/restores")["restores"]
    ended = server.wait_for_restore(restore["id"])
    assert (ended["state"], ended["lines"]) == ("ACTIVE", len(sent))
    assert sorted(server.lines(account=restore["account"])) == sorted(sent)


def test_a_second_server_on_the_same_folder_is_refused(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    make_server().start()
    second = make_server()
    with pytest.raises(AssertionError, match="did not start"):
        second.start()
