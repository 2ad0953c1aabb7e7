from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.parse_grok import ParseGrokProcessor
from logkeep.record import Record


def test_the_first_pattern_that_fits_gives_the_members() -> None:
    spec = model.ParseGrok(
        patterns=("^%{INT:n:int}$", "^%{WORD:w}$", "^%{PAIR}$"), definitions={"PAIR": "%{WORD:a}=%{DATA:b}"}
    )
    processor = ParseGrokProcessor(spec, lambda: 0.0)
    records = processor.run([Record(line=line) for line in ("12", "word", "a=b", "??")])
    assert [bytes(record.meta) for record in records] == [
        b'{"n":12}',
        b'{"w":"word"}',
        b'{"a":"a","b":"b"}',
        b"",
    ]
    assert processor.noted == {"failed": 1}
    assert processor.problem == "does not fit: '??'"


def test_nested_fields_join_the_objects_that_are_there() -> None:
    processor = ParseGrokProcessor(model.ParseGrok(patterns=("%{INT:http.status:int}",)), lambda: 0.0)
    [record] = processor.run([Record(line="200", meta=msgspec.Raw(b'{"http":{"verb":"GET"},"x":1}'))])
    assert msgspec.json.decode(record.meta) == {"http": {"verb": "GET", "status": 200}, "x": 1}


def test_a_pattern_without_fields_changes_nothing() -> None:
    processor = ParseGrokProcessor(model.ParseGrok(patterns=("x",), on_failure="drop"), lambda: 0.0)
    assert processor.run([Record(line="y"), Record(line="x")]) == [Record(line="x")]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (model.ParseGrok(patterns=()), "patterns"),
        (model.ParseGrok(patterns=("x", "%{NO}")), "patterns[1]"),
        (model.ParseGrok(patterns=("x",), to="host"), "to"),
    ],
)
def test_what_cannot_be_is_refused(spec: model.ParseGrok, field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        ParseGrokProcessor(spec, lambda: 0.0)
    assert caught.value.field == field
