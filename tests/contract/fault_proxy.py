"""A proxy between a bucket and its real server that makes requests fail by a schedule."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedReader
from itertools import repeat
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit


class Fault(StrEnum):
    """What happens to one request."""

    NONE = "none"
    DELAY = "delay"  # forwarded after a moment
    DROP = "drop"  # the connection is closed before anything is forwarded
    ERROR_500 = "error500"  # not forwarded
    SLOW_DOWN = "slowdown503"  # not forwarded
    RESET = "reset"  # the connection is reset in the middle of the request's body; nothing is forwarded
    CUT_REQUEST = "cut_request"  # the server gets half of the body, then both connections are closed
    ANSWER_LOST = "answer_lost"  # done by the server, and the connection closed without a word of its answer
    CUT_ANSWER = "cut_answer"  # done by the server, and the connection closed in the middle of its answer


_DELAY_S = 0.005
_ERRORS = {
    Fault.ERROR_500: (b"500 Internal Server Error", b"InternalError"),
    Fault.SLOW_DOWN: (b"503 Slow Down", b"SlowDown"),
}
_RST_ON_CLOSE = struct.pack("ii", 1, 0)  # l_onoff, l_linger


@dataclass
class FaultProxy:
    """Forwards to `backend` (host and port). Each request takes the next fault of the schedule; when it is
    used up, or none was given, requests pass. `taken` counts what was injected."""

    backend: tuple[str, int]
    url: str = ""
    taken: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))
    defects: list[BaseException | None] = field(default_factory=list)  # of the proxy itself
    _faults: Iterator[Fault] = field(default_factory=lambda: repeat(Fault.NONE))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)

    def use(self, faults: Iterator[Fault]) -> None:
        with self._lock:
            self._faults = faults

    def quiet(self) -> None:
        """From now on every request passes."""
        self.use(repeat(Fault.NONE))

    def next_fault(self) -> Fault:
        with self._lock:
            fault = next(self._faults, Fault.NONE)
            self.taken[fault] += 1
            return fault

    @contextmanager
    def holding(self, client: socket.socket) -> Iterator[None]:
        """Keep the connection among those that end with the proxy."""
        with self._lock:
            self._open.add(client)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(client)

    def hang_up(self) -> None:
        with self._lock:
            for client in self._open:
                with suppress(OSError):  # it is closed already
                    client.shutdown(socket.SHUT_RDWR)


@contextmanager
def fault_proxy(backend_url: str) -> Iterator[FaultProxy]:
    """A proxy in front of the server at this URL, until the block ends."""
    parts = urlsplit(backend_url)
    proxy = FaultProxy((parts.hostname or "", parts.port or 80))
    with _Server(proxy) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield proxy
        finally:
            server.shutdown()
            proxy.hang_up()
    assert proxy.defects == []


class _Server(ThreadingTCPServer):
    daemon_threads = False  # so that closing the server waits for its threads
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: object, client_address: object) -> None:
        del request, client_address
        self.proxy.defects.append(sys.exception())


@dataclass(frozen=True)
class _Message:
    """A request or an answer: its first line and headers as they came, and its body."""

    head: bytes
    body: bytes

    @property
    def closes(self) -> bool:
        return _header(self.head, b"connection").lower() == b"close"


class _Connection(BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        proxy = self.server.proxy
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        backend = _Backend(proxy.backend)
        with proxy.holding(self.request), self.request.makefile("rb") as reader, suppress(OSError):
            try:
                while (head := _read_head(reader)) and self._serve(proxy.next_fault(), head, reader, backend):
                    pass
            finally:
                backend.close()

    def _serve(self, fault: Fault, head: bytes, reader: BufferedReader, backend: _Backend) -> bool:
        """Deal with one request; whether the connection is to go on."""
        if fault is Fault.DROP:
            return False
        if _header(head, b"expect"):
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault is Fault.RESET:
            reader.read(_length(head) // 2)
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
            return False
        request = _Message(_without_expect(head), _read_body(head, reader))
        if fault in _ERRORS:
            self.request.sendall(_error(*_ERRORS[fault]))
            return True
        if fault is Fault.CUT_REQUEST:
            backend.begin(request)
            return False
        if fault is Fault.DELAY:
            time.sleep(_DELAY_S)
        answer = backend.answer(request)
        if fault is Fault.ANSWER_LOST:
            return False
        if fault is Fault.CUT_ANSWER:
            self.request.sendall(_cut(answer, self.server.proxy.taken[fault]))
            return False
        self.request.sendall(answer.head + answer.body)
        return not answer.closes


class _Backend:
    """One connection to the real server, kept while it lasts."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._reader: BufferedReader | None = None

    def begin(self, request: _Message) -> None:
        """Send half of what makes up the request, and hang up."""
        connection, _ = self._connected()
        connection.sendall(request.head + request.body[: len(request.body) // 2])
        self.close()

    def answer(self, request: _Message) -> _Message:
        connection, reader = self._connected()
        connection.sendall(request.head + request.body)
        head = _read_head(reader)
        if not head:
            raise ConnectionError("the server closed the connection instead of an answer")
        empty = request.head.startswith(b"HEAD ") or head.split(b" ", 2)[1] in (b"204", b"304")
        answer = _Message(head, b"" if empty else _read_body(head, reader))
        if answer.closes:
            self.close()
        return answer

    def _connected(self) -> tuple[socket.socket, BufferedReader]:
        if self._socket is None or self._reader is None:
            self._socket = socket.create_connection(self._address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._reader = self._socket.makefile("rb")
        return self._socket, self._reader

    def close(self) -> None:
        if self._socket is not None and self._reader is not None:
            self._reader.close()
            self._socket.close()
        self._socket = self._reader = None


def _read_head(reader: BufferedReader) -> bytes:
    """First line and headers with the empty line; b"" when the other side has closed."""
    lines = []
    while line := reader.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def _read_body(head: bytes, reader: BufferedReader) -> bytes:
    """The body as it came, with the framing of its chunks if it has them."""
    if _header(head, b"transfer-encoding").lower() != b"chunked":
        return reader.read(_length(head))
    parts = []
    size = -1
    while size != 0:
        line = reader.readline()
        size = int(line.partition(b";")[0], 16)
        parts += [line, reader.read(size) if size else b"", reader.readline()]
        while not size and parts[-1].strip():  # headers after the last chunk, until the empty line
            parts.append(reader.readline())
    return b"".join(parts)


def _header(head: bytes, name: bytes) -> bytes:
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def _length(head: bytes) -> int:
    return int(_header(head, b"content-length") or 0)


def _without_expect(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"expect:"))


def _cut(answer: _Message, number: int) -> bytes:
    """A beginning of the answer: each time another one, and so somewhere in its head or in its body."""
    whole = answer.head + answer.body
    return whole[: 1 + number * 61 % (len(whole) - 1)]


def _error(status: bytes, code: bytes) -> bytes:
    body = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>" + code + b"</Code></Error>"
    head = b"HTTP/1.1 %b\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return head + body
