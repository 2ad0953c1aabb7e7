"""A load client with prebuilt requests on keep-alive connections, in a process of its own.

`python -m bench.load URL KEY --kind text --lines 1000 --connections 4 --seconds 30` prints one JSON object:
`lines` acknowledged, `requests`, `seconds`, `median_ms` and `p99_ms` of a request, `raw_bytes` sent.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import msgspec

from logkeep.sample import SampleBody, sample_bodies, sample_text_lines
from logkeep.timeline import Hour, hour_of

# More than a frame of the spool holds, so that nothing compresses better than it would in earnest.
_DISTINCT_LINES = 100_000


@dataclass
class Tally:
    lines: int = 0
    raw_bytes: int = 0
    times_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Prebuilt:
    data: bytes
    lines: int


def prebuilt(url: str, key: str, lines_per_body: int, kind: str, path: str) -> list[Prebuilt]:
    hour = Hour(hour_of(int(time.time() * 1000)) - 1)
    bodies = _bodies(kind, hour, lines_per_body)
    return [Prebuilt(_request(url, key, path or body.path, body), body.lines) for body in bodies]


def _bodies(kind: str, hour: Hour, lines_per_body: int) -> Iterator[SampleBody]:
    if kind == "text":
        chunks = sample_text_lines(lines=_DISTINCT_LINES, first_hour=hour, hours=1, per_chunk=lines_per_body)
        for chunk in chunks:
            yield SampleBody(
                path="/v1/ingest",
                params={"host": "web-1", "app": "shop"},
                content_type="text/plain",
                data=chunk,
                lines=chunk.count(b"\n"),
                hour=hour,
            )
        return
    path = {"ndjson": "/v1/ingest", "mezmo": "/logs/ingest"}[kind]
    bodies = sample_bodies(lines=_DISTINCT_LINES * 2, first_hour=hour, hours=1, lines_per_body=lines_per_body)
    yield from (body for body in bodies if body.path == path)


def _request(url: str, key: str, path: str, body: SampleBody) -> bytes:
    head = (
        f"POST {path}?{urlencode(body.params)} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: {body.content_type}\r\n"
        f"Content-Length: {len(body.data)}\r\n\r\n"
    )
    return head.encode() + body.data


def connection(url: str, requests: list[Prebuilt], first: int, end: float, tally: Tally) -> None:
    """Sends one request after the other until `end`, each after the answer to the last."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = first
        while (began := time.perf_counter()) < end:
            request = requests[number % len(requests)]
            sock.sendall(request.data)
            _read_answer(sock)
            tally.times_s.append(time.perf_counter() - began)
            tally.lines += request.lines
            tally.raw_bytes += len(request.data)
            number += 1


def _read_answer(sock: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(sock)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {received!r}")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += _more(sock)


def _more(sock: socket.socket) -> bytes:
    if chunk := sock.recv(65_536):
        return chunk
    raise RuntimeError("the server closed the connection")


def run(
    url: str, key: str, *, kind: str, lines: int, connections: int, seconds: float, path: str = ""
) -> dict[str, float]:
    requests = prebuilt(url, key, lines, kind, path)
    tallies = [Tally() for _ in range(connections)]
    began = time.perf_counter()
    threads = [
        threading.Thread(target=connection, args=(url, requests, 17 * n, began + seconds, tally))
        for n, tally in enumerate(tallies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(time_s for tally in tallies for time_s in tally.times_s)
    return {
        "lines": sum(tally.lines for tally in tallies),
        "raw_bytes": sum(tally.raw_bytes for tally in tallies),
        "requests": len(times),
        "seconds": time.perf_counter() - began,
        "median_ms": statistics.median(times) * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--kind", choices=("text", "ndjson", "mezmo"), default="text")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--path", default="", help="where to, in place of the kind's own path")
    options = parser.parse_args()
    result = run(
        options.url,
        options.key,
        kind=options.kind,
        lines=options.lines,
        connections=options.connections,
        seconds=options.seconds,
        path=options.path,
    )
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
