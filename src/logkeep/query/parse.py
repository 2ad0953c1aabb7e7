"""The text of a query to its nodes. The grammar is Lucene's, read by luqum (docs/query-language.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luqum import parser as luqum_parser
from luqum import tree
from luqum.exceptions import ParseSyntaxError

from logkeep.errors import QuerySyntaxError
from logkeep.query.ast import And, Everything, Field, Node, Not, Or
from logkeep.query.fields import column_of, field_named, field_node, line_node, negative_number
from logkeep.query.lexing import MAX_DEPTH, LexToken, tokens_of, too_deep, unexpected


def parse(text: str) -> Node:
    """What the query means; an empty or blank query and `*` match everything.

    Raises QuerySyntaxError with the column, from 1, of what cannot be read. Safe from any thread.
    """
    if not text.strip():
        return Everything()
    tokens = tokens_of(text)
    replay = _Replay(tokens)
    try:
        item = luqum_parser.parse(None, lexer=replay)
    except ParseSyntaxError as error:
        raise unexpected(tokens, replay.last, text) from error
    return _Reader(text).node(item, None, 0)


class _Replay:
    """A lexer for luqum's parser that hands out tokens already made, and remembers the last one."""

    def __init__(self, tokens: list[LexToken]) -> None:
        self._rest = iter(tokens)
        self.last: LexToken | None = None

    def token(self) -> LexToken | None:
        self.last = next(self._rest, None)
        return self.last


class _Reader:
    """Reads luqum's tree. `field` is the field that the current item is a value of, None for the line."""

    def __init__(self, text: str) -> None:
        self._text = text

    def node(self, item: Any, field: Field | None, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise too_deep(column_of(item))
        if isinstance(item, tree.BaseOperation):
            return self._operation(item, field, depth)
        if isinstance(item, tree.BaseGroup):
            return self.node(item.expr, field, depth + 1)
        if isinstance(item, tree.Not | tree.Prohibit):
            return Not(node=self.node(item.a, field, depth + 1))
        if isinstance(item, tree.Plus):
            return self.node(item.a, field, depth + 1)
        if isinstance(item, tree.SearchField):
            return self._search_field(item, field, depth)
        return line_node(item) if field is None else field_node(field, item)

    def _search_field(self, item: Any, outer: Field | None, depth: int) -> Node:
        if outer is not None:
            raise QuerySyntaxError(
                f"a second ':' follows {item.name!r}",
                column=column_of(item) + len(item.name),
                expected="double quotes around a value that holds ':'",
            )
        field = field_named(item.name, column_of(item))
        negative = negative_number(item.expr)
        if negative is not None and self._text[negative.pos] == "-":
            return field_node(field, negative)
        return self.node(item.expr, field, depth + 1)

    def _operation(self, item: Any, field: Field | None, depth: int) -> Node:
        """AND binds tighter than OR, and two items side by side are joined by AND.

        luqum binds the latter looser than OR, so its tree is laid flat and bound again.
        """
        alternatives: list[list[Node]] = [[]]
        for part in _flat(item):
            if part is _OR:
                alternatives.append([])
            elif part is not _AND:
                alternatives[-1].append(self.node(part, field, depth))
        return _any([_all(nodes) for nodes in alternatives])


_AND, _OR = object(), object()


def _flat(item: Any) -> Iterator[Any]:
    """The operands of an operation and of those in it, in order, with _AND or _OR between them."""
    stack = [item]
    while stack:
        part = stack.pop()
        if not isinstance(part, tree.BaseOperation):
            yield part
            continue
        joint = _OR if isinstance(part, tree.OrOperation) else _AND
        for at, operand in enumerate(reversed(part.operands)):
            if at:
                stack.append(joint)
            stack.append(operand)


def _all(nodes: list[Node]) -> Node:
    parts: list[Node] = []
    for node in nodes:
        parts.extend(node.nodes if isinstance(node, And) else [node])
    needed = [node for node in dict.fromkeys(parts) if node != Everything()]
    if len(needed) < 2:
        return needed[0] if needed else Everything()
    return And(nodes=tuple(needed))


def _any(nodes: list[Node]) -> Node:
    parts: list[Node] = []
    for node in nodes:
        parts.extend(node.nodes if isinstance(node, Or) else [node])
    different = list(dict.fromkeys(parts))
    if Everything() in different:
        return Everything()
    return different[0] if len(different) == 1 else Or(nodes=tuple(different))
