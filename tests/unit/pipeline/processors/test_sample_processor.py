from __future__ import annotations

import math

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.sample import SampleProcessor
from logkeep.record import Record


def kept(rate: float, lines: list[str], *, by: str = "") -> list[str]:
    processor = SampleProcessor(model.Sample(rate=rate, by=by), lambda: 0.0)
    return [record.line for record in processor.run([Record(line=line) for line in lines])]


@pytest.mark.parametrize(
    ("rate", "numbers"), [(0.25, [0, 4, 8]), (1, list(range(10))), (0.7, [0, 2, 3, 5, 6, 8, 9])]
)
def test_a_count_spreads_what_passes_evenly(rate: float, numbers: list[int]) -> None:
    assert kept(rate, [str(n) for n in range(10)]) == [str(n) for n in numbers]


@pytest.mark.parametrize("rate", [0.1, 1 / 3, 0.999, 1e-9])
def test_the_share_is_exact_over_time_whatever_the_batches(rate: float) -> None:
    processor = SampleProcessor(model.Sample(rate=rate), lambda: 0.0)
    passed = sum(len(processor.run([Record()] * size)) for size in (1, 7, 1000, 98_992))
    assert abs(passed - 100_000 * rate) < 1


def test_the_same_value_has_the_same_fate_on_every_server() -> None:
    users = [f"u{n}" for n in range(10)]
    assert kept(0.5, users, by="line") == kept(0.5, users[::-1], by="line")[::-1]
    assert kept(0.5, users, by="line") == EXPECTED
    assert set(kept(0.2, users, by="line")) <= set(EXPECTED)
    assert kept(1, users, by="line") == users


def test_about_so_many_values_pass() -> None:
    assert 900 < len(kept(0.1, [str(n) for n in range(10_000)], by="line")) < 1100


def test_events_without_the_field_are_counted() -> None:
    processor = SampleProcessor(model.Sample(rate=0.5, by="meta.user"), lambda: 0.0)
    assert len(processor.run([Record(meta=msgspec.Raw(b'{"x":1}'))] * 10)) == 5


@pytest.mark.parametrize("rate", [0, -0.5, 1.01, math.nan, math.inf])
def test_a_rate_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(BadSetting, match="the rate is"):
        SampleProcessor(model.Sample(rate=rate), lambda: 0.0)


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(BadSetting, match="'user' is no field") as caught:
        SampleProcessor(model.Sample(rate=0.5, by="user"), lambda: 0.0)
    assert caught.value.field == "by"


EXPECTED = ["u2", "u3", "u9"]  # never changes: servers of other versions must agree
