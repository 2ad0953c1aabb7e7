"""Starting rsyslogd, nats-server and a Kafka broker for tests, and syslog over TLS. Each can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from nats.aio.client import Client

from logkeep.pipeline.destinations.base import Batch
from logkeep.record import Record, encode_lines
from tests.contract.s3_servers import free_port, program

DEADLINE_S = 30
_START = 1_700_000_000_000


def batch_of(records: Sequence[Record]) -> Batch:
    return Batch(tuple(encode_lines(records).splitlines(keepends=True)))


def numbered(first: int, count: int, *, size: int = 0) -> list[Record]:
    """Events whose id and line tell their number."""
    return [
        Record(
            lid=str(number), ts=1_700_000_000_000 + number, host="h", app="a", line=f"{number} {'x' * size}"
        )
        for number in range(first, first + count)
    ]


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


@dataclass
class Daemon:
    """A process that listens on a port, and can be killed and started again."""

    command: list[str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=output)
        eventually(self._listens, f"{self.command[0]} listens; {self.log}")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def pause(self) -> None:
        """It reads nothing any more; its kernel still does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


@dataclass
class Rsyslog(Daemon):
    written: Path = field(default_factory=Path)

    def messages(self) -> list[dict[str, Any]]:
        """What it took, all properties of each message, without a last one that is half written."""
        if not self.written.exists():
            return []
        text = self.written.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


_RSYSLOG = """
global(workDirectory="{folder}" maxMessageSize="2m" parser.escapeControlCharactersOnReceive="on")
module(load="imtcp")
main_queue(queue.type="Direct")
template(name="all" type="list") {{
  constant(value="{{\\"pri\\":\\"") property(name="pri")
  constant(value="\\",\\"timestamp\\":\\"") property(name="timestamp" dateFormat="rfc3339")
  constant(value="\\",\\"host\\":\\"") property(name="hostname" format="json")
  constant(value="\\",\\"app\\":\\"") property(name="app-name" format="json")
  constant(value="\\",\\"procid\\":\\"") property(name="procid" format="json")
  constant(value="\\",\\"msgid\\":\\"") property(name="msgid" format="json")
  constant(value="\\",\\"data\\":\\"") property(name="structured-data" format="json")
  constant(value="\\",\\"msg\\":\\"") property(name="msg" format="json")
  constant(value="\\"}}\\n")
}}
ruleset(name="out") {{ action(type="omfile" file="{written}" template="all" asyncWriting="off") }}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="out")
"""


@contextmanager
def rsyslog(folder: Path) -> Iterator[Rsyslog]:
    """Debian's rsyslogd with a configuration of its own. Skips the test where there is none."""
    binary = Path("/usr/sbin/rsyslogd")
    if not binary.exists():
        pytest.skip("rsyslogd is not installed")
    port, written = free_port(), folder / "written.ndjson"
    settings = folder / "rsyslog.conf"
    settings.write_text(_RSYSLOG.format(folder=folder, port=port, written=written))
    command = [str(binary), "-n", "-i", "NONE", "-f", str(settings)]
    daemon = Rsyslog(command=command, port=port, log=folder / "log", written=written)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.kill()


@dataclass
class SyslogOverTls:
    """Takes octet-counted messages over TLS, one connection after the other."""

    listener: socket.socket
    context: ssl.SSLContext
    messages: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as connection:
                    self._read(connection)
            except OSError as error:
                self.problems.append(str(error))
                plain.close()

    def _read(self, connection: ssl.SSLSocket) -> None:
        with connection.makefile("rb") as reader:
            while length := _length(reader.read):
                self.messages.append(reader.read(length))


def _length(read: Callable[[int], bytes]) -> int:
    digits = b""
    while (digit := read(1)).isdigit():
        digits += digit
    return int(digits or 0)


@contextmanager
def syslog_over_tls(context: ssl.SSLContext) -> Iterator[SyslogOverTls]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = SyslogOverTls(listener, context)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()


@dataclass
class Nats(Daemon):
    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


@contextmanager
def nats_server(folder: Path, settings: str = "", *, jetstream: bool = True) -> Iterator[Nats]:
    """nats-server with these lines of configuration."""
    port = free_port()
    text = f'listen: "127.0.0.1:{port}"\n{settings}\n'
    if jetstream:
        text += f'jetstream {{ store_dir: "{folder / "store"}", sync_interval: always }}\n'
    (folder / "nats.conf").write_text(text)
    command = [program("nats-server"), "-c", str(folder / "nats.conf")]
    server = Nats(command=command, port=port, log=folder / "log")
    try:
        server.start()
        yield server
    finally:
        server.kill()


async def nats_client(server: Nats, **options: Any) -> Client:
    client = Client()
    await client.connect(server.url, allow_reconnect=False, max_reconnect_attempts=50, **options)
    return client


@dataclass(frozen=True)
class Kafka:
    """librdkafka's own broker: the protocol over sockets, all in memory of this process."""

    brokers: str

    def read(self, topic: str, partitions: int = 4) -> list[Any]:
        """All messages of the topic, partition by partition."""
        config: dict[str, Any] = {"bootstrap.servers": self.brokers, "group.id": os.urandom(4).hex()}
        consumer = Consumer(config | {"enable.partition.eof": False, "log_level": 0})
        try:
            found = []
            for number in range(partitions):
                _, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=DEADLINE_S)
                consumer.assign([TopicPartition(topic, number, 0)])
                for _ in range(high):
                    message = consumer.poll(DEADLINE_S)
                    assert message is not None
                    assert message.error() is None
                    found.append(message)
            return found
        finally:
            consumer.close()


@contextmanager
def kafka() -> Iterator[Kafka]:
    holder = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    brokers = holder.list_topics(timeout=DEADLINE_S).brokers.values()
    yield Kafka(",".join(f"{broker.host}:{broker.port}" for broker in brokers))
