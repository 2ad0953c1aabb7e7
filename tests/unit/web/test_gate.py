from __future__ import annotations

import asyncio
import threading

import pytest
from anyio import CapacityLimiter
from starlette.requests import Request

from logkeep.errors import Overloaded
from logkeep.settings import Settings
from logkeep.web import gate as module
from logkeep.web.cookies import Cookies
from logkeep.web.gate import Gate


def gate(*, at_once: int = 1, public_url: str = "") -> Gate:
    return Gate(
        entrance=None,  # type: ignore[arg-type]
        cookies=Cookies(Settings()),
        provider=None,
        provider_name="",
        public_url=public_url,
        entrance_queue=CapacityLimiter(at_once),
        provider_queue=CapacityLimiter(at_once),
    )


def test_more_than_can_wait_are_refused_and_those_who_wait_get_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    go = threading.Event()

    async def crowd() -> list[object]:
        door = gate()
        come = [asyncio.create_task(door.enter(lambda: go.wait(10))) for _ in range(3)]
        while door.entrance_queue.statistics().tasks_waiting < 2:
            await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="too many people"):
            await door.enter(lambda: True)
        asked = await door.ask(lambda: "the provider's queue is another one")
        go.set()
        return [asked, *await asyncio.gather(*come)]

    assert asyncio.run(crowd()) == ["the provider's queue is another one", True, True, True]


@pytest.mark.parametrize(
    ("public_url", "callback"),
    [
        ("https://logs.example.org/", "https://logs.example.org/oidc/callback"),
        ("", "http://127.0.0.1:7280/oidc/callback"),
    ],
)
def test_the_way_back_from_the_provider_is_the_url_that_people_know(public_url: str, callback: str) -> None:
    scope = {
        "type": "http",
        "scheme": "http",
        "server": ("127.0.0.1", 7280),
        "path": "/oidc/start",
        "headers": [],
    }
    assert gate(public_url=public_url).callback(Request(scope)) == callback
