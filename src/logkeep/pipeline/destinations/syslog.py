"""Syslog over TCP (RFC 6587) or TLS (RFC 5425), the messages as syslog_message.py has them.

The protocol has no acknowledgment. A batch counts as taken when the kernel on the other side has
acknowledged every byte of it, and the connection was neither closed nor reset by then. What is still lost
when the receiver dies: what it had read, and not yet written where it keeps it.

What it had not read yet is sent again: a kernel resets the connection of a process that dies with bytes
unread, so after a reset the last 8 MiB that went through that connection are repeated, in order, before
anything new. A middlebox that resets idle connections therefore makes repeats; `lid` tells them.
"""

from __future__ import annotations

import array
import fcntl
import re
import select
import socket
import ssl
import termios
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.destinations.given import given_secrets, go_together
from logkeep.pipeline.destinations.syslog_message import framed
from logkeep.pipeline.destinations.wire_tls import check_certificate, present, seconds, tls_context
from logkeep.pipeline.model import ToSyslog

_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,255}")
_LABEL = re.compile(r".{1,63}")  # beyond that, Python's resolver fails with an error of its own
_KEPT_BYTES = 8 << 20  # more than Linux lets a receiver's buffer grow to (tcp_rmem: 6 MiB)
# A receiver that takes connections and closes those it does not want does so by then. So does one that
# refuses our certificate: in TLS 1.3 it says so only after its side of the handshake.
_SETTLE_S = 0.25
_SETTLE_TLS_S = 1.0
_LOOK_EVERY_MS = 1  # no event tells that the send queue is empty
_READ, _MOST_READS = 4096, 256


class SyslogDestination:
    whole_frames = False

    def __init__(self, spec: ToSyslog, secrets: Mapping[str, str], hop: str) -> None:
        """Raises BadSetting. `hop` is not sent: the protocol has no place for it."""
        del hop
        _check(spec)
        given = given_secrets(spec.secrets, secrets)
        go_together("client_certificate", spec.client_certificate, "client_key", given)
        self._spec = spec
        self._timeout_s = seconds(spec.timeout, "timeout")
        self._key = secrets.get("client_key", "")
        self._tls = tls_context(spec.ca) if spec.tls else None
        if spec.client_certificate:
            check_certificate(spec.client_certificate, self._key)
            if self._key and self._tls:
                present(self._tls, spec.client_certificate, self._key)
        self._socket: socket.socket | None = None
        self._kept: deque[bytes] = deque()  # what went through the last connection
        self._kept_bytes = 0
        self._repeat = False  # whether it has to be sent again

    @property
    def _where(self) -> str:
        return f"{self._spec.host}:{self._spec.port}"

    def send(self, batch: Batch) -> Sent:
        payload = b"".join(framed(batch.records, facility=self._spec.facility, framing=self._spec.framing))
        self._find_closed()
        connection = self._connected()
        try:
            if self._repeat:
                _deliver(connection, b"".join(self._kept), self._timeout_s)
                self._repeat = False
            _deliver(connection, payload, self._timeout_s)
        except OSError as error:
            self._give_up(error)
            raise self._failed(error) from error
        self._keep(payload)
        return Sent()

    def close(self) -> None:
        connection, self._socket = self._socket, None
        if connection is None:
            return
        with suppress(OSError):  # it is closed by the other side already
            connection.settimeout(_SETTLE_S)
            if isinstance(connection, ssl.SSLSocket):
                connection = connection.unwrap()
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _find_closed(self) -> None:
        """Give up a connection that ended since the last batch: nothing of this one is lost with it."""
        if self._socket is None:
            return
        try:
            _look(self._socket)
        except OSError as error:
            self._give_up(error)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            try:
                self._socket = self._connect()
            except OSError as error:  # of which those of TLS and of looking up the host are some
                raise self._failed(error) from error
            if not self._repeat:
                self._kept.clear()
                self._kept_bytes = 0
        return self._socket

    def _connect(self) -> socket.socket:
        plain = socket.create_connection((self._spec.host, self._spec.port), timeout=self._timeout_s)
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._timeout_s * 1000)
            connection = plain if self._tls is None else self._secured(plain, self._tls)
        except (OSError, DeliveryFailed):
            plain.close()
            raise
        try:
            _settle(connection)
        except OSError:
            connection.close()
            raise
        return connection

    def _secured(self, plain: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        if self._spec.client_certificate and not self._key:
            raise DeliveryFailed(
                f"syslog at {self._where}: the client certificate has no key",
                hint="give the secret client_key",
            )
        return tls.wrap_socket(plain, server_hostname=self._spec.host)

    def _keep(self, payload: bytes) -> None:
        self._kept.append(payload)
        self._kept_bytes += len(payload)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popleft())

    def _give_up(self, error: OSError) -> None:
        if not isinstance(error, ConnectionAbortedError):  # of a close that was orderly: all was read
            self._repeat = bool(self._kept)
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _failed(self, error: OSError) -> DeliveryFailed:
        hint = "check host and port, and that it listens there"
        if isinstance(error, ssl.SSLCertVerificationError):
            words, hint = error.verify_message, "set ca to the certificate that its own was signed with"
        elif isinstance(error, ssl.SSLError):
            words, hint = (
                error.reason or str(error),
                "check that it speaks TLS, and which certificate it wants",
            )
        else:
            words = error.strerror or str(error)
        return DeliveryFailed(f"syslog at {self._where}: {words}", hint=hint)


