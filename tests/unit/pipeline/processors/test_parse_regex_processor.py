from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.processors.extraction import MAX_BYTES
from logkeep.pipeline.processors.parse_regex import ParseRegexProcessor
from logkeep.record import Record


def still() -> float:
    return 0.0


def ticking(step: float) -> Callable[[], float]:
    """A clock on which every look takes so long."""
    now = [0.0]

    def clock() -> float:
        now[0] += step
        return now[0]

    return clock


def meta_after(pattern: str, line: str, *, meta: bytes = b"", to: str = "meta") -> object:
    processor = ParseRegexProcessor(model.ParseRegex(pattern=pattern, to=to), still)
    [record] = processor.run([Record(line=line, meta=msgspec.Raw(meta))])
    return msgspec.json.decode(record.meta) if record.meta else None


def test_named_groups_become_members() -> None:
    assert meta_after(r"took (?P<ms>\d+) ms(?: in (?P<place>\w+))?", "it took 12 ms") == {"ms": "12"}


def test_members_beside_stay_and_those_of_the_name_are_replaced() -> None:
    meta = b'{"ms":1,"big":1.00000000000000000001}'
    assert meta_after("(?P<ms>[0-9]+)", "12", meta=meta) == {"ms": "12", "big": 1.0}


def test_members_go_below_to() -> None:
    meta = b'{"a":{"x":1}}'
    assert meta_after("(?P<ms>[0-9]+)", "12", meta=meta, to="meta.a.b") == {"a": {"x": 1, "b": {"ms": "12"}}}


def test_text_beyond_ascii_and_newlines_are_found() -> None:
    assert meta_after("für (?P<wen>.+)!", "für Zoë\nund 🎉!") == {"wen": "Zoë\nund 🎉"}


@pytest.mark.parametrize(("on_failure", "left"), [("keep", ["no", "n=1"]), ("drop", ["n=1"])])
def test_a_text_that_does_not_fit_is_kept_or_dropped(on_failure: model.OnFailure, left: list[str]) -> None:
    spec = model.ParseRegex(pattern="n=(?P<n>.)", on_failure=on_failure)
    processor = ParseRegexProcessor(spec, still)
    records = processor.run([Record(line="no"), Record(line="n=1")])
    assert [record.line for record in records] == left
    assert processor.noted == {"failed": 1}
    assert processor.problem == "does not fit: 'no'"


def test_a_field_that_is_absent_says_so() -> None:
    processor = ParseRegexProcessor(model.ParseRegex(pattern="(?P<a>.)", field="meta.x"), still)
    processor.run([Record(line="x")])
    assert processor.problem == "the field is absent"


@pytest.mark.parametrize("on_failure", ["keep", "drop"])
def test_a_text_that_is_too_long_passes_unparsed(on_failure: model.OnFailure) -> None:
    processor = ParseRegexProcessor(model.ParseRegex(pattern="(?P<a>é)", on_failure=on_failure), still)
    fits, too_long = Record(line="é" * (MAX_BYTES // 2)), Record(line="é" * (MAX_BYTES // 2) + "x")
    assert processor.run([fits, too_long]) == [fits, too_long]
    assert fits.meta
    assert not too_long.meta
    assert processor.noted == {"too-long": 1}
    assert "longer than 64 KiB" in processor.problem


@pytest.mark.parametrize("on_failure", ["keep", "drop"])
def test_when_the_time_is_spent_the_rest_of_the_batch_passes(on_failure: model.OnFailure) -> None:
    spec = model.ParseRegex(pattern="(?P<a>x)", on_failure=on_failure, time_budget="1s")
    processor = ParseRegexProcessor(spec, ticking(0.03125))  # 0.1 s are for a batch of up to 100
    records = processor.run([Record(line="x") for _ in range(10)])
    assert [bool(record.meta) for record in records] == [True] * 3 + [False] * 7
    assert processor.noted == {"over-budget": 7}
    assert "time budget of 1 s for 1000 events was spent: 7 events passed unparsed" in processor.problem


def test_a_larger_batch_has_more_time_and_the_next_one_its_own() -> None:
    processor = ParseRegexProcessor(model.ParseRegex(pattern="(?P<a>x)", time_budget=2), ticking(0.015625))
    for _ in range(2):
        processor.run([Record(line="x") for _ in range(1000)])  # 2 s are 128 looks
    assert processor.noted == {"over-budget": 2 * (1000 - 128)}


def test_a_nasty_expression_ends() -> None:
    """Its automaton has a state for each of 2^300 texts, and backtracking would never end."""
    chance = random.Random(1)
    spec = model.ParseRegex(pattern="^(?:(?:a|b)*)*a(?:a|b){300}(?P<c>c)$")
    processor = ParseRegexProcessor(spec, still)
    lines = ["".join(chance.choices("ab", k=size)) for size in (MAX_BYTES, 1_000_000)]
    processor.run([Record(line=line) for line in lines])
    assert processor.noted == {"failed": 1, "too-long": 1}


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (model.ParseRegex(pattern="(a)"), "pattern", "no group of the expression has a name"),
        (model.ParseRegex(pattern=""), "pattern", "empty"),
        (model.ParseRegex(pattern="(?P<a>x"), "pattern", "not closed"),
        (model.ParseRegex(pattern=r"(?P<a>x)\1"), "pattern", "a backreference is not supported"),
        (model.ParseRegex(pattern="(?P<a>x)(?!y)"), "pattern", "lookahead is not supported"),
        (model.ParseRegex(pattern="(?P<a>x{1000}y{1000}z{1000}.{900})"), "pattern", "too large"),
        (model.ParseRegex(pattern="(?P<a>\ud800)"), "pattern", "surrogate"),
        (model.ParseRegex(pattern="(?P<a>x)", to="line"), "to", "'line' holds no members"),
        (model.ParseRegex(pattern="(?P<a>x)", field="no"), "field", "'no' is no field"),
        (model.ParseRegex(pattern="(?P<a>x)", time_budget="0"), "time_budget", "not from 1s to 1m"),
    ],
)
def test_what_cannot_be_is_refused(spec: model.ParseRegex, field: str, message: str) -> None:
    with pytest.raises(BadSetting) as caught:
        ParseRegexProcessor(spec, still)
    assert caught.value.field == field
    assert message in caught.value.message
    if "supported" in message:
        assert "RE2" in caught.value.hint
