"""The value at a path of keys in a JSON text, read exactly as the engine reads it."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from logkeep.query.predicate_values import MISSING
from logkeep.query.values import is_plain_key


def json_finder(path: tuple[str, ...]) -> Callable[[str], object]:
    """A function from a text to the value at `path`, or MISSING.

    A JSON text is one object, from its first character on. Plain keys (letters, digits, `_ - .` and
    such) are found only where the text spells them plainly. Of two equal keys the first counts.
    """
    quoted = [f'"{key}"' for key in path if is_plain_key(key)]
    all_plain = len(quoted) == len(path)

    def find(text: str) -> object:
        if not text.startswith("{"):
            return MISSING
        single = all_plain and "\\u" not in text
        for key in quoted:
            times = text.count(key)
            if not times:
                return MISSING
            single = single and times == 1
        # msgspec keeps the last of equal keys; where there can be two, the slower decoder looks.
        return _walk(_decode(text, single=single), path)

    return find


def _decode(text: str, *, single: bool) -> object:
    try:
        value = msgspec.json.decode(text)
        return value if single else json.loads(text, object_pairs_hook=_first_wins)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return MISSING


def _first_wins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return dict(reversed(pairs))


def _walk(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return value
