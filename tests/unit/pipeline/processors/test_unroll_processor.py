from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.unroll import UnrollProcessor
from logkeep.record import Record


def _meta(json: str) -> msgspec.Raw:
    return msgspec.Raw(json.encode())


def _unrolled(field: str, event: Record) -> tuple[list[Record], UnrollProcessor]:
    processor = UnrollProcessor(model.Unroll(field=field), lambda: 0.0)
    return processor.run([event]), processor


def test_one_event_for_each_element_of_meta() -> None:
    before = Record(lid="17", ts=5, host="h", meta=_meta('{"a":{"r":[{"x":1.10},"two",null]},"b":2}'))
    events, _ = _unrolled("meta.a.r", before)
    assert [bytes(event.meta) for event in events] == [
        b'{"a":{"r":{"x":1.10}},"b":2}',
        b'{"a":{"r":"two"},"b":2}',
        b'{"a":{"r":null},"b":2}',
    ]
    assert [(event.ts, event.host) for event in events] == [(5, "h")] * 3


def test_one_event_for_each_element_of_a_line() -> None:
    events, _ = _unrolled("line", Record(lid="17", line=' ["a", {"b": 1}, 5]', meta=_meta('{"m":1}')))
    assert [event.line for event in events] == ["a", '{"b": 1}', "5"]
    assert [event.meta for event in events] == [_meta('{"m":1}')] * 3


def test_ids_are_distinct_and_the_same_again() -> None:
    first, second = (_unrolled("line", Record(lid="17", line="[1,2,3]"))[0] for _ in range(2))
    # The first 8 bytes of BLAKE2b of "17/1" and "17/2", without their highest bit.
    assert [event.lid for event in first] == ["17", "2374294396697444891", "2149273286209658509"]
    assert first == second


def test_events_without_an_id_get_none() -> None:
    assert [event.lid for event in _unrolled("line", Record(line="[1,2]"))[0]] == ["", ""]


@pytest.mark.parametrize(
    ("field", "event"),
    [
        ("line", Record(line="plain")),
        ("line", Record(line="[1, 2")),
        ("line", Record(line="[error] text")),
        ("line", Record(line="[]")),
        ("line", Record()),
        ("meta.r", Record(meta=_meta('{"r":5}'))),
        ("meta.r", Record(meta=_meta('{"r":null}'))),
        ("meta.r", Record()),
        ("tag", Record(tag=("a",))),
    ],
)
def test_an_event_without_an_array_passes_as_it_is(field: str, event: Record) -> None:
    before = msgspec.structs.replace(event)
    events, processor = _unrolled(field, event)
    assert events == [before]
    assert not processor.noted


def test_tags_and_whole_meta() -> None:
    assert [event.tag for event in _unrolled("tag", Record(tag=("a", "b")))[0]] == [("a",), ("b",)]
    events, _ = _unrolled("meta", Record(meta=_meta('[{"a":1},2]')))
    assert [bytes(event.meta) for event in events] == [b'{"a":1}', b"2"]


def test_too_many_elements_stay_together() -> None:
    assert len(_unrolled("line", Record(line=str([0] * 1000)))[0]) == 1000
    event = Record(lid="1", line=str([0] * 1001))
    events, processor = _unrolled("line", event)
    assert events == [Record(lid="1", line=str([0] * 1001))]
    assert processor.noted == {"failed": 1}
    assert processor.problem == "an array of 1001 elements; at most 1000 become events"


def test_what_each_event_would_carry_along_is_bounded() -> None:
    event = Record(line="x" * 100_000, meta=_meta(f'{{"r":{[0] * 1000}}}'))
    events, processor = _unrolled("meta.r", event)
    assert events == [event]
    assert processor.noted == {"failed": 1}
    assert "drop other fields before" in processor.problem


@pytest.mark.parametrize("field", ["ts", "id", "nothing"])
def test_what_is_no_array_is_refused(field: str) -> None:
    with pytest.raises(BadSetting) as refused:
        _unrolled(field, Record())
    assert refused.value.field == "field"
