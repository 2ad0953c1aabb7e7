from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import trustme
from confluent_kafka import KafkaError, KafkaException, Producer
from tests.contract.wire_servers import batch_of, numbered

from logkeep.errors import BadSetting, BatchTooLarge, DeliveryRefused
from logkeep.pipeline.destinations.base import Refused, Sent
from logkeep.pipeline.destinations.kafka import KafkaDestination, _judged, _settings
from logkeep.pipeline.model import ToKafka

AUTHORITY = trustme.CA()
OWN = AUTHORITY.issue_cert("logkeep.example")
CERTIFICATE = OWN.cert_chain_pems[0].bytes().decode()
TOO_LARGE, INVALID = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), KafkaError(KafkaError.INVALID_RECORD)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"brokers": ()}, "brokers"),
        ({"brokers": ("a:1", "b:1,evil:2")}, "brokers[1]"),
        ({"brokers": ("http://a",)}, "brokers[0]"),
        ({"topic": ""}, "topic"),
        ({"topic": ".."}, "topic"),
        ({"topic": "a b"}, "topic"),
        ({"topic": "t" * 250}, "topic"),
        ({"key": "no such field"}, "key"),
        ({"timeout": "0s"}, "timeout"),
        ({"user": "me"}, "mechanism"),
        ({"mechanism": "PLAIN"}, "user"),
        ({"ca": "x"}, "tls"),
        ({"tls": True, "ca": "x"}, "ca"),
        ({"tls": True, "client_certificate": "x", "secrets": {"client_key": None}}, "client_certificate"),
        ({"tls": True, "client_certificate": CERTIFICATE}, "client_certificate"),
        ({"tls": True, "secrets": {"client_key": None}}, "secrets.client_key"),
        ({"secrets": {"password": None}}, "secrets.password"),
        ({"mechanism": "PLAIN", "user": "me"}, "mechanism"),
    ],
)
def test_what_cannot_be_is_refused_with_the_setting(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting) as refused:
        KafkaDestination(ToKafka(**{"brokers": ("a:9092",), "topic": "logs", **settings}), {}, "hop")
    assert refused.value.field == field


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_librdkafka_takes_the_settings_of_tls_and_sasl(mechanism: Any) -> None:
    spec = ToKafka(
        brokers=("127.0.0.1:1",),
        topic="logs",
        tls=True,
        ca=AUTHORITY.cert_pem.bytes().decode(),
        client_certificate=CERTIFICATE,
        mechanism=mechanism,
        user="me",
    )
    secrets = {"password": "s3cret", "client_key": OWN.private_key_pem.bytes().decode()}
    settings = _settings(spec, secrets, 5)
    assert settings["security.protocol"] == "SASL_SSL"
    Producer(settings)
    wrong: dict[str, str]
    for wrong in ({"ssl.key.pem": "x"}, {"ssl.ca.pem": "x"}, {"sasl.mechanism": "MINE"}):
        with pytest.raises(KafkaException):
            Producer(settings | wrong)


@pytest.mark.parametrize(
    ("tls", "mechanism", "protocol"),
    [(False, None, "PLAINTEXT"), (True, None, "SSL"), (False, "PLAIN", "SASL_PLAINTEXT")],
)
def test_tls_and_sasl_are_spoken_only_when_they_are_set(tls: bool, mechanism: Any, protocol: str) -> None:
    user = "me" if mechanism else ""
    spec = ToKafka(brokers=("a:1",), topic="logs", tls=tls, mechanism=mechanism, user=user)
    assert _settings(spec, {}, 5)["security.protocol"] == protocol


@pytest.mark.parametrize(
    ("failures", "sent"),
    [
        ({}, Sent()),
        ({1: TOO_LARGE}, Sent(refused=(Refused(1, TOO_LARGE.str()),))),
        ({2: TOO_LARGE, 1: TOO_LARGE}, Sent(again=(1, 2), again_because=TOO_LARGE.str())),
    ],
)
def test_one_message_that_is_unfit_is_refused_and_several_are_tried_again(
    failures: Mapping[int, KafkaError], sent: Sent
) -> None:
    assert _judged(batch_of(numbered(0, 3)), failures) == sent


@pytest.mark.parametrize(("error", "raised"), [(TOO_LARGE, BatchTooLarge), (INVALID, DeliveryRefused)])
def test_a_batch_refused_as_a_whole_is_to_be_divided(error: KafkaError, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        _judged(batch_of(numbered(0, 2)), {0: error, 1: error})
