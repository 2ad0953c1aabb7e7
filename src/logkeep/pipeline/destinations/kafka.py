"""Kafka: an event is a message, its canonical line the value.

The time of the message is the event's, the header `lid` its id, the key the text of the field `key`: events
of one key go to one partition, in order. Without a key, or where the field is empty, librdkafka spreads
them. A batch counts as taken when all replicas in sync have all of its messages (acks=all).

The producer is idempotent, so its own tries repeat nothing. After a failure it is given up with all it
holds, and the batch is sent again by a new one: what a broker took of it already is there twice then.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from logkeep.errors import BadSetting, BatchTooLarge, DeliveryFailed, DeliveryRefused
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.given import given_secrets, go_together
from logkeep.pipeline.destinations.wire_tls import check_certificate, seconds, tls_context
from logkeep.pipeline.fields import text_getter
from logkeep.pipeline.model import ToKafka

_BROKER = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_MOST_BYTES = 16 << 20  # of one message: more than an event has; what a broker takes it says itself
_MARGIN_S = 5  # librdkafka gives up within the timeout, and tells so a little later
_SILENT = logging.Logger("librdkafka", logging.CRITICAL + 1)  # it would write to standard error

# What the message itself is the reason of. A broker says it of all that it was given at once.
_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
_UNFIT = _TOO_LARGE | {KafkaError.INVALID_RECORD}

_HINTS = {
    KafkaError._MSG_TIMED_OUT: "check that the brokers can be reached, and user and password",
    KafkaError._UNKNOWN_TOPIC: "make the topic, or check its name",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "make the topic, or check its name",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "allow the user to write to the topic",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "allow the user IdempotentWrite on the cluster",
}


class KafkaDestination:
    whole_frames = False

    def __init__(self, spec: ToKafka, secrets: Mapping[str, str], hop: str) -> None:
        """Raises BadSetting. `hop` is not sent."""
        del hop
        _check(spec)
        given = given_secrets(spec.secrets, secrets)
        go_together("client_certificate", spec.client_certificate, "client_key", given)
        go_together("mechanism", spec.mechanism, "password", given)
        self._spec = spec
        self._timeout_s = seconds(spec.timeout, "timeout")
        self._settings = _settings(spec, secrets, self._timeout_s)
        self._key = text_getter(spec.key, setting="key") if spec.key else None
        self._producer: Producer | None = None
        self._trouble = ""  # the last that librdkafka told of brokers

    def send(self, batch: Batch) -> Sent:
        failures: dict[int, KafkaError] = {}
        try:
            producer = self._connected()
            left = self._produce(producer, batch, failures)
        except KafkaException as error:
            self._give_up()
            raise self._failed(error.args[0]) from error
        if left:
            self._give_up()
            raise self._failed(KafkaError(KafkaError._MSG_TIMED_OUT))
        lasting = [error for error in failures.values() if error.code() not in _UNFIT]
        if lasting:
            self._give_up()
            raise self._failed(lasting[0])
        return _judged(batch, failures)

    def close(self) -> None:
        self._give_up()

    def _connected(self) -> Producer:
        if self._producer is None:
            self._trouble = ""
            self._producer = Producer(self._settings | {"error_cb": self._heard, "logger": _SILENT})
        return self._producer

    def _heard(self, error: KafkaError) -> None:
        self._trouble = error.str()

    def _produce(self, producer: Producer, batch: Batch, failures: dict[int, KafkaError]) -> int:
        """Send all, and wait for what becomes of each. Returns how many nothing is known of."""
        waiting = set(range(len(batch.lines)))

        def delivered(place: int, error: KafkaError | None, message: Message) -> None:
            del message
            waiting.discard(place)
            if error is not None:
                failures[place] = error

        for place, (record, line) in enumerate(zip(batch.records, batch.lines, strict=True)):
            try:
                producer.produce(
                    self._spec.topic,
                    line[:-1],
                    key=(self._key(record) or None) if self._key else None,
                    timestamp=max(record.ts, 0),  # 0: now
                    headers=[("lid", record.lid.encode())],
                    on_delivery=partial(delivered, place),
                )
            except KafkaException as error:  # of the message alone: it went nowhere
                if error.args[0].code() not in _UNFIT:
                    raise
                waiting.discard(place)
                failures[place] = error.args[0]
        producer.flush(self._timeout_s + _MARGIN_S)  # whose own count holds more than messages
        return len(waiting)

    def _give_up(self) -> None:
        """Nothing stays in librdkafka that could be sent later, behind what is sent again by then."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(0)  # which tells each message's end

    def _failed(self, error: KafkaError) -> DeliveryFailed:
        words = error.str()
        if self._trouble and self._trouble != words:
            words = f"{words}; {self._trouble}"
        hint = _HINTS.get(error.code(), "look at the brokers' logs")
        return DeliveryFailed(f"topic {self._spec.topic}: {words}", hint=hint)


