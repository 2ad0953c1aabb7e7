"""What a query means, after parsing: the nodes that `sql` and `predicate` both compile.

Texts in nodes are folded already (`values.fold`), except in patterns. Every node is a value: it can be
compared, hashed and used from any thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from logkeep.query.regex import Regex
from logkeep.query.values import Number


class Wild(Enum):
    """A wildcard in a pattern."""

    ANY = "*"  # any number of characters, also none
    ONE = "?"  # exactly one character


Glob: TypeAlias = tuple[str | Wild, ...]  # no empty text, no two texts or two ANY in a row


@dataclass(frozen=True, kw_only=True, slots=True)
class TextField:
    """A column of the record that holds text; absent is ''."""

    column: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TagField:
    """The list of tags: a test holds when it holds for any tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberField:
    """`id`, `ts` or `rx`. Bounds of its tests are whole numbers."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonField:
    """The value at a path of object keys in the JSON text of `column` (`_line` or `_meta`)."""

    column: str
    path: tuple[str, ...]


Field: TypeAlias = TextField | TagField | NumberField | JsonField


@dataclass(frozen=True, kw_only=True, slots=True)
class Equals:
    """The whole value is this text, ignoring ASCII case, or (JSON, id, times) this number."""

    text: str
    number: Number | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Like:
    """The whole value looks like this pattern, ignoring ASCII case."""

    glob: Glob


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """The expression is found anywhere in the value."""

    regex: Regex


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    text: str
    number: Number | None
    inclusive: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Within:
    """The value lies between the bounds; None is an open end. At least one is given."""

    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """The field is there and not empty."""


Test: TypeAlias = Equals | Like | Matches | Within | Present


@dataclass(frozen=True, kw_only=True, slots=True)
class Everything:
    """Matches every record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """This text occurs in the line; an end that is a token character lies on a token's boundary."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WordPattern:
    """This pattern occurs in the line, bounded like a phrase; its wildcards stay inside one token."""

    glob: Glob


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldTest:
    field: Field
    test: Test


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    node: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class And:
    nodes: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Or:
    nodes: tuple[Node, ...]


Node: TypeAlias = Everything | Phrase | WordPattern | FieldTest | Not | And | Or
