"""Settings of parts as fields, and back: what a form shows and is sent unchanged is the same pipeline."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from logkeep.pipeline.part_types import part_types
from logkeep.web.form import Form
from logkeep.web.part_form import Input, Setting, data_of, inputs


def settings_of(kind: str, name: str) -> list[Setting]:
    found = next(one for one in part_types()[kind] if one.type == name)
    answered: list[Setting] = json.loads(json.dumps([asdict(one) for one in found.settings]))
    return answered


def sent(fields: list[Input]) -> list[tuple[str, str]]:
    """What a browser sends of fields that nobody touched; it ends lines with CR LF."""
    pairs: list[tuple[str, str]] = []
    for one in fields:
        if one.kind == "group":
            pairs += sent(list(one.inputs))
        elif one.kind == "flag":
            pairs += [(one.name, "1")] if one.checked else []
        elif one.kind == "new-secret":
            pairs += [(f"{one.name}:new-name", ""), (f"{one.name}:new-value", "")]
        else:
            pairs.append((one.name, one.text.replace("\n", "\r\n")))
            pairs += [(f"{one.name}:saved", "1")] if one.saved else []
    return pairs


def there_and_back(kind: str, data: dict[str, Any], *, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    settings = settings_of(kind, data["type"])
    form = Form(sent(inputs(settings, data, "p.0", secrets=secrets)))
    return {"type": data["type"], **data_of(settings, form, "p.0")}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("sources", {"type": "http"}),
        ("sources", {"type": "account", "name": "a", "account": "main", "query": 'level:"x y"'}),
        ("processors", {"type": "drop", "fields": ["meta.a", "meta.b"]}),
        ("processors", {"type": "drop", "fields": ["meta.a\nb", " blank "]}),
        ("processors", {"type": "set", "field": "env", "value": "production"}),
        ("processors", {"type": "set", "field": "meta.n", "value": 5}),
        ("processors", {"type": "set", "field": "meta.n", "value": "5"}),
        ("processors", {"type": "set", "field": "meta.n", "value": " x"}),
        ("processors", {"type": "set", "field": "meta.n", "value": {"a": [1, None, True]}}),
        ("processors", {"type": "set", "field": "meta.n", "value": ""}),
        ("processors", {"type": "redact", "regex": ["[a-z]+:x"], "replacement": ""}),
        ("processors", {"type": "redact", "patterns": ["email"], "fields": []}),
        ("processors", {"type": "parse-regex", "pattern": "(?x)\n (?P<a>.)\n"}),
        ("processors", {"type": "parse-regex", "pattern": " (?P<a>.) "}),
        ("processors", {"type": "parse-grok", "patterns": ["%{A:b}"], "definitions": {"A": "x: y"}}),
        ("processors", {"type": "parse-grok", "patterns": ["x"], "definitions": {"A:B": "x", "C": " y"}}),
        ("processors", {"type": "sample", "rate": 0.5}),
        ("processors", {"type": "throttle", "rate": 10, "burst": 3, "by": "host"}),
        ("destinations", {"type": "stdout", "batch": {"events": 5, "bytes": "64KiB"}, "when_full": "drop"}),
        ("destinations", {"type": "http", "url": "https://x.example", "gzip": False, "timeout": 5}),
        ("destinations", {"type": "http", "url": "https://x.example", "headers": {"X-A": "b: c", "X-B": ""}}),
        ("destinations", {"type": "syslog", "host": "h", "ca": "-----BEGIN\nabc\n-----END\n"}),
        ("destinations", {"type": "loki", "url": "https://x.example", "static_labels": {}}),
        ("destinations", {"type": "kafka", "brokers": ["a:1", "b:2"], "topic": "t", "mechanism": "PLAIN"}),
        (
            "destinations",
            {
                "type": "archive",
                "provider": "s3",
                "options": {"a": True, "b": "true", "c": None, "d": '"x"', "e": "5", "f": "null"},
                "title": "T",
                "compression_level": 9,
                "seal_after": 600,
            },
        ),
    ],
)
def test_a_part_that_nobody_touched_stays_as_it_is(kind: str, data: dict[str, Any]) -> None:
    assert there_and_back(kind, data) == data


@pytest.mark.parametrize("kind", ["sources", "processors", "destinations"])
def test_every_type_has_a_form(kind: str) -> None:
    for one in part_types()[kind]:
        assert there_and_back(kind, {"type": one.type}) == {"type": one.type}


def test_saved_secrets_stay_and_given_ones_are_kept() -> None:
    hook = {"type": "http", "url": "https://x.example", "secrets": {"token": None, "header.X-Key": "new"}}
    assert there_and_back("destinations", hook, secrets=("token", "password", "header.")) == hook


def test_a_saved_secret_can_be_taken_away_and_another_given() -> None:
    form = Form(
        [
            ("p.0.url", "https://x.example"),
            ("p.0.secrets.token", ""),
            ("p.0.secrets.token:saved", "1"),
            ("p.0.secrets.token:gone", "1"),
            ("p.0.secrets:new-name", "header.X-Key"),
            ("p.0.secrets:new-value", " s3cret "),
        ]
    )
    data = data_of(settings_of("destinations", "http"), form, "p.0")
    assert data["secrets"] == {"header.X-Key": " s3cret "}


def test_what_is_no_number_goes_on_as_it_was_written() -> None:
    form = Form([("p.0.rate", "lots"), ("p.0.burst", "nan")])
    assert data_of(settings_of("processors", "throttle"), form, "p.0") == {"rate": "lots", "burst": "nan"}


def test_what_is_needed_or_chosen_stands_first() -> None:
    fields = inputs(settings_of("destinations", "http"), {"url": "https://x.example", "gzip": False}, "p.0")
    assert [one.label for one in fields if one.chosen] == ["url", "gzip"]


def test_accounts_are_chosen_from_those_that_there_are() -> None:
    settings = settings_of("sources", "account")
    (one,) = [
        each
        for each in inputs(settings, {"account": "gone"}, "p.0", choices={"account": ["main", "acme"]})
        if each.label == "account"
    ]
    assert (one.kind, list(one.choices), one.text) == ("choice", ["main", "acme", "gone"], "gone")
