from __future__ import annotations

from typing import Any

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline.destinations.nats import NatsDestination, subject_of
from logkeep.pipeline.destinations.nats_nkey import NkeySeed
from logkeep.pipeline.model import ToNats
from logkeep.record import Record

# The pair in the documentation of NATS (docs.nats.io, configuration, nkeys).
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"servers": ()}, "servers"),
        ({"servers": ("nats://a", "ws://b")}, "servers[1]"),
        ({"servers": ("nats://me:s3cret@a",)}, "servers[0]"),
        ({"servers": ("nats://",)}, "servers[0]"),
        ({"servers": ("nats://a:99999",)}, "servers[0]"),
        ({"servers": ("nats://a/path",)}, "servers[0]"),
        ({"subject": ""}, "subject"),
        ({"subject": "a..b"}, "subject"),
        ({"subject": "logs.*"}, "subject"),
        ({"subject": "logs.>"}, "subject"),
        ({"subject": "a b"}, "subject"),
        ({"subject": "$JS.API"}, "subject"),
        ({"subject": "logs.{meta}"}, "subject"),
        ({"secrets": {"password": None}}, "secrets.password"),
        ({"user": "me", "secrets": {"token": None}}, "user"),
        ({"user": "me", "secrets": {"nkey_seed": None}}, "user"),
        ({"secrets": {"token": None, "nkey_seed": None}}, "secrets"),
        ({"subject": "s" * 401}, "subject"),
        ({"timeout": "0"}, "timeout"),
        ({"ca": "x"}, "tls"),
        ({"tls": True, "ca": "x"}, "ca"),
    ],
)
def test_what_cannot_be_is_refused_with_the_setting(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting) as refused:
        NatsDestination(ToNats(**{"servers": ("nats://a:4222",), "subject": "logs", **settings}), {}, "hop")
    assert refused.value.field == field
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("server", ["a", "a:4222", "nats://a", "tls://a:4222", "nats://[::1]:4222"])
def test_a_server_is_named_as_nats_does(server: str) -> None:
    NatsDestination(ToNats(servers=(server,), subject="logs.{app}-x.ü"), {}, "hop").close()


def test_one_secret_at_most() -> None:
    spec = ToNats(servers=("a",), subject="logs")
    with pytest.raises(BadSetting, match="one of them"):
        NatsDestination(spec, {"token": "a", "nkey_seed": SEED}, "hop")


@pytest.mark.parametrize("text", ["", "s3cret", SEED[:-1], SEED[:-2] + "AA", "S" * 58, PUBLIC])
def test_a_seed_that_is_none_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(BadSetting) as refused:
        NkeySeed(text)
    assert refused.value.field == "secrets.nkey_seed"
    assert not text or text not in str(refused.value)


def test_a_seed_has_the_public_key_that_nats_documents() -> None:
    assert NkeySeed(f" {SEED}\n").public == PUBLIC


@pytest.mark.parametrize(
    ("subject", "record", "made"),
    [
        ("logs", Record(app="a"), "logs"),
        ("{app}.{host}.{env}.{level}", Record(app="a.b", host="*", env="", level="ü >"), "a_b._._.___"),
        ("x.{app}-{app}", Record(app="q" * 150), f"x.{'q' * 100}-{'q' * 100}"),
    ],
)
def test_a_subject_takes_fields_as_tokens(subject: str, record: Record, made: str) -> None:
    assert subject_of(subject, record) == made
