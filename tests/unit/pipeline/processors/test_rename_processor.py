from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.rename import RenameProcessor
from logkeep.record import Record


def _meta(json: str) -> msgspec.Raw:
    return msgspec.Raw(json.encode())


def _renamed(field: str, to: str, event: Record) -> tuple[Record, RenameProcessor]:
    processor = RenameProcessor(model.Rename(field=field, to=to), lambda: 0.0)
    return processor.run([event])[0], processor


@pytest.mark.parametrize(
    ("field", "to", "before", "after"),
    [
        ("meta.msg", "line", Record(line="old", raw="/w==", meta=_meta('{"msg":"new"}')), Record(line="new")),
        ("meta.n", "meta.m.o", Record(meta=_meta('{"n":1.10}')), Record(meta=_meta('{"m":{"o":1.10}}'))),
        (
            "meta.n",
            "host",
            Record(meta=_meta('{"n":1.10,"x":0}')),
            Record(host="1.10", meta=_meta('{"x":0}')),
        ),
        ("line", "meta.raw", Record(line="é", raw=""), Record(meta=_meta('{"raw":"é"}'))),
        ("meta", "meta.old", Record(meta=_meta('{"a":1}')), Record(meta=_meta('{"old":{"a":1}}'))),
        ("meta.a", "meta", Record(meta=_meta('{"a":{"b":1}}')), Record(meta=_meta('{"b":1}'))),
        ("tag", "meta.tags", Record(tag=("a",)), Record(meta=_meta('{"tags":["a"]}'))),
        ("meta.tags", "tag", Record(meta=_meta('{"tags":["a",1]}')), Record(tag=("a", "1"))),
        ("meta.t", "ts", Record(ts=1, ns=2, meta=_meta('{"t":5}')), Record(ts=5)),
        ("host", "app", Record(host="h", app="a"), Record(app="h")),
        ("host", "app", Record(app="a"), Record(app="a")),
        ("meta.x", "meta.y", Record(meta=_meta('{"y": 1}')), Record(meta=_meta('{"y": 1}'))),
        (
            "meta.x",
            "line",
            Record(line="x", meta=_meta('{"x":null}')),
            Record(line="x", meta=_meta('{"x":null}')),
        ),
    ],
)
def test_a_value_moves(field: str, to: str, before: Record, after: Record) -> None:
    assert _renamed(field, to, before)[0] == after


@pytest.mark.parametrize("json", ['{"t":"yesterday"}', '{"t":-1}', '{"t":true}'])
def test_what_is_no_time_stays_where_it_is(json: str) -> None:
    event, processor = _renamed("meta.t", "ts", Record(ts=1, meta=_meta(json)))
    assert event == Record(ts=1, meta=_meta(json))
    assert processor.noted == {"failed": 1}
    assert "no time in epoch milliseconds" in processor.problem


@pytest.mark.parametrize(
    ("field", "to", "named"),
    [
        ("id", "host", "field"),
        ("ts", "meta.t", "field"),
        ("host", "account", "to"),
        ("nothing", "host", "field"),
        ("host", "nothing", "to"),
        ("host", "host", "to"),
    ],
)
def test_what_cannot_be_renamed_is_refused(field: str, to: str, named: str) -> None:
    with pytest.raises(BadSetting) as refused:
        _renamed(field, to, Record())
    assert refused.value.field == named
