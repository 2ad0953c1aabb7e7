from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from logkeep.api.health import LONG_S, ROUTES, _of_spool, answer_counted
from logkeep.catalog.values import Key, KeyRole
from logkeep.errors import LogkeepError, Overloaded
from logkeep.metrics import Tally
from logkeep.settings import Settings

KEYS = {"lka_admin": Key(account="", role=KeyRole.ADMIN), "lki_ingest": Key(account="a", role=KeyRole.INGEST)}
READY = {"status": "ready"}


@dataclass
class WorkerDouble:
    name: str
    seconds: float = 0.0
    lives: bool = True

    def failing_s(self) -> float:
        return self.seconds

    def alive(self) -> bool:
        return self.lives


class SpoolDouble:
    def __init__(self, error: LogkeepError | None = None) -> None:
        self.error = error
        self.appended: list[Sequence[object]] = []

    async def append(self, pieces: Sequence[object], *, reply: bytes) -> bytes:
        self.appended.append(pieces)
        if self.error:
            raise self.error
        return reply


class MetricsDouble:
    def __init__(self) -> None:
        self.tally = Tally()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        return b"metrics for " + accept.encode(), "text/plain; version=0.0.4; charset=utf-8"


def got(
    path: str,
    *workers: WorkerDouble,
    spool: SpoolDouble | None = None,
    token: str = "",
    headers: Mapping[str, str] | None = None,
    metrics: MetricsDouble | None = None,
) -> httpx.Response:
    """The answer of a server of such parts."""
    application = Starlette(routes=ROUTES, exception_handlers={LogkeepError: answer_counted})
    application.state.services = SimpleNamespace(
        settings=Settings(metrics_token=token),
        catalog=SimpleNamespace(keys=SimpleNamespace(resolve=KEYS.get)),
        workers=workers,
        spool=spool or SpoolDouble(),
        metrics=metrics or MetricsDouble(),
    )

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            encoded = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
            return await client.get(path, headers=encoded)

    return asyncio.run(get())


def ready(*workers: WorkerDouble, spool: SpoolDouble | None = None) -> tuple[int, Any]:
    response = got("/readyz", *workers, spool=spool)
    return response.status_code, response.json()


def test_a_server_is_alive_when_it_answers_whatever_fails() -> None:
    response = got("/healthz", WorkerDouble("index", lives=False), spool=SpoolDouble(Overloaded("full")))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_server_is_ready_when_its_workers_run_and_its_spool_takes_lines() -> None:
    spool = SpoolDouble()
    assert ready(WorkerDouble("index"), WorkerDouble("archive"), spool=spool) == (200, READY)
    assert spool.appended == [[]]


def test_a_worker_that_failed_lately_is_left_to_heal_and_one_that_fails_for_long_is_told() -> None:
    assert ready(WorkerDouble("index", seconds=LONG_S)) == (200, READY)
    assert ready(WorkerDouble("index", seconds=LONG_S + 1)) == (
        503,
        {"status": "not ready", "reasons": ["the worker index fails"]},
    )


def test_every_reason_is_told_and_none_of_them_names_more_than_a_part() -> None:
    spool = SpoolDouble(Overloaded("the spool holds 5 bytes of the account team-a", hint="secret"))
    status, body = ready(WorkerDouble("archive", lives=False), WorkerDouble("index", 1e9), spool=spool)
    assert status == 503
    assert body["reasons"] == [
        "the worker archive has ended",
        "the worker index fails",
        "the spool takes no lines",
    ]


def test_a_spool_that_does_not_answer_takes_no_lines() -> None:
    class Stuck(SpoolDouble):
        async def append(self, pieces: Sequence[object], *, reply: bytes) -> bytes:
            await asyncio.Event().wait()
            return await super().append(pieces, reply=reply)

    assert asyncio.run(_of_spool(Stuck(), patience_s=0.0)) == ["the spool takes no lines"]  # type: ignore[arg-type]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("scrape", bearer("scrape"), 200),
        ("scrape", bearer("lka_admin"), 200),
        ("", bearer("lka_admin"), 200),
        ("scrape", bearer("lki_ingest"), 403),
        ("scrape", bearer("scrap"), 401),
        ("scrape", bearer("scrapé"), 401),
        ("scrape", {}, 401),
        ("", {}, 401),
        ("", bearer(""), 401),
    ],
)
def test_metrics_are_for_the_admin_token_and_the_metrics_token(
    token: str, headers: dict[str, str], status: int
) -> None:
    assert got("/metrics", token=token, headers=headers).status_code == status


def test_metrics_come_in_the_format_that_is_asked_for() -> None:
    response = got("/metrics", headers={**bearer("lka_admin"), "Accept": "text/plain"})
    assert response.content == b"metrics for text/plain"
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_refused_request_is_answered_as_ever_and_counted_by_its_reason() -> None:
    metrics = MetricsDouble()
    for key in ("", "unknown", "lki_ingest"):
        response = got("/metrics", headers=bearer(key), metrics=metrics)
    assert (response.status_code, response.json()["type"]) == (403, "urn:logkeep:forbidden")
    assert metrics.tally.refused() == {"unauthorized": 2, "forbidden": 1}
