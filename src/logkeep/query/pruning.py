"""What a query can say of a block before it is read: whether any line of it can match.

Two questions are asked of many blocks at once, and each answer is a set of blocks, a bit for each: in which
`can` a line match, and in which do all lines match for `sure`. The second is what NOT needs. Nothing is
guessed: a block that is left out of the first has no line for which the predicate holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_, or_
from typing import NamedTuple, Protocol, TypeAlias

from logkeep.query import ast
from logkeep.query.predicate_values import text_test
from logkeep.query.values import fold, inner_tokens, is_plain_key, is_token_char, tokens

Blocks: TypeAlias = int
"""A set of blocks: bit N is the Nth."""


class Told(NamedTuple):
    """What is known of a test: the blocks where it can hold for some line, and does for every line."""

    can: Blocks
    sure: Blocks


class Facts(Protocol):
    """What is known of the blocks. Where nothing is known all of them can, and none is sure."""

    every: Blocks

    def with_token(self, token: str) -> Blocks:
        """The blocks of which a `_line` may have this token (query/values.py), in any case."""

    def with_plain_json(self) -> Blocks:
        """The blocks where no `_line` has a character written by number, as JSON may."""

    def values(self, column: str, holds: Callable[[str], bool]) -> Told:
        """For a test on the text of `_host`, `_app` or `level`."""

    def times(self, low: int, high: int) -> Told:
        """For the test that `_ts` is between these, both included."""


COLUMNS = frozenset(("_host", "_app", "level"))
"""The columns of which facts may know the values."""

_NEVER, _EVER = -(1 << 63), 1 << 63


def told_of(node: ast.Node, facts: Facts) -> Told:
    """What the facts tell of a query."""
    if column := _only_column(node):
        return facts.values(column, _value_test(node))
    match node:
        case ast.Everything():
            return Told(facts.every, facts.every)
        case ast.Not(node=inner):
            can, sure = told_of(inner, facts)
            return Told(facts.every & ~sure, facts.every & ~can)
        case ast.And(nodes=nodes):
            return _joined(and_, [told_of(each, facts) for each in nodes])
        case ast.Or(nodes=nodes):
            return _joined(or_, [told_of(each, facts) for each in nodes])
        case ast.FieldTest(field=ast.NumberField(name="ts"), test=test):
            return facts.times(*_bounds(test))
        case _:
            return Told(_with_tokens(node, facts), 0)


def needed_tokens(node: ast.Node) -> list[str]:
    """Every token that `told_of` may ask of the facts, once."""
    match node:
        case ast.Not(node=inner):
            found = needed_tokens(inner)
        case ast.And(nodes=nodes) | ast.Or(nodes=nodes):
            found = [token for each in nodes for token in needed_tokens(each)]
        case _:
            found = [*_sure_tokens(node), *_plain_tokens(node)]
    return list(dict.fromkeys(found))


def _only_column(node: ast.Node) -> str | None:
    """The one column that a part of a query is about, if facts may know its values. `-level:(debug OR info)`
    rules out blocks of these two only when it is asked of each value as a whole."""
    match node:
        case ast.FieldTest(field=ast.TextField(column=column)) if column in COLUMNS:
            return column
        case ast.Not(node=inner):
            return _only_column(inner)
        case ast.And(nodes=nodes) | ast.Or(nodes=nodes):
            columns = {_only_column(each) for each in nodes}
            return columns.pop() if len(columns) == 1 else None
        case _:
            return None


def _value_test(node: ast.Node) -> Callable[[str], bool]:
    """Such a part as a test on the column's value."""
    match node:
        case ast.Not(node=inner):
            holds = _value_test(inner)
            return lambda value: not holds(value)
        case ast.And(nodes=nodes):
            tests = list(map(_value_test, nodes))
            return lambda value: all(test(value) for test in tests)
        case ast.Or(nodes=nodes):
            tests = list(map(_value_test, nodes))
            return lambda value: any(test(value) for test in tests)
        case ast.FieldTest(test=test):
            return text_test(test)
        case _:
            raise ValueError(f"{node} is about no column")


def _joined(join: Callable[[Blocks, Blocks], Blocks], parts: Sequence[Told]) -> Told:
    return Told(reduce(join, [part.can for part in parts]), reduce(join, [part.sure for part in parts]))


def _bounds(test: ast.Test) -> tuple[int, int]:
    """The least and the greatest `_ts` that a test lets through. Its numbers are whole."""
    match test:
        case ast.Equals(number=number):
            return int(number or 0), int(number or 0)
        case ast.Within(low=low, high=high):
            least = int(low.number or 0) + (not low.inclusive) if low else _NEVER
            return least, int(high.number or 0) - (not high.inclusive) if high else _EVER
        case _:
            return 1, _EVER


def _with_tokens(node: ast.Node, facts: Facts) -> Blocks:
    blocks = reduce(and_, map(facts.with_token, _sure_tokens(node)), facts.every)
    if plain := _plain_tokens(node):
        blocks &= reduce(and_, map(facts.with_token, plain)) | facts.every & ~facts.with_plain_json()
    return blocks


def _sure_tokens(node: ast.Node) -> Sequence[str]:
    """Whole tokens that the `_line` of every record has that matches this word or test."""
    match node:
        case ast.Phrase(text=text):
            return tokens(text)  # its ends are on the boundaries of tokens
        case ast.WordPattern(glob=glob):
            return _of_glob(glob)
        case ast.FieldTest(field=ast.TextField(column="_line"), test=ast.Matches(regex=regex)):
            return inner_tokens(fold(regex.literal))
        case ast.FieldTest(field=ast.JsonField(column="_line", path=path)):
            # A plain key stands in the line in quotes, as it is.
            return [token for key in path if is_plain_key(key) for token in tokens(fold(key))]
        case _:
            return ()


def _plain_tokens(node: ast.Node) -> Sequence[str]:
    """Whole tokens of the same kind, if the line's JSON writes no character by number. A text in it is in
    quotes, so that its ends are on the boundaries of tokens too, and so are the digits of a number."""
    match node:
        case ast.FieldTest(field=ast.JsonField(column="_line"), test=test):
            return _of_value(test)
        case _:
            return ()


def _of_value(test: ast.Test) -> Sequence[str]:
    match test:
        case ast.Equals(text=text, number=None) if _is_spelled(text):
            return tokens(text)
        case ast.Like(glob=glob) if all(_is_spelled(part) for part in glob if isinstance(part, str)):
            return _of_glob(glob)
        case ast.Matches(regex=regex) if _is_spelled(regex.literal):
            return inner_tokens(fold(regex.literal))
        case _:
            return ()  # 500 may be written as 5e2


def _is_spelled(text: str) -> bool:
    """Whether JSON never writes a letter of its own before a character of this text, as for a newline."""
    return min(text, default=" ") >= " "


def _of_glob(glob: ast.Glob) -> Sequence[str]:
    """The tokens of a pattern that no wildcard may go on."""
    whole: list[str] = []
    for number, part in enumerate(glob):
        if isinstance(part, str):
            found = tokens(part)
            starts_open = number > 0 and is_token_char(part[0])
            ends_open = number < len(glob) - 1 and is_token_char(part[-1])
            whole += found[starts_open : len(found) - ends_open]
    return whole
