from __future__ import annotations

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors import dedupe
from logkeep.pipeline.processors.dedupe import DedupeProcessor
from logkeep.record import Record


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines(processor: DedupeProcessor, text: str) -> str:
    """Of one event for each character, those that go on."""
    return "".join(record.line for record in processor.run([Record(line=char) for char in text]))


def test_equal_events_go_on_once_in_each_window() -> None:
    clock = Clock()
    processor = DedupeProcessor(model.Dedupe(window="10s"), clock)
    assert lines(processor, "abab") == "ab"
    clock.now += 9.5
    assert lines(processor, "abc") == "c"
    clock.now += 0.5  # the window began with the first, however many came since
    assert lines(processor, "abcc") == "ab"
    clock.now += 9.5
    assert lines(processor, "abc") == "c"
    assert processor.noted == {}


def test_all_named_fields_count_and_where_each_ends() -> None:
    processor = DedupeProcessor(model.Dedupe(fields=("app", "meta.user")), Clock())
    records = [
        Record(line="1", app="a", meta=msgspec.Raw(b'{"user":"b1:c"}')),
        Record(line="2", app="a", meta=msgspec.Raw(b'{"user":"b1:c","x":1}')),
        Record(line="3", app="a4:b", meta=msgspec.Raw(b'{"user":"c"}')),
        Record(line="4", app="a"),
        Record(line="5", app="a"),
    ]
    assert [record.line for record in processor.run(records)] == ["1", "3", "4"]


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe, "MOST_KEYS", 4)
    clock = Clock()
    processor = DedupeProcessor(model.Dedupe(window="10s"), clock)
    assert lines(processor, "abc") == "abc"
    clock.now += 1
    assert lines(processor, "def") == "def"
    assert processor.noted == {"forgotten": 2}  # a and b
    assert lines(processor, "cdef") == ""
    assert lines(processor, "a") == "a"
    assert processor.noted == {"forgotten": 3}
    clock.now += 9  # nothing but what came after the first second is left
    assert lines(processor, "defa") == ""
    clock.now += 1
    assert lines(processor, "abcdef") == "abcdef"


def test_one_batch_may_be_more_than_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe, "MOST_KEYS", 2)
    clock = Clock()
    processor = DedupeProcessor(model.Dedupe(window="10s"), clock)
    assert lines(processor, "abcdea") == "abcde"
    assert lines(processor, "de") == ""
    clock.now += 10
    assert lines(processor, "de") == "de"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (model.Dedupe(fields=()), "fields"),
        (model.Dedupe(fields=("line", "no")), "fields[1]"),
        (model.Dedupe(window="0"), "window"),
        (model.Dedupe(window="soon"), "window"),
    ],
)
def test_what_cannot_be_is_refused(spec: model.Dedupe, field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        DedupeProcessor(spec, Clock())
    assert caught.value.field == field
