"""Accounts, keys, rules, the audit log and the tail: what is asked, what is printed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main

from .recording_server import Answer, Seen, Server

ACCOUNT = {
    "account": "shop",
    "title": "Our shop",
    "kind": "live",
    "parent": "main",
    "suspended": False,
    "retention": 2_592_000,
    "match": "first",
    "archives": ["shop"],
    "created_at": "2025-11-20T12:00Z",
    "restore": None,
}
KEY = {"id": "0a1b", "account": "shop", "role": "ingest", "name": "web", "created_at": "2025-11-20T12:00Z"}
RULE = {
    "id": "r1",
    "account": "shop",
    "created_at": "2025-11-20T12:00Z",
    "title": "health checks",
    "hosts": ["web-1", "web-2"],
    "apps": [],
    "query": "healthz",
    "active": True,
    "live_tail": False,
    "lines": 1200,
    "bytes": 34_000,
}
RECORD = {"_lid": "1", "_ts": 1_763_640_000_000, "_line": "GET /healthz"}


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--url", server.url, "--token", "at"])


def answer_with(server: Server, document: Any) -> None:
    server.respond = lambda _seen: Answer(document=document)


def lines_of(done: Result) -> list[Any]:
    return [msgspec.json.decode(line) for line in done.stdout_bytes.splitlines()]


def asked(server: Server) -> list[tuple[str, str, Any]]:
    return [
        (one.method, one.path, msgspec.json.decode(one.body) if one.body else None) for one in server.seen
    ]


def test_account_create_shows_its_key(server: Server) -> None:
    made = {**ACCOUNT, "ingest_key": "ik-1"}
    answer_with(server, made)
    assert "ik-1" in run(server, "account", "create", "shop").stdout
    wanted = ("--title", "Our shop", "--parent", "main", "--retention", "30d", "--no-archive", "--json")
    assert lines_of(run(server, "account", "create", "shop", *wanted)) == [made]
    plain = {"name": "shop", "title": "", "parent": "", "retention": None, "archive": "default"}
    full = {"name": "shop", "title": "Our shop", "parent": "main", "retention": "30d", "archive": "none"}
    assert asked(server) == [("POST", "/v1/accounts", plain), ("POST", "/v1/accounts", full)]


def test_account_ls_lists_accounts(server: Server) -> None:
    answer_with(server, {"accounts": [ACCOUNT]})
    shown = run(server, "account", "ls").stdout.splitlines()
    assert shown[1].split() == ["shop", "Our", "shop", "live", "active", "main", "2025-11-20T12:00Z", "-"]
    assert lines_of(run(server, "account", "ls", "--json")) == [ACCOUNT]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("rename", "shop", "New"), {"title": "New"}),
        (("suspend", "shop"), {"suspended": True}),
        (("resume", "shop"), {"suspended": False}),
        (("retention", "shop", "30d"), {"retention": "30d"}),
        (("retention", "shop", "default"), {"retention": None}),
        (("match", "shop", "all"), {"match": "all"}),
    ],
)
def test_an_account_is_changed_by_what_is_given(
    server: Server, arguments: tuple[str, ...], body: dict[str, object]
) -> None:
    answer_with(server, ACCOUNT)
    done = run(server, "account", *arguments)
    assert (done.exit_code, asked(server)) == (0, [("PATCH", "/v1/accounts/shop", body)])
    assert "30 d" in done.stdout


def test_an_account_is_shown_and_deleted(server: Server) -> None:
    answer_with(server, {**ACCOUNT, "suspended": True})
    assert "takes no lines in" in run(server, "account", "show", "shop").stdout
    assert run(server, "account", "delete", "shop", "--discard").exit_code == 0
    assert (server.seen[1].method, server.seen[1].params) == ("DELETE", {"discard": "true"})


def test_a_key_is_created_listed_and_revoked(server: Server) -> None:
    answer_with(server, {**KEY, "ingest_key": "lki_x", "keys": [KEY]})
    assert "lki_x" in run(server, "key", "create", "shop", "--name", "web").stdout
    assert lines_of(run(server, "key", "ls", "shop", "--json")) == [KEY]
    assert "lki_" not in run(server, "key", "ls", "shop").stdout
    assert run(server, "key", "revoke", "0a1b").exit_code == 0
    assert asked(server) == [
        ("POST", "/v1/accounts/shop/keys", {"name": "web"}),
        ("GET", "/v1/accounts/shop/keys", None),
        ("GET", "/v1/accounts/shop/keys", None),
        ("DELETE", "/v1/keys/0a1b", None),
    ]


def test_admin_tokens_belong_to_no_account(server: Server) -> None:
    admin = {**KEY, "account": None, "role": "admin"}
    answer_with(server, {**admin, "admin_token": "lka_x", "admin_tokens": [admin]})
    assert "lka_x" in run(server, "key", "create", "--admin").stdout
    assert lines_of(run(server, "key", "ls", "--admin", "--json")) == [admin]
    assert {seen.path for seen in server.seen} == {"/v1/admin-tokens"}
    for arguments in (("create",), ("ls", "shop", "--admin")):
        assert run(server, "key", *arguments).exit_code == 2


def test_a_rule_is_created_listed_changed_and_deleted(server: Server) -> None:
    answer_with(server, {**RULE, "rules": [RULE]})
    hosts = ("--host", "web-1", "--host", "web-2")
    made = run(server, "rule", "create", "shop", "--title", "health checks", *hosts, "--query", "healthz")
    assert "host web-1 or web-2 and healthz" in made.stdout
    assert "1,200" in run(server, "rule", "ls", "shop").stdout
    assert run(server, "rule", "update", "r1", "--inactive", "--any-host", "--app", "nginx").exit_code == 0
    assert "1,200 lines" in run(server, "rule", "delete", "r1").stdout
    new = {"title": "health checks", "hosts": ["web-1", "web-2"], "apps": [], "query": "healthz"}
    assert asked(server) == [
        ("POST", "/v1/accounts/shop/rules", {**new, "active": True, "live_tail": False}),
        ("GET", "/v1/accounts/shop/rules", None),
        ("PATCH", "/v1/rules/r1", {"active": False, "hosts": [], "apps": ["nginx"]}),
        ("DELETE", "/v1/rules/r1", None),
    ]


def test_a_rules_preview_tells_the_share_and_shows_lines(server: Server) -> None:
    found = {
        "lines": 25,
        "bytes": 300,
        "of_lines": 100,
        "share": 0.25,
        "hosts": [{"value": "web-1", "count": 20}],
        "apps": [],
        "samples": [RECORD],
    }
    answer_with(server, found)
    shown = run(server, "rule", "preview", "shop", "--query", "healthz").stdout.splitlines()
    assert shown == [
        "25 of 100 lines of the last 1h (25.0%), 300 B",
        "hosts web-1 20",
        "2025-11-20T12:00:00.000Z - - - GET /healthz",
    ]
    assert asked(server) == [
        (
            "POST",
            "/v1/accounts/shop/rules/preview",
            {"hosts": [], "apps": [], "query": "healthz", "last": "1h"},
        )
    ]


def test_audit_lists_who_did_what(server: Server) -> None:
    entry = {
        "id": 7,
        "at": "2025-11-20T12:00Z",
        "actor": "user:0a1b",
        "actor_name": "ada",
        "action": "archive.update",
        "subject": "main",
        "details": {"rank": 1},
    }
    gone = {**entry, "id": 6, "actor_name": ""}
    answer_with(server, {"entries": [entry, gone], "before": None})
    shown = run(server, "audit", "--before", "8").stdout.splitlines()
    said = ["archive.update", "main", '{"rank":1}']
    assert shown[1].split() == ["7", "2025-11-20T12:00Z", "ada", *said]
    assert shown[2].split() == ["6", "2025-11-20T12:00Z", "user:0a1b", *said]
    assert server.seen[0].params == {"limit": "50", "before": "8"}
    assert lines_of(run(server, "audit", "--json")) == [entry, gone]


def test_tail_prints_lines_and_counts_what_was_missed(server: Server) -> None:
    parts = [b"\n", b'{"missed":3}\n', msgspec.json.encode(RECORD) + b"\n", b"\n"]

    def respond(_seen: Seen) -> Answer:
        return Answer(raw=b"".join(parts))

    server.respond = respond
    done = run(server, "tail", "healthz", "--account", "shop")
    assert (done.exit_code, done.stdout) == (0, "2025-11-20T12:00:00.000Z - - - GET /healthz\n")
    assert done.stderr == "logkeep: 3 lines were too fast to show\n"
    assert server.seen[0].params == {"account": "shop", "query": "healthz"}
    assert lines_of(run(server, "tail", "--json")) == [RECORD]


def test_tail_ends_after_its_limit_and_with_a_refusal(server: Server) -> None:
    server.respond = lambda _seen: Answer(raw=(msgspec.json.encode(RECORD) + b"\n") * 3)
    assert lines_of(run(server, "tail", "--limit", "2", "--json")) == [RECORD] * 2
    problem = {"detail": "column 3: a word is expected", "column": 3, "expected": "a word"}
    server.respond = lambda _seen: Answer(status=400, document=problem)
    assert run(server, "tail", "a )").exit_code == 2
