from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main

from .recording_server import Answer, Seen, Server


def run(server: Server, *arguments: str, text: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["send", "--url", server.url, "--key", "ik", *arguments], input=text)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def accept_all(seen: Seen) -> Answer:
    return Answer(document={"accepted": seen.body.count(b"\n"), "refused": []})


def test_text_lines_are_sent_as_they_are_with_what_the_options_say(server: Server, lines: Path) -> None:
    lines.write_bytes(b"one\n\xff two \n")
    server.respond = accept_all
    done = run(server, str(lines), "--app", "api", "--host", "web-1", "--tag", "a", "--tag", "b")
    assert done.exit_code == 0
    assert done.stdout.startswith("accepted 2 lines (11 B) in ")
    [seen] = server.seen
    assert (seen.path, seen.body) == ("/v1/ingest", b"one\n\xff two \n")
    assert seen.params == {"app": "api", "host": "web-1", "tag": "a,b"}
    assert seen.headers["content-type"] == "text/plain"
    assert seen.headers["authorization"] == "Bearer ik"


def test_json_lines_are_told_by_the_first_line(server: Server, lines: Path) -> None:
    lines.write_bytes(b'\n{"a":1}\nplain\n')
    assert run(server, str(lines)).exit_code == 0
    assert server.seen[0].headers["content-type"] == "application/x-ndjson"


def test_the_format_can_be_given(server: Server, lines: Path) -> None:
    lines.write_bytes(b'{"a":1}\n')
    assert run(server, str(lines), "--format", "text").exit_code == 0
    assert server.seen[0].headers["content-type"] == "text/plain"


def test_bodies_that_are_refused_for_now_are_sent_again_under_the_same_key(
    server: Server, lines: Path
) -> None:
    lines.write_bytes(b"x" * 99 + b"\n" + b"y" * 3_000_000 + b"\n" + b"z\n")
    busy = Answer(status=503, document={"detail": "the spool is full"}, headers={"Retry-After": "0"})
    keys: list[str] = []

    def respond(seen: Seen) -> Answer:
        keys.append(seen.headers["idempotency-key"])
        return busy if keys.count(keys[-1]) == 1 else accept_all(seen)

    server.respond = respond
    done = run(server, str(lines), "--json")
    assert (done.exit_code, msgspec.json.decode(done.stdout)["accepted"]) == (0, 3)
    assert sorted(keys) == sorted(set(keys)) * 1 or all(keys.count(key) == 2 for key in keys)
    assert len({key.rsplit("-", 1)[0] for key in keys}) == 1


def test_refused_lines_are_named_by_their_number_in_the_file(server: Server, lines: Path) -> None:
    lines.write_bytes(b"a" * 2_500_000 + b"\n" + b"b\nc\nd\n")

    def respond(seen: Seen) -> Answer:
        refused = [{"line": 2, "code": "odd", "reason": "too odd"}] if seen.body.startswith(b"b") else []
        return Answer(document={"accepted": seen.body.count(b"\n") - len(refused), "refused": refused})

    server.respond = respond
    done = run(server, str(lines), "--json")
    document = msgspec.json.decode(done.stdout)
    assert (done.exit_code, document["accepted"], document["refused"]) in (
        (1, 3, [{"line": 3, "code": "odd", "reason": "too odd"}]),
        (0, 4, []),  # all of it fitted into one body
    )


def test_a_wrong_key_ends_at_once_with_its_hint(server: Server, lines: Path) -> None:
    lines.write_bytes(b"one\n")
    server.respond = lambda _seen: Answer(
        status=401, document={"detail": "nobody holds this key", "hint": "check"}
    )
    done = run(server, str(lines))
    assert done.exit_code == 3
    assert "logkeep: nobody holds this key\n  check\n" in done.stderr
    assert "go on with: tail -n +1 FILE" in done.stderr
    assert len(server.seen) == 1


def test_no_server_is_exit_code_4(lines: Path) -> None:
    lines.write_bytes(b"one\n")
    done = CliRunner().invoke(main, ["send", "--url", "http://127.0.0.1:1", "--retry-for", "0", str(lines)])
    assert done.exit_code == 4
    assert "no answer from http://127.0.0.1:1" in done.stderr


def test_lines_with_a_time_of_their_own_go_in_mezmos_body(server: Server, lines: Path) -> None:
    lines.write_bytes(b"2025-11-20 12:00:00 failed\n\tat somewhere\nbad \xff\n")
    server.respond = lambda seen: Answer(
        document={"status": "ok"} if seen.path == "/logs/ingest" else {"accepted": 1, "refused": []}
    )
    done = run(server, str(lines), "--timestamp", "%F %T", "--host", "web-1", "--json")
    assert (done.exit_code, msgspec.json.decode(done.stdout)["accepted"]) == (0, 3)
    by_path = {seen.path: seen for seen in server.seen}
    assert by_path["/logs/ingest"].params == {"hostname": "web-1"}
    assert msgspec.json.decode(by_path["/logs/ingest"].body) == {
        "lines": [
            {"line": "2025-11-20 12:00:00 failed", "timestamp": 1_763_640_000_000},
            {"line": "\tat somewhere", "timestamp": 1_763_640_000_000},
        ]
    }
    assert by_path["/v1/ingest"].body == b"bad \xff\n"


def test_a_refusal_in_mezmos_answer_is_counted(server: Server, lines: Path) -> None:
    lines.write_bytes(b"2025-11-20 12:00:00 a\n2025-11-20 12:00:01 b\n")
    server.respond = lambda _seen: Answer(
        status=207,
        document={"status": [200, 413], "refused": [{"line": 2, "code": "too-long", "reason": "long"}]},
    )
    done = run(server, str(lines), "--timestamp", "%F %T", "--json")
    document = msgspec.json.decode(done.stdout)
    assert (done.exit_code, document["accepted"]) == (1, 1)
    assert document["refused"] == [{"line": 2, "code": "too-long", "reason": "long"}]


def test_standard_input_is_sent_while_it_stays_open(server: Server) -> None:
    server.respond = accept_all
    with subprocess.Popen(
        [sys.executable, "-m", "logkeep.cli.main", "send", "-", "--url", server.url, "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"first\n")
        process.stdin.flush()
        assert server.wait_for(1)
        process.stdin.write(b"second\n")
        process.stdin.close()
        assert process.wait(30) == 0
    assert [seen.body for seen in server.seen] == [b"first\n", b"second\n"]


def test_ctrl_c_says_how_far_it_came(server: Server) -> None:
    server.respond = accept_all
    with subprocess.Popen(
        [sys.executable, "-m", "logkeep.cli.main", "send", "-", "--url", server.url],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"first\nsecond\n")
        process.stdin.flush()
        assert server.wait_for(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        shown = process.stderr.read().decode().splitlines()
    assert shown == [
        "logkeep: 2 lines were accepted before this",
        "  every line before line 3 is in; go on with: tail -n +3 FILE | logkeep send -",
    ]


def test_a_file_that_is_not_there_is_a_usage_error(server: Server) -> None:
    done = run(server, "missing.log")
    assert done.exit_code == 2
    assert "missing.log" in done.stderr
