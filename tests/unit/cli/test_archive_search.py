from __future__ import annotations

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.archive_search import search

from .recording_server import Answer, Server

RECORDS = [
    {"_lid": str(n), "_ts": 1_763_640_000_000 + n, "_host": "web-1", "_line": f"line {n}"} for n in range(3)
]
END = {
    "lines": 3,
    "objects": 24,
    "blocks": 504,
    "blocks_read": 2,
    "blocks_ruled_out": 480,
    "bytes_read": 400_000,
    "stored_bytes": 112_000_000,
    "complete": True,
    "problems": 0,
    "damage": [],
}
PROGRESS = {"lines": 0, "objects": 1, "blocks": 9, "blocks_read": 1, "blocks_ruled_out": 0, "bytes_read": 5}


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(search, [*arguments, "--url", server.url, "--token", "at"])


def answer_with(server: Server, *parts: Any) -> None:
    raw = b"".join(msgspec.json.encode(part) + b"\n" for part in parts)
    server.respond = lambda _seen: Answer(raw=raw, headers={"Content-Type": "application/x-ndjson"})


def records() -> list[dict[str, Any]]:
    return [{"record": one, "object": "year=2025/o.json.gz"} for one in RECORDS]


def test_records_are_printed_and_what_was_asked_is_sent(server: Server) -> None:
    answer_with(server, {"progress": PROGRESS}, *records(), {"end": END})
    done = run(server, "main", "a b", "--from", "-2h", "--oldest", "--limit", "7", "--stats")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"2025-11-20T12:00:00.00{n}Z web-1 - - line {n}" for n in range(3)]
    assert (
        done.stderr == "logkeep: 24 objects; 2 of 504 blocks read, 480 ruled out; 400.0 kB of 112.0 MB read\n"
    )
    assert server.seen[0].path == "/v1/archives/main/search"
    assert server.seen[0].params == {"query": "a b", "from": "-2h", "order": "oldest", "limit": "7"}


def test_json_prints_the_records(server: Server) -> None:
    answer_with(server, *records(), {"end": END})
    done = run(server, "main", "--json")
    assert [msgspec.json.decode(line) for line in done.stdout_bytes.splitlines()] == RECORDS
    assert server.seen[0].params == {"order": "newest", "limit": "100"}


def test_a_histogram_is_shown_in_bars(server: Server) -> None:
    buckets = [{"ts": 1_763_640_000_000, "count": 3, "levels": {"info": 2, "warn": 1}}]
    histogram = {"from": 0, "to": 1, "interval": 60_000, "total": 3, "buckets": buckets}
    answer_with(server, {"histogram": histogram}, {"end": END})
    done = run(server, "main", "--histogram", "--interval", "60000")
    assert "\n2025-11-20T12:00:00.000Z      3  ███" in done.stdout
    assert done.stdout.endswith("  info:2 warn:1\n3 lines\n")
    assert (server.seen[0].params["histogram"], server.seen[0].params["interval"]) == ("true", "60000")
    as_json = run(server, "main", "--histogram", "--json")
    assert msgspec.json.decode(as_json.stdout) == buckets[0]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"lines": 0}, 1),
        ({"complete": False}, 5),
        (
            {
                "problems": 1,
                "damage": [{"key": "k.json.gz", "offset": 7, "reason": "is frozen", "sample": ""}],
            },
            6,
        ),
    ],
)
def test_the_end_gives_the_exit_code(server: Server, end: dict[str, Any], code: int) -> None:
    answer_with(server, {"end": END | end})
    done = run(server, "main", "word")
    assert done.exit_code == code
    assert done.stderr == ("logkeep: k.json.gz: is frozen\n" if code == 6 else "")


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (
            {"error": {"type": "urn:logkeep:storage-unavailable", "status": 503, "detail": "no answer"}},
            "StorageUnavailable",
        ),
        (None, "Unreachable"),
    ],
)
def test_an_answer_that_breaks_off_is_an_error(
    server: Server, last: dict[str, Any] | None, error: str
) -> None:
    answer_with(server, *records(), *([last] if last else []))
    done = run(server, "main")
    assert len(done.stdout.splitlines()) == 3
    assert type(done.exception).__name__ == error
