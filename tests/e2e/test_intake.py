"""Intake over HTTP: every way in, and everything that is refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import zstandard

from tests.e2e.server import Server, archived_lines, eventually

TEXT = {"Content-Type": "text/plain"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def found(server: Server, query: str) -> list[dict[str, object]]:
    server.wait_until_indexed()
    records: list[dict[str, object]] = server.get("/v1/search", query=query, order="oldest")["records"]
    return records


@pytest.mark.parametrize("way", ["bearer", "apikey", "basic", "query"])
def test_a_key_is_taken_in_each_of_four_ways(server: Server, way: str) -> None:
    key = server.first_start["ingest_key"]
    headers = {"bearer": {"Authorization": f"Bearer {key}"}, "apikey": {"apikey": key}}.get(way, {})
    response = httpx.post(
        server.first_start["url"] + "/v1/ingest",
        content=f"way {way}",
        headers=TEXT | headers,
        auth=(key, "") if way == "basic" else None,
        params={"apikey": key} if way == "query" else {},
    )
    assert (response.status_code, response.json()) == (200, {"accepted": 1, "refused": []})


@pytest.mark.parametrize("path", ["/v1/ingest", "/logs/ingest?hostname=h"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"apikey": "wrong"}])
def test_a_wrong_or_missing_key_is_answered_401(server: Server, path: str, headers: dict[str, str]) -> None:
    response = httpx.post(server.first_start["url"] + path, content="x", headers=TEXT | headers)
    assert response.status_code == 401


def test_an_ingest_key_may_not_search_and_the_admin_token_may_not_send(server: Server) -> None:
    assert server.http.get("/v1/search", headers=server.key).status_code == 403
    assert server.http.post("/v1/ingest", content="x", headers=TEXT).status_code == 403


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_packed_bodies_are_unpacked(server: Server, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    headers = server.key | TEXT | {"Content-Encoding": encoding}
    response = server.http.post("/v1/ingest", content=pack(f"packed by {encoding}".encode()), headers=headers)
    assert response.status_code == 200
    assert [record["_line"] for record in found(server, f'"packed by {encoding}"')] == [
        f"packed by {encoding}"
    ]


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_body_that_only_unpacks_to_too_much_is_answered_413(
    server: Server, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    headers = server.key | TEXT | {"Content-Encoding": encoding}
    response = server.http.post("/v1/ingest", content=pack(b"a\n" * 6_000_000), headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_over_ten_megabytes_is_answered_413(server: Server) -> None:
    response = server.http.post("/v1/ingest", content=b"a\n" * 5_500_000, headers=server.key | TEXT)
    assert response.status_code == 413


def test_origin_comes_from_the_query_and_a_line_overrides_it(server: Server) -> None:
    body = '{"msg":"origin one"}\n{"msg":"origin two","host":"own","tag":["z"]}'
    response = server.http.post(
        "/v1/ingest",
        params={"host": "h", "app": "a", "file": "/f", "env": "e", "level": "warn", "tag": "x,y"},
        content=body,
        headers=server.key | NDJSON,
    )
    assert response.status_code == 200
    first, second = found(server, "origin")
    common = {"_app": "a", "_file": "/f", "_env": "e", "level": "warn", "_account": "main"}
    assert first.items() >= (common | {"_host": "h", "_tag": ["x", "y"]}).items()
    assert second.items() >= (common | {"_host": "own", "_tag": ["z"]}).items()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp", "2026-03-04T05:06:07.089Z"),
        ("@timestamp", "2026-03-04T06:06:07.089+01:00"),
        ("time", 1772600767089),
        ("ts", 1772600767.089),
        ("_ts", "1772600767089"),
        ("date", 1772600767089000),
    ],
)
def test_the_event_time_is_read_from_the_line(server: Server, field: str, value: object) -> None:
    case = f"time of {field!r}"
    server.send([json.dumps({field: value, "case": case})])
    (record,) = found(server, f'case:"{case}"')
    assert record["_ts"] == 1772600767089


def test_lines_are_archived_exactly_as_they_came(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    lines = [
        ' {"a" : 1.50, "b":"\\u00e9"} ',
        "tab\there",
        "ünïcode 漢字 🙂",
        "trailing space ",
        "\x00nul",
        "cr\r",
    ]
    server.http.post("/v1/ingest", content="\n".join(lines).encode(), headers=server.key | TEXT)
    server.http.post("/v1/ingest", content=b"latin \xe9\xff", headers=server.key | TEXT)
    server.seal()
    assert archived_lines(server.data) == [*lines, "latin \ufffd\ufffd"]
    server.wait_until_indexed()
    (record,) = server.get("/v1/search", query="latin")["records"]
    assert record["_raw"] == "bGF0aW4g6f8="


def test_a_line_over_the_limit_is_refused_by_name_and_the_rest_is_kept(server: Server) -> None:
    body = "limit before\n" + "x" * (512 * 1024 + 1) + "\nlimit after"
    response = server.http.post("/v1/ingest", content=body, headers=server.key | TEXT)
    assert response.json() == {
        "accepted": 2,
        "refused": [
            {"line": 2, "code": "too-long", "reason": "the line has 524289 bytes, the limit is 524288"}
        ],
    }
    assert len(found(server, "limit before")) == 1


def test_more_lines_than_a_body_may_have_are_answered_413(server: Server) -> None:
    response = server.http.post("/v1/ingest", content=b"a\n" * 500_001, headers=server.key | TEXT)
    assert (response.status_code, response.json()["type"]) == (413, "urn:logkeep:too-large")


def test_what_every_line_would_carry_is_bounded(server: Server) -> None:
    for name in ("host", "app", "file", "env", "level", "tag"):
        response = server.http.post(
            "/v1/ingest", params={name: "x" * 1025}, content="a", headers=server.key | TEXT
        )
        assert (response.status_code, name in response.json()["detail"]) == (400, True)


def test_broken_json_is_answered_400_with_its_position(server: Server) -> None:
    headers = server.key | {"Content-Type": "application/json"}
    response = server.http.post("/v1/ingest", content=b'{"a":1,}', headers=headers)
    assert (response.status_code, response.json()["position"]) == (400, 7)
    response = server.http.post("/logs/ingest?hostname=h", content=b'{"lines":[{]}', headers=headers)
    assert (response.status_code, response.json()["position"]) == (400, 11)


def test_mezmo_replies_are_those_that_its_clients_know(server: Server) -> None:
    headers = server.key | {"Content-Type": "application/json"}
    post = server.http.post
    assert (
        post("/logs/ingest", json={"lines": []}, headers=headers).json()["error"] == "Missing param hostname."
    )
    long = "x" * (512 * 1024 + 1)
    body = {"lines": [{"line": "207 first"}, {"line": long}, {"line": 5}]}
    response = post("/logs/ingest?hostname=h", json=body, headers=headers)
    assert (response.status_code, response.json()["status"]) == (207, [200, 413, 400])
    assert post("/logs/ingest?hostname=h", json={"lines": [{"line": "ok"}]}, headers=headers).json() == {
        "status": "ok"
    }


def test_the_same_idempotency_key_is_taken_once_also_at_the_same_moment(server: Server) -> None:
    replies: list[httpx.Response] = []

    def send() -> None:
        headers = server.key | TEXT | {"Idempotency-Key": "one-and-only"}
        replies.append(
            httpx.post(server.first_start["url"] + "/v1/ingest", content="idempotent", headers=headers)
        )

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.text for reply in replies} == {'{"accepted":1,"refused":[]}'}
    assert len(found(server, "idempotent")) == 1


def test_a_body_that_breaks_off_is_not_taken(server: Server) -> None:
    import socket

    host, port = server.first_start["url"].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = (
            "POST /v1/ingest HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n"
            f"apikey: {server.first_start['ingest_key']}\r\n\r\nbroken off"
        )
        connection.sendall(head.encode())
    server.http.post("/v1/ingest", content="whole", headers=server.key | TEXT)
    assert found(server, '"broken off"') == []


def test_a_full_spool_answers_503_and_recovers_when_the_hours_are_archived(
    make_server: Callable[..., Server],
) -> None:
    server = make_server(spool_max_bytes="20000").start()
    import random

    random.seed(7)
    sent: list[str] = []
    while True:
        lines = [f"fill {random.getrandbits(256):x}" for _ in range(100)]
        response = server.http.post("/v1/ingest", content="\n".join(lines), headers=server.key | TEXT)
        if response.status_code != 200:
            break
        sent += lines
    assert (response.status_code, response.json()["type"]) == (503, "urn:logkeep:overloaded")
    assert int(response.headers["retry-after"]) > 0

    server.wait_until_indexed()
    server.seal()
    response = server.http.post("/v1/ingest", content="again", headers=server.key | TEXT)
    assert response.status_code == 200
    server.seal()
    assert sorted(archived_lines(server.data)) == sorted([*sent, "again"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB of its own."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_answers_503_and_recovers_when_there_is_room(small_disk: Path) -> None:
    import random

    random.seed(8)
    server = Server(small_disk / "data", min_free_bytes="12MiB").start()
    ballast = small_disk / "ballast"
    sent: list[str] = []
    try:
        ballast.write_bytes(b"x" * 30_000_000)
        while True:
            lines = [f"disk {random.getrandbits(2048):x}" for _ in range(500)]
            response = server.http.post("/v1/ingest", content="\n".join(lines), headers=server.key | TEXT)
            if response.status_code != 200:
                break
            sent += lines
        assert (response.status_code, int(response.headers["retry-after"]) > 0) == (503, True)
        ballast.unlink()
        retry = lambda: (  # noqa: E731
            server.http.post("/v1/ingest", content="room again", headers=server.key | TEXT).status_code == 200
        )
        eventually(retry, "the server to take lines again")
        server.wait_until_indexed()
        assert sorted(server.lines()) == sorted([*sent, "room again"])
    finally:
        server.kill()
