"""`logkeep archive configure`, `test`, `update` and the switches: what is asked, what is printed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main

from .recording_server import Answer, Seen, Server

SECRET = "hunter2-hunter2"
STATUS = {"state": "ok", "waiting_lines": 5, "waiting_bytes": 100, "last_error": None}
ARCHIVE = {
    "id": "main-2",
    "account": "main",
    "title": "errors",
    "state": "off",
    "rank": 1,
    "query": "level:error",
    "with_excluded": False,
    "seal_after": 600,
    "late_sweep": 21_600,
    "max_object_bytes": 536_870_912,
    "compression_level": 2,
    "verify_every": 0,
    "drill_every": 604_800,
    "origin": "api",
    "created_at": "2025-11-20T12:00Z",
    "place": "s3://logs/a",
    "provider": "s3",
    "options": {"bucket": "logs", "prefix": "a"},
    "secrets": {"secret_access_key": "********"},
    "secrets_error": None,
    "external_id": "x-1",
    "targets": [
        {"id": 1, "place": "s3://old", "current": False},
        {"id": 2, "place": "s3://logs/a", "current": True},
    ],
    "status": STATUS,
    "totals": {"objects": 3, "archived_lines": 1200, "archived_raw_bytes": 9, "archived_bytes": 7},
    "checks": [{"kind": "verify", "ok": False, "at": "2025-11-20T12:00Z", "summary": "1 thing is wrong"}],
}
VERDICTS = [
    {"check": "reach", "ok": True, "detail": "s3://logs answers", "remedy": ""},
    {"check": "write", "ok": False, "detail": "AccessDenied", "remedy": "allow s3:PutObject"},
    {"check": "read", "ok": None, "detail": "not tried", "remedy": ""},
]
GRANT = {"title": "AWS: attach this IAM policy to the user", "text": '{"Version": "2012-10-17"}\n'}


def run(server: Server, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [*arguments, "--url", server.url, "--token", "at"], input=stdin)


def answer_with(server: Server, document: Any) -> None:
    server.respond = lambda _seen: Answer(document=document)


def lines_of(done: Result) -> list[Any]:
    return [msgspec.json.decode(line) for line in done.stdout_bytes.splitlines()]


def asked(server: Server) -> list[tuple[str, str, Any]]:
    return [
        (one.method, one.path, msgspec.json.decode(one.body) if one.body else None) for one in server.seen
    ]


def test_configure_sends_what_was_given_and_reads_the_secret_from_standard_input(server: Server) -> None:
    answer_with(server, ARCHIVE)
    done = run(
        server,
        *("archive", "configure", "main", "s3", "--option", "bucket=logs", "--option", "access_key_id=AK"),
        *("--secret", "secret_access_key", "--id", "main-2", "--seal-after", "5m", "--without-excluded"),
        stdin=f"{SECRET}\n",
    )
    assert done.exit_code == 0
    body = {
        "account": "main",
        "id": "main-2",
        "provider": "s3",
        "options": {"bucket": "logs", "access_key_id": "AK"},
        "secrets": {"secret_access_key": SECRET},
        "seal_after": "5m",
        "with_excluded": False,
        "untested": False,
        "start": False,
        "take_over": False,
    }
    assert asked(server) == [("POST", "/v1/archives", body)]
    assert SECRET not in done.output
    assert "logkeep archive start main-2" in done.stdout


def test_a_secret_on_the_command_line_is_refused_before_anything_is_asked(server: Server) -> None:
    for option in ("--secret", "--option"):
        done = run(server, "archive", "configure", "main", "s3", option, f"secret_access_key={SECRET}")
        assert done.exit_code == 2
        assert "stands on the command line" in done.stderr
        assert SECRET not in done.output
    assert server.seen == []


def test_a_failed_test_shows_verdicts_and_what_to_grant(server: Server) -> None:
    def respond(seen: Seen) -> Answer:
        if seen.path.endswith("/grant"):
            return Answer(document=GRANT)
        problem = {"detail": "the connection test failed", "verdicts": VERDICTS, "hint": "allow s3:PutObject"}
        return Answer(status=400, document=problem)

    server.respond = respond
    for arguments in (
        ("archive", "configure", "main", "s3", "--option", "bucket=logs"),
        ("archive", "update", "main-2", "--option", "prefix=b"),
    ):
        done = run(server, *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "write        FAILED  AccessDenied" in done.stderr
        assert "2012-10-17" in done.stderr
        assert "logkeep: the connection test failed" in done.stderr
    assert server.seen[3].path == "/v1/archives/grant"
    assert msgspec.json.decode(server.seen[3].body)["archive"] == "main-2"


def test_update_changes_what_is_given(server: Server) -> None:
    answer_with(server, ARCHIVE)
    done = run(server, "archive", "update", "main-2", "--query", "", "--option", "prefix=", "--with-excluded")
    assert done.exit_code == 0
    body = {"options": {"prefix": None}, "secrets": {}, "query": "", "with_excluded": True}
    assert asked(server) == [("PATCH", "/v1/archives/main-2", {**body, "untested": False, "replan": False})]


def test_test_prints_a_verdict_a_line_and_ends_with_1_when_it_failed(server: Server) -> None:
    answer_with(server, {"usable": False, "verdicts": VERDICTS, "grant": GRANT})
    done = run(server, "archive", "test", "--provider", "s3", "--option", "bucket=logs")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "reach        ok      s3://logs answers",
        "write        FAILED  AccessDenied",
        "                     -> allow s3:PutObject",
        "read         -       not tried",
        "",
        GRANT["title"],
        "",
        '{"Version": "2012-10-17"}',
    ]
    good = {"usable": True, "verdicts": VERDICTS[:1], "grant": GRANT}
    answer_with(server, good)
    done = run(server, "archive", "test", "main-2")
    assert (done.exit_code, done.stdout) == (0, "reach        ok      s3://logs answers\n")
    assert lines_of(run(server, "archive", "test", "main-2", "--json")) == [good]
    assert [body for _, _, body in asked(server)][:2] == [
        {"account": "main", "provider": "s3", "options": {"bucket": "logs"}, "secrets": {}},
        {"archive": "main-2", "options": {}, "secrets": {}},
    ]


THEIRS = {**ARCHIVE, "layout": "custom", "layout_options": {"path": "{year}/*.gz"}}


def test_another_systems_archive_is_set_up_with_its_layout(server: Server) -> None:
    answer_with(server, THEIRS)
    layout = ("--layout", "custom", "--layout-option", "path={year}/*.gz", "--layout-option", "format=ndjson")
    done = run(server, "archive", "configure", "main", "s3", "--option", "bucket=logs", *layout)
    assert done.exit_code == 0
    body = asked(server)[0][2]
    assert body["layout"] == "custom"
    assert body["layout_options"] == {"path": "{year}/*.gz", "format": "ndjson"}
    assert "logkeep archive start" not in done.stdout
    assert "logkeep restore create --account main --archive main-2" in done.stdout


def test_a_layout_is_changed_and_tried(server: Server) -> None:
    answer_with(server, THEIRS)
    assert run(server, "archive", "update", "main-2", "--layout", "mezmo").exit_code == 0
    answer_with(server, {"usable": True, "verdicts": VERDICTS[:1], "grant": GRANT})
    done = run(server, "archive", "test", "--provider", "s3", "--option", "bucket=logs", "--layout", "mezmo")
    assert done.exit_code == 0
    assert [body["layout"] for _, _, body in asked(server)] == ["mezmo", "mezmo"]
    assert "layout_options" not in asked(server)[0][2]


def test_what_to_grant_is_not_told_where_an_archive_is_only_read(server: Server) -> None:
    server.respond = lambda _seen: Answer(status=400, document={"detail": "failed", "verdicts": VERDICTS})
    done = run(server, "archive", "configure", "main", "s3", "--option", "bucket=logs", "--layout", "mezmo")
    assert (done.exit_code, len(server.seen)) == (2, 1)
    assert "AccessDenied" in done.stderr
    answer_with(server, {"usable": False, "verdicts": VERDICTS, "grant": GRANT})
    done = run(server, "archive", "test", "--provider", "s3", "--layout", "mezmo")
    assert done.exit_code == 1
    assert GRANT["title"] not in done.stdout


def test_an_option_of_a_layout_needs_a_value(server: Server) -> None:
    done = run(server, "archive", "update", "main-2", "--layout-option", "path")
    assert (done.exit_code, server.seen) == (2, [])


def test_another_systems_archive_is_shown_as_one_that_is_only_read(server: Server) -> None:
    answer_with(server, {"archives": [THEIRS]})
    assert "read only" in run(server, "archive", "show").stdout.splitlines()[1]
    answer_with(server, THEIRS)
    text = run(server, "archive", "show", "main-2").stdout
    assert "read only" in text
    assert "{year}/*.gz" in text
    assert "gzip level" not in text


def test_test_and_grant_need_something_to_look_at(server: Server) -> None:
    for command in ("test", "grant"):
        assert run(server, "archive", command).exit_code == 2
    assert server.seen == []


def test_grant_prints_what_to_copy(server: Server) -> None:
    answer_with(server, GRANT)
    assert run(server, "archive", "grant", "main-2").stdout.splitlines()[2] == '{"Version": "2012-10-17"}'


def test_show_lists_archives_or_shows_one(server: Server) -> None:
    answer_with(server, {"archives": [ARCHIVE]})
    shown = run(server, "archive", "show").stdout.splitlines()
    assert shown[1].split() == ["main-2", "main", "off", "s3://logs/a", "5", "1,200", "ok"]
    assert lines_of(run(server, "archive", "show", "--json")) == [ARCHIVE]
    answer_with(server, ARCHIVE)
    text = run(server, "archive", "show", "main-2").stdout
    for part in (
        "********",
        "s3://old",
        "level:error",
        "x-1",
        "every 7 d",
        "10 min after an hour's end",
        "FAILED, 2025-11-20T12:00Z",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("command", "path", "body"),
    [
        (("start", "main-2"), "start", {"take_over": False}),
        (("start", "main-2", "--take-over"), "start", {"take_over": True}),
        (("pause", "main-2"), "pause", None),
        (("stop", "main-2"), "stop", None),
        (("forget-secrets", "main-2"), "forget-secrets", None),
    ],
)
def test_an_archive_is_switched(
    server: Server, command: tuple[str, ...], path: str, body: dict[str, object] | None
) -> None:
    answer_with(server, ARCHIVE)
    done = run(server, "archive", *command)
    assert (done.exit_code, done.stdout) == (0, "archive main-2 is off\n")
    assert asked(server) == [("POST", f"/v1/archives/main-2/{path}", body)]


def test_an_archive_is_removed_with_what_waits_or_without(server: Server) -> None:
    answer_with(server, {"id": "main-2", "account": "main", "removed": True})
    assert run(server, "archive", "remove", "main-2").exit_code == 0
    assert run(server, "archive", "remove", "main-2", "--discard", "--json").exit_code == 0
    assert [seen.params for seen in server.seen] == [{}, {"discard": "true"}]


def test_backfill_tells_what_it_added(server: Server) -> None:
    answer_with(server, {"retained": 2000, "lines": 1200, "hours": 2})
    done = run(server, "archive", "backfill", "main-2", "--from", "-2h", "--to", "now")
    assert done.stdout.splitlines()[0] == "1,200 lines added; 2,000 of 2 hours were looked at"
    assert asked(server) == [("POST", "/v1/archives/main-2/backfill", {"from": "-2h", "to": "now"})]


def test_hours_compare_counts(server: Server) -> None:
    hour = {
        "hour": "2025-11-20T12:00Z",
        "state": "differs",
        "accepted": 7,
        "archived": 6,
        "waiting": 0,
        "objects": 1,
        "raw_bytes": 700,
        "stored_bytes": 100,
    }
    answer_with(server, {"hours": [hour]})
    shown = run(server, "archive", "hours", "main-2").stdout.splitlines()
    assert shown[1].split() == ["2025-11-20T12:00Z", "differs", "7", "6", "0", "1", "700", "B", "100", "B"]
    assert lines_of(run(server, "archive", "hours", "main-2", "--json")) == [hour]


@pytest.mark.parametrize("kind", ["verify", "drill"])
def test_a_check_ends_with_1_when_something_is_wrong(server: Server, kind: str) -> None:
    check = {"archive": "main-2", "kind": kind, "at": "x", "ok": False, "summary": "1 thing is wrong"}
    answer_with(server, check)
    done = run(server, "archive", kind, "main-2")
    assert (done.exit_code, done.stdout) == (1, f"{kind:<7} FAILED  1 thing is wrong\n")
    answer_with(server, {**check, "ok": True})
    assert run(server, "archive", kind, "main-2", "--json").exit_code == 0
