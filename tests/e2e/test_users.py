"""Users, their links, tokens and sessions, through the API of a real server."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from tests.e2e.server import Server, eventually

PASSWORD = "seven brown sheep under the bridge"


def made(server: Server, **wanted: Any) -> dict[str, Any]:
    return server.post("/v1/users", {"name": f"user-{secrets.token_hex(4)}", "accounts": ["main"], **wanted})


def token_of(server: Server, user: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    return server.post(f"/v1/tokens?user={user['id']}", {"name": "t", "scope": "admin", **wanted})


def ask(server: Server, key: str, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.request(method, f"{server.first_start['url']}{path}", json=body, headers=headers)


def test_a_token_may_do_what_scope_and_role_allow(server: Server) -> None:
    user = made(server, role="member")
    refused = server.http.post(f"/v1/tokens?user={user['id']}", json={"name": "t", "scope": "admin"})
    assert (refused.status_code, refused.json()["field"]) == (400, "scope")
    reader = token_of(server, user, scope="read-only")["token"]
    member = token_of(server, user, scope="member")["token"]
    assert ask(server, reader, "GET", "/v1/me").json()["role"] == "read-only"
    assert ask(server, reader, "POST", "/v1/accounts/main/keys", {}).status_code == 403
    assert ask(server, member, "POST", "/v1/accounts/main/keys", {}).status_code == 201
    server.http.patch(f"/v1/users/{user['id']}", json={"role": "read-only"})
    assert ask(server, member, "POST", "/v1/accounts/main/keys", {}).status_code == 403
    server.http.patch(f"/v1/users/{user['id']}", json={"accounts": []})
    assert ask(server, member, "GET", "/v1/accounts/main").status_code == 404


def test_a_token_makes_no_tokens_and_ends_no_sessions(server: Server) -> None:
    user = made(server, role="member")
    token = token_of(server, user, scope="member")
    for method, path, body in (
        ("POST", "/v1/tokens", {"name": "next"}),
        ("DELETE", f"/v1/tokens/{token['id']}", None),
        ("DELETE", "/v1/sessions/none", None),
    ):
        assert ask(server, token["token"], method, path, body).status_code == 403
    assert [one["id"] for one in ask(server, token["token"], "GET", "/v1/tokens").json()["tokens"]] == [
        token["id"]
    ]


def test_an_administrators_token_makes_and_changes_nobody(server: Server) -> None:
    admin, other = made(server, role="admin"), made(server)
    token = token_of(server, admin)["token"]
    lasting = server.http.get("/v1/admin-tokens").json()["admin_tokens"][0]["id"]
    before = server.get("/v1/users"), server.get("/v1/admin-tokens")
    for method, path, body in (
        ("POST", "/v1/users", {"name": "eve", "role": "admin", "password": PASSWORD}),
        ("POST", f"/v1/users/{other['id']}/invite", {}),
        ("PATCH", f"/v1/users/{other['id']}", {"role": "admin"}),
        ("DELETE", f"/v1/users/{admin['id']}", None),
        ("POST", "/v1/admin-tokens", {}),
        ("DELETE", f"/v1/keys/{lasting}", None),
    ):
        refused = ask(server, token, method, path, body)
        assert (refused.status_code, refused.json()["hint"]) == (
            403,
            "sign in with a browser, or use an admin token",
        )
    assert (server.get("/v1/users"), server.get("/v1/admin-tokens")) == before
    key = ask(server, token, "POST", "/v1/accounts/main/keys", {}).json()["id"]
    assert ask(server, token, "DELETE", f"/v1/keys/{key}").status_code == 200


def test_a_user_who_is_disabled_or_gone_has_no_token_that_works(server: Server) -> None:
    user = made(server, role="member")
    token = token_of(server, user, scope="member")["token"]
    assert ask(server, token, "GET", "/v1/accounts").status_code == 200
    server.http.patch(f"/v1/users/{user['id']}", json={"disabled": True})
    assert ask(server, token, "GET", "/v1/accounts").status_code == 401
    server.http.patch(f"/v1/users/{user['id']}", json={"disabled": False})
    assert ask(server, token, "GET", "/v1/accounts").status_code == 200
    assert server.http.delete(f"/v1/users/{user['id']}").json()["deleted"] is True
    assert ask(server, token, "GET", "/v1/accounts").status_code == 401
    assert server.http.get(f"/v1/users/{user['id']}").status_code == 404


def test_a_token_works_until_its_end_or_until_it_is_revoked(server: Server) -> None:
    user = made(server, role="read-only")
    brief = token_of(server, user, scope="read-only", expires=1)
    assert brief["expires_at"]
    eventually(lambda: ask(server, brief["token"], "GET", "/v1/me").status_code == 401, "the token to expire")
    lasting = token_of(server, user, scope="read-only")
    assert lasting["expires_at"] is None
    revoked = server.http.delete(f"/v1/tokens/{lasting['id']}?user={user['id']}")
    assert revoked.status_code == 200
    assert ask(server, lasting["token"], "GET", "/v1/me").status_code == 401
    assert server.http.get("/v1/tokens").status_code == 400  # an admin token is no user


def test_weak_passwords_unknown_accounts_and_taken_names_are_refused(server: Server) -> None:
    user = made(server, password=PASSWORD)
    assert "link" not in user
    assert user["has_password"]
    again = server.http.post("/v1/users", json={"name": user["name"].upper()})
    assert again.status_code == 409
    weak = server.http.post("/v1/users", json={"name": "weak", "password": "short"})
    assert (weak.status_code, weak.json()["field"]) == (400, "password")
    nowhere = server.http.post("/v1/users", json={"name": "lost", "accounts": ["nowhere"]})
    assert nowhere.status_code == 400
    assert {"weak", "lost"}.isdisjoint(one["name"] for one in server.get("/v1/users")["users"])


def test_a_new_link_ends_the_former_and_the_audit_log_holds_neither(server: Server) -> None:
    user = made(server)
    again = server.post(f"/v1/users/{user['id']}/invite", {})
    url = server.first_start["url"]
    assert httpx.get(f"{url}{user['link']}").status_code == 404
    assert httpx.get(f"{url}{again['link']}").status_code == 200
    token = token_of(server, user, scope="read-only")["token"]
    log = server.http.get("/v1/audit", params={"limit": 20}).text
    assert "user.invite" in log
    assert "token.create" in log
    assert again["link"].rpartition("/")[2] not in log
    assert token not in log
