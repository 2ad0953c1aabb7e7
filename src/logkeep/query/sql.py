"""A query as a ClickHouse condition over the record's columns (index/schema.sql).

The text index is on `lower(_line)`, so words go through `hasAllTokens(lower(_line), …)`. Nothing of the
query's text stands in the SQL: all of it is bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from logkeep.errors import TooLarge
from logkeep.query import ast
from logkeep.query.regex import Regex
from logkeep.query.sql_json import json_condition
from logkeep.query.sql_values import Param, Parameters, line_regex, text_condition
from logkeep.query.values import fold, inner_tokens, tokens

# ClickHouse refuses statements over 256 KiB (max_query_size); the rest is for what stands around this.
MAX_SQL_CHARACTERS = 240_000

_LINE = "lower(_line)"
_NUMBER_COLUMNS = {"id": "_lid", "ts": "_ts", "rx": "_rx"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A boolean expression, never NULL, and its bound parameters (`{q0:String}` takes params["q0"])."""

    sql: str
    params: dict[str, Param]


def compile_sql(node: ast.Node) -> Condition:
    """The condition that holds for exactly the rows that match.

    Raises TooLarge for a query of hundreds of tests on JSON keys, which the engine would not parse.
    """
    params = Parameters()
    sql = _node(node, params)
    if len(sql) > MAX_SQL_CHARACTERS:
        raise TooLarge(
            "the query makes too many tests on fields at once",
            hint="ask for a range such as status:[500 TO 599] instead of many values",
        )
    return Condition(sql=sql, params=params.values)


def _node(node: ast.Node, params: Parameters) -> str:
    match node:
        case ast.Everything():
            return "1"
        case ast.Not(node=inner):
            return f"NOT ({_node(inner, params)})"
        case ast.Or(nodes=nodes):
            return _or(nodes, params)
        case ast.And(nodes=nodes):
            return _and(nodes, params)
        case ast.FieldTest(field=field, test=test):
            return _field(field, test, params)
        case _:
            return _and((node,), params)


def _and(nodes: Sequence[ast.Node], params: Parameters) -> str:
    """All nodes; the tokens of all words and phrases are asked for in one call."""
    words = [node for node in nodes if isinstance(node, ast.Phrase)]
    needed = dict.fromkeys(token for word in words for token in tokens(word.text))
    parts = [f"hasAllTokens({_LINE}, {params.add('Array(String)', list(needed))})"] if needed else []
    for node in nodes:
        if isinstance(node, ast.Phrase):
            parts.extend(_phrase(node, params))
        elif isinstance(node, ast.WordPattern):
            parts.append(f"match({_LINE}, {params.add('String', line_regex(node.glob))})")
        else:
            parts.append(_node(node, params))
    return _joined(" AND ", parts)


def _phrase(phrase: ast.Phrase, params: Parameters) -> list[str]:
    """What a phrase asks beyond its tokens being there."""
    found = tokens(phrase.text)
    if found == [phrase.text]:
        return []
    if not found:
        return [f"position({_LINE}, {params.add('String', phrase.text)}) > 0"]
    return [f"match({_LINE}, {params.add('String', line_regex((phrase.text,)))})"]


def _or(nodes: Sequence[ast.Node], params: Parameters) -> str:
    """Any node; single words are asked for in one call."""
    words = [node.text for node in nodes if isinstance(node, ast.Phrase) and tokens(node.text) == [node.text]]
    parts = [f"hasAnyTokens({_LINE}, {params.add('Array(String)', words)})"] if words else []
    for node in nodes:
        if not (isinstance(node, ast.Phrase) and node.text in words):
            parts.append(_node(node, params))
    return _joined(" OR ", parts)


def _joined(joint: str, parts: Iterable[str]) -> str:
    return "(" + joint.join(parts) + ")"


def _field(field: ast.Field, test: ast.Test, params: Parameters) -> str:
    match field:
        case ast.TextField(column="_line") if isinstance(test, ast.Matches):
            return _line_regex(test.regex, params)
        case ast.TextField(column=column):
            return text_condition(column, test, params)
        case ast.TagField():
            if isinstance(test, ast.Present):
                return "notEmpty(_tag)"
            return f"arrayExists(t -> {text_condition('t', test, params)}, _tag)"
        case ast.NumberField(name=name):
            return _number(_NUMBER_COLUMNS[name], test, params)
        case ast.JsonField():
            return json_condition(field, test, params)


def _line_regex(regex: Regex, params: Parameters) -> str:
    """The expression, behind cheaper conditions that follow from it."""
    parts = []
    if regex.literal:
        # Tokens inside of the literal, not at its ends, are whole tokens of the line.
        if needed := inner_tokens(fold(regex.literal)):
            parts.append(f"hasAllTokens({_LINE}, {params.add('Array(String)', needed)})")
        value = _LINE if regex.ignore_case else "_line"
        parts.append(f"position({value}, {params.add('String', regex.literal)}) > 0")
    return _joined(" AND ", [*parts, f"match(_line, {params.add('String', regex.re2)})"])


def _number(column: str, test: ast.Test, params: Parameters) -> str:
    kind = "UInt64" if column == "_lid" else "Int64"
    parts = [f"{column} > 0"] if column == "_rx" or isinstance(test, ast.Present) else []
    for sign, number in _whole_bounds(test):
        parts.append(f"{column} {sign} {params.add(kind, number)}")
    return _joined(" AND ", parts)


def _whole_bounds(test: ast.Test) -> list[tuple[str, int]]:
    """(operator, bound) of a test on a number field, whose bounds are whole numbers."""
    if isinstance(test, ast.Equals):
        return [("=", int(test.number or 0))]
    if not isinstance(test, ast.Within):
        return []
    sides = ((test.low, ">"), (test.high, "<"))
    return [(sign + "=" * bound.inclusive, int(bound.number or 0)) for bound, sign in sides if bound]
