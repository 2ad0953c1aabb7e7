"""What the bytes of a canonical line must hold for a record to match: a filter before decoding."""

from __future__ import annotations

import re
from typing import TypeAlias

from logkeep.query import ast
from logkeep.query.values import fold, is_plain_key

Literals: TypeAlias = tuple[bytes, ...]

# Characters that JSON encoders write as they are, inside of strings. Others may stand as escapes.
_WRITTEN_PLAINLY = re.compile(r"[0-9a-z _.:,;=@#()\[\]-]+")


def literals(node: ast.Node) -> Literals | None:
    """Alternatives of which one at least occurs, in ASCII lower case, in the lower-cased bytes of the
    canonical line of every record that matches. None when nothing can be promised.
    """
    return max(promises(node), key=lambda found: min(map(len, found)), default=None)


def promises(node: ast.Node) -> list[Literals]:
    """Every promise that can be made: `literals` is the best of them, and all of them hold."""
    match node:
        case ast.And(nodes=nodes):
            every = [promise for each in nodes for promise in promises(each)]
            return list(dict.fromkeys(every))
        case ast.Or(nodes=nodes):
            found = _union([literals(each) for each in nodes])
        case ast.Phrase(text=text):
            found = _longest([text])
        case ast.WordPattern(glob=glob):
            found = _longest([part for part in glob if isinstance(part, str)])
        case ast.FieldTest(field=field, test=test):
            found = _of_field(field, test)
        case _:
            found = None
    return [] if found is None else [found]


def _union(found: list[Literals | None]) -> Literals | None:
    every: list[bytes] = []
    for each in found:
        if each is None:
            return None
        every.extend(each)
    return tuple(dict.fromkeys(every))


def _longest(texts: list[str]) -> Literals | None:
    runs = [run for text in texts for run in _WRITTEN_PLAINLY.findall(text)]
    return (max(runs, key=len).encode(),) if runs else None


def _of_field(field: ast.Field, test: ast.Test) -> Literals | None:
    match field, test:
        case ast.JsonField(path=path), _:
            # The value may be written in many ways, but a plain key only in one.
            return _longest([key.lower() for key in path if is_plain_key(key)])
        case ast.NumberField(name="id"), ast.Equals(number=number):
            return (str(number).encode(),) if number else None
        case ((ast.TextField() | ast.TagField()), ast.Equals(text=text)):
            return _longest([text])
        case ((ast.TextField() | ast.TagField()), ast.Like(glob=glob)):
            return _longest([part for part in glob if isinstance(part, str)])
        case ((ast.TextField() | ast.TagField()), ast.Matches(regex=regex)):
            return _longest([fold(regex.literal)])
        case _:
            return None


def asks_line_only(node: ast.Node) -> bool:
    """Whether a query looks at nothing of a record but its `_line`."""
    match node:
        case ast.Not(node=inner):
            return asks_line_only(inner)
        case ast.And(nodes=nodes) | ast.Or(nodes=nodes):
            return all(map(asks_line_only, nodes))
        case ast.FieldTest(field=ast.TextField(column="_line") | ast.JsonField(column="_line")):
            return True
        case ast.FieldTest():
            return False
        case _:
            return True
