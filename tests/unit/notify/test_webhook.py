"""Webhooks to a real HTTP server."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from logkeep.notify import webhook
from logkeep.notify.channel import Try
from logkeep.notify.webhook import Webhook, sign
from tests.contract.s3_servers import free_port
from tests.unit.notify.receivers import NOW, Hook, hook, notice

SECRET = "a secret that both sides know"


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


def test_a_notice_is_posted_with_its_headers_and_a_signature_that_the_receiver_can_check(
    receiver: Hook,
) -> None:
    sent = notice(receiver.url + "?team=a")
    assert Webhook(SECRET).send(sent, NOW) == Try()
    (posted,) = receiver.posted
    assert (posted.path, posted.body) == ("/hook?team=a", sent.body)
    digest = hmac.new(SECRET.encode(), b"%d." % (NOW // 1000) + sent.body, hashlib.sha256).hexdigest()
    wanted = {
        "host": receiver.url.removeprefix("http://").removesuffix("/hook"),
        "content-type": "application/json",
        "user-agent": f"logkeep/{version('logkeep')}",
        "x-logkeep-event": "restore.active",
        "x-logkeep-notice": "ab12cd34ef56-7",
        "x-logkeep-signature": f"t={NOW // 1000},v1={digest}",
    }
    assert posted.headers | wanted == posted.headers


def test_without_a_secret_nothing_is_signed(receiver: Hook) -> None:
    assert Webhook().send(notice(receiver.url), NOW) == Try()
    assert "x-logkeep-signature" not in receiver.posted[0].headers


def test_the_check_that_the_documentation_shows_accepts_what_is_signed_and_nothing_else() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(shown, names)  # noqa: S102 - it is ours
    check = names["is_from_logkeep"]
    assert callable(check)
    body, now_s = b'{"event":"restore.active"}', NOW // 1000
    header = sign(SECRET.encode(), body, now_s)
    assert check(SECRET, header, body, now_s + 200)
    assert not check(SECRET, header, body, now_s + 400)
    assert not check(SECRET, header, body + b" ", now_s)
    assert not check("another secret", header, body, now_s)


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (204, {}, Try()),
        (500, {}, Try(error="127.0.0.1 answered 500")),
        (503, {"Retry-After": "90"}, Try(error="127.0.0.1 answered 503", wait_s=90.0)),
        (429, {"Retry-After": "soon"}, Try(error="127.0.0.1 answered 429")),
        (408, {}, Try(error="127.0.0.1 answered 408")),
        (425, {}, Try(error="127.0.0.1 answered 425")),
        (404, {}, Try(error="127.0.0.1 answered 404", most_tries=3)),
        (410, {}, Try(error="127.0.0.1 answered 410: it wants no more of them", most_tries=1)),
    ],
)
def test_the_answer_decides_how_often_it_is_tried(
    receiver: Hook, status: int, headers: dict[str, str], told: Try
) -> None:
    receiver.answers.append((status, headers))
    assert Webhook().send(notice(receiver.url), NOW) == told


def test_a_retry_after_may_be_a_date(receiver: Hook) -> None:
    receiver.answers.append((503, {"Retry-After": "Wed, 18 Nov 2026 11:08:20 GMT"}))
    at = 1_795_000_100_000  # that moment
    assert Webhook().send(notice(receiver.url), at - 45_000).wait_s == 45.0
    receiver.answers.append((503, {"Retry-After": "Wed, 18 Nov 2026 11:08:20 GMT"}))
    assert Webhook().send(notice(receiver.url), at + 45_000).wait_s == 0.0


def test_no_redirect_is_followed(receiver: Hook) -> None:
    with hook() as other:
        receiver.answers.append((307, {"Location": other.url}))
        assert Webhook().send(notice(receiver.url), NOW) == Try(
            error="127.0.0.1 answered 307, a redirect, and none is followed", most_tries=3
        )
        assert other.posted == []


def test_little_of_a_long_answer_is_read(receiver: Hook) -> None:
    receiver.answer_bytes = 1 << 30
    assert Webhook().send(notice(receiver.url), NOW) == Try()
    assert receiver.done.wait(20)
    assert receiver.taken < 64 << 20  # what fits in buffers on the way


def test_one_that_never_answers_is_left_after_a_while(
    receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_WITHIN_S", 0.2)
    receiver.silent.set()
    assert Webhook().send(notice(receiver.url), NOW).error == "127.0.0.1 did not answer within 0 s"


def test_one_that_answers_byte_by_byte_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_WITHIN_S", 0.3)
    left = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not left.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        break

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            assert "did not answer within" in Webhook().send(notice(url), NOW).error
        finally:
            left.set()
            thread.join()


def test_the_certificate_of_an_https_receiver_is_checked(
    serving_tls: ssl.SSLContext, trusting_tls: ssl.SSLContext
) -> None:
    with hook(serving_tls) as receiver:
        assert "CERTIFICATE_VERIFY_FAILED" in Webhook().send(notice(receiver.url), NOW).error
        assert receiver.posted == []
        assert Webhook(tls=trusting_tls).send(notice(receiver.url), NOW) == Try()
        assert len(receiver.posted) == 1


def test_the_name_that_a_certificate_is_checked_for_is_the_one_of_the_url(
    serving_tls: ssl.SSLContext, trusting_tls: ssl.SSLContext
) -> None:
    with hook(serving_tls) as receiver:  # its certificate is for 127.0.0.1 only
        told = Webhook(tls=trusting_tls).send(notice(receiver.url.replace("127.0.0.1", "localhost")), NOW)
        assert "certificate is not valid for 'localhost'" in told.error
        assert receiver.posted == []


def test_a_name_with_several_addresses_is_tried_at_each(
    receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert Webhook().send(notice(receiver.url.replace("127.0.0.1", "hook.test")), NOW) == Try()
    assert receiver.posted[0].headers["host"].startswith("hook.test:")


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "2002:a9fe:a9fe::", "100.100.100.200"])
def test_a_name_that_leads_to_a_link_local_address_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("127.0.0.1", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    told = Webhook().send(notice("http://metadata.test/"), NOW)
    assert told == Try(error="metadata.test leads to where a cloud tells credentials", most_tries=1)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://127.0.0.1/", "http://", "nonsense", "http://169.254.169.254/latest", "http://a..b/"),
        *("http://xn--/", "http://xn--a-ecp.example/", "http://[v1.x]/"),
        *("http://[fe80::1]/", "http://127.0.0.1/\r\nX-Injected: 1", "http://127.0.0.1:99999/"),
    ],
)
def test_a_url_that_is_none_is_given_up_at_once(url: str) -> None:
    assert Webhook().send(notice(url), NOW) == Try(error="its URL cannot be used", most_tries=1)


def test_errors_hold_neither_user_nor_password_nor_path(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://jane:hush@127.0.0.1:{free_port()}/services/T0/hidden?key=hidden"
    told = Webhook(SECRET).send(notice(url), NOW)
    assert told.error.startswith("127.0.0.1 cannot be reached: ")
    assert not re.search(r"jane|hush|hidden|secret", repr((told, Webhook(SECRET))))


def test_a_user_in_the_url_signs_in(receiver: Hook) -> None:
    assert Webhook().send(notice(receiver.url.replace("//", "//jane:hush@")), NOW) == Try()
    assert receiver.posted[0].headers["authorization"] == "Basic amFuZTpodXNo"


def test_a_name_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told = Webhook().send(notice("http://nowhere.test/"), NOW)
    assert told == Try(
        error=f"nowhere.test cannot be reached: [Errno {socket.EAI_NONAME}] Name or service not known"
    )


def test_a_proxy_of_the_environment_is_used(receiver: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", receiver.url.removesuffix("/hook").removeprefix("http://"))
    assert Webhook().send(notice("http://far.test/hook"), NOW) == Try()
    (posted,) = receiver.posted
    assert (posted.path, posted.headers["host"]) == ("http://far.test/hook", "far.test")


def test_a_host_that_the_environment_names_needs_no_proxy(
    receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached" in Webhook().send(notice(receiver.url), NOW).error
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert Webhook().send(notice(receiver.url), NOW) == Try()


@pytest.mark.parametrize("proxy", ["host:abc", "http://jane:hu/sh@proxy.test", "http://", "http://xn--/"])
def test_a_proxy_that_is_none_is_told_without_its_text(
    receiver: Hook, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    assert Webhook().send(notice(receiver.url), NOW) == Try(
        error="127.0.0.1 cannot be reached: the environment names no proxy that can be used"
    )
    assert receiver.posted == []


def test_a_name_that_cannot_be_looked_up_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    told = Webhook().send(notice("http://odd.test/"), NOW)
    assert told == Try(error="odd.test cannot be reached: label empty or too long")
