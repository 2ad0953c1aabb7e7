"""Every route of the API: the role that it needs, and how it is asked about things of one account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from logkeep.catalog.people import Role

READ_ONLY, MEMBER, ADMIN = Role.READ_ONLY, Role.MEMBER, Role.ADMIN
ANYBODY: Final = None  # also without a key, or with one that only sends lines


@dataclass(frozen=True, kw_only=True)
class Row:
    """`{account}`, `{archive}`, ... in path, query and body stand for the ids of things of one account."""

    role: Role | None
    path: str
    method: str = "GET"
    names: Mapping[str, str] = field(default_factory=dict)  # what the path's own parameters stand for
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    tokens: bool = True  # whether a user's token is enough
    changes: bool = False  # whether it would take away what other rows ask for

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    def placed(self, ids: Mapping[str, str]) -> tuple[str, dict[str, str], Any]:
        """Path, query and body for these things."""
        path = self.path
        for parameter, thing in self.names.items():
            path = path.replace(f"{{{parameter}}}", ids.get(thing, thing))
        return path, {name: _put(value, ids) for name, value in self.query.items()}, _put(self.body, ids)

    def asks_for(self) -> set[str]:
        """The kinds of things that it names."""
        kinds = ("account", "archive", "object", "restore", "restored", "rule", "key", "pipeline")
        text = f"{self.query}{self.body}"
        return {kind for kind in kinds if kind in self.names.values() or f"{{{kind}}}" in text}


def _put(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, one in ids.items():
            value = value.replace(f"{{{name}}}", one)
        return value
    if isinstance(value, dict):
        return {name: _put(one, ids) for name, one in value.items()}
    return value


def _of(role: Role, thing: str, path: str, method: str = "GET", **more: Any) -> Row:
    return Row(role=role, path=path, method=method, names={"id": thing, **more.pop("names", {})}, **more)


def _asked(path: str, role: Role = READ_ONLY, **query: str) -> list[Row]:
    """Of an account, and of a restored one."""
    return [
        Row(role=role, path=path, query={"account": f"{{{thing}}}", **query})
        for thing in ("account", "restored")
    ]


_SPAN = {"from": "2026-04-05T00:00:00Z", "to": "2026-04-06T00:00:00Z"}
_TS = str(1_775_373_000_000)  # 2026-04-05T07:10:00Z
_MINE = "{own_account}"  # one that every caller of the test sees
_NEW_PIPELINE = {
    "id": "{pipeline}",
    "sources": [{"type": "restoration"}],
    "destinations": [{"type": "stdout"}],
}
_LINES = {"lines": ["one"]}
_DEAD = "/v1/pipelines/{id}/destinations/{destination}/dead-letters"

ROWS = [
    Row(role=ANYBODY, path="/healthz"),
    Row(role=ANYBODY, path="/readyz"),
    Row(role=ADMIN, path="/metrics"),
    Row(role=ANYBODY, path="/v1/ingest", method="POST"),
    Row(role=ANYBODY, path="/logs/ingest", method="POST"),
    Row(role=ANYBODY, path="/otel/ingest/rest", method="POST"),
    Row(role=ANYBODY, path="/v1/logs", method="POST"),
    *_asked("/v1/search"),
    *_asked("/v1/histogram"),
    *_asked("/v1/fields", field="host"),
    *_asked("/v1/surrounding", id="{line}", ts=_TS),
    *_asked("/v1/export", MEMBER),
    Row(role=READ_ONLY, path="/v1/query", query={"query": "app:web"}),
    Row(role=READ_ONLY, path="/v1/tail", query={"account": "{account}"}),
    Row(role=READ_ONLY, path="/v1/archive/objects"),
    Row(role=READ_ONLY, path="/v1/archive/objects", query={"account": "{account}"}),
    Row(role=READ_ONLY, path="/v1/archive/status"),
    Row(role=MEMBER, path="/v1/archive/seal", method="POST", body={"account": "{account}"}),
    Row(role=ADMIN, path="/v1/archive/seal", method="POST", body={}),
    Row(role=READ_ONLY, path="/v1/providers"),
    Row(role=READ_ONLY, path="/v1/providers", query={"account": "{account}"}),
    Row(role=READ_ONLY, path="/v1/layouts"),
    Row(role=READ_ONLY, path="/v1/archives"),
    Row(role=READ_ONLY, path="/v1/archives", query={"account": "{account}"}),
    Row(role=ADMIN, path="/v1/archives", method="POST", body={"account": "{account}"}, changes=True),
    Row(role=ADMIN, path="/v1/archives/test", method="POST", body={"archive": "{archive}"}),
    Row(role=ADMIN, path="/v1/archives/grant", method="POST", body={"archive": "{archive}"}),
    Row(role=ADMIN, path="/v1/archives/detect", method="POST", body={"archive": "{archive}"}),
    _of(READ_ONLY, "archive", "/v1/archives/{id}"),
    _of(ADMIN, "archive", "/v1/archives/{id}", "PATCH", body={}, changes=True),
    _of(ADMIN, "archive", "/v1/archives/{id}", "DELETE", changes=True),
    _of(MEMBER, "archive", "/v1/archives/{id}/test", "POST"),
    _of(MEMBER, "archive", "/v1/archives/{id}/grant"),
    *(
        _of(ADMIN, "archive", f"/v1/archives/{{id}}/{verb}", "POST", body={}, changes=True)
        for verb in ("start", "pause", "stop", "forget-secrets")
    ),
    _of(ADMIN, "archive", "/v1/archives/{id}/backfill", "POST", body=_SPAN),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/search"),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/search", query={"histogram": "true"}),
    _of(ADMIN, "archive", "/v1/archives/{id}/search", query={"any_marker": "true"}),
    _of(MEMBER, "archive", "/v1/archives/{id}/seal", "POST", body={}),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/objects"),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/hours"),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/days"),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/object", query={"key": "{object}"}),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/object/lines", query={"key": "{object}"}),
    _of(MEMBER, "archive", "/v1/archives/{id}/object/content", query={"key": "{object}"}),
    Row(
        role=READ_ONLY,
        path="/v1/archives/{id}/object",
        names={"id": "own_archive"},
        query={"key": "{object}"},  # of another account, asked for in one's own archive
    ),
    _of(READ_ONLY, "archive", "/v1/archives/{id}/checks"),
    _of(MEMBER, "archive", "/v1/archives/{id}/verify", "POST"),
    _of(MEMBER, "archive", "/v1/archives/{id}/drill", "POST"),
    Row(role=READ_ONLY, path="/v1/restores"),
    Row(role=READ_ONLY, path="/v1/restores", query={"state": "ACTIVE", "limit": "5"}),
    *(
        Row(role=role, path=path, method="POST", body={**_SPAN, **body})
        for path in ("/v1/restores", "/v1/restores/plan")
        for role, body in (
            (MEMBER, {"account": "{account}"}),
            (MEMBER, {"account": _MINE, "archive": "{archive}"}),
            (MEMBER, {"account": _MINE, "pipeline": {"id": "{pipeline}"}}),
            (ADMIN, {"account": _MINE, "any_marker": True}),
            (ADMIN, {"account": _MINE, "files": {"provider": "folder"}}),
        )
    ),
    Row(role=READ_ONLY, path="/v1/restores/counts"),
    Row(role=READ_ONLY, path="/v1/restores/events"),
    _of(READ_ONLY, "restore", "/v1/restores/{id}"),
    _of(READ_ONLY, "restore", "/v1/restores/{id}/events"),
    _of(READ_ONLY, "restore", "/v1/restores/{id}/problems"),
    _of(READ_ONLY, "restore", "/v1/restores/{id}/audit"),
    _of(MEMBER, "restore", "/v1/restores/{id}", "DELETE", changes=True),
    _of(MEMBER, "restore", "/v1/restores/{id}/extend", "POST", body={"expiry_s": 60}, changes=True),
    *(
        _of(MEMBER, "restore", f"/v1/restores/{{id}}/{verb}", "POST", body={}, changes=True)
        for verb in ("pause", "resume", "abort", "retry", "undelete")
    ),
    Row(role=READ_ONLY, path="/v1/accounts"),
    Row(role=ADMIN, path="/v1/accounts", method="POST", body={"name": "{account}"}, changes=True),
    _of(READ_ONLY, "account", "/v1/accounts/{id}"),
    _of(READ_ONLY, "restored", "/v1/accounts/{id}"),
    _of(ADMIN, "account", "/v1/accounts/{id}", "PATCH", body={}, changes=True),
    _of(ADMIN, "account", "/v1/accounts/{id}", "DELETE", changes=True),
    _of(MEMBER, "account", "/v1/accounts/{id}/keys"),
    _of(MEMBER, "account", "/v1/accounts/{id}/keys", "POST", body={}, changes=True),
    _of(MEMBER, "key", "/v1/keys/{id}", "DELETE", changes=True),
    Row(role=ADMIN, path="/v1/admin-tokens"),
    Row(role=ADMIN, path="/v1/admin-tokens", method="POST", body={}, tokens=False, changes=True),
    _of(READ_ONLY, "account", "/v1/accounts/{id}/rules"),
    _of(MEMBER, "account", "/v1/accounts/{id}/rules", "POST", body={"title": "t", "hosts": ["h"]}),
    _of(MEMBER, "account", "/v1/accounts/{id}/rules/preview", "POST", body={"hosts": ["h"]}),
    _of(READ_ONLY, "rule", "/v1/rules/{id}"),
    _of(MEMBER, "rule", "/v1/rules/{id}", "PATCH", body={"active": False}, changes=True),
    _of(MEMBER, "rule", "/v1/rules/{id}", "DELETE", changes=True),
    Row(role=READ_ONLY, path="/v1/pipelines"),
    Row(role=READ_ONLY, path="/v1/pipelines/restoration-sources"),
    Row(role=READ_ONLY, path="/v1/pipeline-types"),
    Row(role=ADMIN, path="/v1/pipelines/test", method="POST", body={**_LINES, "pipeline": _NEW_PIPELINE}),
    _of(READ_ONLY, "pipeline", "/v1/pipelines/{id}"),
    _of(READ_ONLY, "pipeline", "/v1/pipelines/{id}", query={"format": "yaml"}),
    _of(ADMIN, "pipeline", "/v1/pipelines/{id}", "PUT", body=_NEW_PIPELINE, changes=True),
    _of(ADMIN, "pipeline", "/v1/pipelines/{id}", "DELETE", changes=True),
    _of(READ_ONLY, "pipeline", "/v1/pipelines/{id}/versions"),
    _of(READ_ONLY, "pipeline", "/v1/pipelines/{id}/versions/{version}", names={"version": "1"}),
    _of(ADMIN, "pipeline", "/v1/pipelines/{id}/rollback", "POST", body={"version": 1}, changes=True),
    _of(MEMBER, "pipeline", "/v1/pipelines/{id}/test", "POST", body=_LINES),
    _of(ADMIN, "pipeline", "/v1/pipelines/{id}/test", "POST", body={**_LINES, "pipeline": _NEW_PIPELINE}),
    _of(ADMIN, "pipeline", "/v1/pipelines/{id}/sources/{source}/key", "POST", names={"source": "in"}),
    _of(READ_ONLY, "pipeline", _DEAD, names={"destination": "out"}),
    _of(ADMIN, "pipeline", _DEAD, "DELETE", names={"destination": "out"}),
    _of(MEMBER, "pipeline", f"{_DEAD}/retry", "POST", names={"destination": "out"}),
    Row(role=ANYBODY, path="/v1/pipelines/{id}/ingest", method="POST", names={"id": "pipeline"}),
    Row(role=READ_ONLY, path="/v1/me"),
    Row(role=READ_ONLY, path="/v1/sessions"),
    Row(role=ADMIN, path="/v1/sessions", query={"user": "{user}"}),
    Row(
        role=READ_ONLY,
        path="/v1/sessions/{id}",
        method="DELETE",
        names={"id": "none"},
        tokens=False,
        changes=True,
    ),
    Row(role=READ_ONLY, path="/v1/tokens"),
    Row(role=ADMIN, path="/v1/tokens", query={"user": "{user}"}),
    Row(role=READ_ONLY, path="/v1/tokens", method="POST", body={"name": "x"}, tokens=False, changes=True),
    Row(
        role=READ_ONLY,
        path="/v1/tokens/{id}",
        method="DELETE",
        names={"id": "none"},
        tokens=False,
        changes=True,
    ),
    Row(role=ADMIN, path="/v1/users"),
    Row(role=ADMIN, path="/v1/users", method="POST", body={"name": "x"}, tokens=False, changes=True),
    _of(ADMIN, "user", "/v1/users/{id}"),
    _of(ADMIN, "user", "/v1/users/{id}", "PATCH", body={}, tokens=False, changes=True),
    _of(ADMIN, "user", "/v1/users/{id}", "DELETE", tokens=False, changes=True),
    _of(ADMIN, "user", "/v1/users/{id}/invite", "POST", tokens=False, changes=True),
    Row(role=ADMIN, path="/v1/setup-link", method="POST", tokens=False, changes=True),
    Row(role=ADMIN, path="/v1/audit"),
]
