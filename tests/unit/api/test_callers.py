"""Who calls: admin tokens, tokens of users, sessions of browsers; and what they may see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from logkeep.api.callers import COOKIE, SCOPE_KEY, SECURE_COOKIE, Caller, caller_of, csrf_token
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.people import Role, User
from logkeep.catalog.values import AccountKind, KeyRole
from logkeep.errors import Forbidden, Unauthorized
from logkeep.settings import Settings

HOUR_MS = 3_600_000


class Desk:
    """A catalog with two accounts, and requests to an API over it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.now = 1000
        for name in ("main", "acme"):
            catalog.accounts.create(name, AccountKind.LIVE, 0)
        self.settings = Settings(session_idle=3600)

    def user(self, role: Role, *accounts: str) -> User:
        return self.catalog.users.create(f"{role}@example.org", role, 0, of_accounts=accounts)

    def session(self, user: User) -> str:
        return self.catalog.sessions.begin(user.id, self.now, lasts_ms=9 * HOUR_MS, way="password")

    def ask(self, method: str = "GET", caller: Caller | None = None, /, **headers: str) -> Caller:
        services = SimpleNamespace(catalog=self.catalog, clock=lambda: self.now, settings=self.settings)
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": "/v1/restores",
            "query_string": b"",
            "headers": [
                (name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()
            ],
            "app": SimpleNamespace(state=SimpleNamespace(services=services)),
        }
        return caller_of(Request(scope if caller is None else {**scope, SCOPE_KEY: caller}))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    yield Desk(catalog)
    catalog.close()


def test_an_admin_token_sees_all_accounts(desk: Desk) -> None:
    caller = desk.ask(apikey=desk.catalog.keys.issue("", KeyRole.ADMIN, 0))
    assert (caller.role, caller.accounts, caller.actor) == (
        Role.ADMIN,
        None,
        desk.catalog.keys.listed("")[0].id,
    )


def test_an_ingest_key_opens_nothing_but_intake(desk: Desk) -> None:
    with pytest.raises(Forbidden, match="may only send lines"):
        desk.ask(apikey=desk.catalog.keys.issue("main", KeyRole.INGEST, 0))


@pytest.mark.parametrize("token", ["nobody", "lku_nobody", "lka_nobody", "é"])
def test_a_key_that_nobody_holds_is_refused(desk: Desk, token: str) -> None:
    with pytest.raises(Unauthorized, match="nobody holds this key"):
        desk.ask(apikey=token)


def test_a_request_without_a_key_is_told_how_to_send_one(desk: Desk) -> None:
    with pytest.raises(Unauthorized, match="carries no key"):
        desk.ask()


@pytest.mark.parametrize(
    ("role", "scope", "left"),
    [
        (Role.MEMBER, Role.MEMBER, Role.MEMBER),
        (Role.MEMBER, Role.READ_ONLY, Role.READ_ONLY),
        (Role.READ_ONLY, Role.ADMIN, Role.READ_ONLY),
    ],
)
def test_a_token_gives_the_lower_of_scope_and_role(desk: Desk, role: Role, scope: Role, left: Role) -> None:
    user = desk.user(role, "main")
    _, text = desk.catalog.tokens.issue(user.id, 0, name="ci", scope=scope)
    caller = desk.ask(authorization=f"Bearer {text}")
    assert (caller.role, caller.accounts, caller.actor) == (left, frozenset({"main"}), f"user:{user.id}")


def test_a_token_of_a_disabled_user_opens_nothing(desk: Desk) -> None:
    user = desk.user(Role.MEMBER, "main")
    _, text = desk.catalog.tokens.issue(user.id, 0, name="ci", scope=Role.MEMBER)
    desk.catalog.users.update(user.id, disabled=True)
    with pytest.raises(Unauthorized):
        desk.ask(apikey=text)


