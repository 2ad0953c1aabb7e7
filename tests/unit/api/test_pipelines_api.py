"""/v1/pipelines: what the desk is asked to do, what is answered and what the audit log is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from logkeep.errors import BadPipeline, BadSetting, Conflict
from logkeep.pipeline.document import parse_spec, read_document, write_document

from .pipeline_site import DATA, NOW, SPEC, Site

AT = "2025-11-20T12:00:00.000Z"
YAML = {"Content-Type": "application/yaml"}
HEAD = {
    "id": "web",
    "title": "Web shop",
    "account": "main",
    "version": 3,
    "created_at": "2025-11-20T11:59:00.000Z",
    "updated_at": AT,
    "updated_by": "k-1",
    "updated_by_name": "first",
}
STATUS = {
    "works": True,
    "sources": [{"name": "in", "type": "http", "title": "", "events": 7, "key_created_at": AT}],
    "processors": [
        {
            "name": "filter-2",
            "type": "filter",
            "events_in": 7,
            "events_out": 2,
            "notes": {"failed": 1},
            "problem": "no JSON: x",
        }
    ],
    "destinations": [
        {
            "name": "hook",
            "type": "http",
            "state": "failing",
            "delivered": 1,
            "refused": 1,
            "dropped": 0,
            "waiting": {"events": 1, "raw_bytes": 90, "stored_bytes": 50, "since": AT},
            "dead_letters": 1,
            "last_error": "x.example answers 500",
            "next_try": AT,
            "archive": "",
        }
    ],
}
TEXT = """\
title: Web shop
sources:
  - type: http
    name: in
destinations:
  - type: stdout