def _judged(batch: Batch, failures: Mapping[int, KafkaError]) -> Sent:
    """What is to be done about messages that are unfit, or were sent together with one that is."""
    places = sorted(failures)
    if len(places) <= 1:
        return Sent(refused=tuple(Refused(place, failures[place].str()) for place in places))
    words = failures[places[0]].str()
    if len(places) < len(batch.lines):
        return Sent(again=tuple(places), again_because=words)
    if failures[places[0]].code() in _TOO_LARGE:
        raise BatchTooLarge(words, hint="set batch.bytes lower, or message.max.bytes of the topic higher")
    raise DeliveryRefused(words, hint="look at the topic's settings")


def _settings(spec: ToKafka, secrets: Mapping[str, str], timeout_s: int) -> dict[str, object]:
    """librdkafka's (CONFIGURATION.md of its repository)."""
    chosen: dict[str, object] = {
        "bootstrap.servers": ",".join(spec.brokers),
        "client.id": "logkeep",
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": spec.compression,
        "message.timeout.ms": timeout_s * 1000,
        "message.max.bytes": _MOST_BYTES,
        "queue.buffering.max.messages": 0,  # no limit: a batch has one, and nothing else is in it
        "security.protocol": _protocol(spec),
        "log_level": 0,
    }
    if spec.ca:
        tls_context(spec.ca)
        chosen["ssl.ca.pem"] = spec.ca
    if spec.client_certificate:
        check_certificate(spec.client_certificate, secrets.get("client_key", ""))
        chosen["ssl.certificate.pem"] = spec.client_certificate
        chosen["ssl.key.pem"] = secrets.get("client_key", "")
    if spec.mechanism:
        chosen["sasl.mechanism"] = spec.mechanism
        chosen["sasl.username"] = spec.user
        chosen["sasl.password"] = secrets.get("password", "")
    return chosen


def _protocol(spec: ToKafka) -> str:
    if spec.mechanism:
        return "SASL_SSL" if spec.tls else "SASL_PLAINTEXT"
    return "SSL" if spec.tls else "PLAINTEXT"


def _check(spec: ToKafka) -> None:
    for place, broker in enumerate(spec.brokers):
        if not _BROKER.fullmatch(broker):
            raise BadSetting(
                f"{broker!r} is no broker",
                hint="write HOST:PORT, as in kafka-1:9092",
                field=f"brokers[{place}]",
            )
    if not spec.brokers:
        raise BadSetting("there is no broker", hint="write one at least", field="brokers")
    if not _TOPIC.fullmatch(spec.topic) or spec.topic in (".", ".."):
        raise BadSetting(
            f"topic is {spec.topic!r}",
            hint="Kafka takes up to 249 letters, digits, dots, dashes and underscores",
            field="topic",
        )
    if bool(spec.mechanism) != bool(spec.user):
        raise BadSetting(
            "mechanism and user go together",
            hint="set both or none",
            field="user" if spec.mechanism else "mechanism",
        )
    if (spec.ca or spec.client_certificate) and not spec.tls:
        raise BadSetting("ca and client_certificate need tls", hint="set tls to true", field="tls")
