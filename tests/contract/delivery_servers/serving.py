"""A web server for tests of deliveries: it speaks one protocol, and misbehaves when it is told to."""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import trustme


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in small letters
    body: bytes  # unpacked


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Trouble:
    """What happens to one request. `takes`: the server does what it is asked before that."""

    reply: Reply | None = None  # in place of the protocol's own
    takes: bool = False
    hangs_up: bool = False  # the connection ends in the middle of the answer
    waits: bool = False  # no answer, until the server is released


def answering(status: int, body: bytes = b"", **headers: str) -> Trouble:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Trouble(reply=Reply(status, body, named))


class Protocol:
    """What a server keeps: `arrivals` has the id of every event that it took, each time that it did."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.arrivals: list[str] = []
        self.most_events = 0  # of one request; more are answered with 413. 0: any number
        self.troubles: deque[Trouble] = deque()
        self.defects: list[str] = []  # what a client did that the protocol does not allow
        self.released = threading.Event()
        self.connections = 0

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def too_many(self, events: int) -> bool:
        return 0 < self.most_events < events

    def defect(self, text: str) -> Reply:
        self.defects.append(text)
        return Reply(400, text.encode())


P = TypeVar("P", bound=Protocol)


@contextmanager
def serving(protocol: P, tls: ssl.SSLContext | None = None) -> Iterator[P]:
    """The protocol at `url`, until the block ends. Fails if a client broke the protocol."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer with a body waits for 40 ms

        def do_POST(self) -> None:
            request = self._request()
            protocol.requests.append(request)
            trouble = protocol.troubles.popleft() if protocol.troubles else Trouble(takes=True)
            own = protocol.answer(request) if trouble.takes else Reply()
            if trouble.waits:
                protocol.released.wait(30)
                self.close_connection = True
                return
            self._tell(trouble.reply or own, whole=not trouble.hangs_up)

        def do_PUT(self) -> None:
            self.do_POST()

        def setup(self) -> None:
            super().setup()
            protocol.connections += 1

        def _request(self) -> Request:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return Request(self.command, parts.path, query, headers, body)

        def _tell(self, reply: Reply, *, whole: bool) -> None:
            # A 204 would be whole without a body.
            self.send_response_only(reply.status if whole else 200)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + (0 if whole else 10)))
            self.end_headers()
            try:
                self.wfile.write(reply.body)
            except OSError:  # the client read as much as it wanted
                self.close_connection = True
            if not whole:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True  # a client that keeps its connection must not keep the test

        def handle_error(self, request: Any, client_address: Any) -> None:
            del request, client_address
            error = sys.exception()
            if not isinstance(error, (ssl.SSLError, ConnectionError)):
                protocol.defects.append(repr(error))

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    protocol.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield protocol
    finally:
        protocol.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert protocol.defects == []


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test, and a server's TLS that it signed."""

    pem: str
    tls: ssl.SSLContext


def authority() -> Authority:
    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    return Authority(ca.cert_pem.bytes().decode(), tls)
