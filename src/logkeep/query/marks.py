"""What of a line a query is about: the words, phrases and expressions in it that people want to see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from logkeep.query import ast
from logkeep.query.regex import MAX_MEMORY, span_finder
from logkeep.query.sql_values import found_in_token_pattern
from logkeep.query.values import fold, is_plain_key, is_token_char

Span: TypeAlias = tuple[int, int]
"""Where something begins and ends, in characters."""

Marker: TypeAlias = Callable[[str], list[Span]]
"""The spans of a line, in order and apart from each other."""

MAX_MARKS = 100  # of a line: more tell nobody anything
MAX_MARKED = 1 << 16  # characters of a line that are looked at: an expression takes its time over a megabyte

_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_DECODER = json.JSONDecoder()

_Finder: TypeAlias = Callable[[str, str], Iterator[Span]]  # of a line and of the line folded


def marker(node: ast.Node) -> Marker:
    """A function that finds what makes a line match, in the first MAX_MARKED characters of it. What stands
    behind NOT, and fields other than the line and its JSON keys, are nowhere in it."""
    finders = list(_finders(node))

    def marks(line: str) -> list[Span]:
        head = line[:MAX_MARKED]
        folded = fold(head)
        spans = [span for find in finders for span in _first(find(head, folded))]
        # What ends where the line was cut may go on, or not end with the line as the query demands.
        return _joined([span for span in spans if span[1] < MAX_MARKED or len(head) == len(line)])

    return marks if finders else lambda _line: []


def fields_asked(node: ast.Node) -> list[str]:
    """The fields that a query asks for, as people see them: `host`, `user.id`, `meta.region`."""
    return list(dict.fromkeys(_names(node)))


def _names(node: ast.Node) -> Iterator[str]:
    match node:
        case ast.Not(node=inner):
            yield from _names(inner)
        case ast.And(nodes=nodes) | ast.Or(nodes=nodes):
            for each in nodes:
                yield from _names(each)
        case ast.FieldTest(field=ast.TextField(column=column)):
            yield column.removeprefix("_")
        case ast.FieldTest(field=ast.TagField()):
            yield "tag"
        case ast.FieldTest(field=ast.NumberField(name=name)):
            yield name
        case ast.FieldTest(field=ast.JsonField(column=column, path=path)):
            yield ".".join(("meta", *path) if column == "_meta" else path)


def _finders(node: ast.Node) -> Iterator[_Finder]:
    match node:
        case ast.And(nodes=nodes) | ast.Or(nodes=nodes):
            for each in nodes:
                yield from _finders(each)
        case ast.Phrase(text=text):
            yield _phrase(text)
        case ast.WordPattern(glob=glob):
            yield _word_pattern(glob)
        case ast.FieldTest(field=ast.TextField(column="_line"), test=ast.Matches(regex=regex)):
            find = span_finder(regex.re2, max_memory=MAX_MEMORY)
            yield lambda line, _folded: find(line)
        case ast.FieldTest(field=ast.JsonField(column="_line", path=path)) if is_plain_key(path[-1]):
            yield _json_member(path[-1])


def _phrase(text: str) -> _Finder:
    before, after, size = is_token_char(text[0]), is_token_char(text[-1]), len(text)

    def find(_line: str, folded: str) -> Iterator[Span]:
        at = folded.find(text)
        while at >= 0:
            end = at + size
            cut = (before and at > 0 and is_token_char(folded[at - 1])) or (
                after and end < len(folded) and is_token_char(folded[end])
            )
            if not cut:
                yield at, end
            at = folded.find(text, at + 1 if cut else end)

    return find


def _word_pattern(glob: ast.Glob) -> _Finder:
    pattern, bounded_before, bounded_after = found_in_token_pattern(glob)
    spans = span_finder(pattern, trim=(bounded_before, bounded_after))
    return lambda _line, folded: spans(folded)


def _json_member(key: str) -> _Finder:
    """The member of a JSON line with this key, where there is only one that it can be."""
    quoted = f'"{key}"'

    def find(line: str, _folded: str) -> Iterator[Span]:
        at = line.find(quoted)
        if line.startswith("{") and at >= 0 and line.find(quoted, at + 1) < 0:
            end = _value_end(line, at + len(quoted))
            if end:
                yield at, end

    return find


def _value_end(line: str, at: int) -> int:
    """Where the value behind a key ends, if it is none that holds others; else 0."""
    colon = _COLON.match(line, at)
    if colon is None or line[colon.end() : colon.end() + 1] in ("{", "["):
        return 0
    try:
        return _DECODER.raw_decode(line, colon.end())[1]
    except ValueError:
        return 0


def _first(spans: Iterator[Span]) -> Iterator[Span]:
    for _, span in zip(range(MAX_MARKS), spans, strict=False):
        yield span


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined[:MAX_MARKS]
