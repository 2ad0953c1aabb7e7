"""The API over a desk of pipelines that takes calls down, and a registry that takes events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
from anyio import CapacityLimiter

from logkeep.api.application import build_api
from logkeep.catalog.values import Key, KeyRole, Pipeline, PipelineVersion, SourceKey
from logkeep.errors import LogkeepError, NotFound
from logkeep.metrics import Tally
from logkeep.pipeline.chain import Trace, trace
from logkeep.pipeline.check import default_names
from logkeep.pipeline.dead_letters import DeadLetter
from logkeep.pipeline.desk import Applied
from logkeep.pipeline.document import parse_spec
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.outbox import Backlog
from logkeep.pipeline.status import (
    DestinationStatus,
    ProcessorStatus,
    RestorationPlace,
    SourceStatus,
    Status,
)
from logkeep.record import Received, Record

NOW = 1_763_640_000_000  # 2025-11-20T12:00:00Z
DATA: dict[str, Any] = {
    "id": "web",
    "title": "Web shop",
    "sources": [{"type": "http", "name": "in"}],
    "processors": [{"type": "parse-json"}, {"type": "filter", "query": "meta.status:>=500"}],
    "destinations": [
        {"type": "stdout", "name": "all"},
        {"type": "http", "name": "hook", "url": "https://x.example", "query": "host:web-1",
         "secrets": {"token": None}},
    ],
}  # fmt: skip
SPEC = parse_spec(DATA)
PIPELINE = Pipeline(
    id="web",
    account="main",
    spec=msgspec.json.encode(SPEC),
    version=3,
    secret=b"sealed",
    created_at=NOW - 60_000,
    updated_at=NOW,
    updated_by="k-1",
)
STATUS = Status(
    works=True,
    sources=(SourceStatus(name="in", type="http", title="", events=7, key_created_at=NOW),),
    processors=(
        ProcessorStatus(
            name="filter-2",
            type="filter",
            events_in=7,
            events_out=2,
            notes={"failed": 1},
            problem="no JSON: x",
        ),
    ),
    destinations=(
        DestinationStatus(
            name="hook",
            type="http",
            state="failing",
            delivered=1,
            refused=1,
            dropped=0,
            waiting=Backlog(lines=1, raw_bytes=90, stored_bytes=50, oldest_rx=NOW),
            dead_letters=1,
            last_error="x.example answers 500",
            next_try=NOW,
            archive="",
        ),
    ),
)
EVENT = b'{"_lid":"1","_ts":5,"_line":"x"}\n'


class Desk:
    """Takes every call that changes something down; `error` is raised by all of them."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.applied = Applied(pipeline=PIPELINE, keys={"in": "lkp_new"})
        self.error: LogkeepError | None = None

    def _called(self, *call: Any) -> None:
        self.calls.append(call)
        if self.error:
            raise self.error

    def check(self, spec: PipelineSpec) -> PipelineSpec:
        self._called("check", spec)
        return spec

    def apply(self, spec: PipelineSpec, *, by: str, discard: bool = False) -> Applied:
        self._called("apply", spec, by, discard)
        return self.applied

    def rollback(self, pipeline_id: str, version: int, *, by: str) -> Applied:
        self._called("rollback", pipeline_id, version, by)
        return self.applied

    def delete(self, pipeline_id: str, *, discard: bool = False) -> None:
        self._called("delete", pipeline_id, discard)

    def new_key(self, pipeline_id: str, source: str) -> str:
        self._called("new_key", pipeline_id, source)
        return "lkp_fresh"

    def spec(self, pipeline_id: str) -> PipelineSpec:
        return parse_spec(msgspec.json.decode(pipeline(pipeline_id).spec))

    def test(self, spec: PipelineSpec, records: list[Record]) -> list[Trace]:
        if self.error:
            raise self.error
        return trace(default_names(spec).processors, records, clock=lambda: 0.0)

    def status(self, pipeline_id: str) -> Status:
        if pipeline_id == "gone":
            raise NotFound("deleted this very moment")
        return STATUS

    def restoration_sources(self) -> list[RestorationPlace]:
        return [RestorationPlace(pipeline="web", pipeline_title="Web shop", source="back", title="Old")]

    def dead_letters(self, pipeline_id: str, destination: str, limit: int) -> list[DeadLetter]:
        self._called("dead_letters", pipeline_id, destination, limit)
        return [DeadLetter(at=NOW, reason="400: no such field", line=EVENT)]

    def retry_dead_letters(self, pipeline_id: str, destination: str) -> int:
        self._called("retry", pipeline_id, destination)
        return 4

    def discard_dead_letters(self, pipeline_id: str, destination: str) -> int:
        self._called("discard", pipeline_id, destination)
        return 5


class Live:
    """Takes events, and answers with the reply."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, str, Received, dict[str, str]]] = []
        self.error: LogkeepError | None = None

    def hop(self, pipeline_id: str) -> str:
        return f"server-1/{pipeline_id}"

    async def accept(
        self, pipeline_id: str, source: str, received: Received, *, via: str, reply: bytes, key: str = ""
    ) -> bytes:
        if self.error:
            raise self.error
        self.accepted.append((pipeline_id, source, received, {"via": via, "key": key}))
        return reply


def pipeline(pipeline_id: str) -> Pipeline:
    if pipeline_id != "web":
        raise NotFound(f"there is no pipeline {pipeline_id!r}")
    return PIPELINE


def versions(pipeline_id: str) -> list[PipelineVersion]:
    spec = pipeline(pipeline_id).spec
    return [PipelineVersion(version=number, at=NOW, by="k-1", spec=spec) for number in (3, 2)]


def version(pipeline_id: str, number: int) -> Pipeline:
    if number > 3:
        raise NotFound(f"there is no version {number}")
    return replace(pipeline(pipeline_id), version=number)


class Site:
    def __init__(self) -> None:
        self.desk = Desk()
        self.live = Live()
        self.noted: list[tuple[str, str, str, dict[str, object]]] = []
        keys = {
            "lka_admin": Key(account="", role=KeyRole.ADMIN, id="k-1"),
            "lki_ingest": Key(account="main", role=KeyRole.INGEST, id="k-2"),
        }
        source_keys = {
            "lkp_web": SourceKey(pipeline="web", source="in"),
            "lkp_other": SourceKey(pipeline="other", source="in"),
        }

        def note(at: int, actor: str, action: str, subject: str, details: dict[str, object]) -> None:
            assert at == NOW
            self.noted.append((actor, action, subject, details))

        self.application = build_api(
            SimpleNamespace(  # type: ignore[arg-type]
                clock=lambda: NOW,
                catalog=SimpleNamespace(
                    keys=SimpleNamespace(resolve=keys.get),
                    audit=SimpleNamespace(add=note),
                    actors=SimpleNamespace(names=lambda actors: dict.fromkeys(actors, "first")),
                    pipelines=SimpleNamespace(
                        list=lambda: [PIPELINE, replace(PIPELINE, id="gone")],
                        get=pipeline,
                        versions=versions,
                        version=version,
                        resolve=source_keys.get,
                    ),
                ),
                pipelines=self.desk,
                live_pipelines=self.live,
                metrics=SimpleNamespace(tally=Tally()),
            )
        )

    def use_up_bucket_calls(self) -> None:
        self.application.state.bucket_calls = CapacityLimiter(0)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str = "lka_admin",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            sent = {**({"Authorization": f"Bearer {by}"} if by else {}), **(headers or {})}
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as one:
                return await one.request(method, path, json=body, content=content, headers=sent)

        return asyncio.run(asked())
