"""What a pipeline can be made of, as data: every type of a part with its settings (model.py).

Whoever lets people choose from them, a form or a wizard, need not know a type by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import inspect

from logkeep.pipeline import model
from logkeep.pipeline.bounds import AMOUNTS

# Kinds of settings: `text`, `number`, `flag` (true or false), `amount` (a duration or a size), `choice`,
# `texts` (a list), `pairs` (texts by name), `options` (texts, true and false by name), `value` (any JSON),
# `secrets`, and `group`, which has settings of its own.


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of a part."""

    name: str
    kind: str
    required: bool
    default: Any  # None: there is none, or it is null
    choices: Sequence[str] = ()
    limits: str = ""  # of an amount
    settings: Sequence[Setting] = ()  # of a group


@dataclass(frozen=True, kw_only=True)
class PartType:
    """One type of a source, processor or destination."""

    type: str
    about: str  # what it does
    settings: Sequence[Setting]
    secrets: Sequence[str] = field(default=())  # names; one that ends with a dot is a beginning


@cache
def part_types() -> dict[str, list[PartType]]:
    """By what they are types of: sources, processors, destinations; in the order of model.py."""
    return {
        "sources": _types(model.Source),
        "processors": _types(model.Processor),
        "destinations": _types(model.Destination),
    }


def _types(union: object) -> list[PartType]:
    return [_part(one) for one in get_args(union)]


def _part(part: Any) -> PartType:
    kind = inspect.type_info(part)
    assert isinstance(kind, inspect.StructType)  # noqa: S101 - that is what a Struct's is
    return PartType(
        type=str(kind.tag),
        about=" ".join((part.__doc__ or "").split()),
        settings=_settings(kind),
        secrets=getattr(part, "SECRETS", ()),
    )


def _settings(kind: inspect.StructType) -> list[Setting]:
    return [_setting(one) for one in kind.fields]


def _setting(one: inspect.Field) -> Setting:
    kind = _kind(one)
    group = _settings(one.type) if isinstance(one.type, inspect.StructType) else []
    return Setting(
        name=one.name,
        kind=kind,
        required=one.required,
        default=None if group else _default(one),
        choices=_choices(one.type),
        limits=AMOUNTS[one.name].limits if kind == "amount" else "",
        settings=group,
    )


def _kind(one: inspect.Field) -> str:
    if one.name in AMOUNTS:
        return "amount"
    if one.name == "secrets":
        return "secrets"
    if _choices(one.type):
        return "choice"
    return _kind_of(one.type)


def _kind_of(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "flag"
        case inspect.IntType() | inspect.FloatType():
            return "number"
        case inspect.VarTupleType():
            return "texts"
        case inspect.DictType():
            return "pairs" if isinstance(kind.value_type, inspect.StrType) else "options"
        case inspect.StructType():
            return "group"
        case inspect.AnyType():
            return "value"
        case inspect.UnionType():  # of something and null
            return _kind_of(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    raise TypeError(f"model.py has a type that no form knows: {kind}")


def _choices(kind: inspect.Type) -> list[str]:
    if isinstance(kind, inspect.UnionType):
        return next((found for one in kind.types if (found := _choices(one))), [])
    return [str(value) for value in kind.values] if isinstance(kind, inspect.LiteralType) else []


def _default(one: inspect.Field) -> Any:
    if one.default_factory is not msgspec.NODEFAULT:
        return one.default_factory()
    return None if one.default is msgspec.NODEFAULT else one.default
