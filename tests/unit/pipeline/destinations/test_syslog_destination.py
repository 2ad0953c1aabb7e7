from __future__ import annotations

import socket
from typing import Any

import pytest
import trustme

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline.destinations.base import Batch
from logkeep.pipeline.destinations.syslog import SyslogDestination
from logkeep.pipeline.model import ToSyslog

OWN, OTHER = (trustme.CA().issue_cert("logkeep.example") for _ in range(2))
CERTIFICATE = OWN.cert_chain_pems[0].bytes().decode()
NAMED: dict[str, str | None] = {"client_key": None}  # where its value is not at hand


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "a b"}, "host"),
        ({"host": "a..b"}, "host"),
        ({"host": f"{'a' * 64}.b"}, "host"),
        ({"tls": True, "ca": "ü"}, "ca"),
        ({"host": "tcp://a"}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65_536}, "port"),
        ({"facility": 24}, "facility"),
        ({"facility": -1}, "facility"),
        ({"timeout": "0"}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"tls": True, "ca": "no certificate"}, "ca"),
        ({"client_certificate": CERTIFICATE, "secrets": NAMED}, "client_certificate"),
        ({"tls": True, "client_certificate": "none", "secrets": NAMED}, "client_certificate"),
        ({"tls": True, "client_certificate": CERTIFICATE}, "client_certificate"),
        ({"tls": True, "secrets": NAMED}, "secrets.client_key"),
        ({"ca": "junk"}, "ca"),
    ],
)
def test_what_cannot_be_is_refused_with_the_setting(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting) as refused:
        SyslogDestination(ToSyslog(**{"host": "logs.example", **settings}), {}, "hop")
    assert refused.value.field == field


@pytest.mark.parametrize("key", ["s3cret", OTHER.private_key_pem.bytes().decode()])
def test_a_key_that_is_none_or_another_one_is_refused_without_its_text(key: str) -> None:
    spec = ToSyslog(host="logs.example", tls=True, client_certificate=CERTIFICATE, secrets=NAMED)
    with pytest.raises(BadSetting) as refused:
        SyslogDestination(spec, {"client_key": key}, "hop")
    assert refused.value.field == "secrets.client_key"
    assert key not in str(refused.value)


def test_a_certificate_alone_can_be_checked_but_not_used() -> None:
    """A pipeline is checked where its secrets are not at hand."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        spec = ToSyslog(host="127.0.0.1", port=port, tls=True, client_certificate=CERTIFICATE, secrets=NAMED)
        target = SyslogDestination(spec, {}, "hop")
        with pytest.raises(DeliveryFailed, match="client_key"):
            target.send(Batch((b'{"_line":"a"}\n',)))
