"""Who sees one account sees nothing of another: every route of a real server, asked by users of each role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest
from starlette.routing import Route

from logkeep.api.application import ROUTES
from logkeep.catalog.people import Role
from tests.e2e.route_table import ANYBODY, ROWS, Row
from tests.e2e.server import Server

HOUR = "2026-04-05T07"
SECRET = "zebra"  # in every name and every line of the account that is not theirs
ENDLESS = ("/v1/tail", "/v1/restores/events")  # they go on until the client goes
NEITHER = (Role.READ_ONLY, Role.MEMBER)


@dataclass(frozen=True, kw_only=True)
class World:
    """Two accounts with one thing of each kind, and keys of users who see the first alone."""

    server: Server
    keys: Mapping[Role, str]
    admins_token: str  # of a user who is an administrator
    ours: Mapping[str, str]
    theirs: Mapping[str, str]

    @property
    def nothings(self) -> dict[str, str]:
        """Ids of the same shape that nothing has."""
        object_key = self.theirs["object"].replace(f"{SECRET}-corp", "no-such-account")
        return {**{kind: f"no-such-{kind}" for kind in self.theirs}, "object": object_key, "line": "1" * 18}

    def ask(self, key: str, row: Row, ids: Mapping[str, str]) -> httpx.Response:
        """The answer: of one that was carried out only its head, as some never end."""
        own = {"own_account": "main", "own_archive": self.ours["archive"]}
        path, query, body = row.placed({**own, **ids})
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with (
            httpx.Client(base_url=self.server.first_start["url"], timeout=60) as client,
            client.stream(row.method, path, params=query, json=body, headers=headers) as answer,
        ):
            if answer.status_code >= 400 or row.path not in ENDLESS:
                answer.read()
            return answer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = Server(tmp_path_factory.mktemp("tenants") / "data").start()
    ours = _things(server, "main", "lion", server.first_start["ingest_key"])
    key = server.post("/v1/accounts", {"name": f"{SECRET}-corp", "title": SECRET})["ingest_key"]
    theirs = _things(server, f"{SECRET}-corp", SECRET, key)
    keys = {Role.ADMIN: server.first_start["admin_token"]}
    for role in NEITHER:
        user = server.post("/v1/users", {"name": role, "role": role, "accounts": ["main"]})
        keys[role] = server.post(f"/v1/tokens?user={user['id']}", {"name": "t", "scope": role})["token"]
    admin = server.post("/v1/users", {"name": "admin", "role": "admin"})
    admins = server.post(f"/v1/tokens?user={admin['id']}", {"name": "t", "scope": "admin"})["token"]
    other = server.post("/v1/users", {"name": SECRET, "accounts": [f"{SECRET}-corp"]})
    _send_into_both(server, f"{SECRET}-corp")
    ours["user"] = theirs["user"] = other["id"]
    yield World(server=server, keys=keys, admins_token=admins, ours=ours, theirs=theirs)
    server.kill()


def _send_into_both(server: Server, other: str) -> None:
    """Our lines, into a pipeline of ours that delivers to theirs."""
    spec = {
        "account": "main",
        "sources": [{"type": "restoration"}],
        "destinations": [{"type": "account", "account": other}],
    }
    assert server.http.put(f"/v1/pipelines/{SECRET}-both", json=spec).status_code == 201
    span = {"from": f"{HOUR}:00:00Z", "to": f"{HOUR}:59:59Z"}
    server.restore(account="main", name=f"{SECRET} both", pipeline={"id": f"{SECRET}-both"}, **span)


def _things(server: Server, account: str, word: str, key: str) -> dict[str, str]:
    """One of each kind, in an account."""
    sent = server.http.post(
        "/v1/ingest",
        content=f'{{"timestamp":"{HOUR}:10:00Z","line":"{word} line","host":"{word}"}}',
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
    )
    assert sent.status_code == 200
    server.wait_until_indexed()
    server.seal()
    span = {"from": f"{HOUR}:00:00Z", "to": f"{HOUR}:59:59Z"}
    restore = server.restore(account=account, name=f"{word} restore", **span)
    pipeline = f"{word}-pipe"
    spec = {
        "account": account,
        "sources": [{"type": "restoration", "name": "back"}, {"type": "http", "name": "in"}],
        "destinations": [{"type": "stdout", "name": "out"}],
    }
    assert server.http.put(f"/v1/pipelines/{pipeline}", json=spec).status_code == 201
    rule = server.post(f"/v1/accounts/{account}/rules", {"title": word, "hosts": [f"{word}-none"]})
    [line] = server.get("/v1/search", account=account)["records"]
    return {
        "account": account,
        "line": line["_lid"],
        "object": server.get("/v1/archive/objects", account=account)["objects"][0]["key"],
        "archive": server.get("/v1/archives", account=account)["archives"][0]["id"],
        "restore": restore["id"],
        "restored": restore["account"],
        "rule": rule["id"],
        "key": server.post(f"/v1/accounts/{account}/keys", {"name": word})["id"],
        "pipeline": pipeline,
    }


def _named(row: Row) -> str:
    return f"{row.route} {dict(row.query)} {row.body or ''}"


def _as_own(things: Mapping[str, str]) -> dict[str, str]:
    return {"own_account": things["account"], "own_archive": things["archive"]}


def _told(answer: httpx.Response, ids: Mapping[str, str]) -> str:
    """What an answer says, without the ids that were asked for."""
    text = answer.text
    for one in sorted(ids.values(), key=len, reverse=True):
        text = text.replace(one, "ID")
    return text


def test_every_route_has_a_row() -> None:
    routes = {
        f"{method} {route.path}"
        for route in ROUTES
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {row.route for row in ROWS} == routes


@pytest.mark.parametrize("row", [row for row in ROWS if row.role is not ANYBODY], ids=_named)
def test_nobody_gets_in_without_a_key(world: World, row: Row) -> None:
    assert world.ask("", row, world.ours).status_code == 401
    assert world.ask("lku_nobodys", row, world.ours).status_code == 401


@pytest.mark.parametrize(
    ("row", "role"),
    [(row, role) for row in ROWS if row.role for role in NEITHER if not role.includes(row.role)],
    ids=lambda one: one if isinstance(one, Role) else _named(one),
)
def test_a_lower_role_is_not_enough(world: World, row: Row, role: Role) -> None:
    assert world.ask(world.keys[role], row, world.ours).status_code == 403


@pytest.mark.parametrize("row", [row for row in ROWS if not row.tokens], ids=_named)
def test_a_users_token_does_nothing_that_would_outlive_it(world: World, row: Row) -> None:
    refused = world.ask(world.admins_token, row, world.ours)
    assert (refused.status_code, "a token neither makes" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.role is Role.ADMIN and row.method == "GET"], ids=_named
)
def test_an_administrators_token_sees_what_administrators_see(world: World, row: Row) -> None:
    assert world.ask(world.admins_token, row, world.ours).status_code == 200


@pytest.mark.parametrize("role", NEITHER)
@pytest.mark.parametrize("row", [row for row in ROWS if row.asks_for()], ids=_named)
def test_a_thing_of_another_account_is_as_one_that_is_not_there(world: World, row: Row, role: Role) -> None:
    there = world.ask(world.keys[role], row, world.theirs)
    nowhere = world.ask(world.keys[role], row, world.nothings)
    assert (there.status_code, _told(there, world.theirs)) == (
        nowhere.status_code,
        _told(nowhere, world.nothings),
    )
    enough = row.role is not ANYBODY and role.includes(row.role)
    assert there.status_code in ((404,) if enough else (401, 403, 404))


@pytest.mark.parametrize("role", NEITHER)
@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "GET"], ids=_named)
def test_what_is_shown_has_nothing_of_another_account(world: World, row: Row, role: Role) -> None:
    answer = world.ask(world.keys[role], row, world.ours)
    if row.role is not None and not role.includes(row.role):
        assert answer.status_code == 403
        return
    assert answer.status_code == 200
    if row.path not in ENDLESS:
        assert SECRET not in answer.text
        assert not any(one in answer.text for one in world.theirs.values())


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.asks_for() and row.role and not row.changes], ids=_named
)
def test_an_administrator_finds_what_the_others_do_not(world: World, row: Row) -> None:
    """Else the tests above would pass on requests that find nothing for anybody."""
    answer = world.ask(world.keys[Role.ADMIN], row, {**world.theirs, **_as_own(world.theirs)})
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.asks_for() and row.role in NEITHER and not row.changes],
    ids=_named,
)
def test_a_member_finds_what_is_theirs(world: World, row: Row) -> None:
    answer = world.ask(world.keys[Role.MEMBER], row, world.ours)
    assert answer.status_code < 300, answer.text
