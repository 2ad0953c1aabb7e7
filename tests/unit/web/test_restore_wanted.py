"""A new restore as its form has it."""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.web.form import Form
from logkeep.web.problem import Problem
from logkeep.web.restores.choices import Choices
from logkeep.web.restores.wanted import body_of, chosen_archives, form_of_link, link_params


def archive(name: str, account: str, pipeline: str = "") -> dict[str, Any]:
    return {
        "id": name,
        "account": account,
        "pipeline": pipeline,
        "title": "",
        "place": f"file:///{name}",
        "layout": "",
    }


CHOICES = Choices(
    archives=[
        archive("acme", "acme"),
        archive("main", "main"),
        archive("errors", "main"),
        archive("web-out", "main", "web"),
    ],
    sources=[
        {"pipeline": "web", "source": "back", "pipeline_title": "", "title": ""},
        {"pipeline": "web", "source": "other", "pipeline_title": "Shop", "title": "Twice"},
    ],
    providers=[],
)
SPAN = [("from", "-2h"), ("to", "now")]


def form(**fields: str) -> Form:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return Form([*SPAN, ("log_archive", "main"), *named.items()])


def refused(**fields: str) -> Problem:
    with pytest.raises(Problem) as raised:
        body_of(form(**fields), CHOICES)
    return raised.value


def linked(into_pipeline: bool = False, **params: str) -> dict[str, str]:
    return dict(form_of_link(params, CHOICES, into_pipeline=into_pipeline))


def test_choices_name_all_of_an_account_or_one() -> None:
    assert [value for value, _ in CHOICES.log_options] == ["acme", "main", "main/main", "main/errors"]
    assert CHOICES.pipeline_options == [("web-out", "web: web-out (file:///web-out)")]
    assert CHOICES.source_options == [("web/back", "web: back"), ("web/other", "Shop: Twice")]


def test_a_form_asks_for_all_archives_of_an_account_or_for_one() -> None:
    body = body_of(form(query=" a b ", name="n", reason="INC"), CHOICES)
    assert (body["account"], body["archive"], body["query"], body["name"]) == ("main", "", " a b ", "n")
    assert (body["from"], body["to"], body["limit_lines"], body["limit_bytes"]) == ("-2h", "now", 0, 0)
    assert "expiry_s" not in body
    one = body_of(form(log_archive="main/errors", expiry_s="3d"), CHOICES)
    assert (one["account"], one["archive"], one["expiry_s"]) == ("main", "errors", "3d")


def test_an_archive_of_a_pipeline_is_read_as_its_accounts() -> None:
    body = body_of(form(which="pipeline", pipeline_archive="web-out"), CHOICES)
    assert (body["account"], body["archive"]) == ("main", "web-out")


def test_lines_go_into_a_pipeline_with_a_rate_or_into_files() -> None:
    into = body_of(form(into="pipeline", source="web/other", rate="1,000", expiry_s="5d"), CHOICES)
    assert (into["pipeline"], into["rate"]) == ({"id": "web", "source": "other"}, 1000)
    assert "expiry_s" not in into
    files = body_of(
        form(
            into="files",
            files_provider="s3",
            files_format="parquet",
            files__option__bucket="out",
            files__option__prefix=" ",
            files__secret__secret_access_key="not-a-real-key",
        ),
        CHOICES,
    )
    assert files["files"] == {
        "provider": "s3",
        "format": "parquet",
        "options": {"bucket": "out"},
        "secrets": {"secret_access_key": "not-a-real-key"},
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from": ""}, "from"),
        ({"to": ""}, "to"),
        ({"log_archive": ""}, "log_archive"),
        ({"which": "pipeline"}, "pipeline_archive"),
        ({"which": "pipeline", "pipeline_archive": "main-of-nobody"}, "pipeline_archive"),
        ({"into": "pipeline"}, "source"),
        ({"into": "pipeline", "source": "web/back", "rate": "fast"}, "rate"),
        ({"limit_lines": "-1"}, "limit_lines"),
        ({"limit_lines": "1e9"}, "limit_lines"),
    ],
)
def test_what_only_the_form_knows_is_told_at_its_field(fields: dict[str, str], field: str) -> None:
    assert refused(**fields).field == field


def test_a_link_chooses_archive_and_pipeline() -> None:
    assert linked(archive="errors")["log_archive"] == "main/errors"
    assert linked(archive="acme")["log_archive"] == "acme"
    pipes = linked(archive="web-out")
    assert (pipes["which"], pipes["pipeline_archive"]) == ("pipeline", "web-out")
    sent = linked(pipeline="web", source="other", into_pipeline=True)
    assert (sent["source"], sent["into"]) == ("web/other", "pipeline")
    assert linked(pipeline="gone")["source"] == ""


def test_a_link_to_what_is_not_seen_says_nothing_of_it() -> None:
    found = linked(archive="secret-archive", account="secret-account")
    assert (found["which"], found["log_archive"]) == ("log", "main")


def test_a_link_fills_in_what_is_a_field_and_nothing_else() -> None:
    found = linked(name="n", query="a", csrf_token="x", any_marker="1", notify_url="https://x")
    assert found == {
        "on_limit": "keep",
        "into": "account",
        "name": "n",
        "query": "a",
        "which": "log",
        "log_archive": "main",
    }


def test_a_restore_is_asked_for_again_as_it_was() -> None:
    restore = {
        "name": "n",
        "reason": "INC",
        "from": "2026-11-20T09:00:00.000Z",
        "to": "2026-11-20T10:00:00.000Z",
        "query": "a",
        "source": "main",
        "archive": "web-out",
        "destination": {"pipeline": "web", "source": "other"},
        "rate": 5,
        "limit_lines": 7,
        "limit_bytes": 0,
        "on_limit": "ask",
        "skip_damaged": True,
        "thaw": "bulk",
        "files": None,
    }
    again = form_of_link(link_params(restore), CHOICES, into_pipeline=True)
    body = body_of(again, CHOICES)
    assert (body["account"], body["archive"], body["query"]) == ("main", "web-out", "a")
    assert (body["pipeline"], body["rate"]) == ({"id": "web", "source": "other"}, 5)
    assert (body["limit_lines"], body["on_limit"], body["skip_damaged"], body["thaw"]) == (
        7,
        "ask",
        True,
        "bulk",
    )


def test_the_chosen_archives_are_those_that_are_read() -> None:
    def ids(**fields: str) -> list[str]:
        return [one["id"] for one in chosen_archives(form(**fields), CHOICES)]

    assert ids() == ["main", "errors"]
    assert ids(log_archive="main/errors") == ["errors"]
    assert ids(which="pipeline", pipeline_archive="web-out") == ["web-out"]
    assert ids(log_archive="nobody") == []
