"""The types of parts as data: complete, and as the model has them."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from logkeep.pipeline import model
from logkeep.pipeline.part_types import PartType, Setting, part_types


def named(kind: str, name: str) -> PartType:
    return next(one for one in part_types()[kind] if one.type == name)


def setting(part: PartType, name: str) -> Setting:
    return next(one for one in part.settings if one.name == name)


@pytest.mark.parametrize(
    ("kind", "union"),
    [("sources", model.Source), ("processors", model.Processor), ("destinations", model.Destination)],
)
def test_every_type_is_there_with_every_setting(kind: str, union: object) -> None:
    found = {one.type: [each.name for each in one.settings] for one in part_types()[kind]}
    assert found == {
        str(one.__struct_config__.tag): [each.name for each in msgspec.structs.fields(one)]
        for one in get_args(union)
    }


@pytest.mark.parametrize(
    ("kind", "part", "name", "expected"),
    [
        ("sources", "account", "account", ("text", True, None)),
        ("sources", "http", "title", ("text", False, "")),
        ("processors", "redact", "fields", ("texts", False, ("line", "meta"))),
        ("processors", "set", "value", ("value", False, None)),
        ("processors", "sample", "rate", ("number", True, None)),
        ("processors", "parse-grok", "definitions", ("pairs", False, {})),
        ("destinations", "archive", "options", ("options", False, {})),
        ("destinations", "archive", "secrets", ("secrets", False, {})),
        ("destinations", "archive", "compression_level", ("number", False, None)),
        ("destinations", "http", "gzip", ("flag", False, True)),
        ("destinations", "http", "timeout", ("amount", False, "30s")),
        ("destinations", "loki", "static_labels", ("pairs", False, {"source": "logkeep"})),
    ],
)
def test_a_setting_has_its_kind_and_default(
    kind: str, part: str, name: str, expected: tuple[str, bool, object]
) -> None:
    found = setting(named(kind, part), name)
    assert (found.kind, found.required, found.default) == expected


def test_choices_limits_and_groups_are_told() -> None:
    kafka = named("destinations", "kafka")
    assert setting(kafka, "mechanism").choices == ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    assert setting(kafka, "buffer").limits == "1MiB to 1TiB"
    assert [one.name for one in setting(kafka, "batch").settings] == ["events", "bytes", "age"]


def test_secrets_and_what_it_does_are_told() -> None:
    http = named("destinations", "http")
    assert list(http.secrets) == ["token", "password", "header."]
    assert http.about == "Canonical lines as NDJSON, or as one JSON array."
