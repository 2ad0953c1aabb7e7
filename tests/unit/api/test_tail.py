"""The live tail's response: lines as they come, a sign of life, and an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Message

from logkeep.api.lasting import always
from logkeep.api.v1.tail import Show, TailResponse
from logkeep.query.parse import parse
from logkeep.record import Record, encode_lines
from logkeep.tail import MAX_QUEUED, Tails


def records(*texts: str) -> list[tuple[Record, bytes]]:
    made = [Record(lid="1", ts=0, line=text) for text in texts]
    return [(record, encode_lines([record])) for record in made]


class Client:
    """Takes a response's parts; goes away when `enough` says so."""

    def __init__(self, enough: Callable[[list[bytes]], bool]) -> None:
        self.parts: list[bytes] = []
        self.gone = asyncio.Event()
        self._enough = enough

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            self.parts.append(message["body"])
            if self._enough(self.parts):
                self.gone.set()


def run(
    enough: Callable[[list[bytes]], bool],
    during: Callable[[Tails], Any],
    *,
    heartbeat_s: float,
    shown: Show | None = None,
    allowed: Callable[[], bool] = always,
) -> Tails:
    async def main() -> None:
        client = Client(enough)
        response = TailResponse(
            tails.watch("main", parse("a"), who="ada"),
            shown=shown,
            heartbeat_s=heartbeat_s,
            allowed=allowed,
            check_s=0.01,
        )
        during(tails)
        async with asyncio.timeout(30):
            await response({"type": "http", "asgi": {"spec_version": "2.3"}}, client.receive, client.send)
        taken.extend(client.parts)

    tails = Tails()
    taken.clear()
    asyncio.run(main())
    return tails


taken: list[bytes] = []


def test_lines_that_match_come_in_order_and_the_watcher_goes_with_the_client() -> None:
    tails = run(
        lambda parts: b"".join(parts).count(b"\n") == 2,
        lambda tails: tails.publish("main", records("a 1", "b", "a 2")),
        heartbeat_s=30,
    )
    assert b"".join(taken) == b"".join(line for _, line in records("a 1", "a 2"))
    assert not tails.watched("main")


def test_lines_come_as_a_viewer_asks_for_them() -> None:
    run(
        lambda parts: b"".join(parts).count(b"\n") == 2,
        lambda tails: tails.publish("main", records("a 1", "a 2")),
        heartbeat_s=30,
        shown=lambda line: b"shown " + line,
    )
    assert b"".join(taken) == b"".join(b"shown " + line for _, line in records("a 1", "a 2"))


def test_a_stream_without_lines_shows_that_it_is_there() -> None:
    run(lambda parts: len(parts) == 3, lambda _tails: None, heartbeat_s=0.01)
    assert taken[:3] == [b"\n"] * 3


def test_a_client_is_told_what_it_was_too_slow_for() -> None:
    run(
        lambda parts: len(parts) == 2,
        lambda tails: tails.publish("main", records(*[f"a {n}" for n in range(MAX_QUEUED + 2)])),
        heartbeat_s=30,
    )
    assert taken[0] == b'{"missed":2}\n'
    assert taken[1].count(b"\n") == MAX_QUEUED


def test_the_stream_ends_with_the_server() -> None:
    tails = run(lambda _parts: False, lambda tails: tails.close(), heartbeat_s=30)
    assert taken == []
    assert not tails.watched("main")


def test_the_stream_ends_soon_after_its_caller_lost_the_right_to_it() -> None:
    answers = [True, True, False]
    tails = run(lambda _parts: False, lambda _tails: None, heartbeat_s=30, allowed=lambda: answers.pop(0))
    assert answers == []
    assert not tails.watched("main")
