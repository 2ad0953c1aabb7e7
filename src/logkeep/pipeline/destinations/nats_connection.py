"""A connection to NATS that says what became of each message (nats-py 2.16)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from logkeep.pipeline.destinations.nats_nkey import NkeySeed

_IN_FLIGHT = 512  # messages that wait for their acknowledgment
_CONNECT_S = 5
_CLOSE_S = 1  # after a handshake that failed, nats-py waits for an end that does not come

_T = TypeVar("_T")
Message = tuple[str, bytes, dict[str, str]]  # subject, payload, headers


class ApiError(msgspec.Struct):
    description: str = ""
    err_code: int = 0


class Answer(msgspec.Struct):
    """What a stream says of one message (io.nats.jetstream.api.v1.pub_ack_response)."""

    error: ApiError | None = None


_read_answer = msgspec.json.Decoder(Answer).decode


class Connection:
    """One connection, never made again by itself: what was not sent by then would be sent unseen.

    Its methods raise nats.errors.Error and OSError."""

    def __init__(self, *, tls: bool) -> None:
        self.client: Client = _TlsClient() if tls else Client()
        self.heard: Exception | None = None  # the last that went wrong on the side
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[Answer | None]] = {}  # by the subject of the answer
        self._inbox = self.client.new_inbox()
        self._listens = False  # to its inbox, which a user who only publishes may not

    async def open(self, servers: tuple[str, ...], options: Mapping[str, Any]) -> None:
        known_as = dict(options)
        nkey: NkeySeed | None = known_as.pop("nkey", None)
        if nkey is not None:
            # The client's own way needs the package nkeys, which does what nats_nkey.py does.
            self.client._public_nkey = nkey.public
            known_as["signature_cb"] = nkey.sign
        await self.client.connect(
            list(servers),
            name="logkeep",
            allow_reconnect=False,
            max_reconnect_attempts=1,  # tries of each server, one more than this says
            reconnect_time_wait=0,
            connect_timeout=_CONNECT_S,
            error_cb=self._hear,
            closed_cb=self._end,
            **known_as,
        )
        self.heard = None  # of servers that were tried before

    async def alive(self) -> bool:
        """Whether the server still answers."""
        try:
            await self.while_open(self.client.flush(_CONNECT_S))
        except (Error, OSError):
            return False
        return True

    async def while_open(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What the work comes to. Raises what ended the connection or was refused on it, if that is first."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._over), return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                raise self.heard or self.client.last_error or ConnectionResetError("it closed the connection")
            return task.result()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Error, OSError):
                await task

    async def processed(self, messages: Iterable[Message], timeout_s: int) -> None:
        """Publish all, and return when the server has dealt with them."""
        for subject, payload, headers in messages:
            await self.client.publish(subject, payload, headers=headers)
        # A flush sends its PING before what is pending (2.16, Client._send_ping), so its PONG says nothing of
        # that. The PONG that counts is that of a PING which was sent when nothing was pending.
        while self.client.pending_data_size:
            await self.client.flush(timeout_s)
        await self.client.flush(timeout_s)

    async def acknowledged(self, messages: Iterable[Message]) -> list[Answer | None]:
        """Publish all, and return the answer to each, in order; None where no stream answers.

        The client's own publish_async does not work for this: it forgets a message that a stream refuses,
        and its future never ends (2.16, JetStreamContext._handle_async_reply).
        """
        if not self._listens:
            await self.client.subscribe(f"{self._inbox}.*", cb=self._take)
            self._listens = True
        room = asyncio.Semaphore(_IN_FLIGHT)
        answers = []
        self._waiting.clear()
        for number, (subject, payload, headers) in enumerate(messages):
            await room.acquire()
            answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda _: room.release())
            inbox = f"{self._inbox}.{number}"
            self._waiting[inbox] = answer
            answers.append(answer)
            await self.client.publish(subject, payload, reply=inbox, headers=headers)
        return await asyncio.gather(*answers)

    async def _take(self, message: Msg) -> None:
        answer = self._waiting.pop(message.subject, None)
        if answer is None or answer.done():
            return
        no_responders = message.headers and message.headers.get("Status") == "503"
        answer.set_result(None if no_responders else _read_answer(message.data))

    async def close(self) -> None:
        with suppress(Error, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.client.close()
        self._over.cancel()

    async def _hear(self, error: Exception) -> None:
        self.heard = error if isinstance(error, Error | OSError) else Error(str(error))
        if self.client.is_connected:  # a refusal: no acknowledgment will come
            await self._end()

    async def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)


class _TlsClient(Client):
    """Speaks TLS whatever the server asks for: nats-py would tell its secrets in the clear to one that does
    not ask, which is not the one that was meant."""

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        info["tls_required"] = True
        await super()._process_info(info, initial_connection)
