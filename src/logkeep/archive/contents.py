"""What the lines of a block hold, for the manifest and the filter beside it: tokens, levels, hosts, apps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from logkeep.archive.manifest import BlockEntry
from logkeep.archive.tokens import Hasher, Hashes

COLUMNS = ("_host", "_app", "level")
"""Fields of which every block lists its values, in the order in which a line has them."""

MAX_VALUES = 32  # of one column in one object
MAX_VALUE_BYTES = 64

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what decoding a line may raise


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Of one block. `tokens` is None when its lines could not be read; then nothing is known of it."""

    tokens: Hashes | None
    escapes: bool  # whether a line holds a backslash and a u, as JSON writes characters by number
    values: Mapping[str, frozenset[str]]  # of each column that was asked for; '' where a line has none


UNKNOWN = Contents(tokens=None, escapes=True, values={})


def contents_of(lines: bytes, columns: Sequence[str], hasher: Hasher) -> Contents:
    """What canonical lines hold. It raises nothing."""
    try:
        records = _decoder(tuple(columns)).decode_lines(lines)
    except _UNREADABLE:
        return UNKNOWN
    text = "\0".join([record.line for record in records]).encode()
    return Contents(
        tokens=hasher.hashes(text),
        escapes=b"\\" in text and b"\\u" in text,
        values={column: _DISTINCT[column](records) for column in columns},
    )


# Spelled out, because attributes that are named elsewhere take twice as long.
_DISTINCT: Mapping[str, Callable[[list[Any]], frozenset[str]]] = {
    "_host": lambda records: frozenset([one._host for one in records]),
    "_app": lambda records: frozenset([one._app for one in records]),
    "level": lambda records: frozenset([one.level for one in records]),
}


@cache
def _decoder(columns: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Of a line, these columns and the text. Fields in the order of the line are found fastest."""
    fields = [(name, str, msgspec.field(default="")) for name in columns]
    line = ("line", str, msgspec.field(default="", name="_line"))
    return msgspec.json.Decoder(msgspec.defstruct("Line", [*fields, line], gc=False))


@dataclass(kw_only=True)
class Values:
    """The values of an object's columns while its blocks are made, and in which blocks they occur.

    A column with too many values, or with a long one, is given up: no block of the object lists it.
    """

    listed: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in COLUMNS})

    @property
    def columns(self) -> Sequence[str]:
        """Those that are not given up."""
        return tuple(self.listed)

    def lists(self) -> dict[str, tuple[str, ...]]:
        """The values of each column that is not given up, in the order of their bits."""
        return {name: tuple(numbers) for name, numbers in self.listed.items() if numbers}

    def only_listed(self, blocks: Sequence[BlockEntry]) -> tuple[BlockEntry, ...]:
        """The blocks without what they say of columns that were given up after them."""
        unlisted = {name.removeprefix("_"): 0 for name in COLUMNS if name not in self.listed}
        return (
            tuple(msgspec.structs.replace(one, **unlisted) for one in blocks) if unlisted else tuple(blocks)
        )

    def masks(self, values: Mapping[str, Iterable[str]]) -> dict[str, int]:
        """For each column of a block, a bit for each value that occurs in it: bit N for the Nth listed."""
        found: dict[str, int] = {}
        for name in self.columns:
            if name in values and (mask := self._mask(name, values[name])):
                found[name] = mask
        return found

    def _mask(self, name: str, values: Iterable[str]) -> int:
        numbers = self.listed[name]
        mask = 0
        for value in sorted(values):  # a set has another order in every process
            number = numbers.setdefault(value, len(numbers))
            if number == MAX_VALUES or len(value.encode()) > MAX_VALUE_BYTES:
                del self.listed[name]
                return 0
            mask |= 1 << number
        return mask
