"""The settings of destinations that speak HTTP, and whom they call."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from tests.contract.delivery_servers.serving import Protocol, Reply, Request, serving

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline import model
from logkeep.pipeline.destinations.web import Web, seconds

CERTIFICATE = trustme.CA().cert_pem.bytes().decode()
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Anything(Protocol):
    def answer(self, request: Request) -> Reply:
        del request
        return Reply(200, b"taken")


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[Anything]:
    with serving(Anything()) as opened:
        yield opened


@contextmanager
def web(url: str, values: dict[str, str] | None = None, **settings: Any) -> Iterator[Web]:
    made = Web(model.ToHttp(url=url, **settings), values or {})
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("settings", "secrets", "field"),
    [
        ({"url": "ftp://example.org"}, {}, "url"),
        ({"url": "example.org"}, {}, "url"),
        ({"url": "https://example.org/#part"}, {}, "url"),
        ({"url": "https://ann:hush@example.org"}, {}, "url"),
        ({"url": "http://169.254.169.254/latest"}, {}, "url"),
        ({"url": "http://[fd00:ec2::254]/"}, {}, "url"),
        ({"timeout": 0}, {}, "timeout"),
        ({"timeout": "soon"}, {}, "timeout"),
        ({"timeout": "2h"}, {}, "timeout"),
        ({"ca": "hush"}, {}, "ca"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, {}, "ca"),
        ({"ca": "\u00e9"}, {}, "ca"),
        ({"headers": {"two words": "x"}}, {}, "headers"),
        ({"headers": {"X-A": "line\nbreak"}}, {}, "headers"),
        ({"headers": {"X-A": "\u00e9"}}, {}, "headers"),
        ({"headers": {"Content-Length": "3"}}, {}, "headers"),
        ({"headers": {"Authorization": "hush"}}, {}, "headers"),
        ({}, {"header.X A": "hush"}, "secrets"),
        ({}, {"header.X-A": "hush\n"}, "secrets"),
        ({}, {"token": " hush"}, "secrets"),
        ({}, {"token": "hush \u00e9"}, "secrets"),
        ({}, {"token": "hush", "header.Authorization": "hush"}, "secrets"),
        ({"user": "ann"}, {"token": "hush"}, "secrets"),
        ({"user": "ann:b"}, {"password": "hush"}, "user"),
        ({"user": "ann"}, {}, "user"),
        ({}, {"password": "hush"}, "secrets.password"),
        ({"url": "http://example.org", "ca": CERTIFICATE}, {}, "ca"),
        ({"url": "http://2852039166/latest"}, {}, "url"),
        ({"url": "http://0xa9.0xfe.0xa9fe/latest"}, {}, "url"),
        ({"url": "https://example.org/?api_key=hush"}, {}, "url"),
        ({"url": "https://example.org/?a=1&TOKEN=hush"}, {}, "url"),
        *(
            ({"headers": {name: "hush"}}, {}, "headers")
            for name in ("Idempotency-Key", "logkeep-via", "Accept-Encoding", "Content-Encoding", "Host")
        ),
        *(
            ({"headers": {name: "hush"}}, {}, "headers")
            for name in ("X-Api-Key", "api-key", "apikey", "DD-API-KEY", "x-auth-token", "X-Insert-Key")
        ),
        ({}, {"header.Idempotency-Key": "hush"}, "secrets"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name_and_without_their_text(
    settings: dict[str, Any], secrets: dict[str, str], field: str
) -> None:
    with (
        pytest.raises(BadSetting) as caught,
        web(**({"url": "https://example.org", "values": secrets} | settings)),
    ):
        pass
    assert caught.value.field == field
    assert caught.value.hint
    assert "hush" not in str(caught.value)


def test_a_destination_can_be_made_before_its_secrets_are_known() -> None:
    with web("https://example.org", user="ann", secrets={"password": None}):
        pass
    with (
        pytest.raises(BadSetting, match="several ways"),
        web("https://example.org", user="ann", secrets={"password": None, "token": None}),
    ):
        pass


@pytest.mark.parametrize(("written", "meant"), [(5, 5.0), ("5", 5.0), ("2m", 120.0), ("1h", 3600.0)])
def test_timeouts_are_read_as_durations(written: int | str, meant: float) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("", "/_bulk"),
        ("/", "/_bulk"),
        ("/es", "/es/_bulk"),
        ("/es/_bulk", "/es/_bulk"),
        ("/a%20b/", "/a%20b/_bulk"),
    ],
)
def test_the_path_is_added_to_the_url_of_the_server(server: Anything, written: str, called: str) -> None:
    made = Web(model.ToHttp(url=f"{server.url}{written}?a=1"), {}, path="/_bulk", parameters={"b": "2"})
    made.send(b"", "text/plain")
    made.send(b"", "text/plain", path="/other", parameters={"c": "3"})
    made.close()
    asked = [(one.path, one.query) for one in server.requests]
    assert asked == [
        (called, {"a": "1", "b": "2"}),
        (called.replace("_bulk", "other"), {"a": "1", "b": "2", "c": "3"}),
    ]


def test_a_name_is_called_by_its_name_at_an_address_that_was_looked_at(
    server: Anything, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    asked: list[str] = []

    def addresses(host: str, port: int, **kind: Any) -> list[Any]:
        asked.append(host)
        # Nobody listens at the first one.
        return [(socket.AF_INET, 1, 6, "", (one, port)) for one in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", _only_for("logs.example", addresses))
    with web(f"http://logs.example:{port}/in") as made:
        for _ in range(3):
            assert made.send(b"x", "text/plain").status == 200
    assert asked == ["logs.example"]
    assert {one.headers["host"] for one in server.requests} == {f"logs.example:{port}"}
    assert server.connections == 1


def _only_for(name: str, addresses: Any) -> Any:
    own = socket.getaddrinfo
    return lambda host, *rest, **named: (addresses if host == name else own)(host, *rest, **named)


def test_a_name_that_leads_to_where_a_cloud_tells_credentials_is_not_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def addresses(host: str, port: int, **kind: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (one, port)) for one in ("127.0.0.1", "169.254.169.254")]

    monkeypatch.setattr(socket, "getaddrinfo", _only_for("logs.example", addresses))
    with web("http://logs.example/") as made, pytest.raises(DeliveryFailed, match="tells credentials"):
        made.send(b"x", "text/plain")


def test_a_name_that_nobody_has_cannot_be_reached() -> None:
    with (
        web("http://nowhere.invalid/") as made,
        pytest.raises(DeliveryFailed, match=r"nowhere\.invalid cannot"),
    ):
        made.send(b"x", "text/plain")


def test_the_proxy_of_the_environment_is_asked_for_the_host(
    server: Anything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    with web("http://logs.example/in") as made:
        made.send(b"x", "text/plain")
    (request,) = server.requests
    assert (request.headers["host"], request.path) == ("logs.example", "/in")


def test_hosts_that_the_environment_takes_out_are_called_without_the_proxy(
    server: Anything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web(server.url) as made:
        assert made.send(b"x", "text/plain").body == b"taken"


@pytest.mark.parametrize("proxy", ["http://", "http://hush:x@proxy:hush"])
def test_a_proxy_that_cannot_be_is_said_without_its_text(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(BadSetting, match="no proxy that can be used") as caught, web("http://logs.example"):
        pass
    assert "hush" not in str(caught.value)


def test_nothing_is_sent_after_the_end(server: Anything) -> None:
    with web(server.url) as made:
        pass
    with pytest.raises(DeliveryFailed, match="any more"):
        made.send(b"x", "text/plain")


def test_the_systems_authorities_are_trusted_where_none_are_named(server: Anything) -> None:
    with web(server.url.replace("http:", "https:")) as made, pytest.raises(DeliveryFailed, match=r"SSL|TLS"):
        made.send(b"x", "text/plain")  # it speaks no TLS, which is found out with the authorities loaded
