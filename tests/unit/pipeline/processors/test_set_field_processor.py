from __future__ import annotations

from typing import Any

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.set_field import MAX_META, SetProcessor
from logkeep.record import Record


def _meta(json: str) -> msgspec.Raw:
    return msgspec.Raw(json.encode())


def _set(event: Record, field: str, *, value: Any = None, copy: str = "") -> tuple[Record, SetProcessor]:
    processor = SetProcessor(model.Set(field=field, value=value, copy=copy), lambda: 0.0)
    return processor.run([event])[0], processor


@pytest.mark.parametrize(
    ("field", "value", "after"),
    [
        ("env", "prod", Record(env="prod")),
        ("host", 5, Record(host="5")),
        ("tag", ["a", "b"], Record(tag=("a", "b"))),
        ("ts", 5, Record(ts=5)),
        ("meta.a.b", {"c": [1, False]}, Record(meta=_meta('{"a":{"b":{"c":[1,false]}}}'))),
        ("meta.a", "", Record(meta=_meta('{"a":""}'))),
    ],
)
def test_a_value_is_set(field: str, value: object, after: Record) -> None:
    assert _set(Record(), field, value=value)[0] == after


@pytest.mark.parametrize(
    ("field", "copy", "before", "after"),
    [
        ("meta.h", "host", Record(host="x"), Record(host="x", meta=_meta('{"h":"x"}'))),
        ("host", "meta.h", Record(meta=_meta('{"h":1.10}')), Record(host="1.10", meta=_meta('{"h":1.10}'))),
        ("host", "meta.h", Record(host="x"), Record(host="x")),
        ("meta.b", "meta.a", Record(meta=_meta('{"a":1e999}')), Record(meta=_meta('{"a":1e999,"b":1e999}'))),
        ("ts", "rx", Record(ts=1, ns=1, rx=7), Record(ts=7, rx=7)),
        ("meta.id", "id", Record(lid="7"), Record(lid="7", meta=_meta('{"id":"7"}'))),
    ],
)
def test_another_field_is_copied(field: str, copy: str, before: Record, after: Record) -> None:
    assert _set(before, field, copy=copy)[0] == after


def test_a_copy_that_is_no_time_is_noted() -> None:
    event, processor = _set(Record(ts=1, line="x" * 100), "ts", copy="line")
    assert event.ts == 1
    assert processor.noted == {"failed": 1}
    assert processor.problem == f"no time in epoch milliseconds: '{'x' * 80}…'"


def test_copies_into_itself_have_an_end() -> None:
    processor = SetProcessor(model.Set(field="meta.a", copy="meta"), lambda: 0.0)
    event = Record(meta=_meta('{"x":"' + "x" * 1000 + '"}'))
    while not processor.noted:
        processor.run([event])
    assert MAX_META // 4 < len(event.meta) <= MAX_META
    assert processor.problem == "_meta would have more than 4 MiB"


@pytest.mark.parametrize(
    ("field", "value", "copy", "named"),
    [
        ("env", None, "", "value"),
        ("env", "x", "host", "value"),
        ("env", None, "env", "copy"),
        ("env", None, "nothing", "copy"),
        ("rx", 5, "", "field"),
        ("nothing", 5, "", "field"),
        ("ts", "2026-11-20", "", "value"),
        ("ts", -1, "", "value"),
        ("meta.a", {("a", "b"): 1}, "", "value"),
        ("meta.a", object(), "", "value"),
        ("host", "\ud800", "", "value"),
    ],
)
def test_what_cannot_be_set_is_refused(field: str, value: object, copy: str, named: str) -> None:
    with pytest.raises(BadSetting) as refused:
        _set(Record(), field, value=value, copy=copy)
    assert refused.value.field == named
    assert refused.value.hint
