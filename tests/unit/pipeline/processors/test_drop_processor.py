from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.drop import DropProcessor
from logkeep.record import Record


def _without(*fields: str) -> Record:
    event = Record(
        lid="1",
        ts=2,
        line="x",
        raw="/w==",
        host="h",
        tag=("t",),
        meta=msgspec.Raw(b'{"a":{"b":1,"c":2},"d":3}'),
    )
    return DropProcessor(model.Drop(fields=fields), lambda: 0.0).run([event])[0]


def test_fields_are_taken_away() -> None:
    assert _without("line", "tag", "meta.a.b", "meta.d", "app") == Record(
        lid="1", ts=2, host="h", meta=msgspec.Raw(b'{"a":{"c":2}}')
    )
    assert _without("meta", "meta.a", "host") == Record(lid="1", ts=2, line="x", raw="/w==", tag=("t",))


def test_an_event_without_the_field_stays_as_it_is() -> None:
    processor = DropProcessor(model.Drop(fields=("meta.a", "env")), lambda: 0.0)
    assert processor.run([Record(line="x")]) == [Record(line="x")]
    assert not processor.noted


@pytest.mark.parametrize("fields", [(), ("line", "id"), ("ts",), ("meta.a", "nothing")])
def test_what_cannot_be_dropped_is_refused(fields: tuple[str, ...]) -> None:
    with pytest.raises(BadSetting) as refused:
        _without(*fields)
    assert refused.value.field == "fields"
