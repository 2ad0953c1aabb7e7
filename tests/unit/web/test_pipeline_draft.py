"""A pipeline in a form: its parts are added, taken away and moved, and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from logkeep.pipeline.part_types import part_types
from logkeep.web.form import Form
from logkeep.web.pipeline_draft import Choices, changed, draft_of, field_of, kinds_of, too_large

TYPES = json.loads(json.dumps({kind: [asdict(one) for one in types] for kind, types in part_types().items()}))
CHOICES = Choices(
    accounts=["main"],
    providers={
        "s3": [
            {"name": "bucket", "secret": False, "advanced": False},
            {"name": "proxy_url", "secret": False, "advanced": True},
            {"name": "secret_key", "secret": True, "advanced": False},
        ]
    },
)
DRAFT: dict[str, Any] = {
    "id": "web",
    "sources": [{"type": "http"}],
    "processors": [{"type": "filter"}, {"type": "redact"}, {"type": "unroll"}],
    "destinations": [],
}


def order(draft: dict[str, Any]) -> list[str]:
    return [one["type"] for one in draft["processors"]]


@pytest.mark.parametrize(
    ("press", "expected"),
    [
        ("up:processors:1", ["redact", "filter", "unroll"]),
        ("down:processors:1", ["filter", "unroll", "redact"]),
        ("up:processors:0", ["filter", "redact", "unroll"]),
        ("down:processors:2", ["filter", "redact", "unroll"]),
        ("remove:processors:0", ["redact", "unroll"]),
        ("add:processors", ["filter", "redact", "unroll", "sample"]),
        ("remove:processors:9", ["filter", "redact", "unroll"]),
        ("remove:processors:-1", ["filter", "redact", "unroll"]),
        ("remove:nothing:0", ["filter", "redact", "unroll"]),
        ("explode:processors:0", ["filter", "redact", "unroll"]),
        ("", ["filter", "redact", "unroll"]),
    ],
)
def test_buttons_change_the_order(press: str, expected: list[str]) -> None:
    after = changed(DRAFT, press, {"processors": "sample"})
    assert order(after) == expected
    assert {**after, "processors": 0} == {**DRAFT, "processors": 0}
    assert order(DRAFT) == ["filter", "redact", "unroll"]


def test_a_form_is_read_as_the_pipeline_that_it_says() -> None:
    form = Form(
        [
            ("id", " web "),
            ("title", ""),
            ("sources.0:type", "http"),
            ("sources.0.name", "in"),
            ("processors.0:type", "filter"),
            ("processors.0.query", "level:error"),
            ("processors.1:type", "no-such"),
            ("processors.3:type", "filter"),  # no form of ours leaves a gap
        ]
    )
    assert draft_of(form, TYPES) == {
        "id": "web",
        "sources": [{"type": "http", "name": "in"}],
        "processors": [{"type": "filter", "query": "level:error"}, {"type": "no-such"}],
        "destinations": [],
    }


def test_an_archive_has_the_secrets_and_options_of_its_provider() -> None:
    draft = {**DRAFT, "destinations": [{"type": "archive", "provider": "s3"}, {"type": "archive"}]}
    one, other = kinds_of(draft, TYPES, CHOICES)[2].parts
    assert [each.name for each in one.main if each.kind == "secret"] == ["destinations.0.secrets.secret_key"]
    assert one.options == "Of s3: bucket."
    assert ([each.label for each in other.main], other.options) == (["provider", "options"], "")


def test_a_part_of_an_unknown_type_is_shown_to_be_removed() -> None:
    (part,) = kinds_of({"sources": [{"type": "no-such"}]}, TYPES, CHOICES)[0].parts
    assert (part.type, list(part.main), part.is_first, part.is_last) == ("no-such", [], True, True)


def test_more_than_a_form_can_send_is_told() -> None:
    assert not too_large(kinds_of(DRAFT, TYPES, CHOICES))
    many = {**DRAFT, "destinations": [{"type": "http"}] * 50}
    assert too_large(kinds_of(many, TYPES, CHOICES))


def test_the_path_of_a_problem_names_its_field() -> None:
    assert field_of("destinations[0].batch.events") == "destinations.0.batch.events"
