from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from random import Random

import pytest

from logkeep.archive.foreign.base import times
from logkeep.archive.foreign.time_columns import LEAST, Column, of_epochs, of_numbers, of_texts
from logkeep.archive.foreign.time_format import times_by
from logkeep.instants import instant_of
from logkeep.timeline import iso

COUNT = 200
random = Random(1)
SECONDS = [iso(random.randrange(4_000_000_000_000))[:19] for _ in range(COUNT)]
UNITS = {"epoch_s": 1_000_000_000, "epoch_ms": 1_000_000, "epoch_us": 1000, "epoch_ns": 1}


def pairs(column: Column | None) -> list[tuple[int, int]]:
    assert column is not None
    ms, ns = column
    found = list(zip(ms, ns, strict=False))  # the nanoseconds may be endless
    assert {type(each) for pair in found for each in pair} == {int}
    return found


def digits(count: int) -> str:
    return "".join(random.choices("0123456789", k=count))


@pytest.mark.parametrize("zone", ["Z", "", "+00:00", "-08:00", "+0530"])
@pytest.mark.parametrize("fraction", [0, 1, 2, 3, 4, 6, 7, 9, 12])
def test_texts_of_one_shape_are_read_as_each_alone_is(fraction: int, zone: str) -> None:
    dot = random.choice(".,") if fraction else ""
    texts = [f"{second}{dot}{digits(fraction)}{zone}" for second in SECONDS]
    assert pairs(of_texts(texts)) == list(map(instant_of, texts))


def test_texts_whose_last_zeros_lack_are_read_as_each_alone_is() -> None:
    texts = [
        (second.replace("T", " ") + f".{digits(random.randrange(1, 10))}".rstrip("0")).rstrip(".") + "+02:00"
        for second in SECONDS
    ]
    assert len(set(map(len, texts))) > 5
    texts *= 2
    assert pairs(of_texts(texts)) == list(map(instant_of, texts))


@pytest.mark.parametrize(
    "odd",
    [
        "2026-02-29T09:12:13.000Z",  # no such day
        "2026-02-28T24:12:13.000Z",
        "2026-02-28T09:12:60.000Z",
        "2026-13-28T09:12:13.000Z",
        "1969-12-31T23:59:59.999Z",
        "2262-01-01T00:00:00.000Z",
        "2026-02-28T09:12:13.0x0Z",
        "2026-02-28T09:12:13.000z",
        "2026-02-28T09:12:13,000Z",
        "2026-02-28T09:12:13.00\N{ARABIC-INDIC DIGIT ONE}Z",
        "2026-02-28T09:12:13 000Z",
        "2026/02/28T09:12:13.000Z",
        "no time, but as long it ",
        "",
        "9" * 100,
    ],
)
@pytest.mark.parametrize("place", [0, 7])
def test_one_text_of_another_kind_leaves_the_column_to_be_read_one_by_one(odd: str, place: int) -> None:
    texts = [f"{second}.000Z" for second in SECONDS]
    texts[place] = odd
    assert of_texts(texts) is None
    ms, ns = times(texts)
    assert list(zip(ms, ns, strict=False)) == [instant_of(text) or (-1, 0) for text in texts]


def test_few_texts_and_several_zones_are_left_to_be_read_one_by_one() -> None:
    assert of_texts([]) is None
    assert of_texts([f"{second}Z" for second in SECONDS[: LEAST - 1]]) is None
    assert of_texts([f"{second}+0{number % 2}:00" for number, second in enumerate(SECONDS)]) is None


def seconds() -> float:
    return random.randrange(4_000_000_000_000_000) / 1e6


NUMBERS: Sequence[Callable[[], int | float]] = (
    seconds,
    lambda: random.choice([seconds(), int(seconds())]),
    lambda: random.randrange(9_000_000_000),
    lambda: int(seconds() * 1e3) + 10**12,
    lambda: seconds() * 1e3 + 1e12,
    lambda: int(seconds() * 1e6) + 10**15,
    lambda: int(seconds() * 1e9) + 10**18,
)


@pytest.mark.parametrize("make", NUMBERS)
def test_numbers_of_one_unit_are_read_as_each_alone_is(make: Callable[[], int | float]) -> None:
    values = [make() for _ in range(COUNT)]
    assert pairs(of_numbers(values)) == list(map(instant_of, values))


@pytest.mark.parametrize(
    "odd", [-1, -0.5, float("nan"), float("inf"), 1 << 70, 10**11, 1e18, 1 << 62, True, None, "1767322800"]
)
def test_one_number_of_another_kind_leaves_the_column_to_be_read_one_by_one(odd: object) -> None:
    values: list[object] = [seconds() for _ in range(COUNT)]
    values[3] = odd
    assert of_numbers(values) is None
    ms, ns = times(values)
    assert list(zip(ms, ns, strict=True)) == [instant_of(value) or (-1, 0) for value in values]


def one_by_one(unit: str, values: Sequence[object]) -> list[tuple[int, int]]:
    read = times_by(unit)
    return [(next(iter(ms)), next(iter(ns))) for ms, ns in (read([value]) for value in values)]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", ["int", "float", "both"])
def test_epochs_of_a_unit_are_read_as_each_alone_is(unit: str, kind: str) -> None:
    scale = 10**9 // UNITS[unit]
    values: list[int | float] = [
        int(second * scale) if kind == "int" or (kind == "both" and number % 2) else second * scale
        for number, second in enumerate(seconds() for _ in range(COUNT))
    ]
    values += [0, 1] if kind == "int" else [0.0, 1e-6, 0.5]
    ms, ns = times_by(unit)(values)
    assert list(islice(zip(ms, ns, strict=False), len(values))) == one_by_one(unit, values)
    if kind != "both":
        column = of_epochs(values, UNITS[unit])
        assert pairs(column) == one_by_one(unit, values)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("odd", [-1, -0.5, float("nan"), float("inf"), 1 << 70, 1e19, True, None, "5"])
def test_an_epoch_that_is_no_time_costs_no_other(unit: str, odd: object) -> None:
    values: list[object] = [1_767_322_800 + number for number in range(COUNT)]
    values[3] = odd
    assert of_epochs(values, UNITS[unit]) is None
    ms, ns = times_by(unit)(values)
    assert list(zip(ms, ns, strict=True)) == one_by_one(unit, values)
