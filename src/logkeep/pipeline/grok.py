"""Grok: regular expressions made of named ones.

    %{NAME}               the definition of that name (grok_patterns.py, or the user's own)
    %{NAME:field}         ... whose text is kept as `field`
    %{NAME:field:int}     ... as a number, also `float`; a text that is no such number stays a text

`a.b` and `[a][b]` are members of members. Named groups are fields, too. All else is RE2's
(docs: https://www.elastic.co/docs/reference/logstash/plugins/plugins-filters-grok, where `%{...}` is from).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from logkeep.errors import BadSetting
from logkeep.pipeline.expressions import checked, compiled
from logkeep.pipeline.grok_patterns import DEFINITIONS

MAX_LENGTH = 64 << 10  # characters of a pattern with all its definitions in place
MAX_REFERENCES = 2_000  # in one, those of definitions included
MAX_DEPTH = 16  # of definitions in each other, and of members in each other
_REFERENCE = re.compile(r"\\.|%\{(?:([0-9A-Za-z_]+)(?::([^:{}]+)(?::([A-Za-z]+))?)?\})?", re.DOTALL)
_NAME = re.compile(r"[0-9A-Za-z_]{1,100}")
_BRACKETS = re.compile(r"(?:\[[^\[\]]+\])+")
_INT = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MIN_INT, _MAX_INT = -(1 << 63), (1 << 63) - 1


def _int(text: str) -> object:
    if _INT.fullmatch(text) and _MIN_INT <= (number := int(text)) <= _MAX_INT:
        return number
    return text


def _float(text: str) -> object:
    return number if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)) else text


_TYPES: Mapping[str, Callable[[str], object]] = {"int": _int, "float": _float}


@dataclass(frozen=True, slots=True)
class _Field:
    path: tuple[str, ...]
    convert: Callable[[str], object] | None
    group: int = -1  # its place among the groups, from 0


def grok_finder(
    pattern: str, definitions: Mapping[str, str], *, setting: str, most_steps: int
) -> Callable[[bytes], dict[str, object] | None]:
    """A function to what the pattern finds in a text: JSON values by field; None when it does not fit.

    A field that took no part is left out; of one that stands there twice, the first that took part counts.
    Raises BadSetting, which names the definition where the fault lies in one.
    """
    for name, source in definitions.items():
        _check_name(name)
        _Expansion(definitions, f"definitions.{name}").of(source, (name,))
    expansion = _Expansion(definitions, setting)
    whole = expansion.of(pattern, ())
    regex = checked(whole, setting=setting, within=f"{_shown(pattern)} in full: ")
    expression = compiled(regex, most_steps=most_steps, setting=setting)
    fields = _placed(expansion.fields, expression.groupindex)
    _check_paths([field.path for field in fields], setting)
    needed = b"" if regex.ignore_case else regex.literal.encode()
    return _finder(expression.search, fields, needed)


def _finder(
    search: Callable[[bytes], Any], fields: Sequence[_Field], needed: bytes
) -> Callable[[bytes], dict[str, object] | None]:
    plan = [(field.group, field.path[:-1], field.path[-1], field.convert) for field in fields]

    def find(data: bytes) -> dict[str, object] | None:
        match = search(data) if needed in data else None
        if match is None:
            return None
        texts = match.groups()
        found: dict[str, Any] = {}
        for group, parents, name, convert in plan:
            if (text := texts[group]) is None:
                continue
            value = text.decode(errors="replace")
            members = found
            for parent in parents:
                members = members.setdefault(parent, {})
            members.setdefault(name, value if convert is None else convert(value))
        return found

    return find


class _Expansion:
    """A pattern with its definitions in place; `fields` by the names of the groups that hold them."""

    def __init__(self, definitions: Mapping[str, str], setting: str) -> None:
        self._definitions = definitions
        self._setting = setting
        self._references = 0
        self.fields: dict[str, _Field] = {}

    def of(self, source: str, ring: tuple[str, ...]) -> str:
        """`ring` names the definitions that this one stands in, itself last."""
        if not ring or ring[-1] in self._definitions:
            self._check_alone(source, ring)
        whole = _REFERENCE.sub(lambda found: self._reference(found, ring), source)
        if len(whole) > MAX_LENGTH:
            raise self._bad(f"longer than {MAX_LENGTH} characters in full", "use fewer definitions", ring)
        return whole

    def _check_alone(self, source: str, ring: tuple[str, ...]) -> None:
        """Finds a fault where it was written: with a harmless group of the same length for each reference."""
        where = f"definition {ring[-1]}: " if ring else ""
        alone = _REFERENCE.sub(_placeholder, source)
        setting = f"definitions.{ring[-1]}" if ring else self._setting
        if not any(found[0] == "%{" for found in _REFERENCE.finditer(alone)):  # that is told by itself
            checked(alone, setting=setting, within=where)

    def _reference(self, found: re.Match[str], ring: tuple[str, ...]) -> str:
        if _is_escape(found):
            return found[0]
        name, field, kind = found.groups()
        if name is None:
            raise self._bad(
                f"column {found.start() + 1}: this %{{ is no reference",
                "write %{NAME}, %{NAME:field} or %{NAME:field:int}, and %\\{ for the characters themselves",
                ring,
            )
        self._references += 1
        if self._references > MAX_REFERENCES:
            raise self._bad(f"more than {MAX_REFERENCES} references in full", "use fewer definitions", ring)
        if name in ring:
            circle = " -> ".join((*ring[ring.index(name) :], name))
            raise self._bad(f"definitions that stand in each other: {circle}", "break the circle", ring)
        if len(ring) >= MAX_DEPTH:
            raise self._bad(f"definitions are nested deeper than {MAX_DEPTH}", "nest them less", ring)
        source = self._definitions.get(name) or DEFINITIONS.get(name)
        if source is None:
            raise self._bad(f"there is no pattern {name}", self._meant(name), ring)
        group = self._group(field, kind, ring) if field else "?:"
        return f"({group}{self.of(source, (*ring, name))})"

    def _group(self, field: str, kind: str | None, ring: tuple[str, ...]) -> str:
        if kind and kind not in _TYPES:
            raise self._bad(f"{kind} is no type of a field", "use int or float, or none for text", ring)
        path = tuple(field[1:-1].split("][") if _BRACKETS.fullmatch(field) else field.split("."))
        if not all(path) or len(path) > MAX_DEPTH or "[" in "".join(path):
            raise self._bad(f"{field!r} is no name of a field", "use name, a.b or [a][b]", ring)
        group = f"grok_{len(self.fields)}_"
        self.fields[group] = _Field(path, _TYPES[kind] if kind else None)
        return f"?P<{group}>"

    def _meant(self, name: str) -> str:
        close = get_close_matches(name.upper(), [*self._definitions, *DEFINITIONS], n=1)
        return (f"did you mean {close[0]}? " if close else "") + "your own patterns go to definitions"

    def _bad(self, message: str, hint: str, ring: tuple[str, ...]) -> BadSetting:
        where = f"definition {ring[-1]}: " if ring else ""
        return BadSetting(f"{where}{message}", hint=hint, field=self._setting)


def _is_escape(found: re.Match[str]) -> bool:
    return found[0].startswith("\\")


def _placeholder(found: re.Match[str]) -> str:
    return found[0] if _is_escape(found) or found[1] is None else f"(?:{'x' * (len(found[0]) - 4)})"


def _placed(fields: Mapping[str, _Field], groups: Mapping[str, int]) -> list[_Field]:
    """All fields with their groups, in order; a named group that is none of the fields is one by its name."""
    placed = []
    for name, number in sorted(groups.items(), key=lambda group: group[1]):
        field = fields.get(name) or _Field((name,), None)
        placed.append(_Field(field.path, field.convert, number - 1))
    return placed


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadSetting(
            f"{_shown(name)} is no name of a definition",
            hint="use letters, digits and _",
            field="definitions",
        )


def _check_paths(paths: Sequence[tuple[str, ...]], setting: str) -> None:
    """Raises BadSetting for a field that would be a value and an object at once."""
    values = set(paths)
    for path in paths:
        for end in range(1, len(path)):
            if path[:end] in values:
                raise BadSetting(
                    f"field {'.'.join(path[:end])} cannot be a value and hold {'.'.join(path)}",
                    hint="rename one of them",
                    field=setting,
                )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
