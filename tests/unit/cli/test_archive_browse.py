"""`logkeep archive days`, `object` and `download`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from logkeep.cli import exits
from logkeep.cli.main import main

from .recording_server import Answer, Seen, Server

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
DAY: dict[str, Any] = {
    "day": "2026-11-20",
    "state": "sealed",
    "accepted": 6,
    "archived": 1200,
    "waiting": 0,
    "objects": 3,
    "late_objects": 1,
    "raw_bytes": 9000,
    "stored_bytes": 4000,
    "hours": [9, 11],
    "empty_hours": [10],
    "verified_objects": None,
    "frozen_objects": 0,
    "problems": [
        {
            "hour": "2026-11-20T09:00:00.000Z",
            "kind": "no-object",
            "key": KEY,
            "detail": "it went",
            "gap": True,
        },
        {"hour": "2026-11-20T11:00:00.000Z", "kind": "count", "key": "", "detail": "5, not 6", "gap": False},
    ],
    "problem_count": 4,
}
DAYS = {
    "verify": {"at": "2026-11-21T00:00:00.000Z", "summary": "2 things are wrong"},
    "listed": None,
    "days": [DAY],
}
OBJECT: dict[str, Any] = {
    "key": KEY,
    "place": "s3://logs",
    "hour": "2026-11-20T09:00:00.000Z",
    "late": True,
    "state": "frozen",
    "frozen": {"storage_class": "GLACIER", "thawing": False},
    "stored": {"bytes": 4000, "modified": "2026-11-20T10:10:00.000Z"},
    "manifest": {"lines": 1200, "raw_bytes": 9000, "blocks": [{}], "sha256": "ab", "chain": 7},
    "problems": ["it is not the one"],
    "verify": {"at": "2026-11-21T00:00:00.000Z", "verified": True, "depth": "full", "findings": []},
}
LINES: dict[str, Any] = {
    "lines": [
        {"record": {"_ts": 1_795_165_200_000, "_host": "web-1", "_line": "hello"}},
        {"record": {"_line": "no record"}},
    ],
    "damage": "it ends",
}


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["archive", *arguments, "--url", server.url, "--token", "at"])


def respond(seen: Seen) -> Answer:
    return Answer(document=LINES if seen.path.endswith("/lines") else OBJECT)


def test_days_are_a_table_with_what_is_wrong_below(server: Server) -> None:
    server.respond = lambda _seen: Answer(document=DAYS)
    done = run(server, "days", "main", "--from", "-7d")
    assert done.exit_code == exits.OK, done.output
    assert [line.split() for line in done.output.splitlines()] == [
        ["DAY", "STATE", "ARCHIVED", "WAITING", "OBJECTS", "LATE", "STORED", "EMPTY", "VERIFIED", "WRONG"],
        ["2026-11-20", "sealed", "1,200", "0", "3", "1", "4.0", "kB", "1", "-", "4"],
        ["GAP", "2026-11-20T09:00:00.000Z", f"{KEY}:", "it", "went"],
        ["WRONG", "2026-11-20T11:00:00.000Z", "count:", "5,", "not", "6"],
        ["2026-11-20:", "2", "more"],
        ["verify", "2026-11-21T00:00:00.000Z:", "2", "things", "are", "wrong"],
    ]
    assert server.seen[0].path == "/v1/archives/main/days"
    assert server.seen[0].params == {"from": "-7d", "limit": "100"}
    assert msgspec.json.decode(run(server, "days", "main", "--json").output) == DAY


def test_days_of_another_system_say_what_no_key_tells(server: Server) -> None:
    listed = {"untimed_objects": 3, "complete": False}
    day = DAY | {"archived": None, "problems": [], "problem_count": 0}
    server.respond = lambda _seen: Answer(document={"verify": None, "listed": listed, "days": [day]})
    done = run(server, "days", "old")
    assert "3 objects have keys that tell no day" in done.output
    assert "more objects than were listed" in done.output


def test_an_object_is_shown_with_its_manifest_and_first_lines(server: Server) -> None:
    server.respond = respond
    done = run(server, "object", "main", KEY, "--target", "2", "--lines", "2")
    assert done.exit_code == exits.OK, done.output
    for text in ("GLACIER", "late", "1,200, 9.0 kB", "number 7", "wrong", "2026-11-21T00:00:00.000Z, full"):
        assert text in done.output
    assert "web-1 - - hello\nno record\n" in done.output
    assert [(one.path, one.params) for one in server.seen] == [
        ("/v1/archives/main/object", {"key": KEY, "target": "2"}),
        ("/v1/archives/main/object/lines", {"key": KEY, "target": "2", "limit": "2"}),
    ]


def test_json_has_the_object_or_its_lines(server: Server) -> None:
    server.respond = respond
    assert msgspec.json.decode(run(server, "object", "main", KEY, "--json").output) == OBJECT
    lines = run(server, "object", "main", KEY, "--lines", "2", "--json").output.splitlines()
    assert [msgspec.json.decode(line) for line in lines] == [one["record"] for one in LINES["lines"]]


def test_an_object_is_saved_under_its_name(server: Server, tmp_path: Path) -> None:
    content = b"\x1f\x8b\x00\xff"
    server.respond = lambda _seen: Answer(raw=content)
    assert run(server, "download", "main", KEY).exit_code == exits.OK
    assert (tmp_path / "main.2026-11-20.0900.json.gz").read_bytes() == content
    assert server.seen[0].path == "/v1/archives/main/object/content"
    assert server.seen[0].params == {"key": KEY}
    assert run(server, "download", "main", KEY, "-o", "-").stdout_bytes == content