"""


@pytest.fixture
def site() -> Site:
    return Site()


def test_pipelines_are_listed_with_how_they_do_and_without_their_specs(site: Site) -> None:
    assert site.ask("GET", "/v1/pipelines").json() == {"pipelines": [{**HEAD, "status": STATUS}]}


def test_one_is_shown_with_its_spec_in_which_secrets_are_null(site: Site) -> None:
    assert site.ask("GET", "/v1/pipelines/web").json() == {**HEAD, "spec": DATA, "status": STATUS}
    assert site.ask("GET", "/v1/pipelines/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/v1/pipelines/web", "/v1/pipelines/web/versions/2"])
@pytest.mark.parametrize(
    ("query", "accept", "is_yaml"),
    [
        ("", "application/json, text/yaml;q=0.5", True),
        ("?format=yaml", "*/*", True),
        ("?format=json", "application/yaml", False),
        ("", "*/*", False),
    ],
)
def test_yaml_is_answered_to_who_asks_for_it_and_can_be_applied_again(
    site: Site, path: str, query: str, accept: str, is_yaml: bool
) -> None:
    response = site.ask("GET", f"{path}{query}", headers={"Accept": accept})
    if is_yaml:
        assert response.headers["content-type"].partition(";")[0] == "application/yaml"
        assert parse_spec(read_document(response.content)) == SPEC
    else:
        assert response.json()["spec"] == DATA


def test_another_format_is_refused(site: Site) -> None:
    assert site.ask("GET", "/v1/pipelines/web?format=toml").status_code == 400


@pytest.mark.parametrize(
    ("version", "changed", "keys", "status", "is_noted"),
    [
        (1, True, {"in": "lkp_new"}, 201, True),
        (3, True, {}, 200, True),
        (1, False, {}, 200, False),
        (3, False, {"in": "lkp_new"}, 200, True),
    ],
)
def test_a_pipeline_is_applied_answered_with_its_new_keys_and_written_down(
    site: Site, version: int, changed: bool, keys: dict[str, str], status: int, is_noted: bool
) -> None:
    made = replace(site.desk.applied.pipeline, version=version)
    site.desk.applied = replace(site.desk.applied, pipeline=made, changed=changed, keys=keys)
    response = site.ask("PUT", "/v1/pipelines/web", DATA)
    assert response.status_code == status
    assert response.json() == {
        **HEAD,
        "version": version,
        "spec": DATA,
        "status": STATUS,
        "changed": changed,
        "keys": keys,
    }
    assert site.desk.calls == [("apply", SPEC, "k-1", False)]
    details = {"account": "main", "version": version, "keys": sorted(keys), "discard": False}
    assert site.noted == ([("k-1", "pipeline.apply", "web", details)] if is_noted else [])


@pytest.mark.parametrize("media_type", ["application/yaml", "text/yaml; charset=utf-8", "application/x-yaml"])
def test_yaml_is_taken_and_its_id_may_be_left_out(site: Site, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    for text in (TEXT, f"id: web\n{TEXT}"):
        site.ask("PUT", "/v1/pipelines/web?discard=true", content=text.encode(), headers=headers)
    wanted = parse_spec(read_document(f"id: web\n{TEXT}"))
    assert site.desk.calls == [("apply", wanted, "k-1", True)] * 2


def test_a_json_body_may_leave_its_id_out(site: Site) -> None:
    body = {name: value for name, value in DATA.items() if name != "id"}
    assert site.ask("PUT", "/v1/pipelines/web", body).status_code == 200
    assert site.desk.calls == [("apply", SPEC, "k-1", False)]


def test_an_id_that_is_not_that_of_the_address_is_refused(site: Site) -> None:
    text = TEXT.replace("sources:", "id: shop\nsources:")
    response = site.ask("PUT", "/v1/pipelines/web", content=text.encode(), headers=YAML)
    assert response.status_code == 400
    [problem] = response.json()["problems"]
    assert (problem["path"], problem["line"]) == ("id", 2)
    [problem] = site.ask("PUT", "/v1/pipelines/shop", DATA).json()["problems"]
    assert (problem["path"], problem["line"]) == ("id", 0)
    assert (site.desk.calls, site.noted) == ([], [])


def test_every_problem_of_the_shape_is_told_with_path_and_line(site: Site) -> None:
    text = TEXT.replace("stdout", "stdin") + "surces: []\n"
    answer = site.ask("PUT", "/v1/pipelines/web", content=text.encode(), headers=YAML).json()
    assert answer["type"] == "urn:logkeep:bad-pipeline"
    assert [(one["path"], one["line"]) for one in answer["problems"]] == [
        ("destinations[0].type", 6),
        ("surces", 7),
    ]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_what_the_desk_finds_wrong_gets_the_lines_of_the_text(site: Site, query: str) -> None:
    problem = {"path": "destinations[0]", "line": 0, "message": "it cannot be", "hint": "make it another"}
    site.desk.error = BadPipeline([problem])
    response = site.ask("PUT", f"/v1/pipelines/web{query}", content=TEXT.encode(), headers=YAML)
    assert response.json()["problems"] == [{**problem, "line": 6}]
    response = site.ask("PUT", f"/v1/pipelines/web{query}", DATA)
    assert response.json()["problems"] == [problem]
    assert site.noted == []


def test_a_dry_run_only_checks(site: Site) -> None:
    response = site.ask("PUT", "/v1/pipelines/web?dry_run=true", DATA)
    assert (response.status_code, response.json()) == (
        200,
        {"valid": True, "id": "web", "yaml": write_document(SPEC)},
    )
    assert (site.desk.calls, site.noted) == ([("check", SPEC)], [])


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/toml"}, b"x = 1", 415),
        ({}, b"{}", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b"[" * 100_000, 400),
        ({"Content-Type": "application/json"}, b'{"title": "%s"}' % (b"x" * (1 << 20)), 413),
        (YAML, b"- a", 400),
        (YAML, b"x: 1\n" * (1 << 18), 400),
    ],
)
def test_a_body_that_is_no_pipeline_reaches_no_desk(
    site: Site, headers: dict[str, str], content: bytes, status: int
) -> None:
    response = site.ask("PUT", "/v1/pipelines/web", content=content, headers=headers)
    assert response.status_code == status
    assert (site.desk.calls, site.noted) == ([], [])


def test_the_paths_of_all_pipelines_are_no_ids(site: Site) -> None:
    assert site.ask("PUT", "/v1/pipelines/restoration-sources", DATA).json()["field"] == "id"
    assert site.desk.calls == []


@pytest.mark.parametrize(
    ("method", "path", "body", "call", "answer", "noted"),
    [
        (
            "DELETE",
            "",
            None,
            ("delete", "web", False),
            (200, {"id": "web", "deleted": True}),
            ("pipeline.delete", {"discard": False}),
        ),
        (
            "DELETE",
            "?discard=true",
            None,
            ("delete", "web", True),
            (200, {"id": "web", "deleted": True}),
            ("pipeline.delete", {"discard": True}),
        ),
        (
            "POST",
            "/sources/in/key",
            None,
            ("new_key", "web", "in"),
            (201, {"pipeline": "web", "source": "in", "key": "lkp_fresh"}),
            ("pipeline.key", {"source": "in"}),
        ),
        (
            "POST",
            "/destinations/hook/dead-letters/retry",
            None,
            ("retry", "web", "hook"),
            (200, {"retried": 4}),
            ("pipeline.dead-letters.retry", {"destination": "hook", "events": 4}),
        ),
        (
            "DELETE",
            "/destinations/hook/dead-letters",
            None,
            ("discard", "web", "hook"),
            (200, {"discarded": 5}),
            ("pipeline.dead-letters.discard", {"destination": "hook", "events": 5}),
        ),
    ],
)
def test_a_change_is_made_answered_and_written_down_without_its_secrets(
    site: Site,
    method: str,
    path: str,
    body: Any,
    call: Any,
    answer: tuple[int, Any],
    noted: tuple[str, Any],
) -> None:
    response = site.ask(method, f"/v1/pipelines/web{path}", body)
    assert (response.status_code, response.json()) == answer
    assert site.desk.calls == [call]
    assert site.noted == [("k-1", noted[0], "web", noted[1])]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", DATA),
        ("DELETE", "", None),
        ("POST", "/rollback", {"version": 2}),
        ("POST", "/sources/in/key", None),
        ("POST", "/destinations/hook/dead-letters/retry", None),
        ("DELETE", "/destinations/hook/dead-letters", None),
    ],
)
def test_a_change_that_cannot_be_is_not_written_down(site: Site, method: str, path: str, body: Any) -> None:
    site.desk.error = Conflict("events wait")
    response = site.ask(method, f"/v1/pipelines/web{path}", body)
    assert (response.status_code, response.json()["detail"], site.noted) == (409, "events wait", [])


def test_versions_are_listed_and_shown_as_they_were(site: Site) -> None:
    assert site.ask("GET", "/v1/pipelines/web/versions").json() == {
        "versions": [{"version": number, "at": AT, "by": "k-1", "by_name": "first"} for number in (3, 2)]
    }
    assert site.ask("GET", "/v1/pipelines/web/versions/2").json() == {
        "id": "web",
        "version": 2,
        "at": AT,
        "by": "k-1",
        "by_name": "first",
        "spec": DATA,
    }
    for path in ("nothing/versions", "web/versions/4", "nothing/versions/1"):
        assert site.ask("GET", f"/v1/pipelines/{path}").status_code == 404
    for number in ("x", "-1", "9" * 10):
        assert site.ask("GET", f"/v1/pipelines/web/versions/{number}").status_code == 400


@pytest.mark.parametrize("changed", [True, False])
def test_a_roll_back_names_both_versions(site: Site, changed: bool) -> None:
    site.desk.applied = replace(site.desk.applied, changed=changed)
    answer = site.ask("POST", "/v1/pipelines/web/rollback", {"version": 2}).json()
    assert (answer["version"], answer["changed"], answer["keys"]) == (3, changed, {"in": "lkp_new"})
    assert site.desk.calls == [("rollback", "web", 2, "k-1")]
    details = {"to": 2, "account": "main", "version": 3, "keys": ["in"]}
    assert site.noted == ([("k-1", "pipeline.rollback", "web", details)] if changed else [])


@pytest.mark.parametrize("body", [None, {}, {"version": "2"}, {"version": 2, "by": "x"}])
def test_a_roll_back_needs_a_version(site: Site, body: Any) -> None:
    assert site.ask("POST", "/v1/pipelines/web/rollback", body).status_code == 400
    assert site.desk.calls == []


def test_a_test_shows_every_step_and_where_each_event_would_go(site: Site) -> None:
    lines = ['{"status":502,"host":"web-1"}', '{"status":200}']
    answer = site.ask("POST", "/v1/pipelines/web/test", {"ndjson": "\n".join(lines)}).json()
    first, second = answer["events"]
    assert first["before"]["_line"] == lines[0]
    assert (first["before"]["_rx"], first["before"]["_ts"], first["before"]["_account"]) == (NOW, NOW, "main")
    assert [(step["processor"], step["type"], len(step["events"])) for step in first["steps"]] == [
        ("parse-json-1", "parse-json", 1),
        ("filter-2", "filter", 1),
    ]
    assert first["steps"][0]["events"][0]["_meta"]["status"] == 502
    assert first["after"] == first["steps"][-1]["events"]
    assert first["destinations"] == [["all", "hook"]]
    assert (second["steps"][-1]["events"], second["after"], second["destinations"]) == ([], [], [])
    assert (site.desk.calls, site.noted) == ([], [])


@pytest.mark.parametrize("path", ["test", "web/test"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_pipeline_that_is_given_is_tried_in_place_of_a_saved_one(
    site: Site, path: str, as_text: bool
) -> None:
    data = {"id": "new", "sources": [{"type": "http"}], "destinations": [{"type": "stdout"}]}
    given = write_document(parse_spec(data)) if as_text else data
    body = {"pipeline": given, "lines": ['{"status":200}', "", "text"]}
    events = site.ask("POST", f"/v1/pipelines/{path}", body).json()["events"]
    assert [event["before"]["_line"] for event in events] == ['{"status":200}', "text"]
    assert [(event["steps"], event["destinations"]) for event in events] == [([], [["stdout"]])] * 2
    assert [event["note"] for event in events] == ["", ""]
    assert [event["after"] for event in events] == [[event["before"]] for event in events]


def test_the_problems_of_a_pipeline_that_is_tried_have_lines(site: Site) -> None:
    body = {"pipeline": f"id: web\n{TEXT}surces: []\n", "lines": ["x"]}
    [problem] = site.ask("POST", "/v1/pipelines/test", body).json()["problems"]
    assert (problem["path"], problem["line"]) == ("surces", 8)
    site.desk.error = BadPipeline([{"path": "destinations[0]", "line": 0, "message": "no", "hint": ""}])
    body = {"pipeline": f"id: web\n{TEXT}", "lines": ["x"]}
    [problem] = site.ask("POST", "/v1/pipelines/test", body).json()["problems"]
    assert problem["line"] == 7
    site.desk.error = BadSetting("no")
    assert site.ask("POST", "/v1/pipelines/web/test", {"lines": ["x"]}).json()["detail"] == "no"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": [""]},
        {"ndjson": ""},
        {"lines": ["x"], "ndjson": "x"},
        {"lines": ["x"] * 101},
        {"ndjson": "x\n" * 101},
        {"lines": ["x" * 524_289]},
        {"ndjson": "x" * 524_289},
        {"lines": ["x"], "pipeline": 1},
    ],
)
def test_lines_that_cannot_be_are_not_tried(site: Site, body: Any) -> None:
    assert site.ask("POST", "/v1/pipelines/web/test", body).status_code == 400


def test_lines_without_a_pipeline_are_not_tried(site: Site) -> None:
    assert site.ask("POST", "/v1/pipelines/test", {"lines": ["x"]}).json()["field"] == "pipeline"
    assert site.ask("POST", "/v1/pipelines/nothing/test", {"lines": ["x"]}).status_code == 404


def test_dead_letters_are_shown_with_the_other_sides_words(site: Site) -> None:
    answer = site.ask("GET", "/v1/pipelines/web/destinations/hook/dead-letters?limit=7").json()
    event = {"_lid": "1", "_ts": 5, "_line": "x"}
    assert answer == {"dead_letters": [{"at": AT, "reason": "400: no such field", "event": event}]}
    site.ask("GET", "/v1/pipelines/web/destinations/hook/dead-letters")
    assert site.desk.calls == [("dead_letters", "web", "hook", limit) for limit in (7, 100)]
    for limit in ("0", "1001", "x"):
        path = f"/v1/pipelines/web/destinations/hook/dead-letters?limit={limit}"
        assert site.ask("GET", path).status_code == 400


def test_restoration_sources_are_listed_for_who_makes_a_restore(site: Site) -> None:
    assert site.ask("GET", "/v1/pipelines/restoration-sources").json() == {
        "restoration_sources": [
            {"pipeline": "web", "pipeline_title": "Web shop", "source": "back", "title": "Old"}
        ]
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PUT", "", DATA), ("DELETE", "", None), ("POST", "/rollback", {"version": 1})],
)
def test_what_may_wait_for_a_bucket_takes_its_turn(site: Site, method: str, path: str, body: Any) -> None:
    site.use_up_bucket_calls()
    assert site.ask(method, f"/v1/pipelines/web{path}", body).status_code == 503
    assert site.desk.calls == []


@pytest.mark.parametrize("by", ["lki_ingest", "lkp_web", ""])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/test"),
        ("GET", "/restoration-sources"),
        ("GET", "/web"),
        ("PUT", "/web"),
        ("DELETE", "/web"),
        ("GET", "/web/versions"),
        ("GET", "/web/versions/1"),
        ("POST", "/web/rollback"),
        ("POST", "/web/test"),
        ("POST", "/web/sources/in/key"),
        ("GET", "/web/destinations/hook/dead-letters"),
        ("DELETE", "/web/destinations/hook/dead-letters"),
        ("POST", "/web/destinations/hook/dead-letters/retry"),
    ],
)
def test_only_an_administrator_may(site: Site, by: str, method: str, path: str) -> None:
    assert site.ask(method, f"/v1/pipelines{path}", by=by).status_code == (403 if by == "lki_ingest" else 401)
    assert site.desk.calls == []


def test_a_trace_that_is_cut_says_so(site: Site) -> None:
    arrays = "{" + ",".join(f'"{name}":[{",".join("0" * 50)}]' for name in "ab") + "}"
    steps = [
        {"type": "parse-json"},
        {"type": "unroll", "field": "meta.a"},
        {"type": "unroll", "field": "meta.b"},
    ]
    data = {
        "id": "new",
        "sources": [{"type": "http"}],
        "processors": steps,
        "destinations": [{"type": "stdout"}],
    }
    body = {"pipeline": data, "lines": [arrays]}
    [event] = site.ask("POST", "/v1/pipelines/test", body).json()["events"]
    assert [step["more"] for step in event["steps"]] == [0, 0, 1500]
    assert (len(event["after"]), len(event["destinations"])) == (1000, 1000)


def test_a_test_without_lines_says_how_to_give_them(site: Site) -> None:
    answer = site.ask("POST", "/v1/pipelines/web/test", {"lines": [""]})
    assert (answer.status_code, answer.json()["field"]) == (400, "lines")
    assert "1 to 100 texts" in answer.json()["hint"]


def test_what_a_pipeline_can_be_made_of_is_told(site: Site) -> None:
    types = site.ask("GET", "/v1/pipeline-types").json()
    assert list(types) == ["sources", "processors", "destinations"]
    (stdout,) = [one for one in types["destinations"] if one["type"] == "stdout"]
    assert stdout["about"] == "The server's standard output."
    assert [one["name"] for one in stdout["settings"]] == ["name", "query", "batch", "buffer", "when_full"]
