"""Whether plain data has the shape of a pipeline (model.py). Says everything that is wrong at once.

Values are shown in messages only where nothing secret can stand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeGuard

from msgspec import inspect

from logkeep.pipeline.bounds import AMOUNTS, MAX_DEPTH, MAX_ITEMS, MAX_PARTS, MAX_VALUE
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.problems import WHOLE, Problems, below, choose

_MAY_BE_SECRET = ("secrets", "headers", "options")  # keys below which values are not repeated
_LONGEST_SHOWN = 40  # characters


def check_shape(data: object, problems: Problems, plain: Mapping[str, str]) -> None:
    """Adds to `problems` what is wrong. `plain` has, by path, what stood in a YAML text without quotes and
    is no text."""
    _Check(problems, plain).struct(data, _pipeline(), WHOLE, "a pipeline")


@cache
def _pipeline() -> inspect.StructType:
    kind = inspect.type_info(PipelineSpec)
    assert isinstance(kind, inspect.StructType)  # noqa: S101 - that is what a Struct's is
    return kind


class _Check:
    def __init__(self, problems: Problems, plain: Mapping[str, str]) -> None:
        self._problems = problems
        self._plain = plain

    def struct(self, value: object, kind: inspect.StructType, path: str, what: str) -> None:
        """`what` is what people call it: "a destination of type http"."""
        if not isinstance(value, Mapping):
            self._wrong(value, path, f"{what} as KEY: VALUE pairs")
            return
        fields = {one.encode_name: one for one in kind.fields}
        known = ([kind.tag_field] if kind.tag_field else []) + list(fields)
        for key in value:
            if key not in known:
                hint = choose(str(key), known, "its keys are")
                self._problems.add(below(path, str(key)), f"there is no such key in {what}", hint)
        for name, one in fields.items():
            if name in value:
                self._field(value[name], one, below(path, name))
            elif one.required:
                self._problems.add(
                    below(path, name), f"{what} needs {name}, which is missing", f"write {name}: {_form(one)}"
                )

    def _field(self, value: object, one: inspect.Field, path: str) -> None:
        if path in MAX_PARTS:
            self._parts(value, one.type, path)
        elif one.name in AMOUNTS:
            self._amount(value, one, path)
        else:
            self.value(value, one.type, path)

    def _parts(self, value: object, kind: inspect.Type, path: str) -> None:
        """Sources, processors or destinations."""
        assert isinstance(kind, inspect.VarTupleType)  # noqa: S101
        if not _is_list(value):
            hint = "begin each of them with a dash: - type: ..."
            self._wrong(value, path, f"a list of {path}", hint)
        elif len(value) > MAX_PARTS[path]:
            most = f"there are {len(value)} {path}, and at most {MAX_PARTS[path]} may be"
            self._problems.add(path, most, "make several pipelines of it")
        else:
            types = _by_type(kind.item_type)
            for place, part in enumerate(value):
                self._part(part, types, below(path, place), path.removesuffix("s"))

    def _part(self, value: object, types: Mapping[str, inspect.StructType], path: str, noun: str) -> None:
        choices = f"the types of {noun}s are"
        if not isinstance(value, Mapping):
            self._wrong(
                value,
                path,
                f"a {noun} as KEY: VALUE pairs",
                f"begin it with - type: ...; {choices}: {', '.join(types)}",
            )
        elif "type" not in value:
            hint = f"write type: TYPE; {choices}: {', '.join(types)}"
            self._problems.add(below(path, "type"), f"a {noun} needs a type, which is missing", hint)
        elif not isinstance(value["type"], str):
            hint = f"{choices}: {', '.join(types)}"
            self._wrong(value["type"], below(path, "type"), "the name of a type", hint)
        elif value["type"] not in types:
            self._problems.add(
                below(path, "type"),
                f"{_cut(value['type'])!r} is no type of a {noun}",
                choose(value["type"], list(types), choices),
            )
        else:
            self.struct(value, types[value["type"]], path, f"a {noun} of type {value['type']}")

    def _amount(self, value: object, one: inspect.Field, path: str) -> None:
        """A number or a text of which the meaning is checked later."""
        amount = AMOUNTS[one.name]
        if value is None and _has_none(one.type):
            return
        if isinstance(value, str):
            self._text(value, path)
        elif not _is_int(value):
            self._wrong(value, path, amount.what, f"write {amount.limits}")

    def value(self, value: object, kind: inspect.Type, path: str) -> None:
        """Anything else than a part."""
        match kind:
            case inspect.AnyType():
                self._anything(value, path, 0)
            case inspect.StructType():
                self.struct(value, kind, path, f"a {path.rpartition('.')[2]}")
            case inspect.VarTupleType():
                self._list(value, kind, path)
            case inspect.DictType():
                self._mapping(value, kind, path)
            case inspect.LiteralType():
                self._literal(value, kind, path)
            case inspect.UnionType():
                self._union(value, kind, path)
            case _:
                if not _fits(value, kind):
                    self._wrong(value, path, _described(kind))
                elif isinstance(value, str):
                    self._text(value, path)

    def _union(self, value: object, kind: inspect.UnionType, path: str) -> None:
        for one in kind.types:
            if isinstance(one, inspect.LiteralType) and value is not None:
                self._literal(value, one, path)
                return
        if not any(_fits(value, one) for one in kind.types):
            self._wrong(value, path, _described(kind))
        elif isinstance(value, str):
            self._text(value, path)

    def _literal(self, value: object, kind: inspect.LiteralType, path: str) -> None:
        words = [str(word) for word in kind.values]
        if not isinstance(value, str):
            self._wrong(value, path, f"one of {', '.join(words)}")
        elif value not in words:
            self._problems.add(
                path, f"{_cut(value)!r} cannot be written here", choose(value, words, "choose")
            )

    def _list(self, value: object, kind: inspect.VarTupleType, path: str) -> None:
        if not _is_list(value):
            shown = value if isinstance(value, str) and len(value) <= _LONGEST_SHOWN else "..."
            self._wrong(value, path, f"a list of {_described(kind.item_type)}", f"write [{shown}]")
        elif self._few(value, path):
            for place, item in enumerate(value):
                self.value(item, kind.item_type, below(path, place))

    def _mapping(self, value: object, kind: inspect.DictType, path: str) -> None:
        if not isinstance(value, Mapping):
            self._wrong(value, path, "KEY: VALUE pairs")
        elif self._few(value, path):
            for key, item in value.items():
                if self._key(key, path):
                    self.value(item, kind.value_type, below(path, key))

    def _anything(self, value: object, path: str, depth: int) -> None:
        """What JSON can hold."""
        if depth > MAX_DEPTH:
            self._problems.add(path[:200], f"there are more than {MAX_DEPTH} levels", "make it flatter")
        elif isinstance(value, str):
            self._text(value, path)
        elif isinstance(value, bool) and self._plain.get(path, "true").lower() not in ("true", "false"):
            self._wrong(value, path, "true, false, or a text in quotes")
        elif _is_list(value):
            for place, item in enumerate(value if self._few(value, path) else ()):
                self._anything(item, below(path, place), depth + 1)
        elif isinstance(value, Mapping):
            for key, item in value.items() if self._few(value, path) else ():
                if self._key(key, path):
                    self._anything(item, below(path, key), depth + 1)
        elif isinstance(value, int | float) and not _is_json(value):
            message = "it is a number that is too large: it does not fit 64 bits"
            self._problems.add(path, message, "write a smaller one, or put it in quotes if it is text")
        elif not _is_json(value):
            self._wrong(value, path, "a value that JSON has")

    def _key(self, key: object, path: str) -> bool:
        if isinstance(key, str):
            self._text(key, below(path, key))
            return True
        self._problems.add(path, "a key is no text", "write NAME: VALUE")
        return False

    def _few(self, value: Sequence[object] | Mapping[object, object], path: str) -> bool:
        if len(value) > MAX_ITEMS:
            message = f"there are {len(value)} of them, and at most {MAX_ITEMS} may be"
            self._problems.add(path, message, "write fewer")
        return len(value) <= MAX_ITEMS

    def _text(self, value: str, path: str) -> None:
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            self._problems.add(path, "there is half of a surrogate pair in it", "write text as UTF-8")
            return
        if length > MAX_VALUE:
            self._problems.add(
                path, f"the text has {length} bytes, and at most {MAX_VALUE} may be", "shorten it"
            )

    def _wrong(self, value: object, path: str, expected: str, hint: str = "") -> None:
        """A value of another type than it should have."""
        written = self._plain.get(path)
        if value is None:
            message = f"expected {expected}, but there is no value"
            self._problems.add(path, message, hint or "write one, or leave the key away")
        elif written is None or "text" not in expected:
            self._problems.add(
                path, f"expected {expected}, but this is {_found(value)}", hint or f"write {expected}"
            )
        elif len(written) > _LONGEST_SHOWN or any(f".{key}." in path for key in _MAY_BE_SECRET):
            message = f"expected {expected}, but YAML takes this for {_found(value)}"
            self._problems.add(path, message, "put it in quotes")
        else:
            message = f"expected {expected}, but YAML takes {written} for {_found(value)}"
            self._problems.add(path, message, f'put it in quotes: "{written}"')


def _by_type(kind: inspect.Type) -> Mapping[str, inspect.StructType]:
    assert isinstance(kind, inspect.UnionType)  # noqa: S101
    return {str(one.tag): one for one in kind.types if isinstance(one, inspect.StructType)}


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63


def _is_json(value: object) -> bool:
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 64
    return value is None or (isinstance(value, float) and math.isfinite(value))


def _has_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.UnionType) and kind.includes_none


def _fits(value: object, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return _is_int(value)
        case inspect.FloatType():
            return _is_int(value) or (isinstance(value, float) and math.isfinite(value))
        case inspect.NoneType():
            return value is None
    raise TypeError(f"model.py has a type that is not checked: {kind}")


def _described(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.UnionType():
            return " or ".join(_described(one) for one in kind.types if not isinstance(one, inspect.NoneType))
    return "a value"


def _found(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if _is_list(value) else "KEY: VALUE pairs"


def _form(one: inspect.Field) -> str:
    return "[...]" if isinstance(one.type, inspect.VarTupleType) else "..."


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
