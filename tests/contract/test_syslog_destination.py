"""Syslog to Debian's rsyslogd, and over TLS to a small server."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from logkeep.errors import DeliveryFailed
from logkeep.pipeline.destinations.base import Sent
from logkeep.pipeline.destinations.syslog import SyslogDestination
from logkeep.pipeline.model import ToSyslog
from logkeep.record import Record
from tests.contract.wire_servers import (
    Rsyslog,
    SyslogOverTls,
    batch_of,
    eventually,
    numbered,
    rsyslog,
    syslog_over_tls,
)

RICH = Record(
    lid="42",
    ts=1_763_630_000_123,
    ns=456_000,
    host="web 1.example",
    app="nginx",
    file="/log/a.log",
    env='pr"od]\\',
    level="Error",
    tag=("a", "b"),
    line="GET /ü\tand\nmore #1",
)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Rsyslog]:
    with rsyslog(tmp_path) as running:
        yield running


def destination(port: int, **settings: object) -> SyslogDestination:
    spec = {"timeout": "5s", "host": "127.0.0.1", "port": port, **settings}
    return SyslogDestination(ToSyslog(**spec), {}, "hop")  # type: ignore[arg-type]


@pytest.mark.parametrize("framing", ["octet-counting", "newline"])
def test_rsyslogd_reads_every_part_of_a_message(daemon: Rsyslog, framing: str) -> None:
    target = destination(daemon.port, framing=framing)
    assert target.send(batch_of([RICH, Record(lid="43", line="plain")])) == Sent()
    target.close()
    eventually(lambda: len(daemon.messages()) == 2, "both messages are written")
    rich, plain = daemon.messages()
    assert rich == {
        "pri": str(16 * 8 + 3),
        "timestamp": "2025-11-20T09:13:20.123456Z",
        "host": "web_1.example",
        "app": "nginx",
        "procid": "-",
        "msgid": "-",
        "data": '[logkeep@32473 lid="42" file="/log/a.log" env="pr\\"od\\]\\\\" level="Error" tags="a,b"]',
        "msg": "GET /ü#011and#012more #1",  # rsyslogd escapes control characters itself
    }
    assert plain["data"] == '[logkeep@32473 lid="43"]'
    assert (plain["app"], plain["msg"]) == ("-", "plain")


def test_what_a_killed_receiver_had_not_read_comes_again_in_order(daemon: Rsyslog) -> None:
    target = destination(daemon.port)
    target.send(batch_of(numbered(0, 100)))
    eventually(lambda: len(daemon.messages()) == 100, "the first batch is written")
    daemon.pause()
    for first in (100, 200, 300):  # its kernel takes them
        target.send(batch_of(numbered(first, 100)))
    daemon.kill()
    with pytest.raises(DeliveryFailed):
        target.send(batch_of(numbered(400, 100)))
    daemon.start()
    target.send(batch_of(numbered(400, 100)))
    target.close()
    eventually(lambda: numbers(daemon)[-1:] == [499], "the last one is written")
    assert list(dict.fromkeys(numbers(daemon))) == list(range(500))


def test_a_receiver_killed_within_a_batch_gets_it_again(daemon: Rsyslog) -> None:
    target = destination(daemon.port)
    target.send(batch_of(numbered(0, 10)))
    eventually(lambda: len(daemon.messages()) == 10, "the first batch is written")
    daemon.pause()
    large = batch_of(numbered(10, 1000, size=20_000))  # more than buffers take
    ended: list[BaseException] = []

    def send() -> None:
        try:
            target.send(large)
        except DeliveryFailed as error:
            ended.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    daemon.kill()
    sending.join()
    assert len(ended) == 1
    daemon.start()
    target.send(large)
    target.close()
    eventually(lambda: numbers(daemon)[-1:] == [1009], "the last one is written")
    assert list(dict.fromkeys(numbers(daemon))) == list(range(1010))


def test_a_receiver_that_was_started_again_in_between_is_connected_to_without_a_failure(
    daemon: Rsyslog,
) -> None:
    target = destination(daemon.port)
    target.send(batch_of(numbered(0, 10)))
    eventually(lambda: len(daemon.messages()) == 10, "the first batch is written")
    daemon.kill()  # which had read everything, so nothing is repeated
    daemon.start()
    assert target.send(batch_of(numbered(10, 10))) == Sent()
    target.close()
    eventually(lambda: len(daemon.messages()) == 20, "the second batch is written")
    assert numbers(daemon) == list(range(20))


def test_a_receiver_that_takes_connections_and_closes_them_takes_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def turn_away() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=turn_away)
        thread.start()
        with pytest.raises(DeliveryFailed, match="closed the connection"):
            destination(listener.getsockname()[1]).send(batch_of(numbered(0, 1)))
        thread.join()


def test_a_receiver_that_talks_is_not_listened_to_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                while True:
                    connection.sendall(b"?" * 65_536)

        thread = threading.Thread(target=talk)
        thread.start()
        target = destination(listener.getsockname()[1])

        def send_until_it_fails() -> None:
            for _ in range(1000):  # each look reads what is there by then
                target.send(batch_of(numbered(0, 1)))

        with pytest.raises(DeliveryFailed, match="talks without end"):
            send_until_it_fails()
        target.close()
        thread.join()


def test_a_receiver_that_never_reads_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = destination(listener.getsockname()[1], timeout="1s")
        with pytest.raises(DeliveryFailed, match=r"syslog at 127\.0\.0\.1"):
            target.send(batch_of(numbered(0, 1000, size=20_000)))


def test_nobody_listening_is_a_failure_with_the_address(free_tcp_port: int) -> None:
    with pytest.raises(DeliveryFailed, match=f"syslog at 127.0.0.1:{free_tcp_port}: .*refused"):
        destination(free_tcp_port).send(batch_of(numbered(0, 1)))


@pytest.fixture
def free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, *, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_messages_go_over_tls_to_a_server_whose_authority_is_trusted(
    authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    context = server_context(authority)
    context.maximum_version = version
    with syslog_over_tls(context) as server:
        target = destination(server.port, tls=True, ca=pem(authority))
        target.send(batch_of(numbered(0, 3)))
        target.send(batch_of(numbered(3, 3)))
        target.close()
        eventually(lambda: len(server.messages) == 6, "all came")
    assert [message.rpartition(b"] ")[2].split()[0] for message in server.messages] == [
        b"%d" % number for number in range(6)
    ]
    assert server.problems == []


@pytest.mark.parametrize(("ca", "name"), [(False, "127.0.0.1"), (True, "other.example")])
def test_a_server_that_is_not_known_or_not_the_one_that_was_meant_gets_nothing(
    authority: trustme.CA, ca: bool, name: str
) -> None:
    with syslog_over_tls(server_context(authority, name=name)) as server:
        target = destination(server.port, tls=True, ca=pem(authority) if ca else "")
        with pytest.raises(DeliveryFailed, match="ca to the certificate"):
            target.send(batch_of(numbered(0, 1)))
    assert server.messages == []


def wanting_certificates(authority: trustme.CA) -> ssl.SSLContext:
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return context


def test_a_client_certificate_is_shown_to_a_server_that_asks(authority: trustme.CA) -> None:
    own = authority.issue_cert("logkeep.example")
    with syslog_over_tls(wanting_certificates(authority)) as server:
        spec = ToSyslog(
            host="127.0.0.1",
            port=server.port,
            tls=True,
            ca=pem(authority),
            client_certificate=own.cert_chain_pems[0].bytes().decode(),
        )
        target = SyslogDestination(spec, {"client_key": own.private_key_pem.bytes().decode()}, "hop")
        target.send(batch_of(numbered(0, 1)))
        target.close()
        eventually(lambda: len(server.messages) == 1, "it came")


def test_a_server_that_refuses_us_after_the_handshake_of_tls_1_3_takes_nothing(authority: trustme.CA) -> None:
    with syslog_over_tls(wanting_certificates(authority)) as server:
        target = destination(server.port, tls=True, ca=pem(authority))
        with pytest.raises(DeliveryFailed, match=r"(?i)certificate.required"):
            target.send(batch_of(numbered(0, 1)))
    assert server.messages == []


def test_a_server_without_tickets_is_given_messages_all_the_same(authority: trustme.CA) -> None:
    context = server_context(authority)
    context.num_tickets = 0
    with syslog_over_tls(context) as server:
        target = destination(server.port, tls=True, ca=pem(authority))
        target.send(batch_of(numbered(0, 1)))
        target.close()
        eventually(lambda: len(server.messages) == 1, "it came")


def numbers(daemon: Rsyslog) -> list[int]:
    return [int(message["msg"].split()[0]) for message in daemon.messages()]


def test_servers_of_the_tests_report_what_they_saw(authority: trustme.CA) -> None:
    """Otherwise `server.messages == []` above would prove nothing."""
    with syslog_over_tls(server_context(authority)) as server:
        assert isinstance(server, SyslogOverTls)
        context = ssl.create_default_context(cadata=pem(authority))
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            connection.sendall(b"3 abc")
        eventually(lambda: server.messages == [b"abc"], "it came")
