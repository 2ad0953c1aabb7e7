"""Real servers that notices are sent to, and samples of notices."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from logkeep.catalog.values import Notice, Restore, RestoreState

NOW = 1_795_000_000_000
USER, PASSWORD = "logkeep", "p@ss word"


def restore(**changes: Any) -> Restore:
    fields: dict[str, Any] = {
        "id": "ab12cd34ef56",
        "name": "one",
        "state": RestoreState.ACTIVE,
        "account": "r-one-ab12cd",
        "source": "main",
        "from_ms": NOW - 7_200_000,
        "to_ms": NOW - 3_600_000,
        "query": 'level:error "too late"',
        "planned_objects": 2,
        "planned_lines": 5000,
        "planned_bytes": 400,
        "planned_raw_bytes": 900_000,
        "lines": 4321,
        "bytes": 900_000,
        "duplicates": 3,
        "created_at": NOW - 5000,
        "started_at": NOW - 4000,
        "finished_at": NOW - 1000,
        "expires_at": NOW + 86_400_000,
        "expiry_s": 86_401,
        "created_by": "k1",
        "reason": "OPS-17",
    }
    return Restore(**(fields | changes))


def notice(receiver: str, *, body: bytes = b'{"event":"restore.active"}', channel: str = "webhook") -> Notice:
    return Notice(
        id=7,
        restore_id="ab12cd34ef56",
        channel=channel,
        receiver=receiver,
        body=body,
        subject="restore.active" if channel == "webhook" else "one is ready",
        created_at=NOW,
        next_at=NOW,
    )


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """Answers with what stands first in `answers`, while there is any, and else with 200."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    answer_bytes: int = 0
    taken: int = 0  # of the answer's bytes, in pieces of 64 KiB
    silent: threading.Event = field(default_factory=threading.Event)  # set: it never answers
    done: threading.Event = field(default_factory=threading.Event)


@contextmanager
def hook(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    state = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.posted.append(Posted(self.path, headers, body))
            if state.silent.is_set():
                state.done.wait(30)
                return
            status, headers = state.answers.pop(0) if state.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(state.answer_bytes))
            self.end_headers()
            self._send_body()

        def _send_body(self) -> None:
            while state.taken < state.answer_bytes:
                try:
                    self.wfile.write(bytes(64 << 10))
                except OSError:
                    self.close_connection = True
                    break
                state.taken += 64 << 10
            state.done.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        state.done.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Mail:
    sender: str
    receivers: list[str]
    content: bytes
    encrypted: bool
    user: str


@dataclass
class MailBox:
    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)  # answers by step: MAIL, RCPT, DATA


class _Handler:
    def __init__(self, box: MailBox) -> None:
        self._box = box

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if "MAIL" in self._box.refusals:
            return self._box.refusals["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if "RCPT" in self._box.refusals:
            return self._box.refusals["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del server
        if "DATA" in self._box.refusals:
            return self._box.refusals["DATA"]
        auth = session.auth_data
        self._box.mails.append(
            Mail(
                sender=str(envelope.mail_from),
                receivers=[str(one) for one in envelope.rcpt_tos],
                content=envelope.original_content or b"",
                encrypted=session.ssl is not None,
                user=auth.login.decode() if isinstance(auth, LoginPassword) else "",
            )
        )
        return "250 OK"


def _check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: object) -> AuthResult:
    known = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=login == known, handled=False, auth_data=login)


@contextmanager
def mail_box(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[MailBox]:
    """A mail server. With STARTTLS it takes mail only encrypted, and only from who has signed in."""
    box, ready = MailBox(), threading.Event()
    stopping: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(
            lambda: SMTP(
                _Handler(box),
                hostname="mail.test",
                loop=loop,
                authenticator=_check,
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=starttls is not None,
            ),
            *(box.host, 0),
            ssl=tls,
        )
        box.port = server.sockets[0].getsockname()[1]
        stopping.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        await stop.wait()
        server.close()
        await server.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield box
    finally:
        stopping[0]()
        thread.join()
