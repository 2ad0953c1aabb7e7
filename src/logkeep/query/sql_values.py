"""Tests of text values as ClickHouse expressions, and the collector of bound parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from logkeep.query import ast
from logkeep.query.values import PLAIN_NUMBER, is_token_char

Param: TypeAlias = str | int | float | Sequence[str]

IN_WORD = r"[0-9a-z\x{80}-\x{10ffff}]"
_OTHER = r"[^0-9a-z\x{80}-\x{10ffff}]"
_BEFORE, _AFTER = f"(?:^|{_OTHER})", f"(?:$|{_OTHER})"
_SPECIAL = frozenset(".^$|()[]{}*+?\\")


class Parameters:
    """Gives bound values their names. A value that was added before keeps its name."""

    def __init__(self, prefix: str = "q") -> None:
        self.values: dict[str, Param] = {}
        self._prefix = prefix
        self._names: dict[tuple[str, str], str] = {}

    def add(self, kind: str, value: Param) -> str:
        """The placeholder, such as `{q0:String}`, for a value of ClickHouse type `kind`."""
        name = self._names.setdefault((kind, repr(value)), f"{self._prefix}{len(self._names)}")
        self.values[name] = value
        return f"{{{name}:{kind}}}"


def escaped(text: str) -> str:
    """The text as an RE2 pattern for itself."""
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char < " " or char == "\x7f":
        return f"\\x{ord(char):02x}"
    return "\\" + char if char in _SPECIAL else char


def line_regex(glob: ast.Glob) -> str:
    """The RE2 pattern that finds the glob in a folded line, on token boundaries."""
    parts = list(glob)
    before = _BEFORE if _bounded(parts[0], 0) else ""
    after = _AFTER if _bounded(parts[-1], -1) else ""
    # An outer * may stand for nothing, so leaving it out finds the same lines.
    inner = parts[parts[0] is ast.Wild.ANY : len(parts) - (parts[-1] is ast.Wild.ANY)]
    return before + "".join(_part(part, IN_WORD) for part in inner) + after


def found_in_token_pattern(glob: ast.Glob) -> tuple[str, bool, bool]:
    """The RE2 pattern for all that a glob stands for in a folded line, up to the ends of the words that an
    outer `*` reaches into; and whether it takes a character before and after that with it."""
    before, after = _bounded(glob[0], 0), _bounded(glob[-1], -1)
    inner = "".join(_part(part, IN_WORD) for part in glob)
    return _BEFORE * before + inner + _AFTER * after, before, after


def _bounded(part: str | ast.Wild, end: int) -> bool:
    return part is ast.Wild.ONE or (isinstance(part, str) and is_token_char(part[end]))


def glob_regex(glob: ast.Glob) -> str:
    """The RE2 pattern for a whole folded value."""
    return "^" + "".join(_part(part, ".") for part in glob) + "$"


def _part(part: str | ast.Wild, char: str) -> str:
    if part is ast.Wild.ANY:
        return char + "*"
    return char if isinstance(part, ast.Wild) else escaped(part)


def text_condition(value: str, test: ast.Test, params: Parameters) -> str:
    """The test on an expression of type String."""
    match test:
        case ast.Present():
            return f"({value} != '')"
        case ast.Equals(text=text):
            return f"(lower({value}) = {params.add('String', text)})"
        case ast.Like(glob=glob):
            return f"match(lower({value}), {params.add('String', glob_regex(glob))})"
        case ast.Matches(regex=regex):
            return f"match({value}, {params.add('String', regex.re2)})"
        case ast.Within(low=low, high=high):
            sides = ((low, ">"), (high, "<"))
            parts = [_text_bound(value, bound, sign, params) for bound, sign in sides if bound is not None]
            return "(" + " AND ".join(parts) + ")"


def _text_bound(value: str, bound: ast.Bound, sign: str, params: Parameters) -> str:
    operator = sign + "=" * bound.inclusive
    by_text = f"lower({value}) {operator} {params.add('String', bound.text)}"
    if bound.number is None:
        return by_text
    by_number = f"toFloat64OrZero({value}) {operator} {params.add('Float64', float(bound.number))}"
    return f"if({is_plain_number(value, params)}, {by_number}, {by_text})"


def is_plain_number(value: str, params: Parameters) -> str:
    return f"match({value}, {params.add('String', PLAIN_NUMBER)})"
