from __future__ import annotations

import math

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors import throttle
from logkeep.pipeline.processors.throttle import ThrottleProcessor
from logkeep.record import Record


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(processor: ThrottleProcessor, hosts: str) -> str:
    """Of one event for each character, those that go on."""
    return "".join(record.host for record in processor.run([Record(host=host) for host in hosts]))


def test_a_bucket_fills_at_the_rate_up_to_its_size() -> None:
    clock = Clock()
    processor = ThrottleProcessor(model.Throttle(rate=2, burst=3), clock)
    assert passed(processor, "abcde") == "abc"
    assert passed(processor, "a") == ""
    clock.now += 0.5
    assert passed(processor, "ab") == "a"
    clock.now += 100
    assert passed(processor, "abcde") == "abc"


@pytest.mark.parametrize(("rate", "at_once"), [(3, 3), (2.5, 3), (0.1, 1)])
def test_without_a_burst_as_many_at_once_as_come_in_a_second(rate: float, at_once: int) -> None:
    assert len(passed(ThrottleProcessor(model.Throttle(rate=rate), Clock()), "a" * 10)) == at_once


def test_over_time_the_rate_is_met_whatever_floats_lose() -> None:
    clock = Clock()
    processor = ThrottleProcessor(model.Throttle(rate=10), clock)
    assert len(passed(processor, "a" * 20)) == 10
    total = 0
    for _ in range(1000):
        clock.now += 0.1
        total += len(passed(processor, "aa"))
    assert total == 1000


def test_every_value_of_a_field_has_its_own_bucket() -> None:
    clock = Clock()
    processor = ThrottleProcessor(model.Throttle(rate=1, by="host"), clock)
    assert passed(processor, "aababc") == "abc"
    clock.now += 1
    assert passed(processor, "aabb") == "ab"


def test_long_values_are_told_apart() -> None:
    processor = ThrottleProcessor(model.Throttle(rate=1, by="host"), Clock())
    records = [Record(host="x" * 100 + end) for end in "aab"]
    assert processor.run(records) == [records[0], records[2]]


def test_the_values_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_VALUES", 2)
    processor = ThrottleProcessor(model.Throttle(rate=1, by="host"), Clock())
    assert passed(processor, "abac") == "abc"
    assert processor.noted == {"forgotten": 1}  # b: a was seen after it
    assert passed(processor, "ab") == "b"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (model.Throttle(rate=0), "rate"),
        (model.Throttle(rate=math.nan), "rate"),
        (model.Throttle(rate=math.inf), "rate"),
        (model.Throttle(rate=1, burst=-1), "burst"),
        (model.Throttle(rate=1, by="no"), "by"),
    ],
)
def test_what_cannot_be_is_refused(spec: model.Throttle, field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        ThrottleProcessor(spec, Clock())
    assert caught.value.field == field
