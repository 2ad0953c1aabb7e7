"""Columns of times read at once: texts of one shape, and epoch numbers of one unit.

What is read here is read as the functions for one value read it (instants.py, time_format.py); a column
that is not of one kind is left to them. One value costs them up to 4 microseconds, a column 0.15 for each.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from logkeep.instants import instant_of
from logkeep.timeline import MAX_MS, MIN_MS

Column: TypeAlias = tuple[Sequence[int], Iterable[int]]
"""Epoch ms, and nanoseconds below."""

_Ints: TypeAlias = npt.NDArray[np.int64]

LEAST = 32  # of fewer values, reading each costs less
_MOST_LENGTHS = 12  # of fractions without their last zeros, and then some
_MOST_CHARS = 60
_DIGITS_OF_NS = 9
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,](\d+))?(?: ?Z| ?[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_SECOND_CHARS = len("2026-11-20T09:12:13")
_SECOND_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]

# Below this, a number times a million is exact in a double.
_EXACT = float((1 << 53) // 1_000_000)
_MOST_NS = float(MAX_MS) * 1e6


def of_texts(
    texts: Sequence[str], read: Callable[[str], tuple[int, int] | None] = instant_of
) -> Column | None:
    """Of ISO 8601 texts with seconds, any number of digits behind them, and all the same zone or none.

    `read` reads one of them. None when they are not so, when one is no time, or for less than LEAST texts.
    """
    lengths = set(map(len, texts))
    if not LEAST <= LEAST * len(lengths) <= len(texts):
        return None
    if len(lengths) > _MOST_LENGTHS or max(lengths) > _MOST_CHARS:
        return None
    if len(lengths) == 1:
        found = _of_one_length(texts, read)
        if found is None:
            return None
        ms, ns = found
        return ms.tolist(), repeat(0) if ns is None else ns.tolist()
    places = defaultdict[int, list[int]](list)
    for place, text in enumerate(texts):
        places[len(text)].append(place)
    all_ms, all_ns = np.empty(len(texts), np.int64), np.zeros(len(texts), np.int64)
    for of_length in places.values():
        found = _of_one_length([texts[place] for place in of_length], read)
        if found is None:
            return None
        ms, ns = found
        all_ms[of_length] = ms
        if ns is not None:
            all_ns[of_length] = ns
    return all_ms.tolist(), all_ns.tolist()


def _of_one_length(
    texts: Sequence[str], read: Callable[[str], tuple[int, int] | None]
) -> tuple[_Ints, _Ints | None] | None:
    shape, first = _SHAPE.fullmatch(texts[0]), read(texts[0])
    together = "".join(texts)
    if shape is None or first is None or not together.isascii():
        return None
    chars = np.frombuffer(together.encode(), np.uint8).reshape(len(texts), len(texts[0]))
    behind = shape.end(1) if shape[1] else _SECOND_CHARS
    digits = [*_SECOND_DIGITS, *range(_SECOND_CHARS + 1, behind)]
    others = [4, 7, 10, 13, 16, *([_SECOND_CHARS] if shape[1] else []), *range(behind, len(texts[0]))]
    numbers = chars[:, digits] - ord("0")  # what is below "0" becomes a large number
    if numbers.max() > 9 or not (chars[:, others] == chars[0, others]).all():
        return None
    try:
        seconds = np.ascontiguousarray(chars[:, :_SECOND_CHARS]).view(f"S{_SECOND_CHARS}").ravel()
        ms = seconds.astype("datetime64[ms]").astype(np.int64)
    except ValueError:  # no such day, or hour
        return None
    ns = None
    if shape[1]:
        fraction = numbers[:, len(_SECOND_DIGITS) :][:, :_DIGITS_OF_NS].T.astype(np.int64)
        below = np.zeros(len(texts), np.int64)
        for number in fraction:
            below = below * 10 + number
        below *= 10 ** (_DIGITS_OF_NS - len(fraction))
        ms += below // 1_000_000
        if len(fraction) > 3:
            ns = below % 1_000_000
    ms += first[0] - ms[0]  # the zone, which is the same in all
    if ms.min() < MIN_MS or ms.max() >= MAX_MS:
        return None
    return ms, ns


def of_numbers(values: Sequence[object]) -> Column | None:
    """Of epoch numbers that are all in s, all in ms, in us, or in ns, by their size. None of any others, and
    of less than LEAST."""
    if (numbers := _numbers(values)) is None:
        return None
    least, most = numbers.min(), numbers.max()
    if least >= 0 and most < _EXACT:
        return _of_micros(np.rint(numbers * 1e6))
    if numbers.dtype == np.int64 or most < float(1 << 53):
        whole = numbers.astype(np.int64)
        if least >= 10**11 and most < 10**14 and most < MAX_MS:
            return whole.tolist(), repeat(0)
        if least >= 10**14 and most < 10**17:
            return _of_micros(whole)
        if least >= 10**17 and most < _MOST_NS:
            return _of_ns(whole)
    return None


def of_epochs(values: Sequence[object], unit_ns: int) -> Column | None:
    """Of epoch numbers in this unit of nanoseconds. None where one is no time, or of less than LEAST."""
    if (numbers := _numbers(values)) is None or not 0 <= numbers.min() <= numbers.max() < _MOST_NS / unit_ns:
        return None
    if numbers.dtype == np.int64:
        return _of_ns(numbers * unit_ns)
    if numbers.max() >= _EXACT and int in set(map(type, values)):
        return None
    if unit_ns >= 1_000_000:
        return _of_ns(np.rint(numbers * 1e6).astype(np.int64) * (unit_ns // 1_000_000))
    return _of_ns((numbers * unit_ns).astype(np.int64))


def _numbers(values: Sequence[object]) -> npt.NDArray[Any] | None:
    """The values when all are int or float: as int64 when all are int, else as doubles."""
    kinds = set(map(type, values))
    if len(values) < LEAST or not kinds <= {int, float}:
        return None
    try:
        numbers = np.array(cast("Sequence[float]", values), np.int64 if kinds == {int} else np.float64)
    except OverflowError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _of_micros(micros: npt.NDArray[Any]) -> Column | None:
    whole = micros.astype(np.int64)
    if whole.max() >= MAX_MS * 1000:
        return None
    return (whole // 1000).tolist(), (whole % 1000 * 1000).tolist()


def _of_ns(ns: _Ints) -> Column | None:
    ms = ns // 1_000_000
    if ms.max() >= MAX_MS:
        return None
    return ms.tolist(), (ns % 1_000_000).tolist()
