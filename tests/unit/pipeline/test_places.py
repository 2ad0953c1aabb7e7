from __future__ import annotations

import pytest

from logkeep.pipeline.expressions import compiled_source
from logkeep.pipeline.places import Finder, Redaction, places, replaced


def looking_for(*sources: str, needed: tuple[bytes, ...] = (), shortest: int = 1) -> Redaction:
    finders = tuple(Finder(compiled_source(source)) for source in sources)
    return Redaction(finders=finders, quick=None, needed=needed, shortest=shortest)


def test_places_are_in_order_and_apart() -> None:
    found = [looking_for("cd", "f"), looking_for("bc"), looking_for("de")]
    assert places(found, b"abcdefg") == [(1, 5), (5, 6)]


def test_groups_are_what_is_meant_and_empty_places_are_none() -> None:
    assert places([looking_for("a(b*)c(d)?")], b"abc ac acd") == [(1, 2), (9, 10)]


def test_texts_that_cannot_hold_it_are_not_searched() -> None:
    assert places([looking_for("a", needed=(b"x", b"y"))], b"ab") == []
    assert places([looking_for("a", needed=(b"x", b"b"))], b"ab") == [(0, 1)]
    assert places([looking_for("a", shortest=3)], b"ab") == []


def test_a_check_says_what_counts() -> None:
    def first_digits(text: bytes, start: int, end: int) -> list[tuple[int, int]]:
        return [(start, start + 1)] if text[start:end] != b"1" else []

    finder = Finder(compiled_source("[0-9]+"), first_digits)
    assert places([Redaction(finders=(finder,), quick=None)], b"1 234") == [(2, 3)]


def test_it_is_given_up_when_the_time_is_over() -> None:
    now = iter([5.0, 5.1, 5.9, 6.0])
    assert places([looking_for("a")], b"aaa", clock=lambda: next(now)) == [(0, 1), (1, 2), (2, 3)]
    now = iter([5.0, 6.1])
    assert places([looking_for("a")], b"aaa", clock=lambda: next(now)) is None


@pytest.mark.parametrize(
    ("size", "steps", "found"), [(64, 2000, []), (65, 2000, None), (1000, 100, []), (1000, 150, None)]
)
def test_a_long_text_is_not_searched_where_that_may_take_too_long(
    size: int, steps: int, found: list[tuple[int, int]] | None
) -> None:
    """One search cannot be broken off."""
    wanted = Redaction(finders=(Finder(compiled_source("x")),), quick=None, steps=steps)
    assert places([wanted], b"a" * (size << 10)) == found


def test_what_is_around_the_places_stays() -> None:
    assert replaced(b"abcdef", [(1, 2), (2, 4)], b"#") == b"a##ef"
    assert replaced(b"ab", [], b"#") == b"ab"
