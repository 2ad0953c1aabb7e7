"""`logkeep pipeline`: what is asked, what is printed, and what never leaves the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main
from logkeep.pipeline.document import parse_spec, read_document

from .recording_server import Answer, Server

SECRET = "hunter2-hunter2"
TEXT = """\
id: web
sources:
  - type: http
    name: in
processors:
  - type: filter
    query: level:error
destinations:
  - type: http
    name: hook
    url: https://x.example
    secrets:
      token: null
"""
SPEC: dict[str, Any] = {
    "id": "web",
    "sources": [{"type": "http", "name": "in"}],
    "processors": [{"type": "filter", "query": "level:error"}],
    "destinations": [
        {"type": "http", "name": "hook", "url": "https://x.example", "secrets": {"token": None}},
    ],
}
STATUS: dict[str, Any] = {
    "works": True,
    "sources": [{"name": "in", "type": "http", "title": "", "events": 1200, "key_created_at": None}],
    "processors": [
        {
            "name": "filter-1",
            "type": "filter",
            "events_in": 1200,
            "events_out": 3,
            "notes": {"failed": 2},
            "problem": "no JSON: x",
        }
    ],
    "destinations": [
        {
            "name": "hook",
            "type": "http",
            "state": "failing",
            "delivered": 1,
            "refused": 4,
            "dropped": 0,
            "waiting": {"events": 2, "raw_bytes": 90, "stored_bytes": 5000, "since": None},
            "dead_letters": 4,
            "last_error": "x.example answers 500",
            "next_try": "2025-11-20T12:00:05.000Z",
            "archive": "",
        }
    ],
}
HEAD = {
    "id": "web",
    "title": "Web shop",
    "account": "main",
    "version": 3,
    "created_at": "2025-11-20T12:00:00.000Z",
    "updated_at": "2025-11-20T12:00:00.000Z",
    "updated_by": "k-1",
    "updated_by_name": "first",
    "status": STATUS,
}
APPLIED = {**HEAD, "spec": SPEC, "changed": True, "keys": {}}
BEFORE = {"_lid": "1", "_ts": 1_763_640_000_000, "_host": "web-1", "_line": '{"a":1}'}
PARSED = {**BEFORE, "_meta": {"a": 1, "b": {"c": 2}}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(TEXT)
    return path


def run(server: Server, *arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
    given = ["pipeline", *arguments, "--url", server.url, "--token", "at"]
    return CliRunner().invoke(main, given, input=stdin, env=env)


def answer_with(server: Server, document: Any, status: int = 200) -> None:
    server.respond = lambda _seen: Answer(status=status, document=document)


def with_token(file: Path, written: str) -> Path:
    file.write_text(TEXT.replace("token: null", f"token: {written}"))
    return file


def asked(server: Server) -> list[tuple[str, str, dict[str, str], Any]]:
    return [
        (one.method, one.path, one.params, msgspec.json.decode(one.body) if one.body else None)
        for one in server.seen
    ]


def lines_of(done: Result) -> list[Any]:
    return [msgspec.json.decode(line) for line in done.stdout_bytes.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "params"),
    [((), {}), (("--dry-run",), {"dry_run": "true"}), (("--discard",), {"discard": "true"})],
)
def test_apply_sends_what_the_file_says(
    server: Server, file: Path, arguments: tuple[str, ...], params: dict[str, str]
) -> None:
    answer_with(server, APPLIED)
    assert run(server, "apply", str(file), *arguments).exit_code == 0
    assert asked(server) == [("PUT", "/v1/pipelines/web", params, SPEC)]


def test_apply_reads_standard_input_and_prints_new_keys_once(server: Server) -> None:
    answer_with(server, {**APPLIED, "version": 1, "keys": {"in": "lkp_new"}}, 201)
    done = run(server, "apply", "-", stdin=TEXT)
    assert asked(server)[0][3] == SPEC
    assert done.stdout.splitlines() == [
        "pipeline web is made",
        "key of in  lkp_new",
        f"It is shown this once. Send to {server.url}/v1/pipelines/web/ingest",
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({**APPLIED, "changed": True}, "pipeline web is at version 3\n"),
        ({**APPLIED, "changed": False}, "pipeline web is as it was (version 3)\n"),
    ],
)
def test_apply_says_what_became_of_the_pipeline(
    server: Server, file: Path, answer: dict[str, Any], said: str
) -> None:
    answer_with(server, answer)
    assert run(server, "apply", str(file)).stdout == said
    assert lines_of(run(server, "apply", str(file), "--json")) == [answer]


def test_a_dry_run_says_that_it_is_one(server: Server, file: Path) -> None:
    answer_with(server, {"valid": True, "id": "web"})
    assert (
        run(server, "apply", str(file), "--dry-run").stdout == f"{file} is a pipeline that can be applied\n"
    )


def test_secrets_come_from_the_environment_or_a_file_beside_the_pipeline(server: Server, file: Path) -> None:
    answer_with(server, APPLIED)
    (file.parent / "secret").write_text(f"{SECRET}\n")
    for written in ("env:HOOK_TOKEN", "'@secret'", f"'@{file.parent / 'secret'}'"):
        done = run(server, "apply", str(with_token(file, written)), env={"HOOK_TOKEN": SECRET})
        assert (done.exit_code, SECRET in done.output) == (0, False)
    sent = [body["destinations"][0]["secrets"] for _, _, _, body in asked(server)]
    assert sent == [{"token": SECRET}] * 3


@pytest.mark.parametrize("written", [SECRET, '""', "12345", "[a]"])
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(
    server: Server, file: Path, written: str
) -> None:
    done = run(server, "apply", str(with_token(file, written)))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{file}:13: destinations[0].secrets.token: the value of token stands in ")
    assert (SECRET in done.output, "12345" in done.output, server.seen) == (False, False, [])


def test_every_secret_that_cannot_be_read_is_told(server: Server, file: Path) -> None:
    with_token(file, "env:NO_SUCH\n      password: '@nothing'\n      header.X: x")
    done = run(server, "apply", str(file))
    places = [line.partition(": ")[0] for line in done.stderr.splitlines() if line.startswith(str(file))]
    assert (done.exit_code, places) == (2, [f"{file}:{line}" for line in (13, 14, 15)])
    assert server.seen == []


def test_what_is_no_pipeline_is_told_with_its_line_before_anything_is_sent(
    server: Server, file: Path
) -> None:
    file.write_text(TEXT.replace("type: filter", "type: filtr") + "surces: []\n")
    done = run(server, "apply", str(file))
    first, _, second, _ = done.stderr.splitlines()
    assert (done.exit_code, server.seen) == (2, [])
    assert first.startswith(f"{file}:6: processors[0].type: ")
    assert second.startswith(f"{file}:14: surces: ")
    file.write_text("id: [\n")
    assert run(server, "apply", str(file)).stderr.startswith(f"{file}:2: pipeline: this is no YAML")
    assert run(server, "apply", "-", stdin="sources: []\n").stderr.startswith("<stdin>:1: id: ")


def test_a_value_that_yaml_takes_for_another_is_found_before_it_is_sent(server: Server, file: Path) -> None:
    file.write_text(
        TEXT.replace("type: filter\n    query: level:error", "type: set\n    field: env\n    value: no")
    )
    done = run(server, "apply", str(file))
    assert (done.exit_code, server.seen) == (2, [])
    assert done.stderr.startswith(f"{file}:8: processors[0].value: ")


def test_what_the_server_finds_wrong_gets_the_lines_of_the_file(server: Server, file: Path) -> None:
    problems = [
        {
            "path": "destinations[0].url",
            "line": 0,
            "message": "the url cannot be used",
            "hint": "write https://",
        },
        {"path": "sources", "line": 0, "message": "no", "hint": ""},
    ]
    answer_with(server, {"type": "urn:logkeep:bad-pipeline", "detail": "x", "problems": problems}, 400)
    done = run(server, "apply", str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{file}:2: sources: no",
        f"{file}:11: destinations[0].url: the url cannot be used",
        "  write https://",
    ]


def test_a_failed_connection_test_shows_its_verdicts(server: Server, file: Path) -> None:
    verdict = {"check": "write", "ok": False, "detail": "AccessDenied", "remedy": "allow s3:PutObject"}
    answer_with(server, {"detail": "the connection test failed", "verdicts": [verdict]}, 400)
    done = run(server, "apply", str(file))
    assert (done.exit_code, "allow s3:PutObject" in done.stderr) == (2, True)


def test_a_file_that_is_too_large_is_not_read_to_its_end(server: Server) -> None:
    done = run(server, "apply", "-", stdin="#" * ((1 << 20) + 1))
    assert (done.exit_code, server.seen) == (3, [])


def test_ls_shows_who_does_not_do_well(server: Server) -> None:
    broken = {**HEAD, "id": "shop", "status": {**STATUS, "works": False}}
    well = {**STATUS, "destinations": [{**STATUS["destinations"][0], "state": "ok"}]}
    answer_with(server, {"pipelines": [HEAD, broken, {**HEAD, "id": "fine", "status": well}]})
    rows = [line.split() for line in run(server, "ls").stdout.splitlines()]
    assert rows[1] == ["web", "Web", "shop", "main", "3", "in", "1,200", "hook", "2", "hook", "failing"]
    assert [row[-3:] for row in rows[2:]] == [["does", "not", "work"], ["hook", "2", "ok"]]
    assert [one["id"] for one in lines_of(run(server, "ls", "--json"))] == ["web", "shop", "fine"]


def test_show_tells_what_went_through_each_part(server: Server) -> None:
    answer_with(server, {**HEAD, "spec": SPEC})
    done = run(server, "show", "web")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["version", "3,", "of", "2025-11-20T12:00:00.000Z", "by", "first"] in rows
    assert ["in", "http", "-", "1,200", "-"] in rows
    assert ["filter-1", "filter", "1,200", "3", "failed", "2"] in rows
    assert ["hook", "http", "failing", "1", "2", "5.0", "kB", "4", "0", "4", "-"] in rows
    assert "filter-1: no JSON: x" in done.stdout
    assert "hook: x.example answers 500 (next try 2025-11-20T12:00:05.000Z)" in done.stdout
    assert "logkeep pipeline dead-letters web hook" in done.stdout
    assert asked(server) == [("GET", "/v1/pipelines/web", {}, None)]
    assert lines_of(run(server, "show", "web", "--json")) == [{**HEAD, "spec": SPEC}]


def test_show_prints_the_file_that_apply_takes(server: Server) -> None:
    answer_with(server, {**HEAD, "spec": SPEC})
    text = run(server, "show", "web", "--yaml").stdout
    assert parse_spec(read_document(text)) == parse_spec(SPEC)


@pytest.mark.parametrize(("arguments", "params"), [((), {}), (("--discard",), {"discard": "true"})])
def test_delete_tells_what_stays(server: Server, arguments: tuple[str, ...], params: dict[str, str]) -> None:
    answer_with(server, {"id": "web", "deleted": True})
    done = run(server, "delete", "web", *arguments)
    assert done.stdout == "pipeline web is deleted; what it archived stays where it is\n"
    assert asked(server) == [("DELETE", "/v1/pipelines/web", params, None)]
    assert lines_of(run(server, "delete", "web", "--json")) == [{"id": "web", "deleted": True}]


def step(name: str, *events: Any, note: str = "") -> dict[str, Any]:
    return {"processor": name, "type": "x", "events": list(events), "note": note}


def test_a_test_shows_each_event_with_what_changed_it(server: Server) -> None:
    redacted = {**PARSED, "_line": "[redacted]", "_meta": {"b": {"c": 2}}}
    event = {
        "before": BEFORE,
        "steps": [step("parse", PARSED), step("filter-2", PARSED), step("redact", redacted)],
        "after": [redacted],
        "destinations": [["all", "hook"]],
    }
    dropped = {
        "before": BEFORE,
        "steps": [step("parse", BEFORE, note="no JSON: x"), step("filter-2")],
        "after": [],
        "destinations": [],
    }
    answer_with(server, {"events": [event, dropped]})
    done = run(server, "test", "web", "one", "two")
    assert done.stdout.splitlines() == [
        "EVENT 1",
        '  before  2025-11-20T12:00:00.000Z web-1 - - {"a":1}',
        '  parse: meta.a = 1, meta.b = {"c":2}',
        '  redact: line: "{\\"a\\":1}" -> "[redacted]", without meta.a',
        "  after   2025-11-20T12:00:00.000Z web-1 - - [redacted]",
        "  to      all, hook",
        "",
        "EVENT 2",
        '  before  2025-11-20T12:00:00.000Z web-1 - - {"a":1}',
        "  parse: no change (no JSON: x)",
        "  dropped by filter-2",
    ]
    assert asked(server) == [("POST", "/v1/pipelines/web/test", {}, {"lines": ["one", "two"]})]
    assert lines_of(run(server, "test", "web", "x", "--json")) == [event, dropped]


def test_a_test_shows_events_that_became_several(server: Server) -> None:
    parts = [{**BEFORE, "_line": text} for text in ("a", "b")]
    named = [parts[0], {**parts[1], "_app": "shop"}]
    event = {
        "before": BEFORE,
        "steps": [step("unroll", *parts), step("set", *named)],
        "after": named,
        "destinations": [["all"], []],
    }
    answer_with(server, {"events": [event]})
    shown = run(server, "test", "web", "x").stdout.splitlines()
    assert shown[2:4] == ["  unroll: 2 events", '  set: 2: app = "shop"']
    assert [line for line in shown if line.startswith("  to ")] == [
        "  to      all",
        "  to      no destination",
    ]


def test_what_a_test_does_not_show_is_not_said_to_be_dropped(server: Server) -> None:
    cut = {**step("unroll", note="5 more events are not shown: x"), "more": 5}
    events = [
        {"before": BEFORE, "steps": [cut], "after": [], "destinations": [], "note": ""},
        {"before": BEFORE, "steps": [], "after": [], "destinations": [], "note": "not tried: y"},
    ]
    answer_with(server, {"events": events})
    shown = run(server, "test", "web", "x", "y").stdout.splitlines()
    assert (shown[2], shown[-1]) == ("  unroll: (5 more events are not shown: x)", "  not tried: y")


@pytest.mark.parametrize("stdin", ["", "\n\n"])
def test_a_test_without_lines_says_how_to_give_them(server: Server, stdin: str) -> None:
    done = run(server, "test", "web", stdin=stdin)
    assert done.exit_code == 2
    assert "standard input" in done.output
    assert asked(server) == []


def test_lines_of_a_test_come_from_standard_input_and_json_goes_as_json(server: Server) -> None:
    answer_with(server, {"events": []})
    run(server, "test", "web", stdin='{"a":1}\n{"a":2}\n')
    run(server, "test", "web", stdin="one\x0btwo\nthree\n")
    assert [body for _, _, _, body in asked(server)] == [
        {"ndjson": '{"a":1}\n{"a":2}\n'},
        {"lines": ["one\x0btwo", "three", ""]},
    ]


def test_a_file_is_tried_without_its_secrets(server: Server, file: Path) -> None:
    answer_with(server, {"events": []})
    run(server, "test", "--file", str(with_token(file, SECRET)), "a", "b")
    assert asked(server) == [("POST", "/v1/pipelines/test", {}, {"pipeline": SPEC, "lines": ["a", "b"]})]


def test_a_file_that_is_no_pipeline_is_not_tried(server: Server, file: Path) -> None:
    file.write_text("id: web\nsurces: []\n")
    done = run(server, "test", "--file", str(file), "a")
    assert (done.exit_code, server.seen) == (2, [])
    assert done.stderr.startswith(f"{file}:2: surces: ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("test",), 2), (("dead-letters", "web", "hook", "--retry", "--discard"), 2), (("test", "web"), 3)],
)
def test_what_cannot_be_asked_is_not(server: Server, arguments: tuple[str, ...], code: int) -> None:
    done = run(server, *arguments, stdin="x" * ((1 << 20) + 1))
    assert (done.exit_code, server.seen) == (code, [])


def test_versions_are_listed_and_one_is_rolled_back_to(server: Server) -> None:
    made = {"at": "2025-11-20T12:00:00.000Z", "by": "k-1"}
    versions = [{"version": 3, "by_name": "first", **made}, {"version": 2, "by_name": "", **made}]
    answer_with(server, {"versions": versions})
    assert run(server, "versions", "web").stdout.split()[-6:] == [
        *("3", "2025-11-20T12:00:00.000Z", "first"),
        *("2", "2025-11-20T12:00:00.000Z", "k-1"),
    ]
    assert lines_of(run(server, "versions", "web", "--json")) == versions
    answer_with(server, {**APPLIED, "version": 4})
    assert run(server, "rollback", "web", "2").stdout == "pipeline web is at version 4\n"
    assert lines_of(run(server, "rollback", "web", "2", "--json")) == [{**APPLIED, "version": 4}]
    assert asked(server)[-1] == ("POST", "/v1/pipelines/web/rollback", {}, {"version": 2})


def test_a_new_key_is_printed_once(server: Server) -> None:
    answer = {"pipeline": "web", "source": "in", "key": "lkp_new"}
    answer_with(server, answer, 201)
    assert run(server, "key", "web", "in").stdout.startswith("key of in  lkp_new\n")
    assert lines_of(run(server, "key", "web", "in", "--json")) == [answer]
    assert asked(server)[0] == ("POST", "/v1/pipelines/web/sources/in/key", {}, None)


def test_a_name_stays_within_its_place_in_the_address(server: Server) -> None:
    answer_with(server, {"problem": "there is none"}, 404)
    assert run(server, "key", "../a b", "x?y").exit_code == 3
    assert asked(server)[0][1] == "/v1/pipelines/..%2Fa%20b/sources/x%3Fy/key"


def test_dead_letters_are_shown_retried_and_discarded(server: Server) -> None:
    letter = {"at": "2025-11-20T12:00:00.000Z", "reason": "400: no", "event": BEFORE}
    answer_with(server, {"dead_letters": [letter]})
    shown = run(server, "dead-letters", "web", "hook", "--limit", "7").stdout
    assert "400: no" in shown
    assert '"_line":"{\\"a\\":1}"' in shown
    assert lines_of(run(server, "dead-letters", "web", "hook", "--json")) == [letter]
    answer_with(server, {"dead_letters": []})
    assert run(server, "dead-letters", "web", "hook").stdout == "nothing was refused\n"
    answer_with(server, {"retried": 1200})
    assert (
        run(server, "dead-letters", "web", "hook", "--retry").stdout
        == "1,200 events are delivered once more\n"
    )
    answer_with(server, {"discarded": 5})
    assert run(server, "dead-letters", "web", "hook", "--discard").stdout == "5 events are deleted\n"
    assert lines_of(run(server, "dead-letters", "web", "hook", "--discard", "--json")) == [{"discarded": 5}]
    path = "/v1/pipelines/web/destinations/hook/dead-letters"
    assert [(method, where, params) for method, where, params, _ in asked(server)] == [
        ("GET", path, {"limit": "7"}),
        ("GET", path, {"limit": "100"}),
        ("GET", path, {"limit": "100"}),
        ("POST", f"{path}/retry", {}),
        ("DELETE", path, {}),
        ("DELETE", path, {}),
    ]
