"""NATS: an event is a message, its canonical line the payload.

With JetStream a batch counts as taken when the stream has acknowledged each of its messages. The header
`Nats-Msg-Id` lets the stream drop what comes a second time within its duplicate window. It begins with
the event's id; a digest of the line, the subject and the destination follows, because a stream drops by this
header alone, and one event may come to it by two ways, or be unrolled to several.

Without JetStream a batch counts as taken when the server has answered a PING that was sent after it. It
then has given the messages to those who listen; nobody may.

`subject` may hold {app}, {host}, {env} and {level}: each is put there as one token, with `_` for what is no
letter, digit, dash or underscore, and `_` alone when there is none. `{` and `}` mean nothing else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from nats.errors import Error, NoServersError

from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.destinations.given import given_secrets
from logkeep.pipeline.destinations.nats_connection import Connection, Message
from logkeep.pipeline.destinations.nats_nkey import NkeySeed
from logkeep.pipeline.destinations.wire_tls import seconds, tls_context
from logkeep.pipeline.model import ToNats
from logkeep.record import Record

_PLACEHOLDER = re.compile(r"\{(app|host|env|level)\}")
_TOKEN = re.compile(r"[^\s.*>{}$\x00-\x1f\x7f][^\s.*>{}\x00-\x1f\x7f]*")
_NOT_IN_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_TOKEN = 100
_LONGEST_SUBJECT = 400
_MESSAGE_TOO_LARGE = 10054  # JSStreamMessageExceedsMaximumErr of nats-server's errors.json


class NatsDestination:
    """nats-py speaks through an event loop. This one runs only while a batch is sent, so the connection
    may have ended since the last one: it is tried before anything is sent."""

    whole_frames = False

    def __init__(self, spec: ToNats, secrets: Mapping[str, str], hop: str) -> None:
        """Raises BadSetting. `hop` goes into the digest of a message's id."""
        _check(spec)
        self._spec = spec
        self._timeout_s = seconds(spec.timeout, "timeout")
        self._digest_of = f"{hop}\0{spec.name}\0".encode()
        self._known_as = _known_as(spec, secrets)
        self._tls = tls_context(spec.ca) if spec.tls else None
        self._loop: asyncio.Runner | None = None
        self._connection: Connection | None = None

    def send(self, batch: Batch) -> Sent:
        if self._loop is None:
            self._loop = asyncio.Runner()
        return self._loop.run(self._send(batch))

    def close(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            with loop:
                loop.run(self._give_up())

    async def _send(self, batch: Batch) -> Sent:
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connected()
                return await self._publish(connection, batch)
        except DeliveryFailed:
            await self._give_up()
            raise
        except (Error, OSError) as error:
            heard = self._connection.heard if self._connection else None
            await self._give_up()
            raise self._failed(heard or error) from error

    async def _connected(self) -> Connection:
        if self._connection is not None and not await self._connection.alive():
            await self._give_up()
        if self._connection is None:
            self._connection = Connection(tls=self._tls is not None)
            options = {"tls": self._tls} if self._tls else {}
            await self._connection.open(self._spec.servers, options | self._known_as)
        return self._connection

    async def _publish(self, connection: Connection, batch: Batch) -> Sent:
        messages: dict[int, Message] = {}
        refused: list[Refused] = []
        for place, (record, line) in enumerate(zip(batch.records, batch.lines, strict=True)):
            message = self._message(record, line)
            if _wire_size(message) > connection.client.max_payload:
                refused.append(Refused(place, _too_large(message, connection.client.max_payload)))
            else:
                messages[place] = message
        send = self._publish_to_stream if self._spec.jetstream else self._publish_to_server
        return await send(connection, messages, refused)

    def _message(self, record: Record, line: bytes) -> Message:
        subject = subject_of(self._spec.subject, record)
        digest = blake2b(self._digest_of, digest_size=8)
        digest.update(subject.encode() + b"\0" + line)
        return subject, line[:-1], {"Nats-Msg-Id": f"{record.lid}.{digest.hexdigest()}"}

    async def _publish_to_server(
        self, connection: Connection, messages: Mapping[int, Message], refused: list[Refused]
    ) -> Sent:
        await connection.while_open(connection.processed(messages.values(), self._timeout_s))
        return Sent(refused=tuple(refused))

    async def _publish_to_stream(
        self, connection: Connection, messages: Mapping[int, Message], refused: list[Refused]
    ) -> Sent:
        answers = await connection.while_open(connection.acknowledged(messages.values()))
        again: dict[int, str] = {}
        for place, answer in zip(messages, answers, strict=True):
            if answer is None:
                raise DeliveryFailed(
                    f"NATS has no stream that takes {messages[place][0]}",
                    hint="make one with this subject, or set jetstream to false",
                )
            if answer.error is None:
                continue
            if answer.error.err_code == _MESSAGE_TOO_LARGE:
                refused.append(Refused(place, answer.error.description))
            else:
                again[place] = answer.error.description
        words = next(iter(again.values()), "")
        if again and len(again) == len(messages):
            raise DeliveryFailed(f"the stream of {self._spec.subject}: {words}", hint="look at its limits")
        return Sent(refused=tuple(refused), again=tuple(again), again_because=words)

    async def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _failed(self, error: BaseException) -> DeliveryFailed:
        servers = ", ".join(self._spec.servers)
        refused = isinstance(error, Error) and not isinstance(error, NoServersError)
        hint = "check what this user may do there" if refused else "check that a server listens there"
        return DeliveryFailed(f"NATS at {servers}: {_words(error)}", hint=hint)


def subject_of(subject: str, record: Record) -> str:
    """The subject with the event's own tokens."""
    if "{" not in subject:
        return subject
    return _PLACEHOLDER.sub(lambda found: _token(getattr(record, found[1])), subject)


@lru_cache(4096)
def _token(text: str) -> str:
    return _NOT_IN_TOKEN.sub("_", text[:_LONGEST_TOKEN]) or "_"


def _wire_size(message: Message) -> int:
    """What the server's max_payload is compared with: headers count too."""
    _, payload, headers = message
    written = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return len(f"NATS/1.0\r\n{written}\r\n") + len(payload)


def _too_large(message: Message, most: int) -> str:
    return f"it has {_wire_size(message)} bytes with its headers, and the server's max_payload is {most}"


def _words(error: BaseException) -> str:
    if isinstance(error, NoServersError):
        return "none of them can be reached"
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix("nats: ") or type(error).__name__


def _known_as(spec: ToNats, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Options of nats-py that say who we are."""
    given = given_secrets(spec.secrets, secrets)
    if len(given) > 1:
        raise BadSetting(
            "there are several of token, password and nkey_seed", hint="give one of them", field="secrets"
        )
    if "password" in given and not spec.user:
        raise BadSetting(
            "the secret password does nothing without user",
            hint="set user, or leave the secret out",
            field="secrets.password",
        )
    if spec.user and given and "password" not in given:
        raise BadSetting(
            f"user does nothing beside the secret {min(given)}",
            hint="leave user out, or give the secret password instead",
            field="user",
        )
    if seed := secrets.get("nkey_seed"):
        return {"nkey": NkeySeed(seed)}
    if token := secrets.get("token"):
        return {"token": token}
    if spec.user:
        return {"user": spec.user, "password": secrets.get("password", "")}
    return {}


def _check(spec: ToNats) -> None:
    if not spec.servers:
        raise BadSetting("there is no server", hint="write one at least", field="servers")
    for place, server in enumerate(spec.servers):
        _check_server(server, f"servers[{place}]")
    tokens = _PLACEHOLDER.sub("_", spec.subject).split(".")
    if len(spec.subject) > _LONGEST_SUBJECT or not all(map(_TOKEN.fullmatch, tokens)):
        raise BadSetting(
            f"subject is {spec.subject[:_LONGEST_SUBJECT]!r}",
            hint="write tokens with dots between, such as logs.{app}; of {app}, {host}, {env} and {level}",
            field="subject",
        )
    if spec.ca and not spec.tls:
        raise BadSetting("ca needs tls", hint="set tls to true", field="tls")


def _check_server(server: str, field: str) -> None:
    hint = "write nats://HOST:PORT; user, password and token have fields of their own"
    try:
        parts = urlsplit(server if "://" in server else f"nats://{server}")
        fits = parts.scheme in ("nats", "tls") and parts.hostname and "@" not in parts.netloc
        fits = fits and parts.port != 0 and not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:  # a port that is none
        fits = False
    if not fits or not server.isprintable() or " " in server or len(server) > 300:
        raise BadSetting("that is no NATS server", hint=hint, field=field)
