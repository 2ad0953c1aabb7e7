"""A real HTTP server that keeps what it is sent and answers what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec


@dataclass(frozen=True, kw_only=True)
class Seen:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    document: Any = None
    raw: bytes = b""  # in place of the document
    headers: dict[str, str] = field(default_factory=dict)


Respond = Callable[[Seen], Answer]


class Server:
    """`respond` may be replaced at any time; `seen` holds the requests in order of arrival."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.respond: Respond = lambda _seen: Answer(document={"accepted": 1, "refused": []})
        self.lock = threading.Condition()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def wait_for(self, count: int) -> bool:
        """Whether `count` requests came within some seconds."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.seen) >= count, timeout=20)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = urlsplit(self.path)
                seen = Seen(
                    method=self.command,
                    path=parts.path,
                    params=dict(parse_qsl(parts.query)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=body,
                )
                with server.lock:
                    server.seen.append(seen)
                    server.lock.notify_all()
                    answer = server.respond(seen)
                content = answer.raw or msgspec.json.encode(answer.document)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            # The names that http.server asks for.
            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, *_args: object) -> None: ...

        return Handler