def test_an_expired_token_opens_nothing(desk: Desk) -> None:
    user = desk.user(Role.MEMBER, "main")
    _, text = desk.catalog.tokens.issue(user.id, 0, name="ci", scope=Role.MEMBER, expires_at=2000)
    assert desk.ask(apikey=text).user == user
    desk.now = 2000
    with pytest.raises(Unauthorized):
        desk.ask(apikey=text)


def test_a_session_may_look_without_more(desk: Desk) -> None:
    user = desk.user(Role.MEMBER, "main")
    caller = desk.ask(cookie=f"{COOKIE}={desk.session(user)}")
    assert (caller.user, caller.way, caller.sees("main"), caller.sees("acme")) == (
        user,
        "session",
        True,
        False,
    )


def test_a_session_changes_something_only_for_a_page_of_ours(desk: Desk) -> None:
    token = desk.session(desk.user(Role.MEMBER, "main"))
    cookie, proof = f"{COOKIE}={token}", csrf_token(token)
    host = "logs.example.org"
    with pytest.raises(Forbidden, match="X-CSRF-Token"):
        desk.ask("POST", cookie=cookie)
    with pytest.raises(Forbidden, match="X-CSRF-Token"):
        desk.ask("POST", cookie=cookie, x_csrf_token=csrf_token("another"))
    with pytest.raises(Forbidden, match="another site"):
        desk.ask("POST", cookie=cookie, x_csrf_token=proof, host=host, origin="https://evil.example")
    with pytest.raises(Forbidden, match="another site"):
        desk.ask("POST", cookie=cookie, x_csrf_token=proof, sec_fetch_site="cross-site")
    assert desk.ask("POST", cookie=cookie, x_csrf_token=proof, host=host, origin=f"https://{host}")


def test_a_session_that_was_not_used_for_long_is_over(desk: Desk) -> None:
    cookie = f"{COOKIE}={desk.session(desk.user(Role.ADMIN))}"
    desk.now += HOUR_MS + 1
    with pytest.raises(Unauthorized, match="the session is over"):
        desk.ask(cookie=cookie)


def test_who_asks_is_taken_from_the_scope_and_not_from_a_header(desk: Desk) -> None:
    caller = Caller(actor="user:x", role=Role.MEMBER, accounts=frozenset({"main"}))
    assert desk.ask("GET", caller) is caller
    forged: dict[str, Any] = {SCOPE_KEY: "admin"}
    with pytest.raises(Unauthorized):
        desk.ask(**forged)


def test_a_role_is_required(desk: Desk) -> None:
    caller = Caller(actor="user:x", role=Role.READ_ONLY)
    caller.require(Role.READ_ONLY)
    with pytest.raises(Forbidden, match="needs the role member"):
        caller.require(Role.MEMBER)


def test_where_people_come_by_https_a_cookie_that_another_host_could_set_is_none(desk: Desk) -> None:
    token = desk.session(desk.user(Role.READ_ONLY, "main"))
    desk.settings = Settings(public_url="https://logs.example.org")
    assert desk.ask(cookie=f"{SECURE_COOKIE}={token}").way == "session"
    with pytest.raises(Unauthorized):
        desk.ask(cookie=f"{COOKIE}={token}")
    desk.settings = Settings(public_url="http://logs.example.org")
    assert desk.ask(cookie=f"{COOKIE}={token}").way == "session"


def test_behind_a_proxy_that_tells_another_host_the_pages_are_known_by_the_public_url(desk: Desk) -> None:
    token = desk.session(desk.user(Role.MEMBER, "main"))
    sent = {"cookie": f"{SECURE_COOKIE}={token}", "x_csrf_token": csrf_token(token), "host": "10.0.0.5:7280"}
    desk.settings = Settings(public_url="https://logs.example.org")
    assert desk.ask("POST", origin="https://logs.example.org", **sent).way == "session"
    for other in ("https://evil.example", "https://logs.example.org.evil.example", "null"):
        with pytest.raises(Forbidden):
            desk.ask("POST", origin=other, **sent)
    desk.settings = Settings()
    with pytest.raises(Forbidden):
        desk.ask("POST", origin="https://logs.example.org", **sent)
