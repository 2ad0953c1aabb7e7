"""A query as a Python function on records: the same answers as the SQL of `compile_sql`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from logkeep.query import ast
from logkeep.query.json_path import json_finder
from logkeep.query.predicate_values import Holds, json_test, text_test
from logkeep.query.regex import finder
from logkeep.query.sql_values import line_regex
from logkeep.query.values import fold, is_token_char
from logkeep.record import Record

Predicate: TypeAlias = Callable[[Record], bool]

_ATTRIBUTES = {
    "_host": "host",
    "_app": "app",
    "_file": "file",
    "_env": "env",
    "_account": "account",
    "_line": "line",
    "level": "level",
}


def compile_predicate(node: ast.Node) -> Predicate:
    """A function that tells whether a record matches. It keeps no state and raises nothing."""
    match node:
        case ast.Everything():
            return lambda _: True
        case ast.Not(node=inner):
            return _not(compile_predicate(inner))
        case ast.Or(nodes=nodes):
            return _any([compile_predicate(each) for each in nodes])
        case ast.And(nodes=nodes):
            return _and(nodes)
        case ast.FieldTest(field=field, test=test):
            return _field(field, test)
        case _:
            return _and((node,))


def _not(inner: Predicate) -> Predicate:
    return lambda record: not inner(record)


def _any(parts: Sequence[Predicate]) -> Predicate:
    def holds(record: Record) -> bool:
        for part in parts:  # noqa: SIM110 - a generator in any() costs more than the parts
            if part(record):
                return True
        return False

    return holds


def _all(parts: Sequence[Predicate]) -> Predicate:
    def holds(record: Record) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if not part(record):
                return False
        return True

    return parts[0] if len(parts) == 1 else holds


def _and(nodes: Sequence[ast.Node]) -> Predicate:
    """All nodes; the line is folded once for all its words, and those come first."""
    on_line = [_line_test(node) for node in nodes if isinstance(node, ast.Phrase | ast.WordPattern)]
    others = [compile_predicate(node) for node in nodes if not isinstance(node, ast.Phrase | ast.WordPattern)]
    return _all([_words(on_line), *others] if on_line else others)


def _words(tests: Sequence[Callable[[str], bool]]) -> Predicate:
    def holds(record: Record) -> bool:
        line = fold(record.line)
        for test in tests:  # noqa: SIM110 - as above
            if not test(line):
                return False
        return True

    return holds


def _line_test(node: ast.Phrase | ast.WordPattern) -> Callable[[str], bool]:
    """The test on a folded line."""
    if isinstance(node, ast.Phrase):
        return _phrase(node.text)
    found = finder(line_regex(node.glob))
    needed = max((part for part in node.glob if isinstance(part, str)), key=len, default="")
    # Looking for a text that the pattern needs first is far quicker than the pattern.
    return lambda line: needed in line and found(line)


def _phrase(text: str) -> Callable[[str], bool]:
    """Whether the text occurs, on token boundaries where it ends in a token character."""
    before, after = is_token_char(text[0]), is_token_char(text[-1])
    size = len(text)
    if not before and not after:
        return lambda line: text in line

    def holds(line: str) -> bool:
        at = line.find(text)
        while at >= 0:
            end = at + size
            if not (before and at and is_token_char(line[at - 1])) and not (
                after and end < len(line) and is_token_char(line[end])
            ):
                return True
            at = line.find(text, at + 1)
        return False

    return holds


def _field(field: ast.Field, test: ast.Test) -> Predicate:
    match field:
        case ast.TextField(column="_meta"):
            return lambda record: _meta_text(record) != ""
        case ast.TextField(column=column):
            return _text(_ATTRIBUTES[column], text_test(test))
        case ast.TagField():
            return _tag(test)
        case ast.NumberField(name=name):
            return _number(name, test)
        case ast.JsonField(column=column):
            return _json(column, json_finder(field.path), json_test(test))


def _text(attribute: str, holds: Callable[[str], bool]) -> Predicate:
    return lambda record: holds(getattr(record, attribute))


def _tag(test: ast.Test) -> Predicate:
    if isinstance(test, ast.Present):
        return lambda record: len(record.tag) > 0
    holds = text_test(test)
    return lambda record: any(holds(tag) for tag in record.tag)


def _json(column: str, find: Callable[[str], object], holds: Holds) -> Predicate:
    if column == "_line":
        return lambda record: holds(find(record.line))
    return lambda record: holds(find(_meta_text(record)))


def _meta_text(record: Record) -> str:
    """`_meta` as the engine's text column holds it: JSON, but a string as its text, and null as ''."""
    raw = bytes(record.meta)
    if raw == b"null":
        return ""
    if not raw.startswith(b'"'):
        return raw.decode(errors="replace")
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""  # not Unicode: the engine would not take such a line


def _number_of(name: str) -> Callable[[Record], int]:
    if name == "id":
        return lambda record: int(record.lid) if record.lid.isdecimal() else 0
    return (lambda record: record.ts) if name == "ts" else (lambda record: record.rx)


def _number(name: str, test: ast.Test) -> Predicate:
    number_of = _number_of(name)
    low, high = _whole_bounds(test)
    if name == "rx" or isinstance(test, ast.Present):
        low = max(low, 1)  # 0 and less mean that there is none
    return lambda record: low <= number_of(record) <= high


def _whole_bounds(test: ast.Test) -> tuple[int, int]:
    """The least and the greatest whole number that a test on a number field lets through."""
    low, high = -1, 2**64
    if isinstance(test, ast.Equals):
        low = high = int(test.number or 0)
    elif isinstance(test, ast.Within):
        if test.low is not None:
            low = int(test.low.number or 0) + (not test.low.inclusive)
        if test.high is not None:
            high = int(test.high.number or 0) - (not test.high.inclusive)
    return low, high
