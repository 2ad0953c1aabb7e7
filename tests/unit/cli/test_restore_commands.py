"""`logkeep restore`: what is asked, what is printed, how it ends."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli import restore as restore_commands
from logkeep.cli.main import main

from .recording_server import Answer, Seen, Server

SECRET = "hunter2-hunter2"
RESTORE: dict[str, Any] = {
    "id": "42",
    "name": "incident",
    "reason": "TICKET-7",
    "created_by": "user:0a1b",
    "created_by_name": "ada",
    "state": "ACTIVE",
    "position": None,
    "paused_for": None,
    "partial": None,
    "account": "r-incident-42",
    "source": "main",
    "archive": "",
    "from": "2025-11-20T12:00:00.000Z",
    "to": "2025-11-20T13:00:00.000Z",
    "query": "level:error",
    "planned": {"objects": 1, "lines": 1200, "bytes": 100_000, "raw_bytes": 350_000},
    "progress": {
        "bytes": 350_000,
        "raw_bytes": 350_000,
        "share": 1.0,
        "lines": 7,
        "bytes_per_s": 350_000,
        "events_per_s": None,
        "seconds_left": None,
    },
    "lines": 7,
    "bytes": 350_000,
    "read_bytes": 100_000,
    "text_bytes": 700,
    "duplicates": 0,
    "skip_damaged": False,
    "skipped_objects": 0,
    "skipped_lines": 0,
    "textless_lines": 0,
    "limit_lines": 0,
    "limit_bytes": 0,
    "on_limit": "keep",
    "thaw": "",
    "frozen_objects": 0,
    "files": None,
    "files_folder": "",
    "files_written": 0,
    "destination": None,
    "rate": 0,
    "sent": 0,
    "storage_bytes": 5_000,
    "notify_url": "",
    "notify_email": "",
    "created_at": "2025-11-20T14:00:00.000Z",
    "started_at": "2025-11-20T14:00:00.000Z",
    "finished_at": "2025-11-20T14:00:01.000Z",
    "deleted_at": None,
    "expires_at": "2025-11-25T14:00:01.000Z",
    "expires_in_s": 432_000,
    "expiry_s": 432_000,
    "text_index": True,
    "error": None,
}
PLAN: dict[str, Any] = {
    "from": "2025-11-20T12:00:00.000Z",
    "to": "2025-11-20T13:00:00.000Z",
    "objects": 3,
    "unknown_objects": 0,
    "blocks": 12,
    "blocks_ruled_out": 388,
    "lines": 1200,
    "bytes": 100_000,
    "raw_bytes": 350_000,
    "exact": False,
    "filter_bytes": 6_000,
    "requests": 9,
    "chunks": 1,
    "seconds": 0.35,
    "frozen": {"objects": 0, "bytes": 0, "thawing": 0, "by_class": {}, "hours": None},
    "hits": 80,
    "sampled_lines": 4000,
    "sample": [{"_ts": 1_763_640_000_000, "_host": "web-1", "_line": "the disk is full"}],
}
SPAN = ("--from", "-2h", "--to", "now")


def run(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["restore", *arguments, "--url", server.url, "--token", "at"])


def answer_with(server: Server, document: Any) -> None:
    server.respond = lambda _seen: Answer(document=document)


def lines_of(done: Result) -> list[Any]:
    return [msgspec.json.decode(line) for line in done.stdout_bytes.splitlines()]


def body_of(seen: Seen) -> Any:
    return msgspec.json.decode(seen.body) if seen.body else None


def test_create_sends_what_was_given_and_nothing_else(server: Server) -> None:
    answer_with(server, RESTORE)
    done = run(server, "create", "--name", "incident", *SPAN, "--query", "level:error")
    assert done.exit_code == 0
    assert (server.seen[0].method, server.seen[0].path) == ("POST", "/v1/restores")
    assert body_of(server.seen[0]) == {
        "name": "incident",
        "from": "-2h",
        "to": "now",
        "query": "level:error",
        "account": "main",
    }


def test_everything_that_a_restore_may_be_asked_for_is_sent(server: Server) -> None:
    answer_with(server, RESTORE)
    done = run(
        server,
        *("create", "--around", "2025-11-20T12:00Z", "--margin", "5m", "--archive", "main-2", "--any-marker"),
        *("--reason", "TICKET-7", "--expiry", "5d", "--limit-lines", "1000", "--limit-bytes", "2GiB"),
        *("--on-limit", "ask", "--skip-damaged", "--thaw", "bulk", "--notify-url", "https://x.org/hook"),
        *("--notify-email", "ops@x.org"),
    )
    assert done.exit_code == 0
    assert body_of(server.seen[0]) == {
        "around": "2025-11-20T12:00Z",
        "margin": "5m",
        "account": "main",
        "archive": "main-2",
        "any_marker": True,
        "reason": "TICKET-7",
        "expiry_s": "5d",
        "limit_lines": 1000,
        "limit_bytes": "2GiB",
        "on_limit": "ask",
        "skip_damaged": True,
        "thaw": "bulk",
        "notify_url": "https://x.org/hook",
        "notify_email": "ops@x.org",
    }


def test_files_go_to_a_place_with_options_and_secrets_that_no_command_line_shows(
    server: Server, tmp_path: Path
) -> None:
    answer_with(server, RESTORE)
    (tmp_path / "key").write_text(SECRET)
    files = (
        "--files",
        "s3://out/prefix",
        "--storage",
        "region=eu-west-1",
        "--storage",
        "access_key_id=AK",
    )
    secret = ("--secret", f"secret_access_key=@{tmp_path / 'key'}")
    assert run(server, "create", *SPAN, *files, *secret, "--format", "parquet").exit_code == 0
    wanted = body_of(server.seen[0])["files"]
    assert (wanted["provider"], wanted["format"]) == ("s3", "parquet")
    assert wanted["options"].items() >= {"bucket": "out", "prefix": "prefix", "region": "eu-west-1"}.items()
    assert wanted["secrets"] == {"secret_access_key": SECRET}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (("--to-pipeline", "clean"), {"pipeline": {"id": "clean"}}),
        (
            ("--to-pipeline", "clean/again", "--rate", "500"),
            {"pipeline": {"id": "clean", "source": "again"}, "rate": 500},
        ),
    ],
)
def test_a_pipeline_is_named_with_or_without_its_source(
    server: Server, options: tuple[str, ...], sent: dict[str, Any]
) -> None:
    answer_with(server, RESTORE)
    assert run(server, "create", *SPAN, *options).exit_code == 0
    assert body_of(server.seen[0]) == {"from": "-2h", "to": "now", "account": "main", **sent}


def test_options_of_standard_output_are_called_as_they_were_written(server: Server) -> None:
    done = run(server, "create", *SPAN, "--to-stdout", "--to-pipeline", "clean", "--expiry", "5d")
    assert "--expiry, --to-pipeline cannot stand beside --to-stdout" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--format", "parquet"),
        ("--storage", "region=x"),
        ("--files", "s3://out", "--storage", "region"),
        ("--files", "s3://out", "--storage", f"secret_access_key={SECRET}"),
        ("--archive", "a", "--archive", "b"),
        ("--to-pipeline", "/again"),
        ("--to-pipeline", "clean/"),
        ("--to-stdout", "--to-pipeline", "clean"),
        ("--to-stdout", "--rate", "5"),
        ("--to-stdout", "--wait"),
        ("--to-stdout", "--dry-run"),
        ("--to-stdout", "--limit-lines", "5"),
    ],
)
def test_options_that_have_no_sense_are_refused_before_anything_is_asked(
    server: Server, options: tuple[str, ...]
) -> None:
    done = run(server, "create", *SPAN, *options)
    assert (done.exit_code, server.seen) == (2, [])
    assert SECRET not in done.output


def test_a_dry_run_prints_the_whole_plan_and_lines_that_would_come(server: Server) -> None:
    answer_with(server, PLAN)
    done = run(server, "create", *SPAN, "--dry-run")
    assert server.seen[0].path == "/v1/restores/plan"
    for part in (
        "100.0 kB in 3 objects, 12 blocks, about 9 requests",
        "388 blocks by the query, from 6.0 kB of filters",
        "about 80 lines, going by a sample of 4,000",
        "about 0.35 s",
        "nothing is frozen",
        "2025-11-20T12:00:00.000Z web-1 - - the disk is full",
    ):
        assert part in done.stdout
    assert "no manifest" not in done.stdout
    assert lines_of(run(server, "create", *SPAN, "--dry-run", "--json")) == [PLAN]


def test_a_dry_run_tells_what_is_frozen_and_what_nobody_counted(server: Server) -> None:
    frozen = {
        "objects": 2,
        "bytes": 50_000,
        "thawing": 1,
        "by_class": {"GLACIER": 2},
        "hours": [3.0, 5.0],
    }
    answer_with(server, {**PLAN, "frozen": frozen, "hits": None, "unknown_objects": 2, "sample": []})
    shown = run(server, "create", *SPAN, "--dry-run").stdout
    assert "2 objects, 50.0 kB (2 in GLACIER), 1 of them being thawed; readable after 3 h to 5 h" in shown
    assert "2 objects have no manifest" in shown
    assert "nothing to go by" in shown
    answer_with(server, {**PLAN, "frozen": {**frozen, "hours": [0.0, 48.0]}, "exact": True})
    shown = run(server, "create", *SPAN, "--dry-run").stdout
    assert "readable within 2 d" in shown
    assert "exactly 1,200 lines" in shown
    answer_with(server, {**PLAN, "frozen": {**frozen, "hours": None}})
    assert "--thaw" in run(server, "create", *SPAN, "--dry-run").stdout


def follow(server: Server, *steps: dict[str, Any]) -> None:
    """Answer each request with the restore as the next step has it; the last one stays."""
    left = [{**RESTORE, **step} for step in steps]
    server.respond = lambda _seen: Answer(document=left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.parametrize("end", ["ACTIVE", "DONE"])
def test_create_can_wait_for_the_end(server: Server, end: str) -> None:
    follow(server, {"state": "IN_PROGRESS", "position": 2}, {"state": "IN_PROGRESS"}, {"state": end})
    done = run(server, "create", *SPAN, "--wait", "--json")
    assert (done.exit_code, lines_of(done)) == (0, [{**RESTORE, "state": end}])


def test_a_restore_that_fails_while_waited_for_ends_with_1(server: Server) -> None:
    follow(server, {"state": "FAILED", "error": "the object is gone"})
    done = run(server, "create", *SPAN, "--wait")
    assert done.exit_code == 1
    assert "the object is gone" in done.stdout
    assert "logkeep restore retry 42" in done.stdout


def test_waiting_for_a_thaw_is_told_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_commands, "_THAW_PAUSE_S", 0.0)
    thawing = {"state": "THAWING", "frozen_objects": 3, "thaw": "bulk"}
    follow(server, thawing, thawing, thawing, {})
    done = run(server, "create", *SPAN, "--wait")
    assert done.exit_code == 0
    assert done.stderr.count("3 objects are in cold storage") == 1


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"paused_for": "limit", "limit_lines": 1000, "on_limit": "ask"}, "reached its limit (1,000 lines)"),
        ({"paused_for": "request"}, "paused on request"),
        ({"paused_for": "error", "error": "there is no pipeline"}, "paused after an error: there is no"),
    ],
)
def test_waiting_ends_where_a_restore_is_paused_and_says_why(
    server: Server, step: dict[str, Any], said: str
) -> None:
    follow(server, {"state": "PAUSED", **step})
    done = run(server, "create", *SPAN, "--wait")
    assert done.exit_code == 1
    assert said in done.stderr
    assert "logkeep restore resume 42" in done.stderr


def test_an_interrupted_wait_says_that_the_restore_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("logkeep.cli.restore.time.sleep", interrupt)
    follow(server, {"state": "IN_PROGRESS"})
    done = run(server, "create", *SPAN, "--wait")
    assert done.exit_code == 130
    assert "the restore 42 goes on" in done.stderr
    assert "logkeep restore abort 42" in done.stderr


@pytest.mark.parametrize(
    ("command", "method", "path", "body"),
    [
        (("show", "42"), "GET", "", None),
        (("pause", "42"), "POST", "/pause", None),
        (("resume", "42"), "POST", "/resume", {}),
        (
            ("resume", "42", "--limit-lines", "0", "--limit-bytes", "4GiB"),
            "POST",
            "/resume",
            {"limit_lines": 0, "limit_bytes": "4GiB"},
        ),
        (("abort", "42"), "POST", "/abort", {"keep": False}),
        (("abort", "42", "--keep"), "POST", "/abort", {"keep": True}),
        (("extend", "42", "5d"), "POST", "/extend", {"expiry_s": "5d"}),
        (("delete", "42"), "DELETE", "", None),
        (("undelete", "42"), "POST", "/undelete", None),
        (("retry", "42"), "POST", "/retry", None),
    ],
)
def test_one_restore_is_shown_and_steered(
    server: Server, command: tuple[str, ...], method: str, path: str, body: Any
) -> None:
    answer_with(server, RESTORE)
    done = run(server, *command)
    assert done.exit_code == 0
    [seen] = server.seen
    assert (seen.method, seen.path, body_of(seen)) == (method, f"/v1/restores/42{path}", body)
    assert "r-incident-42" in done.stdout
    assert lines_of(run(server, *command, "--json")) == [RESTORE]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"state": "IN_PROGRESS", "position": 3}, "number 3 in the queue"),
        ({"state": "PAUSED", "paused_for": "limit"}, "PAUSED, its limit is reached"),
        ({"state": "PAUSED", "paused_for": "request"}, "PAUSED, on request"),
        ({"partial": "limit"}, "not complete: it was stopped at its limit"),
        ({"partial": "aborted"}, "not complete: it was aborted"),
        ({"skipped_objects": 1, "skipped_lines": 20}, "1 objects, 20 lines"),
        ({"skipped_lines": 20}, "logkeep restore problems 42"),
        ({"textless_lines": 2000}, "2,000 lines"),
        ({"textless_lines": 2000}, "see which lines have no text: logkeep restore problems 42"),
        ({}, "main, 2025-11-20T12:00:00.000Z to"),
        ({"archive": "clean-copy"}, "main/clean-copy, 2025-11-20T12:00:00.000Z to"),
        (
            {"limit_lines": 9, "limit_bytes": 1000, "on_limit": "fail"},
            "9 lines or 1.0 kB of text, then: fail",
        ),
        ({"state": "THAWING", "frozen_objects": 3, "thaw": "bulk"}, "their thaw is asked for (bulk)"),
        (
            {
                "state": "DONE",
                "account": "",
                "files": {"provider": "s3", "format": "parquet"},
                "files_folder": "r-incident-42",
                "files_written": 4,
            },
            "4 written as parquet below r-incident-42: provider=s3",
        ),
        (
            {"destination": {"pipeline": "clean", "source": "again"}, "sent": 1200, "rate": 500},
            "clean/again: 1,200 lines sent, 500 a second at most",
        ),
        ({"progress": {**RESTORE["progress"], "events_per_s": 499.7}}, "500 events/s"),
        ({"state": "IN_PROGRESS", "frozen_objects": 3}, "3 objects are still to be thawed"),
        ({}, "TICKET-7"),
        ({}, "2025-11-25T14:00:01.000Z, in 5 d"),
        ({"notify_email": "ops@x.org"}, "ops@x.org"),
        (
            {"progress": {**RESTORE["progress"], "share": 0.42, "seconds_left": 12.0}},
            "42%, 350.0 kB/s, 12.0 s left",
        ),
        ({}, "Z by ada"),
        ({"created_by_name": ""}, "Z by user:0a1b"),
    ],
)
def test_what_people_have_to_know_of_a_restore_is_shown(
    server: Server, step: dict[str, Any], said: str
) -> None:
    answer_with(server, {**RESTORE, **step})
    assert said in run(server, "show", "42").stdout


def test_what_goes_into_a_pipeline_is_not_to_be_searched(server: Server) -> None:
    answer_with(server, {**RESTORE, "destination": {"pipeline": "clean", "source": "again"}})
    assert "search it" not in run(server, "show", "42").stdout
    answer_with(server, RESTORE)
    assert "search it" in run(server, "show", "42").stdout


def test_a_deleted_account_can_be_had_back_if_there_was_one(server: Server) -> None:
    answer_with(server, {**RESTORE, "state": "DELETED"})
    assert "logkeep restore undelete 42" in run(server, "delete", "42").stdout
    answer_with(server, {**RESTORE, "state": "DELETED", "expires_at": None})
    assert "undelete" not in run(server, "delete", "42").stdout


def test_ls_lists_the_history_by_state_and_account(server: Server) -> None:
    waiting = {**RESTORE, "id": "43", "state": "IN_PROGRESS", "position": 2}
    answer_with(server, {"restores": [waiting, {**RESTORE, "partial": "limit"}]})
    done = run(server, "ls", "--state", "ACTIVE,DONE", "--account", "main", "--limit", "5")
    assert server.seen[0].params == {"state": "ACTIVE,DONE", "account": "main", "limit": "5"}
    run(server, "ls", "--text", "INC-7", "--into", "pipeline")
    assert server.seen[1].params == {"text": "INC-7", "into": "pipeline"}
    rows = done.stdout.splitlines()[1:]
    assert rows[0].split()[:4] == ["43", "incident", "IN_PROGRESS", "2"]
    assert rows[0].split()[4:6] == ["r-incident-42", "main"]
    assert "ACTIVE (partial)" in rows[1]
    assert "TICKET-7" in rows[1]
    assert lines_of(run(server, "ls", "--json")) == [waiting, {**RESTORE, "partial": "limit"}]


def test_problems_name_object_and_place(server: Server) -> None:
    problem = {"key": "a/b.gz", "offset": 1234, "reason": "no JSON", "sample": "{{{", "target": 1}
    answer_with(
        server, {"skipped_objects": 1, "skipped_lines": 7, "textless_lines": 0, "problems": [problem]}
    )
    shown = run(server, "problems", "42").stdout.splitlines()
    assert shown[1].split() == ["a/b.gz", "1,234", "no", "JSON", "{{{"]
    assert shown[2] == "1 objects and 7 lines were passed over"
    assert lines_of(run(server, "problems", "42", "--json")) == [problem]
    answer_with(
        server, {"skipped_objects": 1, "skipped_lines": 7, "textless_lines": 9, "problems": [problem]}
    )
    assert run(server, "problems", "42").stdout.splitlines()[3] == "9 restored lines have no text"
    answer_with(server, {"skipped_objects": 0, "skipped_lines": 0, "textless_lines": 0, "problems": []})
    assert run(server, "problems", "42").stdout == "nothing was passed over\n"


def test_what_goes_into_a_pipeline_has_no_account_and_names_its_archive(server: Server) -> None:
    sent = {**RESTORE, "account": "", "archive": "copy", "destination": {"pipeline": "clean", "source": "x"}}
    answer_with(server, {"restores": [sent]})
    assert run(server, "ls").stdout.splitlines()[1].split()[4:6] == ["-", "main/copy"]
    answer_with(server, sent)
    assert "r-incident" not in run(server, "show", "42").stdout


def test_an_unknown_restore_ends_with_3(server: Server) -> None:
    server.respond = lambda _seen: Answer(status=404, document={"detail": "there is no restore 42"})
    done = run(server, "show", "42")
    assert (done.exit_code, done.stderr) == (3, "logkeep: there is no restore 42\n")


RECORDS = [
    {"_lid": "1", "_ts": 1, "_line": "first"},
    {"_lid": "2", "_ts": 2, "_line": "\ufffd", "_raw": base64.b64encode(b"\xff\xfe").decode()},
]
END: dict[str, Any] = {"lines": 2, "complete": True, "problems": 0}


def stream(server: Server, *last: dict[str, Any]) -> None:
    """Answer searches in place with both records and what is left, and listings with one archive."""
    documents = [{"record": one, "object": "a/b.gz"} for one in RECORDS]
    parts = [documents[0], {"progress": {"blocks": 1}}, documents[1], *last]
    raw = b"".join(msgspec.json.encode(part) + b"\n" for part in parts)

    def respond(seen: Seen) -> Answer:
        if seen.path == "/v1/archives":
            return Answer(document={"archives": [{"id": "copy", "pipeline": "clean"}, {"id": "main-2"}]})
        return Answer(raw=raw)

    server.respond = respond


def test_lines_go_to_standard_output_as_they_came(server: Server) -> None:
    stream(server, {"end": END})
    done = run(server, "create", *SPAN, "--query", "x", "--archive", "a", "--archive", "b", "--to-stdout")
    assert (done.exit_code, done.stdout_bytes) == (0, b"first\n\xff\xfe\n" * 2)
    assert [seen.path for seen in server.seen] == ["/v1/archives/a/search", "/v1/archives/b/search"]
    assert server.seen[0].params == {
        "query": "x",
        "from": "-2h",
        "to": "now",
        "order": "oldest",
        "limit": "0",
    }


def test_records_go_to_standard_output_as_json(server: Server) -> None:
    stream(server, {"end": END})
    done = run(server, "create", *SPAN, "--to-stdout", "--json")
    assert (done.exit_code, lines_of(done)) == (0, RECORDS)
    assert [seen.path for seen in server.seen] == ["/v1/archives", "/v1/archives/main-2/search"]


def test_a_margin_around_a_time_is_a_range(server: Server) -> None:
    stream(server, {"end": END})
    around = ("--around", "2025-11-20T12:00:00Z", "--margin", "1m", "--archive", "a")
    assert run(server, "create", *around, "--any-marker", "--to-stdout").exit_code == 0
    wanted = {"from": "1763639940000", "to": "1763640060000", "any_marker": "true"}
    assert server.seen[0].params.items() >= wanted.items()
    assert run(server, "create", *around[:2], "--margin", "x", "--archive", "a", "--to-stdout").exit_code == 2


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ([{"end": {**END, "complete": False}}], "the search ended early"),
        ([{"end": {**END, "problems": 3}}], "3 things could not be read"),
        (
            [{"end": {**END, "problems": 1, "damage": [{"key": "a/b.gz", "reason": "cut off"}]}}],
            "a/b.gz: cut off",
        ),
        ([{"error": {"detail": "the bucket is gone"}}], "the bucket is gone"),
        ([], "the answer broke off"),
    ],
)
def test_lines_that_did_not_come_are_told_and_end_with_1(
    server: Server, last: list[dict[str, Any]], said: str
) -> None:
    stream(server, *last)
    done = run(server, "create", *SPAN, "--archive", "a", "--to-stdout")
    assert (done.exit_code, done.stdout_bytes) == (1, b"first\n\xff\xfe\n")
    assert said in done.stderr


def test_standard_output_needs_one_archive_if_none_is_named(server: Server) -> None:
    answer_with(server, {"archives": [{"id": "main"}, {"id": "main-2"}]})
    done = run(server, "create", *SPAN, "--to-stdout")
    assert done.exit_code == 2
    assert "main, main-2" in done.stderr
