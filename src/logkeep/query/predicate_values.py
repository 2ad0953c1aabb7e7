"""Tests of single values, text or JSON, as Python functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from logkeep.query import ast
from logkeep.query.regex import MAX_MEMORY, Regex, finder
from logkeep.query.sql_values import glob_regex
from logkeep.query.values import Number, fold, is_whole_64, plain_number_of

Holds: TypeAlias = Callable[[object], bool]
_Compare: TypeAlias = Callable[[Any, Any], bool]
_Operators: TypeAlias = dict[bool, _Compare]
_Value = TypeVar("_Value")

MISSING = object()
"""Stands for the value of a path that is not there."""

_LOW: _Operators = {True: operator.ge, False: operator.gt}
_HIGH: _Operators = {True: operator.le, False: operator.lt}


def text_test(test: ast.Test) -> Callable[[str], bool]:
    """The test on a text value; absent is ''."""
    match test:
        case ast.Present():
            return lambda value: value != ""
        case ast.Equals(text=text):
            return lambda value: fold(value) == text
        case ast.Like(glob=glob):
            found = finder(glob_regex(glob))
            return lambda value: found(fold(value))
        case ast.Matches(regex=regex):
            return _regex_test(regex)
        case ast.Within(low=low, high=high):
            return _both([_text_bound(*side) for side in _sides(low, high)])


def _sides(low: ast.Bound | None, high: ast.Bound | None) -> list[tuple[ast.Bound, _Operators]]:
    return [(bound, signs) for bound, signs in ((low, _LOW), (high, _HIGH)) if bound is not None]


def _both(tests: list[Callable[[_Value], bool]]) -> Callable[[_Value], bool]:
    """All of one or two tests."""
    first, last = tests[0], tests[-1]
    return first if len(tests) == 1 else lambda value: first(value) and last(value)


def _regex_test(regex: Regex) -> Callable[[str], bool]:
    found, literal = finder(regex.re2, max_memory=MAX_MEMORY), regex.literal
    if not literal:
        return found
    # Looking for a text is far quicker than an expression.
    if regex.ignore_case:
        return lambda value: literal in fold(value) and found(value)
    return lambda value: literal in value and found(value)


def _text_bound(bound: ast.Bound, operators: _Operators) -> Callable[[str], bool]:
    compare, text, number = operators[bound.inclusive], bound.text, bound.number

    def holds(value: str) -> bool:
        plain = None if number is None else plain_number_of(value)
        if plain is not None and number is not None:
            return compare(plain, float(number))
        return compare(fold(value), text)

    return holds


def json_test(test: ast.Test) -> Holds:
    """The test on a decoded JSON value or MISSING. Objects and arrays can only be present."""
    match test:
        case ast.Present():
            return lambda value: value is not MISSING and value is not None and value != ""
        case ast.Equals():
            return _json_equals(test)
        case ast.Within(low=low, high=high):
            return _both([_json_bound(*side) for side in _sides(low, high)])
        case _:
            return _json_text(text_test(test))


def text_of(value: object) -> str | None:
    """The text of a string, and of a whole number that is only digits to the engine."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and not is_whole_64(value):
        return str(value)
    return None


def _json_text(holds: Callable[[str], bool]) -> Holds:
    """Patterns look at strings and at the digits of whole numbers."""

    def on_json(value: object) -> bool:
        if isinstance(value, str):
            return holds(value)
        return isinstance(value, int) and not isinstance(value, bool) and holds(str(value))

    return on_json


def _json_equals(test: ast.Equals) -> Holds:
    wanted, number = test.text, test.number
    words = {"true": True, "false": False, "null": None}
    word: object = words.get(wanted, MISSING)

    def holds(value: object) -> bool:
        if isinstance(value, str) and fold(value) == wanted:
            return True
        if isinstance(value, bool) or value is None:
            return value is word
        return number is not None and _compared(value, operator.eq, number, wanted)

    return holds


def _compared(value: object, compare: _Compare, number: Number, wanted: str) -> bool:
    """The comparison of numbers, and of texts that plainly are one; equal digits too long for that."""
    text = text_of(value)
    if text is not None:
        plain = plain_number_of(text)
        if plain is None:
            return compare is operator.eq and text == wanted
        return compare(plain, float(number))
    if isinstance(value, float):
        return compare(value, float(number))
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return compare(value, number) if isinstance(number, int) else compare(float(value), number)


def _json_bound(bound: ast.Bound, operators: _Operators) -> Holds:
    compare, number, wanted = operators[bound.inclusive], bound.number, bound.text
    on_text = _text_bound(bound, operators)
    exact = isinstance(number, int)

    def holds(value: object) -> bool:
        if exact and type(value) is int and is_whole_64(value):
            return compare(value, number)
        text = text_of(value)
        if text is not None:
            return on_text(text)
        return number is not None and _compared(value, compare, number, wanted)

    return holds