def _deliver(connection: socket.socket, payload: bytes, timeout_s: int) -> None:
    """Send, and wait until the other side's kernel has it. Raises OSError."""
    connection.settimeout(timeout_s)
    connection.sendall(payload)
    deadline = time.monotonic() + timeout_s
    while unacknowledged(connection):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it took nothing for {timeout_s} s")
        _wait(connection, _LOOK_EVERY_MS)
        _look(connection)
    _look(connection)


def unacknowledged(connection: socket.socket) -> int:
    """Bytes not sent, or not acknowledged by the other side's kernel (SIOCOUTQ in tcp(7))."""
    queued = array.array("i", [0])
    fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, queued)  # which is the same number
    return queued[0]


def _settle(connection: socket.socket) -> None:
    """Wait until the other side shows that it wants the connection, or long enough. Raises OSError."""
    secured = isinstance(connection, ssl.SSLSocket)
    deadline = time.monotonic() + (_SETTLE_TLS_S if secured else _SETTLE_S)
    while (left := deadline - time.monotonic()) > 0:
        _look(connection)
        if _welcomed(connection):
            return
        _wait(connection, left * 1000)


def _welcomed(connection: socket.socket) -> bool:
    """Whether a handshake is over on both sides: TLS 1.2 says so, TLS 1.3 by the first ticket, if any."""
    if not isinstance(connection, ssl.SSLSocket):
        return False
    session = connection.session
    return connection.version() != "TLSv1.3" or (session is not None and session.has_ticket)


def _wait(connection: socket.socket, most_ms: float) -> None:
    """Until there is something to read, or the connection has ended, or the time is over."""
    events = select.poll()
    events.register(connection, select.POLLIN | select.POLLRDHUP)
    events.poll(max(most_ms, 1))


def _look(connection: socket.socket) -> None:
    """Read away what is there: a receiver says only that it is gone, and then this raises OSError."""
    connection.settimeout(0)
    with suppress(BlockingIOError, ssl.SSLWantReadError):
        for _ in range(_MOST_READS):
            if not connection.recv(_READ):
                raise ConnectionAbortedError("it closed the connection")
        raise ConnectionAbortedError("it talks without end, which no syslog receiver does")


def _check(spec: ToSyslog) -> None:
    if not _HOST.fullmatch(spec.host) or not all(map(_LABEL.fullmatch, spec.host.rstrip(".").split("."))):
        raise BadSetting(f"host is {spec.host!r}", hint="write a name or an address alone", field="host")
    if not 0 < spec.port < 65_536:
        raise BadSetting(f"port is {spec.port}", hint="write 1 to 65535", field="port")
    if not 0 <= spec.facility <= 23:
        raise BadSetting(f"facility is {spec.facility}", hint="write 0 to 23; 16 is local0", field="facility")
    for field in ("ca", "client_certificate"):
        if getattr(spec, field) and not spec.tls:
            raise BadSetting(f"{field} needs tls", hint="set tls to true, or leave it out", field=field)
