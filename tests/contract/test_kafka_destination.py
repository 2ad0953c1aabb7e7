"""Kafka: librdkafka's own broker, over real sockets. It lives in the process of the tests and keeps all in
memory, so what a broker's kill -9 does to its disk is not shown here, and neither are TLS and SASL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from logkeep.errors import DeliveryFailed
from logkeep.pipeline.destinations.base import Refused, Sent
from logkeep.pipeline.destinations.kafka import KafkaDestination
from logkeep.pipeline.model import ToKafka
from logkeep.record import Record
from tests.contract.s3_servers import free_port
from tests.contract.wire_servers import Kafka, batch_of, kafka, numbered


@pytest.fixture
def broker() -> Iterator[Kafka]:
    with kafka() as running:
        yield running


class Make(Protocol):
    def __call__(self, brokers: str, **settings: Any) -> KafkaDestination: ...


@pytest.fixture
def destination() -> Iterator[Make]:
    """Makes destinations, and closes them."""
    with ExitStack() as made:

        def make(brokers: str, **settings: Any) -> KafkaDestination:
            spec = ToKafka(**{"brokers": (brokers,), "topic": "logs", "timeout": "10s", **settings})
            target = KafkaDestination(spec, {}, "hop")
            made.callback(target.close)
            return target

        yield make


def test_messages_hold_line_id_time_and_key(broker: Kafka, destination: Make) -> None:
    target = destination(broker.brokers, key="host")
    batch = batch_of(
        [Record(lid="7", ts=1_700_000_000_123, host="web-1", line="ü"), Record(lid="8", line="x")]
    )
    assert target.send(batch) == Sent()
    found = {message.headers()[0]: message for message in broker.read("logs")}
    assert {header: message.value() for header, message in found.items()} == {
        ("lid", b"7"): batch.lines[0][:-1],
        ("lid", b"8"): batch.lines[1][:-1],
    }
    rich, plain = found["lid", b"7"], found["lid", b"8"]
    assert (rich.key(), rich.timestamp()[1], plain.key()) == (b"web-1", 1_700_000_000_123, None)


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "zstd", "snappy"])
def test_events_of_one_key_stay_in_order_over_batches(
    broker: Kafka, destination: Make, compression: str
) -> None:
    target = destination(broker.brokers, key="app", compression=compression)
    for first in range(0, 3000, 1000):
        assert target.send(batch_of(numbered(first, 1000))) == Sent()
    ids = [int(message.headers()[0][1]) for message in broker.read("logs")]
    assert ids == list(range(3000))


def test_without_a_key_every_event_arrives_once(broker: Kafka, destination: Make) -> None:
    target = destination(broker.brokers)
    assert target.send(batch_of(numbered(0, 3000))) == Sent()
    ids = [int(message.headers()[0][1]) for message in broker.read("logs")]
    assert sorted(ids) == list(range(3000))


def test_an_event_that_is_too_large_is_refused_and_the_others_arrive(
    broker: Kafka, destination: Make
) -> None:
    target = destination(broker.brokers)
    records = [*numbered(0, 2), Record(lid="2", line="x" * (17 << 20)), *numbered(3, 1)]
    sent = target.send(batch_of(records))
    assert sent == Sent(refused=(Refused(2, sent.refused[0].reason),))
    assert "size" in sent.refused[0].reason
    assert sorted(int(message.headers()[0][1]) for message in broker.read("logs")) == [0, 1, 3]


def test_no_broker_is_a_failure_and_nothing_of_the_batch_stays(
    broker: Kafka, destination: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    target = destination(f"127.0.0.1:{free_port()}", timeout="1s")
    for _ in range(2):
        with pytest.raises(DeliveryFailed, match=r"topic logs: .*refused.*can be reached"):
            target.send(batch_of(numbered(0, 10)))
    assert capfd.readouterr() == ("", "")


def test_a_broker_that_goes_away_and_another_that_comes(destination: Make) -> None:
    """The batch that failed is taken whole by a broker that can be reached again."""
    with kafka() as first:
        target = destination(first.brokers, timeout="1s", key="app")
        assert target.send(batch_of(numbered(0, 10))) == Sent()
    with pytest.raises(DeliveryFailed):
        target.send(batch_of(numbered(10, 10)))
    with kafka() as second:
        other = destination(second.brokers, key="app")
        assert other.send(batch_of(numbered(10, 10))) == Sent()
        ids = [int(message.headers()[0][1]) for message in second.read("logs")]
    assert ids == list(range(10, 20))
