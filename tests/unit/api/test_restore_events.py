"""Restores as server-sent events: their shape, a sign of life, and an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.types import Message

from logkeep.api.callers import Caller
from logkeep.api.v1.restore_events import EventsResponse, may_watch
from logkeep.catalog.people import Role
from logkeep.catalog.values import RestoreState
from logkeep.restore.seen import Seen
from logkeep.restore.watch import RestoreWatches, Watcher
from tests.unit.seen_restores import seen


def show(one: Seen) -> dict[str, object]:
    return {"id": one.restore.id, "lines": one.restore.lines}


class Client:
    """Takes a response's parts; goes away when `enough` says so."""

    def __init__(self, enough: Callable[[Sequence[bytes]], bool] = lambda _parts: False) -> None:
        self.parts: list[bytes] = []
        self.headers: dict[bytes, bytes] = {}
        self.gone = asyncio.Event()
        self._enough = enough

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.headers |= dict(message.get("headers", []))
        if body := message.get("body"):
            self.parts.append(body)
            if self._enough(self.parts):
                self.gone.set()


def stream(
    there: list[Seen],
    enough: Callable[[Sequence[bytes]], bool] = lambda _parts: False,
    *,
    heartbeat_s: float = 30,
    longest_s: float = 30,
) -> tuple[Client, Watcher]:
    async def main() -> tuple[Client, Watcher]:
        client = Client(enough)
        watcher = RestoreWatches(lambda _ids, _running: there).watch("a", who="ada")
        response = EventsResponse(watcher, show, heartbeat_s=heartbeat_s, longest_s=longest_s)
        async with asyncio.timeout(30):
            await response({"type": "http", "asgi": {"spec_version": "2.3"}}, client.receive, client.send)
        return client, watcher

    return asyncio.run(main())


def test_an_event_is_a_restore_as_it_is_shown_and_the_last_one_ends_the_stream() -> None:
    client, _ = stream([seen("a", lines=7, state=RestoreState.DONE)])
    again, event = client.parts
    assert again == b"retry: 2000\n\n"
    assert event == b'event: restore\ndata: {"id":"a","lines":7}\n\n'


def test_no_cache_and_no_proxy_holds_events_back() -> None:
    client, _ = stream([seen("a", state=RestoreState.DONE)])
    assert client.headers[b"content-type"].startswith(b"text/event-stream")
    assert (client.headers[b"cache-control"], client.headers[b"x-accel-buffering"]) == (b"no-store", b"no")


def test_a_stream_in_which_nothing_happens_shows_that_it_is_there() -> None:
    client, _ = stream([seen("a")], lambda parts: len(parts) == 4, heartbeat_s=0.01)
    assert client.parts[2:4] == [b":\n\n"] * 2


def test_only_those_watch_a_restore_who_see_its_account_and_all_that_its_pipeline_names() -> None:
    member = Caller(actor="user:1", role=Role.MEMBER, accounts=frozenset({"main", "shop"}))
    admin = Caller(actor="k-1", role=Role.ADMIN)
    for accounts, seen_by_member in ((set(), True), ({"main", "shop"}, True), ({"main", "acme"}, False)):
        sent = replace(seen("a"), destination_accounts=frozenset(accounts))
        assert may_watch(member, sent) is seen_by_member
        assert may_watch(admin, sent)


def test_the_watcher_goes_with_the_client() -> None:
    _, watcher = stream([seen("a")], lambda parts: len(parts) == 2)
    assert watcher.closed


def test_a_stream_ends_after_a_while_so_that_who_comes_again_is_asked_who_they_are() -> None:
    client, watcher = stream([seen("a")], longest_s=0.05)
    assert len(client.parts) == 2
    assert watcher.closed
