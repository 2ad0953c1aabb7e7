"""GET /v1/restores, its counts, and what the audit log says of one: over a real catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from logkeep.api.application import build_api
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import KeyRole, RestoreState
from logkeep.metrics import Tally
from logkeep.restore.seen import Seen
from tests.unit.seen_restores import seen


class Site:
    """The API over a catalog with some restores."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._token = catalog.keys.issue("", KeyRole.ADMIN, 1, name="deploy")
        for number, (name, why) in enumerate((("a", "INC-7"), ("b", ""), ("c", ""))):
            made = replace(seen(name).restore, created_at=number, name=f"name of {name}", reason=why)
            catalog.restores.create(made, [])
        catalog.restores.set_state("b", RestoreState.ACTIVE)
        desk = SimpleNamespace(seen=lambda restores: [Seen(restore=one) for one in restores])
        self._application = build_api(
            SimpleNamespace(  # type: ignore[arg-type]
                catalog=catalog, restores=desk, clock=lambda: 9, metrics=SimpleNamespace(tally=Tally())
            )
        )

    def get(self, path: str, status: int = 200, /, **params: str) -> Any:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            headers = {"Authorization": f"Bearer {self._token}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.get(path, params=params, headers=headers)

        answer = asyncio.run(asked())
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield Site(catalog)
    catalog.close()


def test_the_history_is_read_page_by_page(site: Site) -> None:
    first = site.get("/v1/restores", limit="2")
    assert [one["id"] for one in first["restores"]] == ["c", "b"]
    last = site.get("/v1/restores", limit="2", before=first["before"])
    assert ([one["id"] for one in last["restores"]], last["before"]) == (["a"], None)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"state": "active"}, ["b"]),
        ({"state": "active, IN_PROGRESS"}, ["c", "b", "a"]),
        ({"text": " inc "}, ["a"]),
        ({"text": "NAME OF C"}, ["c"]),
        ({"account": "r-b"}, ["b"]),
        ({"account": "main", "into": "account"}, ["c", "b", "a"]),
        ({"into": "pipeline, files"}, []),
        ({"into": "pipeline,account"}, ["c", "b", "a"]),
    ],
)
def test_the_history_is_filtered(site: Site, query: dict[str, str], ids: list[str]) -> None:
    assert [one["id"] for one in site.get("/v1/restores", **query)["restores"]] == ids
    assert sum(site.get("/v1/restores/counts", **query)["counts"].values()) == len(ids)


def test_restores_are_counted_by_state(site: Site) -> None:
    found = site.get("/v1/restores/counts")
    assert set(found["counts"]) == set(RestoreState)
    told = {"IN_PROGRESS": 2, "ACTIVE": 1}
    assert {state: count for state, count in found["counts"].items() if count} == told
    assert found["into"] == {"account": told, "files": {}, "pipeline": {}}


@pytest.mark.parametrize(
    "query",
    [{"state": "GONE"}, {"limit": "0"}, {"limit": "x"}, {"into": "tape"}, {"before": "yesterday"}],
)
def test_a_history_that_cannot_be_is_refused(site: Site, query: dict[str, str]) -> None:
    site.get("/v1/restores", 400, **query)


def test_what_was_done_with_a_restore_is_told_with_who_did_it(site: Site) -> None:
    [key] = site.catalog.keys.listed("")
    audit = site.catalog.audit
    audit.add(5, key.id, "restore.create", "a", {"account": "main"})
    audit.add(6, "server", "archive.update", "a", {})
    audit.add(7, key.id, "restore.create", "b", {})
    audit.add(8, "user:gone", "restore.pause", "a", {})
    entries = site.get("/v1/restores/a/audit")["entries"]
    told = [(one["action"], one["actor"], one["actor_name"]) for one in entries]
    assert told == [("restore.pause", "user:gone", ""), ("restore.create", key.id, "deploy")]
    site.get("/v1/restores/nobody/audit", 404)
