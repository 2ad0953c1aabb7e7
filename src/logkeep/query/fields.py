"""Field names and field values of a query: `host:web-*`, `ts:>=2026-11-20`, `user.id:[1 TO 5]`."""

from __future__ import annotations

import re
from typing import Any

from luqum import tree

from logkeep.errors import QuerySyntaxError
from logkeep.query.ast import (
    Bound,
    Equals,
    Everything,
    Field,
    FieldTest,
    Glob,
    JsonField,
    Like,
    Matches,
    Node,
    NumberField,
    Phrase,
    Present,
    TagField,
    Test,
    TextField,
    Wild,
    Within,
    WordPattern,
)
from logkeep.query.regex import translate
from logkeep.query.values import fold, number_of
from logkeep.timeline import instant_of_text

LINE = TextField(column="_line")
_TEXTS = {name: TextField(column=f"_{name}") for name in ("host", "app", "file", "env", "account", "line")}
_OWN: dict[str, Field] = {
    **_TEXTS,
    "level": TextField(column="level"),
    "tag": TagField(),
    "id": NumberField(name="id"),
    "ts": NumberField(name="ts"),
    "rx": NumberField(name="rx"),
    "meta": TextField(column="_meta"),
}
_COLUMN_OF_PREFIX = {"meta": "_meta", "line": "_line"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME_PART = re.compile(r"((?:[^\\.]|\\.)*)(\.|\Z)", re.DOTALL)
_WORD_PART = re.compile(r"(?P<wild>\*+|\?)|(?P<text>(?:[^*?\\]|\\.)+)", re.DOTALL)


def column_of(item: Any) -> int:
    return int(item.pos or 0) + 1


def field_named(name: str, column: int) -> Field:
    """The field that a query calls `name`: one of the record's own, or a path of JSON keys."""
    if name in _OWN:
        return _OWN[name]
    path = _path(name, column)
    if len(path) > 1 and path[0] in _COLUMN_OF_PREFIX:
        return JsonField(column=_COLUMN_OF_PREFIX[path[0]], path=path[1:])
    return JsonField(column="_line", path=path)


def _path(name: str, column: int) -> tuple[str, ...]:
    parts = [found[1] for found in _NAME_PART.finditer(name)]
    if name:
        parts.pop()  # the pattern also finds the nothing after the last part
    if any(re.search(r"(?<!\\)[*?]", part) for part in parts):
        raise QuerySyntaxError("a field name takes no wildcards", column=column, expected="a whole name")
    if not all(parts):
        raise QuerySyntaxError(f"{name!r} is no field name", column=column, expected="keys joined by '.'")
    return tuple(_unescaped(part) for part in parts)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _glob(word: str) -> Glob:
    """The parts of a word as written, folded; `**` is one wildcard."""
    parts: list[str | Wild] = []
    for found in _WORD_PART.finditer(word):
        if found["wild"]:
            parts.append(Wild(found["wild"][0]))
        else:
            parts.append(fold(_unescaped(found["text"])))
    return tuple(parts)


def line_node(item: Any) -> Node:
    """What a word, a phrase or an expression says about the line."""
    if isinstance(item, tree.Regex):
        return FieldTest(field=LINE, test=_matches(item))
    if isinstance(item, tree.Phrase):
        text = fold(_unescaped(item.value[1:-1]))
        if not text:
            raise QuerySyntaxError("the phrase is empty", column=column_of(item), expected="text in quotes")
        return Phrase(text=text)
    if not isinstance(item, tree.Word):
        raise QuerySyntaxError(
            "a comparison needs a field", column=column_of(item), expected="a field such as status:>=500"
        )
    glob = _glob(item.value)
    if glob == (Wild.ANY,):
        return Everything()
    if len(glob) == 1 and isinstance(glob[0], str):
        return Phrase(text=glob[0])
    return WordPattern(glob=glob)


def field_node(field: Field, item: Any) -> Node:
    """What a value behind `field:` says. Raises QuerySyntaxError when the field cannot be asked that."""
    if field == LINE and isinstance(item, tree.Word | tree.Phrase) and item.value != "*":
        return line_node(item)
    test = _test(field, item)
    allowed: tuple[type, ...] = (Equals, Like, Matches, Within, Present)
    expected = ""
    if field == LINE:
        allowed, expected = (Matches, Present), "words, a phrase, /a pattern/ or *"
    elif field == _OWN["meta"]:
        allowed, expected = (Present,), "a key, as in meta.region:eu, or meta:*"
    elif isinstance(field, NumberField):
        allowed, expected = (Equals, Within, Present), "a value, a comparison, a range or *"
    if not isinstance(test, allowed):
        raise QuerySyntaxError(
            "this field cannot be asked that way", column=column_of(item), expected=expected
        )
    return FieldTest(field=field, test=test)


def negative_number(item: Any) -> Any | None:
    """The word -5 of `field:-5`, which luqum reads as a negated 5; None when it is no number."""
    if isinstance(item, tree.Prohibit) and type(item.a) is tree.Word and not item.a.head:
        word = "-" + item.a.value
        if number_of(word) is not None:
            return tree.Word(word, pos=item.pos, size=item.size)
    return None


def _test(field: Field, item: Any) -> Test:
    if isinstance(item, tree.Regex):
        return _matches(item)
    if isinstance(item, tree.Range):
        return _within(_bound(field, item.low, item.include_low), _bound(field, item.high, item.include_high))
    if isinstance(item, tree.From | tree.To):
        bound = _bound(field, item.a, item.include)
        if bound is None:
            raise QuerySyntaxError("'*' is no bound", column=column_of(item.a), expected="a value")
        return Within(low=bound, high=None) if isinstance(item, tree.From) else Within(low=None, high=bound)
    if isinstance(item, tree.Phrase):
        return _equals(field, fold(_unescaped(item.value[1:-1])), item)
    glob = _glob(item.value)
    if glob == (Wild.ANY,):
        return Present()
    if len(glob) == 1 and isinstance(glob[0], str):
        return _equals(field, glob[0], item)
    return Like(glob=glob)


def _within(low: Bound | None, high: Bound | None) -> Test:
    return Present() if low is None and high is None else Within(low=low, high=high)


def _equals(field: Field, text: str, item: Any) -> Equals:
    return Equals(text=text, number=_number(field, text, item))


def _bound(field: Field, item: Any, inclusive: bool) -> Bound | None:
    if isinstance(item, tree.Word) and item.value == "*":
        return None
    if isinstance(item, tree.Prohibit):
        item = tree.Word("-" + item.a.value.strip('"'), pos=item.pos)
    raw = item.value[1:-1] if isinstance(item, tree.Phrase) else item.value
    text = fold(_unescaped(raw))
    return Bound(text=text, number=_number(field, text, item), inclusive=inclusive)


def _number(field: Field, text: str, item: Any) -> int | float | None:
    if not isinstance(field, NumberField):
        return number_of(text)
    if field.name == "id":
        if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 2**64:
            return int(text)
        expected = "a whole number below 2^64"
    else:
        instant = instant_of_text(text.upper())
        if instant is not None:
            return instant[0]
        expected = "ISO 8601 (2026-11-20T09:00:00Z; in quotes with an offset) or epoch milliseconds"
    raise QuerySyntaxError(f"{text!r} is no value of {field.name}", column=column_of(item), expected=expected)


def _matches(item: Any) -> Matches:
    return Matches(regex=translate(item.value[1:-1], column_of(item) + 1))
