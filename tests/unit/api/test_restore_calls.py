"""/v1/restores: which call of the desk a request becomes, what is answered and what the audit log is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from logkeep.api.application import build_api
from logkeep.catalog.values import Key, KeyRole, Restore, RestoreProblem, RestoreState
from logkeep.errors import Conflict, NotFound
from logkeep.metrics import Tally
from logkeep.restore.preview import Preview
from logkeep.restore.request import RestoreRequest
from logkeep.restore.seen import Seen
from logkeep.restore.thaw import Frozen
from logkeep.storage.connection import Connection

NOW = 1_763_640_000_000  # 2025-11-20T12:00:00Z
RESTORE = Restore(
    id="42",
    name="incident",
    state=RestoreState.ACTIVE,
    account="r-incident-42",
    source="main",
    from_ms=NOW - 7_200_000,
    to_ms=NOW,
    query="",
    planned_objects=0,
    planned_lines=0,
    planned_bytes=0,
    planned_raw_bytes=0,
    lines=0,
    bytes=0,
    duplicates=0,
    created_at=NOW,
    skipped_objects=1,
    skipped_lines=7,
)
SPAN = {"from": "-2h", "to": "now"}
PLAN = SimpleNamespace(
    **dict.fromkeys(("objects", "unknown_objects", "blocks", "blocks_ruled_out", "lines", "raw_bytes"), 1),
    **dict.fromkeys(("bytes", "filter_bytes", "requests"), 2),
    exact=True,
    chunks=(),
    seconds=0.5,
    frozen=Frozen(objects=0, bytes=0, thawing=0, by_class={}, hours=None),
)


class DeskDouble:
    """Takes every call down and answers with one restore, or an error."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Restore:
            self.calls.append((name, (*arguments, named) if named else arguments))
            if self.error:
                raise self.error
            return RESTORE

        return call

    def preview(self, request: RestoreRequest) -> Preview:
        self.calls.append(("preview", (request,)))
        return Preview(plan=PLAN, sample=(), hits=1, sampled_lines=0)  # type: ignore[arg-type]

    def seen(self, restores: list[Restore]) -> list[Seen]:
        return [Seen(restore=one, storage_bytes=5000) for one in restores]

    def textless(self, ids: list[str]) -> dict[str, int]:
        return dict.fromkeys(ids, 3)

    def problems(self, restore_id: str) -> list[RestoreProblem]:
        self.calls.append(("problems", (restore_id,)))
        return [RestoreProblem(key="a/b.gz", offset=12, reason="no JSON", sample="{{{", target=1)]


class Site:
    """The API over a desk that takes calls down."""

    def __init__(self) -> None:
        self.desk = DeskDouble()
        self.noted: list[tuple[str, str, str, dict[str, object]]] = []
        keys = {
            "lka_admin": Key(account="", role=KeyRole.ADMIN, id="k-1"),
            "lki_ingest": Key(account="main", role=KeyRole.INGEST, id="k-2"),
        }

        def get(restore_id: str) -> Restore:
            if restore_id != "42":
                raise NotFound(f"there is no restore {restore_id}")
            return RESTORE

        def account(name: str) -> None:
            if name != "main":
                raise NotFound(f"there is no account {name}")

        def note(at: int, actor: str, action: str, subject: str, details: dict[str, object]) -> None:
            assert at == NOW
            self.noted.append((actor, action, subject, details))

        self.application = build_api(
            SimpleNamespace(  # type: ignore[arg-type]
                settings=SimpleNamespace(restore_expiry=60),
                clock=lambda: NOW,
                catalog=SimpleNamespace(
                    keys=SimpleNamespace(resolve=keys.get),
                    accounts=SimpleNamespace(get=account),
                    restores=SimpleNamespace(get=get),
                    audit=SimpleNamespace(add=note),
                ),
                restores=self.desk,
                archives=SimpleNamespace(with_external_id=lambda _account, connection: connection),
                metrics=SimpleNamespace(tally=Tally()),
            )
        )

    def ask(self, method: str, path: str, body: Any = None, *, by: str = "lka_admin") -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            headers = {"Authorization": f"Bearer {by}"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://server", headers=headers
            ) as one:
                return await one.request(method, path, json=body)

        return asyncio.run(asked())


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize(
    ("method", "path", "body", "call", "noted"),
    [
        ("POST", "/pause", None, ("pause", ("42",)), ("restore.pause", {})),
        (
            "POST",
            "/resume",
            None,
            ("resume", ("42", {"limit_lines": None, "limit_bytes": None})),
            ("restore.resume", {}),
        ),
        (
            "POST",
            "/resume",
            {"limit_lines": 0, "limit_bytes": "1KiB"},
            ("resume", ("42", {"limit_lines": 0, "limit_bytes": 1024})),
            ("restore.resume", {"limit_lines": 0, "limit_bytes": 1024}),
        ),
        ("POST", "/abort", None, ("abort", ("42", {"keep": False})), ("restore.abort", {"keep": False})),
        (
            "POST",
            "/abort",
            {"keep": True},
            ("abort", ("42", {"keep": True})),
            ("restore.abort", {"keep": True}),
        ),
        (
            "POST",
            "/extend",
            {"expiry_s": "1d"},
            ("extend", ("42", 86_400)),
            ("restore.extend", {"expiry_s": 86_400}),
        ),
        ("POST", "/retry", None, ("retry", ("42",)), ("restore.retry", {})),
        ("DELETE", "", None, ("delete", ("42",)), ("restore.delete", {})),
        ("POST", "/undelete", None, ("undelete", ("42",)), ("restore.undelete", {})),
    ],
)
def test_a_change_is_made_answered_and_written_down(
    site: Site, method: str, path: str, body: Any, call: Any, noted: tuple[str, dict[str, object]]
) -> None:
    response = site.ask(method, f"/v1/restores/42{path}", body)
    assert (response.status_code, response.json()["id"]) == (200, "42")
    assert site.desk.calls == [call]
    assert site.noted == [("k-1", noted[0], "42", noted[1])]


