"""Commands that ask a server: what they ask, what they print, how they end."""

from __future__ import annotations

from typing import Any

import msgspec
from click.testing import CliRunner, Result

from logkeep.cli.main import main

from .recording_server import Answer, Seen, Server

OBJECT = {
    "account": "main",
    "hour": "2025-11-20T12:00:00.000Z",
    "part": 0,
    "key": "year=2025/month=11/day=20/main.2025-11-20.1200.json.gz",
    "lines": 1200,
    "raw_bytes": 350_000,
    "stored_bytes": 100_000,
    "sha256": "ab",
    "min_ts": "2025-11-20T12:00:00.000Z",
    "max_ts": "2025-11-20T12:59:59.000Z",
    "sealed_at": "2025-11-20T13:10:00.000Z",
}
RECORDS = [{"_lid": str(n), "_ts": 1_763_640_000_000 + n, "_line": f"line {n}"} for n in range(5)]


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--url", server.url, "--token", "at"])


def answer_with(server: Server, document: Any) -> None:
    server.respond = lambda _seen: Answer(document=document)


def lines_of(done: Result) -> list[Any]:
    return [msgspec.json.decode(line) for line in done.stdout_bytes.splitlines()]


def test_search_prints_records_as_lines(server: Server) -> None:
    answer_with(server, {"records": RECORDS[:1], "cursor": None})
    done = run(server, "search", "level:error", "--from", "-2h", "--account", "r-1")
    assert (done.exit_code, done.stdout) == (0, "2025-11-20T12:00:00.000Z - - - line 0\n")
    assert server.seen[0].params == {
        "query": "level:error",
        "from": "-2h",
        "account": "r-1",
        "order": "newest",
        "limit": "100",
    }


def test_search_without_limit_follows_the_cursor_to_the_end(server: Server) -> None:
    def respond(seen: Seen) -> Answer:
        start = int(seen.params.get("cursor", 0))
        cursor = str(start + 2) if start + 2 < len(RECORDS) else None
        return Answer(document={"records": RECORDS[start : start + 2], "cursor": cursor})

    server.respond = respond
    done = run(server, "search", "--limit", "0", "--json")
    assert (done.exit_code, lines_of(done)) == (0, RECORDS)


def test_search_stops_at_its_limit(server: Server) -> None:
    answer_with(server, {"records": RECORDS[:3], "cursor": "more"})
    assert lines_of(run(server, "search", "--limit", "3", "--json")) == RECORDS[:3]
    assert len(server.seen) == 1


def test_search_that_finds_nothing_ends_with_1(server: Server) -> None:
    answer_with(server, {"records": [], "cursor": None})
    done = run(server, "search", "nothing")
    assert (done.exit_code, done.stdout) == (1, "")


def test_a_bad_query_is_pointed_at_and_ends_with_2(server: Server) -> None:
    problem = {"detail": "column 3: a word is expected", "column": 3, "expected": "a word"}
    server.respond = lambda _seen: Answer(status=400, document=problem)
    done = run(server, "search", "a )b")
    assert done.exit_code == 2
    assert done.stderr == "  a )b\n    ^\nlogkeep: column 3: a word is expected\n  expected a word\n"


def test_a_histogram_has_a_bar_for_each_interval(server: Server) -> None:
    buckets = [
        {"ts": 1_763_640_000_000, "count": 4, "levels": {"error": 1, "": 3}},
        {"ts": 1_763_640_060_000, "count": 2, "levels": {"error": 2}},
    ]
    answer_with(server, {"from": 0, "to": 1, "interval": 60_000, "total": 6, "buckets": buckets})
    shown = run(server, "search", "--histogram").stdout.splitlines()
    assert shown[1].split() == ["2025-11-20T12:00:00.000Z", "4", "█" * 50, "-:3", "error:1"]
    assert shown[2].split() == ["2025-11-20T12:01:00.000Z", "2", "█" * 25, "error:2"]
    assert shown[3] == "6 lines"
    assert lines_of(run(server, "search", "--histogram", "--json")) == buckets


def test_top_counts_the_values_of_a_field(server: Server) -> None:
    answer_with(server, {"field": "host", "values": [{"value": "web-1", "count": 1200}]})
    assert run(server, "search", "--top", "host").stdout.split() == ["HOST", "LINES", "web-1", "1,200"]
    assert server.seen[0].path == "/v1/fields"


def test_archive_ls_lists_objects(server: Server) -> None:
    answer_with(server, {"objects": [OBJECT]})
    assert run(server, "archive", "ls").stdout.splitlines()[1].split() == [
        OBJECT["key"],
        "1,200",
        "350.0",
        "kB",
        "100.0",
        "kB",
        "3.50",
    ]
    assert lines_of(run(server, "archive", "ls", "--json")) == [OBJECT]


def test_archive_seal_asks_for_what_is_due_or_for_all(server: Server) -> None:
    answer_with(server, {"sealed": [], "failed": []})
    assert run(server, "archive", "seal").stdout.startswith("nothing was due")
    assert run(server, "archive", "seal", "--now", "--account", "main", "--json").stdout == ""
    assert [msgspec.json.decode(seen.body) for seen in server.seen] == [
        {"account": None, "now": False},
        {"account": "main", "now": True},
    ]


def test_archive_seal_names_the_archives_that_failed(server: Server) -> None:
    failed = {"account": "main", "archive": "main-2", "error": "no such bucket"}
    answer_with(server, {"sealed": [], "failed": [failed]})
    done = run(server, "archive", "seal", "--now")
    assert (done.exit_code, done.stdout) == (6, "")
    assert done.stderr == "logkeep: the archive main-2 of main failed: no such bucket\n"


def test_one_archive_is_sealed_and_listed_alone(server: Server) -> None:
    answer_with(server, {"sealed": [OBJECT], "failed": [], "objects": [OBJECT]})
    assert lines_of(run(server, "archive", "seal", "--archive", "main-2", "--json")) == [OBJECT]
    assert lines_of(run(server, "archive", "ls", "--archive", "main-2", "--json")) == [OBJECT]
    assert [seen.path for seen in server.seen] == [
        "/v1/archives/main-2/seal",
        "/v1/archives/main-2/objects",
    ]


def test_archive_status_shows_what_waits(server: Server) -> None:
    status = {
        "alarm": True,
        "accounts": [
            {
                "id": "main-2",
                "account": "main",
                "archive": "file:///x",
                "state": "failing",
                "alarm": True,
                "lag_s": 30,
                "open_hours": [
                    {"hour": "2025-11-20T12:00Z", "lines": 5, "bytes": 100, "due_at": "2025-11-20T13:10Z"}
                ],
                "waiting_lines": 5,
                "waiting_bytes": 100,
                "objects": 1,
                "archived_lines": 1200,
                "archived_raw_bytes": 350_000,
                "archived_bytes": 100_000,
                "last_error": "no such bucket",
                "next_try": "2025-11-20T13:11Z",
                "differences": [{"hour": "2025-11-20T11:00Z", "accepted": 7, "archived": 6}],
            }
        ],
        "spool_bytes": 2048,
        "index_lag_frames": 0,
        "index_error": None,
    }
    answer_with(server, status)
    shown = run(server, "archive", "status").stdout
    for text in (
        "ARCHIVE main-2",
        "1 objects, 1,200 lines, 100.0 kB",
        "2025-11-20T12:00Z",
        "no such bucket",
        "2025-11-20T13:11Z",
        "2025-11-20T11:00Z: 7 accepted, 6 archived",
        "ALARM",
    ):
        assert text in shown
    assert lines_of(run(server, "archive", "status", "--json")) == [status]
