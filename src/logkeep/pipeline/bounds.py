"""How much a pipeline may have of everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from logkeep.errors import BadSetting
from logkeep.settings import duration, size

MAX_TEXT = 1 << 20  # bytes of a whole pipeline, as YAML or as JSON
MAX_DEPTH = 32  # of lists and mappings in each other
MAX_NODES = 20_000  # values of any kind in one document
MAX_VALUE = 64 << 10  # bytes of one text; certificates in PEM fit
MAX_ITEMS = 1000  # of one list or mapping
MAX_PARTS: Mapping[str, int] = {"sources": 100, "processors": 200, "destinations": 50}
MAX_TITLE = 200
MAX_QUERY = 4096  # characters
MAX_BATCH_EVENTS = 100_000

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # of a pipeline and of its parts, as accounts have it
NAME_RULE = "use 1 to 63 lower-case letters, digits and dashes, the first not a dash"

_HOUR, _DAY = 3600, 86_400
_MIB, _TIB = 1 << 20, 1 << 40


@dataclass(frozen=True, kw_only=True)
class Amount:
    """What a duration or size may be."""

    what: str
    parse: Callable[[str], int]
    least: int
    most: int
    limits: str  # least and most as people write them


def _time(least: int, most: int, limits: str) -> Amount:
    return Amount(what="a duration, such as 10s", parse=duration, least=least, most=most, limits=limits)


def _size(least: int, most: int, limits: str) -> Amount:
    return Amount(what="a size, such as 10MiB", parse=size, least=least, most=most, limits=limits)


AMOUNTS: Mapping[str, Amount] = {
    "age": _time(0, _HOUR, "0 to 1h"),
    "bytes": _size(1, 32 * _MIB, "1 to 32MiB"),
    "buffer": _size(_MIB, _TIB, "1MiB to 1TiB"),
    "timeout": _time(1, _HOUR, "1s to 1h"),
    "time_budget": _time(1, 60, "1s to 1m"),
    "window": _time(1, _DAY, "1s to 1d"),
    "rotate_bytes": _size(1, _TIB, "1 to 1TiB"),
    # Of an archive, as archives.py has them.
    "seal_after": _time(0, 7 * _DAY, "0 to 7d"),
    "late_sweep": _time(1, 7 * _DAY, "1s to 7d"),
    "max_object_bytes": _size(1, 5 << 30, "1 to 5GiB"),
    "verify_every": _time(0, 366 * _DAY, "0 to 366d"),
    "drill_every": _time(0, 366 * _DAY, "0 to 366d"),
}
"""By the names of fields, which are the same in all parts."""


def amount(field: str, value: int | str) -> int:
    """Seconds or bytes of a field in `AMOUNTS`. Raises BadSetting."""
    kind = AMOUNTS[field]
    try:
        number = kind.parse(str(value))
    except ValueError:
        raise BadSetting(f"{value!r} is not {kind.what}", hint=f"write {kind.limits}", field=field) from None
    if not kind.least <= number <= kind.most:
        raise BadSetting(f"{value!r} is not from {kind.limits}", hint=f"write {kind.limits}", field=field)
    return number