@pytest.mark.parametrize("path", ["pause", "resume", "abort", "retry", "undelete"])
def test_a_change_that_cannot_be_is_answered_409_and_not_written_down(site: Site, path: str) -> None:
    site.desk.error = Conflict("restore 42 is ACTIVE")
    response = site.ask("POST", f"/v1/restores/42/{path}")
    assert (response.status_code, response.json()["detail"]) == (409, "restore 42 is ACTIVE")
    assert site.noted == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("abort", {"keep": "yes"}),
        ("extend", {}),
        ("extend", {"expiry_s": 0}),
        ("resume", {"limit_bytes": "x"}),
    ],
)
def test_a_body_that_cannot_be_changes_nothing(site: Site, path: str, body: Any) -> None:
    assert site.ask("POST", f"/v1/restores/42/{path}", body).status_code == 400
    assert (site.desk.calls, site.noted) == ([], [])


@pytest.mark.parametrize("path", ["pause", "resume", "abort", "extend", "retry", "undelete", "problems"])
def test_only_an_administrator_may_steer(site: Site, path: str) -> None:
    method = "GET" if path == "problems" else "POST"
    assert site.ask(method, f"/v1/restores/42/{path}", by="lki_ingest").status_code == 403
    assert site.desk.calls == []


def test_a_restore_is_made_by_whom_it_was_asked_for(site: Site) -> None:
    body = {
        **SPAN,
        "reason": "TICKET-7",
        "files": {"provider": "folder", "options": {"path": "/out"}, "format": "parquet"},
    }
    response = site.ask("POST", "/v1/restores", body)
    assert (response.status_code, response.json()["storage_bytes"]) == (201, 5000)
    [(name, (request,))] = site.desk.calls
    assert (name, request.created_by, request.expiry_s) == ("submit", "k-1", 60)
    assert request.files.connection == Connection(provider="folder", options={"path": "/out"})
    [(actor, action, subject, details)] = site.noted
    assert (actor, action, subject) == ("k-1", "restore.create", "42")
    assert details == {
        "account": "main",
        "reason": "TICKET-7",
        "files": {"provider": "folder", "options": {"path": "/out"}, "format": "parquet"},
        "from": "2025-11-20T10:00:00.000Z",
        "to": "2025-11-20T12:00:00.000Z",
    }


def test_a_plan_is_a_dry_run_that_nobody_writes_down(site: Site) -> None:
    plan = site.ask("POST", "/v1/restores/plan", {"around": "now", "margin": "1h"}).json()
    assert (plan["from"], plan["to"]) == ("2025-11-20T11:00:00.000Z", "2025-11-20T13:00:00.000Z")
    assert (plan["hits"], plan["blocks_ruled_out"], plan["seconds"]) == (1, 1, 0.5)
    [(name, (request,))] = site.desk.calls
    assert (name, request.created_by, site.noted) == ("preview", "k-1", [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**SPAN, "account": "nobody"}, 404),
        ({**SPAN, "files": {"options": {"path": "/out"}}}, 400),
        ({**SPAN, "files": {"provider": "tape"}}, 400),
        ({**SPAN, "on_limit": "x"}, 400),
    ],
)
def test_a_request_that_cannot_be_reaches_no_desk(site: Site, body: Any, status: int) -> None:
    for path in ("/v1/restores", "/v1/restores/plan"):
        assert site.ask("POST", path, body).status_code == status
    assert (site.desk.calls, site.noted) == ([], [])


def test_what_was_passed_over_is_told_with_counts(site: Site) -> None:
    assert site.ask("GET", "/v1/restores/42/problems").json() == {
        "skipped_objects": 1,
        "skipped_lines": 7,
        "textless_lines": 3,
        "problems": [
            {"key": "a/b.gz", "offset": 12, "reason": "no JSON", "sample": "{{{", "target": 1},
        ],
    }
    assert site.ask("GET", "/v1/restores/43/problems").status_code == 404
