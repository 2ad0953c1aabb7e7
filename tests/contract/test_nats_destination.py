"""NATS: the real server, with JetStream and without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme
from nats.js.api import DiscardPolicy, StreamConfig

from logkeep.errors import DeliveryFailed
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.nats import NatsDestination
from logkeep.pipeline.destinations.nats_nkey import NkeySeed
from logkeep.pipeline.model import ToNats
from logkeep.record import Record, decode_line
from tests.contract.wire_servers import Nats, batch_of, nats_client, nats_server, numbered

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"  # the example in NATS's documentation
TOO_LONG = "x" * (1 << 20)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Nats]:
    with nats_server(tmp_path) as running:
        yield running


class Make(Protocol):
    def __call__(
        self, server: Nats, *, secrets: dict[str, str] | None = None, **settings: Any
    ) -> NatsDestination: ...


@pytest.fixture
def destination() -> Iterator[Make]:
    """Makes destinations, and closes them."""
    with ExitStack() as made:

        def make(server: Nats, *, secrets: dict[str, str] | None = None, **settings: Any) -> NatsDestination:
            usual = {"name": "to-nats", "servers": (server.url,), "subject": "logs", "timeout": "5s"}
            target = NatsDestination(ToNats(**{**usual, **settings}), secrets or {}, "server/pipeline")
            made.callback(target.close)
            return target

        yield make


def make_stream(server: Nats, **settings: Any) -> None:
    async def make() -> None:
        client = await nats_client(server)
        await client.jetstream().add_stream(
            StreamConfig(**{"name": "LOGS", "subjects": ["logs", "logs.>"], **settings})
        )
        await client.close()

    asyncio.run(make())


def stored(server: Nats, **options: Any) -> list[tuple[str, bytes]]:
    """(subject, payload) of what the stream has, in its order."""

    async def read() -> list[tuple[str, bytes]]:
        client = await nats_client(server, **options)
        stream = client.jetstream()
        state = (await stream.stream_info("LOGS")).state
        found = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await stream.get_msg("LOGS", sequence)
            found.append((message.subject or "", message.data or b""))
        await client.close()
        return found

    return asyncio.run(read())


def ids(server: Nats) -> list[int]:
    return [int(decode_line(payload).lid) for _, payload in stored(server)]


def test_a_stream_has_every_event_once_though_batches_come_twice(server: Nats, destination: Make) -> None:
    make_stream(server)
    target = destination(server)
    batch = batch_of(numbered(0, 2000))
    assert target.send(batch) == Sent()
    assert target.send(batch) == Sent()
    assert stored(server) == [("logs", line[:-1]) for line in batch.lines]


def test_events_of_one_id_that_differ_are_kept_each(server: Nats, destination: Make) -> None:
    make_stream(server)
    target = destination(server, subject="logs.{app}")
    unrolled = [Record(lid="1", line="first"), Record(lid="1", line="second")]
    target.send(batch_of(unrolled))
    other = destination(server, name="another")
    other.send(batch_of(unrolled))
    assert len(stored(server)) == 4


def test_a_subject_holds_fields_as_legal_tokens(server: Nats, destination: Make) -> None:
    make_stream(server)
    target = destination(server, subject="logs.{env}.{app}.{host}.{level}")
    record = Record(lid="1", env="prod", app="a.b *>", host="", level="ERROR", line="x")
    target.send(batch_of([record]))
    assert [subject for subject, _ in stored(server)] == ["logs.prod.a_b___._.ERROR"]


def test_a_server_killed_and_started_again_has_everything_in_order(server: Nats, destination: Make) -> None:
    make_stream(server)
    target = destination(server)
    failures = 0
    for first in range(0, 1000, 100):
        if first in (300, 600):
            server.kill()
            with pytest.raises(DeliveryFailed):
                target.send(batch_of(numbered(first, 100)))
            server.start()
        failures += send_until_taken(target, batch_of(numbered(first, 100)))
    assert ids(server) == list(range(1000))


def send_until_taken(target: NatsDestination, batch: Batch) -> int:
    """How often it failed before: JetStream answers some time after its server listens."""
    for failed in range(1000):
        try:
            assert target.send(batch) == Sent()
        except DeliveryFailed:
            continue
        return failed
    raise AssertionError("never taken")


def test_a_server_killed_within_a_batch_gets_it_again(server: Nats, destination: Make) -> None:
    make_stream(server)
    target = destination(server, timeout="1s")
    target.send(batch_of(numbered(0, 10)))
    server.pause()
    with pytest.raises(DeliveryFailed):
        target.send(batch_of(numbered(10, 1000)))
    server.kill()
    server.start()
    send_until_taken(target, batch_of(numbered(10, 1000)))
    assert sorted(set(ids(server))) == list(range(1010))


def test_a_server_started_again_between_batches_is_no_failure(server: Nats, destination: Make) -> None:
    make_stream(server)
    target = destination(server, jetstream=False)
    target.send(batch_of(numbered(0, 10)))
    server.kill()
    server.start()
    assert target.send(batch_of(numbered(10, 10))) == Sent()


def test_no_stream_for_the_subject_is_a_failure_that_says_so(server: Nats, destination: Make) -> None:
    target = destination(server)
    with pytest.raises(DeliveryFailed, match=r"no stream that takes logs .*make one"):
        target.send(batch_of(numbered(0, 3)))
    make_stream(server)
    assert target.send(batch_of(numbered(0, 3))) == Sent()


def test_a_full_stream_takes_what_fits_and_has_the_rest_sent_again(server: Nats, destination: Make) -> None:
    make_stream(server, max_msgs=5, discard=DiscardPolicy.NEW)
    target = destination(server)
    sent = target.send(batch_of(numbered(0, 8)))
    assert sent == Sent(again=(5, 6, 7), again_because="maximum messages exceeded")
    with pytest.raises(DeliveryFailed, match="maximum messages exceeded"):
        target.send(batch_of(numbered(5, 3)))
    assert ids(server) == list(range(5))


def test_an_event_beyond_a_limit_is_refused_alone(server: Nats, destination: Make) -> None:
    make_stream(server, max_msg_size=1000)
    target = destination(server)
    records = [
        *numbered(0, 1),
        Record(lid="1", line="y" * 2000),
        Record(lid="2", line=TOO_LONG),
        *numbered(3, 1),
    ]
    sent = target.send(batch_of(records))
    assert sorted(refused.place for refused in sent.refused) == [1, 2]
    assert {refused.reason.partition(" has ")[0] for refused in sent.refused} == {
        "it",
        "message size exceeds maximum allowed",
    }
    assert (list(sent.again), ids(server)) == ([], [0, 3])


def test_an_event_of_the_largest_size_is_taken_and_a_byte_more_is_refused(
    server: Nats, destination: Make
) -> None:
    target = destination(server, jetstream=False)
    one = Record(lid="1", line="")
    room = (1 << 20) - _overhead(one)
    assert target.send(batch_of([Record(lid="1", line="z" * room)])) == Sent()
    sent = target.send(batch_of([Record(lid="1", line="z" * (room + 1))]))
    words = "it has 1048577 bytes with its headers, and the server's max_payload is 1048576"
    assert sent == Sent(refused=(Refused(0, words),))


def _overhead(record: Record) -> int:
    """Bytes beside the line: its name and quotes (`,"_line":""`), the rest, and the header."""
    line = batch_of([Record(lid=record.lid, line="z")]).lines[0]
    header = "NATS/1.0\r\nNats-Msg-Id: 1.0123456789abcdef\r\n\r\n"
    return len(line) - 2 + len(header)


def test_without_jetstream_those_who_listen_get_canonical_lines(server: Nats, destination: Make) -> None:
    batch = batch_of(numbered(0, 500))

    async def listen() -> list[bytes]:
        client = await nats_client(server)
        subscription = await client.subscribe("logs")
        await client.flush()
        target = destination(server, jetstream=False)
        assert await asyncio.to_thread(target.send, batch) == Sent()
        found = [(await subscription.next_msg(10)).data for _ in batch.lines]
        await client.close()
        return found

    assert asyncio.run(listen()) == [line[:-1] for line in batch.lines]


@pytest.mark.parametrize(
    ("settings", "secrets", "user"),
    [
        ('authorization { token: "s3cret" }', {"token": "s3cret"}, ""),
        ('authorization { user: "me", password: "s3cret" }', {"password": "s3cret"}, "me"),
        (f'authorization {{ users: [ {{ nkey: "{NkeySeed(SEED).public}" }} ] }}', {"nkey_seed": SEED}, ""),
    ],
)
def test_a_server_knows_us_by_token_password_or_nkey_and_nobody_else(
    tmp_path: Path, settings: str, secrets: dict[str, str], user: str, destination: Make
) -> None:
    with nats_server(tmp_path, settings, jetstream=False) as server:
        target = destination(server, jetstream=False, secrets=secrets, user=user)
        assert target.send(batch_of(numbered(0, 3))) == Sent()
        stranger = destination(server, jetstream=False)
        with pytest.raises(DeliveryFailed, match=r"(?i)authorization violation") as failed:
            stranger.send(batch_of(numbered(0, 3)))
        assert all(secret not in str(failed.value) for secret in secrets.values())


@pytest.mark.parametrize("jetstream", [True, False])
def test_a_subject_that_we_may_not_use_is_a_failure(
    tmp_path: Path, jetstream: bool, destination: Make
) -> None:
    user = '{ user: "me", password: "p", permissions: { publish: ["other"] } }'
    settings = f"authorization {{ users: [ {user} ] }}"
    with nats_server(tmp_path, settings) as server:
        target = destination(server, jetstream=jetstream, user="me", secrets={"password": "p"})
        with pytest.raises(DeliveryFailed, match=r"(?i)permissions violation"):
            target.send(batch_of(numbered(0, 3)))


def test_without_jetstream_a_user_needs_to_publish_only(tmp_path: Path, destination: Make) -> None:
    user = '{ user: "me", password: "p", permissions: { publish: ["logs"], subscribe: { deny: ">" } } }'
    with nats_server(tmp_path, f"authorization {{ users: [ {user} ] }}", jetstream=False) as server:
        target = destination(server, jetstream=False, user="me", secrets={"password": "p"})
        assert target.send(batch_of(numbered(0, 3))) == Sent()
        assert target.send(batch_of(numbered(3, 3))) == Sent()


def test_nobody_listening_is_a_failure_with_the_servers(server: Nats, destination: Make) -> None:
    server.kill()
    target = destination(server)
    with pytest.raises(DeliveryFailed, match=f"NATS at nats://127.0.0.1:{server.port}: .*check that"):
        target.send(batch_of(numbered(0, 3)))


def tls_settings(folder: Path, authority: trustme.CA) -> str:
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    own.private_key_pem.write_to_path(str(folder / "key.pem"))
    return f'tls {{ cert_file: "{folder / "cert.pem"}", key_file: "{folder / "key.pem"}" }}'


def test_tls_is_spoken_to_a_server_whose_authority_is_trusted(tmp_path: Path, destination: Make) -> None:
    authority = trustme.CA()
    settings = f'authorization {{ token: "s3cret" }}\n{tls_settings(tmp_path, authority)}'
    with nats_server(tmp_path, settings, jetstream=False) as server:
        secrets = {"token": "s3cret"}
        ca = authority.cert_pem.bytes().decode()
        target = destination(server, jetstream=False, tls=True, ca=ca, secrets=secrets)
        assert target.send(batch_of(numbered(0, 3))) == Sent()
        suspicious = destination(server, jetstream=False, tls=True, secrets=secrets)
        with pytest.raises(DeliveryFailed, match=r"(?i)certificate"):
            suspicious.send(batch_of(numbered(0, 3)))


def test_with_tls_nothing_is_told_to_a_server_that_speaks_none(tmp_path: Path, destination: Make) -> None:
    """A server in the middle could say that it needs no TLS, and would be told the token."""
    with nats_server(tmp_path, 'authorization { token: "s3cret" }\ntrace: true', jetstream=False) as server:
        target = destination(server, jetstream=False, tls=True, secrets={"token": "s3cret"})
        with pytest.raises(DeliveryFailed):
            target.send(batch_of(numbered(0, 3)))
        assert "CONNECT" not in server.log.read_text()
        plain = destination(server, jetstream=False, secrets={"token": "s3cret"})
        plain.send(batch_of(numbered(0, 3)))
        assert "CONNECT" in server.log.read_text()
