"""Queries as programs write them: a condition on a field's value, and a query narrowed by it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from logkeep.errors import InputError, QuerySyntaxError
from logkeep.query import ast
from logkeep.query.fields import field_named
from logkeep.query.lexing import MAX_CHARACTERS
from logkeep.query.parse import parse

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@%-]*|-?[0-9]+(\.[0-9]+)?")
_OPERATORS = frozenset({"AND", "OR", "NOT", "TO"})
_PLAIN_IN_NAME = re.compile(r"[A-Za-z0-9_@-]|[^\x00-\x7f]")


def condition(field: str, keys: Sequence[str], value: str) -> str:
    """The query for lines whose field has exactly this value ("": none). `field` is one of the record's own;
    of `line` and `meta` it is the value at these keys of their JSON.

    Raises InputError for a field or a value that the language cannot name.
    """
    if keys and field not in ("line", "meta"):
        raise InputError(f"{field!r} has no keys", hint="only line and meta have")
    name = _name(field, keys)
    text = f"{name}:{_value(value)}"
    try:
        node = parse(text)
    except QuerySyntaxError:
        node = None
    if not isinstance(node, ast.FieldTest) or node.field != _field(field, keys):
        raise InputError(f"no query can ask {field} for this value", hint="search for a word of it")
    return text


def narrowed(query: str, added: str, *, without: bool = False) -> str:
    """The query for lines that both match; `without`: that match the first and not the second. A condition
    that is there already is not added again. Raises QuerySyntaxError for what cannot be read, or grows too
    long."""
    node, more = parse(query), parse(added)
    if without:
        more = ast.Not(node=more)
        added = f"-{added}" if _is_one_term(more.node) else f"NOT ({added})"
    there = node.nodes if isinstance(node, ast.And) else (node,)
    if more in there:
        return query
    if isinstance(node, ast.Everything):
        return added
    joined = f"({query.strip()}) {added}" if isinstance(node, ast.Or) else f"{query.strip()} {added}"
    if len(joined) > MAX_CHARACTERS:
        raise QuerySyntaxError(
            f"the query has {len(joined)} characters",
            column=MAX_CHARACTERS + 1,
            expected=f"at most {MAX_CHARACTERS}",
        )
    return joined


def _is_one_term(node: ast.Node) -> bool:
    return not isinstance(node, ast.And | ast.Or | ast.Not)


def _name(field: str, keys: Sequence[str]) -> str:
    path = ".".join(map(_key, keys))
    if field == "meta":
        return f"meta.{path}" if path else "meta"
    if not path:
        return field
    return path if field_named(path, 1) == ast.JsonField(column="_line", path=tuple(keys)) else f"line.{path}"


def _key(key: str) -> str:
    return "".join(char if _PLAIN_IN_NAME.fullmatch(char) else f"\\{char}" for char in key)


def _field(field: str, keys: Sequence[str]) -> ast.Field:
    return ast.JsonField(column=f"_{field}", path=tuple(keys)) if keys else field_named(field, 1)


def _value(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value) and value not in _OPERATORS:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
