"""Pipelines in a real server: kill -9 at every named point, destinations that are away, copies of accounts,
restores into pipelines."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from tests.e2e.server import Server, archived_lines, eventually

JSON = {"Content-Type": "application/x-ndjson"}
SHAPED = ["pipeline.shaped", "pipeline.put", "outbox.put", "outbox.delivered"]


class Receiver(ThreadingHTTPServer):
    """A program that events are delivered to: it can be away, ask to wait, and refuse."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: list[dict[str, Any]] = []
        self.answers: list[int] = []  # to the next requests; then 200
        self.refuses: bytes | None = None  # a body that has this, for good
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def lines(self) -> Counter[str]:
        return Counter(event["_line"] for event in list(self.came))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver
    timeout: ClassVar[float] = 30

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        status = self.server.answers.pop(0) if self.server.answers else 200
        if self.server.refuses is not None and self.server.refuses in body:
            status = 400
        if status == 200:
            self.server.came += map(json.loads, body.splitlines())
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    serving = Receiver()
    yield serving
    serving.shutdown()
    serving.server_close()


def apply(server: Server, *, id_: str = "web", **parts: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The keys of its sources."""
    response = server.http.put(f"/v1/pipelines/{id_}", json={"id": id_, **parts})
    assert response.status_code in (200, 201), response.text
    keys: dict[str, str] = response.json()["keys"]
    return keys


def send(server: Server, key: str, lines: Sequence[str], *, again: str, id_: str = "web") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/plain", "Idempotency-Key": again}
    return server.http.post(f"/v1/pipelines/{id_}/ingest", content="\n".join(lines), headers=headers)


def status(server: Server, id_: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = server.get(f"/v1/pipelines/{id_}")["status"]
    return found


def destination(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in status(server)["destinations"] if one["name"] == name)
    return found


def delivered(server: Server) -> Callable[[], bool]:
    return lambda: all(one["waiting"]["events"] == 0 for one in status(server)["destinations"])


def to_http(receiver: Receiver, **more: object) -> dict[str, object]:
    return {"type": "http", "name": "out", "url": receiver.url, "batch": {"events": 40, "age": 0}, **more}


def to_archive(folder: Path) -> dict[str, object]:
    return {
        "type": "archive",
        "name": "copy",
        "provider": "folder",
        "options": {"path": str(folder / "archive")},
    }


def bodies() -> dict[str, list[str]]:
    return {f"body-{n}": [f"event {n}-{i}" for i in range(50)] for n in range(12)}


def every_line() -> list[str]:
    return sorted(line for lines in bodies().values() for line in lines)


@pytest.mark.parametrize("point", [f"{name}:{count}" for name in SHAPED for count in (1, 5)])
def test_what_was_acknowledged_is_delivered_after_a_kill_and_archived_exactly_once(
    make_server: Callable[..., Server], receiver: Receiver, tmp_path: Path, point: str
) -> None:
    server = make_server().start()
    parts: dict[str, Any] = {
        "sources": [{"type": "http", "name": "in"}],
        "processors": [{"type": "parse-json"}],
    }
    key = apply(server, **parts, destinations=[to_http(receiver), to_archive(tmp_path / "copy")])["in"]
    server.stop()
    server.start(crash_at=point)
    try:
        for name, lines in bodies().items():
            assert send(server, key, lines, again=name).status_code == 200
    except httpx.TransportError:
        pass
    eventually(lambda: not server.running(), f"the kill at {point}")
    server.kill()
    server.start()
    for name, lines in bodies().items():  # as a careful client does, which has no answer to some of them
        assert send(server, key, lines, again=name).status_code == 200
    eventually(delivered(server), "everything to be delivered")
    server.seal()
    assert sorted(archived_lines(tmp_path / "copy")) == every_line()
    came = receiver.lines()
    assert sorted(came) == every_line()
    # What came twice was one batch that was not acknowledged.
    assert sum(came.values()) - len(came) <= 40
    assert len({event["_lid"] for event in receiver.came}) == len(came)
    [source] = status(server)["sources"]
    assert source["events"] == len(every_line())
    server.stop()


def test_a_destination_that_is_away_holds_up_nobody_and_gets_everything_in_order(
    make_server: Callable[..., Server], receiver: Receiver, tmp_path: Path
) -> None:
    server = make_server().start()
    receiver.answers = [503, 500, 429, 401]
    away = {"type": "http", "name": "away", "url": "http://127.0.0.1:9/"}
    parts: dict[str, Any] = {
        "sources": [{"type": "http", "name": "in"}],
        "destinations": [to_http(receiver), away],
    }
    key = apply(server, **parts)["in"]
    for name, lines in bodies().items():
        assert send(server, key, lines, again=name).status_code == 200
    eventually(lambda: len(receiver.came) == len(every_line()), "the other destination to have everything")
    assert [event["_line"] for event in receiver.came] == [x for lines in bodies().values() for x in lines]
    eventually(lambda: destination(server, "away")["state"] == "failing", "the dead one to be told of")
    assert "cannot be reached" in destination(server, "away")["last_error"]
    assert destination(server, "away")["waiting"]["events"] == len(every_line())
    # It moves: what waits is delivered where it is now, also by a server that was killed meanwhile.
    server.kill()
    server.start()
    receiver.came.clear()
    apply(server, sources=parts["sources"], destinations=[{**away, "url": receiver.url}])
    eventually(delivered(server), "what waited to be delivered")
    assert receiver.lines() == Counter(every_line())
    server.stop()


def test_what_is_refused_for_good_is_kept_with_the_words_and_can_be_delivered_again(
    make_server: Callable[..., Server], receiver: Receiver
) -> None:
    server = make_server().start()
    receiver.refuses = b"bad"
    parts: dict[str, Any] = {"sources": [{"type": "http", "name": "in"}], "destinations": [to_http(receiver)]}
    key = apply(server, **parts)["in"]
    send(server, key, ["bad"], again="1")
    send(server, key, ["good"], again="2")
    eventually(lambda: receiver.lines() == {"good": 1}, "the good one to arrive")
    path = "/v1/pipelines/web/destinations/out/dead-letters"
    [letter] = eventually(lambda: server.get(path)["dead_letters"], "the dead letter")
    assert letter["event"]["_line"] == "bad"
    assert "400" in letter["reason"]
    receiver.refuses = None
    server.post(f"{path}/retry", {})
    eventually(lambda: receiver.lines() == {"good": 1, "bad": 1}, "the bad one to arrive")
    assert server.get(path)["dead_letters"] == []
    server.stop()


def test_a_full_buffer_is_backpressure_and_not_a_loss(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    dead = {"type": "http", "name": "dead", "url": "http://127.0.0.1:9/", "buffer": "1MiB"}
    key = apply(server, sources=[{"type": "http", "name": "in"}], destinations=[dead])["in"]
    taken = 0
    for n in range(60):
        lines = [f"{n} {i} {hash((n, i)):x} {hash((i, n)):x}" for i in range(2000)]
        answer = send(server, key, lines, again=f"{n}")
        if answer.status_code == 503:
            break
        assert answer.status_code == 200
        taken += len(lines)
    assert answer.status_code == 503
    assert "its buffer is full" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert destination(server, "dead")["waiting"]["events"] == taken
    server.stop()


def test_a_copy_of_an_account_has_every_line_that_it_keeps_once(
    make_server: Callable[..., Server], receiver: Receiver
) -> None:
    server = make_server().start()
    server.send(['{"msg":"before"}'])
    server.post("/v1/accounts/main/rules", {"title": "noise", "query": "noise"})
    tee = {"type": "account", "name": "tee", "account": "main"}
    apply(server, sources=[tee], destinations=[to_http(receiver)])
    server.send(['{"msg":"one"}', '{"msg":"noise"}'])
    eventually(lambda: len(receiver.came) == 1, "the first line")
    # Killed before the answer came, it would send the batch again, as it should.
    eventually(lambda: destination(server, "out")["waiting"]["events"] == 0, "its acknowledgment")
    server.kill()
    server.start()
    server.send(['{"msg":"two"}'])
    eventually(lambda: len(receiver.came) == 2, "the second line")
    server.wait_until_indexed()
    server.stop()
    server.start()
    server.send(['{"msg":"three"}'])
    eventually(lambda: len(receiver.came) == 3, "the third line")
    assert [event["_line"] for event in receiver.came] == [
        f'{{"msg":"{n}"}}' for n in ("one", "two", "three")
    ]
    server.wait_until_indexed()
    found = server.get("/v1/search", query="", account="main")["records"]
    assert {event["_lid"] for event in receiver.came} < {record["_lid"] for record in found}
    server.stop()


@pytest.mark.parametrize("point", ["pipeline.copied:2", "pipeline.put:2"])
def test_a_copy_goes_on_where_it_was_after_a_kill(
    make_server: Callable[..., Server], tmp_path: Path, point: str
) -> None:
    server = make_server().start()
    tee = {"type": "account", "name": "tee", "account": "main"}
    apply(server, sources=[tee], destinations=[to_archive(tmp_path / "copy")])
    server.stop()
    server.start(crash_at=point)
    sent = []
    for n in range(200):
        line = f'{{"n":{n}}}'
        try:
            if server.send([line], key=f"{n}").status_code == 200:
                sent.append(line)
        except httpx.TransportError:
            break
    eventually(lambda: not server.running(), f"the kill at {point}")
    server.kill()
    server.start()
    for n in range(len(sent) + 1):
        server.send([f'{{"n":{n}}}'], key=f"{n}")
    expected = sorted({*sent, f'{{"n":{len(sent)}}}'})
    eventually(lambda: status(server)["sources"][0]["events"] >= len(expected), "all of it to be copied")
    eventually(delivered(server), "everything to be delivered")
    server.seal()
    assert sorted(archived_lines(tmp_path / "copy")) == expected
    server.stop()


def test_pipelines_that_feed_each_other_are_refused_or_stopped(
    make_server: Callable[..., Server], receiver: Receiver
) -> None:
    server = make_server().start()
    server.post("/v1/accounts", {"name": "other"})
    tee = {"type": "account", "name": "tee", "account": "main"}
    apply(server, id_="there", sources=[tee], destinations=[{"type": "account", "account": "other"}])
    back = {
        "id": "back",
        "sources": [{**tee, "account": "other"}],
        "destinations": [{"type": "account", "account": "main"}],
    }
    refused = server.http.put("/v1/pipelines/back", json=back)
    assert refused.status_code == 400
    assert "account main -> pipeline there -> account other" in refused.json()["detail"]
    http = {"type": "http", "name": "in"}
    url = f"{server.first_start['url']}/v1/pipelines/web/ingest"
    itself = {"type": "http", "name": "out", "url": url, "secrets": {"token": "any"}}
    refused = server.http.put(
        "/v1/pipelines/web", json={"id": "web", "sources": [http], "destinations": [itself]}
    )
    assert refused.status_code == 400
    assert "pipeline web -> pipeline web" in refused.json()["detail"]
    server.stop()


def test_pipelines_of_two_servers_that_feed_each_other_are_stopped(
    make_server: Callable[..., Server], receiver: Receiver, tmp_path: Path
) -> None:
    """Nobody can tell before: the first event that comes back is refused. It is as it was then."""
    here, there = make_server().start(), Server(tmp_path / "there").start()
    try:
        http = {"type": "http", "name": "in"}
        key = apply(here, sources=[http], destinations=[to_http(receiver)])["in"]
        back = _to(here, "web", key)
        other = apply(
            there, id_="back", sources=[http], destinations=[{**to_http(receiver), "name": "seen"}, back]
        )["in"]
        apply(here, sources=[http], destinations=[_to(there, "back", other)])
        send(here, key, ["round and round"], again="1")
        path = "/v1/pipelines/back/destinations/out/dead-letters"
        [letter] = eventually(lambda: there.get(path)["dead_letters"], "the loop to be found out")
        assert "came through this pipeline before" in letter["reason"]
        assert status(here)["sources"][0]["events"] == 1
        [event] = eventually(lambda: list(receiver.came), "the event")
        assert event["_line"] == "round and round"
        assert event["_lid"] == letter["event"]["_lid"]
        here.stop()
        there.stop()
    finally:
        there.kill()


def _to(server: Server, pipeline: str, key: str) -> dict[str, object]:
    url = f"{server.first_start['url']}/v1/pipelines/{pipeline}/ingest"
    return {"type": "http", "name": "out", "url": url, "secrets": {"token": key}, "batch": {"age": 0}}


@pytest.mark.parametrize("point", ["restore.page_fed:3", "pipeline.put:2", "restore.sent"])
def test_a_restore_into_a_pipeline_sends_every_line_once_whenever_it_is_killed(
    make_server: Callable[..., Server], tmp_path: Path, point: str
) -> None:
    server = make_server().start()
    lines = [f'{{"time":"2026-03-01T{n % 24:02d}:00:{n % 60:02d}Z","n":{n}}}' for n in range(9000)]
    for start in range(0, len(lines), 1000):
        assert server.send(lines[start : start + 1000]).status_code == 200
    server.seal()
    old = {"type": "restoration", "name": "old"}
    apply(server, sources=[old], destinations=[to_archive(tmp_path / "copy")])
    server.stop()
    server.start(crash_at=point)
    request = {"name": "again", "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    restore = server.post("/v1/restores", {**request, "account": "main", "pipeline": {"id": "web"}})["id"]
    eventually(lambda: not server.running(), f"the kill at {point}")
    server.kill()
    server.start()
    eventually(lambda: server.get(f"/v1/restores/{restore}")["state"] == "DONE", "the restore to end")
    eventually(delivered(server), "everything to be delivered")
    server.seal()
    assert sorted(archived_lines(tmp_path / "copy")) == sorted(lines)
    assert status(server)["sources"][0]["events"] == len(lines)
    server.stop()
