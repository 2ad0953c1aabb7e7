"""Users and their tokens: what is asked, what is printed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main

from .recording_server import Answer, Server

USER = {
    "id": "3f2a9c01d4e5",
    "name": "ada@example.org",
    "role": "member",
    "accounts": ["main", "shop"],
    "disabled": False,
    "has_password": True,
    "identity": None,
    "created_at": "2025-11-20T12:00Z",
    "signed_in_at": None,
}
TOKEN = {
    "id": "0c1d",
    "name": "nightly",
    "scope": "read-only",
    "created_at": "2025-11-20T12:00Z",
    "expires_at": None,
    "expired": False,
    "used_at": None,
}


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--url", server.url, "--token", "at"])


def answer_with(server: Server, document: Any) -> None:
    server.respond = lambda _seen: Answer(document=document)


def asked(server: Server) -> list[tuple[str, str, Any]]:
    return [
        (one.method, one.path, msgspec.json.decode(one.body) if one.body else None) for one in server.seen
    ]


def test_a_user_who_is_added_gets_a_link_at_this_server(server: Server) -> None:
    answer_with(server, {**USER, "link": "/invite/abc", "link_expires_at": "2025-11-23T12:00Z"})
    shown = run(server, "user", "add", "ada@example.org", "--account", "main", "--account", "shop").stdout
    assert f"{server.url}/invite/abc" in shown
    assert f"{server.url}/invite/abc" in run(server, "user", "invite", "3f2a9c01d4e5").stdout
    wanted = {"name": "ada@example.org", "role": "member", "accounts": ["main", "shop"]}
    assert asked(server) == [
        ("POST", "/v1/users", wanted),
        ("POST", "/v1/users/3f2a9c01d4e5/invite", None),
    ]


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (["--role", "admin"], {"role": "admin"}),
        (["--account", "main"], {"accounts": ["main"]}),
        (["--no-accounts"], {"accounts": []}),
        (["--disable"], {"disabled": True}),
        (["--enable", "--name", "eve"], {"disabled": False, "name": "eve"}),
    ],
)
def test_only_what_is_given_of_a_user_is_changed(
    server: Server, options: list[str], body: dict[str, object]
) -> None:
    answer_with(server, USER)
    assert (
        "ada@example.org: member, main, shop, active" in run(server, "user", "change", "3f", *options).stdout
    )
    assert asked(server) == [("PATCH", "/v1/users/3f", body)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["member", "main,", "shop", "active"]),
        ({"disabled": True}, ["member", "main,", "shop", "disabled"]),
        ({"has_password": False, "accounts": []}, ["member", "-", "invited"]),
        ({"role": "admin", "accounts": None}, ["admin", "all", "active"]),
    ],
)
def test_users_are_listed(server: Server, changes: dict[str, object], words: list[str]) -> None:
    answer_with(server, {"users": [{**USER, **changes}]})
    assert run(server, "user", "ls").stdout.splitlines()[1].split() == [USER["id"], USER["name"], *words, "-"]


def test_a_user_is_deleted(server: Server) -> None:
    answer_with(server, {"id": "3f", "name": "ada", "deleted": True})
    assert run(server, "user", "rm", "3f").stdout == "user ada is deleted\n"
    assert asked(server) == [("DELETE", "/v1/users/3f", None)]


def test_a_token_is_made_for_oneself_or_for_a_user(server: Server) -> None:
    answer_with(server, {**TOKEN, "token": "lku_x"})
    assert "lku_x" in run(server, "token", "create", "nightly").stdout
    run(server, "token", "create", "nightly", "--scope", "member", "--expires", "90d", "--user", "3f")
    assert asked(server)[0] == (
        "POST",
        "/v1/tokens",
        {"name": "nightly", "scope": "read-only", "expires": None},
    )
    assert asked(server)[1][2] == {"name": "nightly", "scope": "member", "expires": "90d"}
    assert dict(server.seen[1].params) == {"user": "3f"}


def test_tokens_are_listed_and_revoked(server: Server) -> None:
    answer_with(server, {"tokens": [TOKEN, {**TOKEN, "expired": True, "expires_at": "2025-11-20T12:00Z"}]})
    shown = run(server, "token", "ls").stdout.splitlines()
    assert shown[1].split() == ["0c1d", "nightly", "read-only", "never", "-"]
    assert shown[2].split() == ["0c1d", "nightly", "read-only", "expired", "-"]
    answer_with(server, TOKEN)
    assert run(server, "token", "rm", "0c1d").stdout == "token 0c1d is revoked\n"
    assert asked(server)[-1] == ("DELETE", "/v1/tokens/0c1d", None)


def test_another_set_up_link_is_at_this_server_too(server: Server) -> None:
    answer_with(server, {"link": "/setup/abc", "link_expires_at": "2025-12-20T12:00Z"})
    shown = run(server, "user", "setup-link").stdout
    assert shown == f"link  {server.url}/setup/abc   (works once, until 2025-12-20T12:00Z)\n"
    assert '"link":"/setup/abc"' in run(server, "user", "setup-link", "--json").stdout.replace(" ", "")
    assert asked(server) == [("POST", "/v1/setup-link", None)] * 2
