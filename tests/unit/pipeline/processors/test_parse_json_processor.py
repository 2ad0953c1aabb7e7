from __future__ import annotations

from typing import Any

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.parse_json import ParseJsonProcessor
from logkeep.record import Record, encode_lines


def _meta(json: str) -> msgspec.Raw:
    return msgspec.Raw(json.encode())


def _parsed(event: Record, **settings: Any) -> tuple[list[Record], ParseJsonProcessor]:
    processor = ParseJsonProcessor(model.ParseJson(**settings), lambda: 0.0)
    return processor.run([event]), processor


@pytest.mark.parametrize("line", ['{"a":1.10,"b":{"c":[1]}}', "{}", ' {"a":1,"a":2} ', '{"é":"\\u00e9"}'])
def test_the_bytes_of_the_line_become_meta(line: str) -> None:
    assert _parsed(Record(line=line))[0] == [Record(line=line, meta=_meta(line))]


@pytest.mark.parametrize(
    ("before", "settings", "after"),
    [
        (Record(line='{"a":1}', meta=_meta('{"a":0,"b":2}')), {}, '{"a":1,"b":2}'),
        (Record(line='{"a":1}', meta=_meta('"text"')), {}, '{"meta":"text","a":1}'),
        (Record(line='{"a":1}'), {"to": "meta.x"}, '{"x":{"a":1}}'),
        (Record(line='{"a":1}', meta=_meta('{"x":{"b":2}}')), {"to": "meta.x"}, '{"x":{"b":2,"a":1}}'),
        (Record(meta=_meta('{"m":"{\\"a\\":1}"}')), {"field": "meta.m"}, '{"m":"{\\"a\\":1}","a":1}'),
        (Record(meta=_meta('{"m":{"a":1}}')), {"field": "meta.m"}, '{"m":{"a":1},"a":1}'),
    ],
)
def test_members_are_merged(before: Record, settings: dict[str, str], after: str) -> None:
    (event,), processor = _parsed(before, **settings)
    assert bytes(event.meta).decode() == after
    assert not processor.noted


@pytest.mark.parametrize("meta", [msgspec.Raw(), _meta('{"b":2}')])
def test_a_canonical_line_stays_one_line(meta: msgspec.Raw) -> None:
    (event,), _ = _parsed(Record(line='{\r\n  "a": [1,\n 2]\n}', meta=meta))
    assert bytes(event.meta).endswith(b'"a":[1,2]}')
    assert encode_lines([event]).count(b"\n") == 1


_FAILURES = [
    ("", "the field is absent: ''"),
    ("plain text", "no JSON object: JSON is malformed: invalid character (byte 0): 'plain text'"),
    ("[1]", "no JSON object: Expected `object`, got `array`: '[1]'"),
    ("5", "no JSON object: Expected `object`, got `int`: '5'"),
    ('{"a":NaN}', "no JSON object: JSON is malformed: invalid character (byte 5): '{\"a\":NaN}'"),
    ('{"a":1} x', "no JSON object: JSON is malformed: trailing characters"),
    ('{"a":' * 65 + "1" + "}" * 65, "nested deeper than 64 levels: "),
    ('{"a":' * 99_000 + "1" + "}" * 99_000, "nested deeper than 64 levels: "),
    ('{"a":' + "[" * 64 + "]" * 64 + "}", "nested deeper than 64 levels: "),
]


@pytest.mark.parametrize(("line", "problem"), _FAILURES)
def test_what_is_no_object_is_kept_and_noted(line: str, problem: str) -> None:
    events, processor = _parsed(Record(line=line, meta=_meta('{"b":2}')))
    assert events == [Record(line=line, meta=_meta('{"b":2}'))]
    assert processor.noted == {"failed": 1}
    assert processor.problem.startswith(problem)
    assert len(processor.problem) < 300


@pytest.mark.parametrize(("line", "problem"), _FAILURES)
def test_or_dropped_where_that_is_asked(line: str, problem: str) -> None:
    processor = ParseJsonProcessor(model.ParseJson(on_failure="drop"), lambda: 0.0)
    good = [Record(line='{"a":1}'), Record(line='{"a":1}')]
    assert processor.run([good[0], Record(line=line), good[1]]) == good
    assert processor.noted == {"failed": 1}
    assert processor.problem.startswith(problem)


@pytest.mark.parametrize(
    "line", ['{"a":' * 64 + "1" + "}" * 64, '{"a":"' + "[{" * 100 + '"}', '{"a":[' + "[{}]," * 100 + "1]}"]
)
def test_many_brackets_that_are_not_deep_are_taken(line: str) -> None:
    assert _parsed(Record(line=line))[0] == [Record(line=line, meta=_meta(line))]


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"to": "line"}, "to"), ({"to": ""}, "to"), ({"to": "id"}, "to"), ({"field": "nothing"}, "field")],
)
def test_what_cannot_be_is_refused(settings: dict[str, str], named: str) -> None:
    with pytest.raises(BadSetting) as refused:
        _parsed(Record(), **settings)
    assert refused.value.field == named
