"""What every layout of another system's archive offers, and what its file builds on.

A layout's file defines `LAYOUT`, or `LAYOUTS` (a tuple) when it has several. A layout is a frozen
dataclass or a plain object without state, safe from any thread, that fits the protocol `Layout`:

- `hint(key)` looks at the key alone. None means that the object is none of this layout: a marker, a
  sidecar, anything else. Keys are relative to the bucket's prefix. Match the whole key with a compiled
  pattern and take its time with `time_of_key`; widen it with `KeyHint.around`, by how much older and
  younger than its key a line may be. `skipped` tells what no layout takes.
- `folders(within)` gives the fewest folders that hold everything of `within`, which was widened by
  `margin_ms` before: `dated_folders` for keys that start with a date, `EVERYTHING` for any other.
- `records(content, key, problems)` makes records of decompressed bytes, which come in pieces of 256 KiB at
  most, batch by batch. JSON that is one object a line: `ndjson.read`. JSON documents one after another, in
  arrays or over several lines:
  `json_stream.read`. Both take *shapes*, tried in turn: callables that make records of the bytes of whole
  JSON values, `ndjson.Shape` for a decoder alone, `ndjson.WithRest` when the members that the layout
  does not know go into `meta`. Text: `lines.whole_lines`. All else (one protobuf message, Parquet):
  `joined`, which bounds what is held.

A record without a time (`ts` < 0) is reported as a problem by `ndjson.read` and `json_stream.read`; a
layout that does not use them must give every record a time, or say `problems.add(offset, NO_TIME, line)`
and leave it out. The budget is 3 microseconds a line of 300 bytes, decompression and encoding (about 1)
included. What fits in it: a Struct of few members, `Any` or `Raw`, and `list(map(Record, lids, ts, ns,
rx, account, host, app, file, env, level, tag, meta, line, raw))` over columns, `repeat("")` for what is
not there; `texts`, `levels`, `times` and `tags_of` make columns that are right whatever the lines hold.
mezmo.py is an example.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat
from typing import Any, Protocol, cast

import msgspec
import numpy as np

from logkeep.archive.foreign import time_columns
from logkeep.instants import instant_of, instants_of
from logkeep.record import NO_META, Record
from logkeep.timeline import EPOCH, HOUR_MS, MAX_MS, MIN_MS, Hour, TimeRange, as_datetime, hour_start

DAY_MS = 24 * HOUR_MS
MAX_LINE_BYTES = 16 << 20
MAX_DOCUMENT_BYTES = 64 << 20

EVERYTHING: Sequence[str] = ("",)  # folders to list when the layout's keys do not start with a time

# What caches keep of an object's content is short, or a few lines could fill the memory.
CACHED_BYTES = 2048

# What decoding JSON may raise.
JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

NO_TIME = "the line has no time that can be read"
_PROBLEMS_KEPT = 1000
_SAMPLE_CHARS = 200
_MOST_FOLDERS = 62  # listing more costs more than listing a level above and leaving some keys out


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that could not be read and was passed over."""

    key: str
    offset: int  # byte in the decompressed content; 0 when it is not known
    reason: str
    sample: str = ""  # how the line begins


class Problems:
    """The problems of reading one object. Counts all, keeps the first."""

    def __init__(self, key: str) -> None:
        self.count = 0
        self.first: list[Problem] = []
        self._key = key

    def add(self, offset: int, reason: str, sample: bytes = b"") -> None:
        self.count += 1
        if len(self.first) < _PROBLEMS_KEPT:
            text = bytes(sample[: 4 * _SAMPLE_CHARS]).decode(errors="replace")[:_SAMPLE_CHARS]
            self.first.append(Problem(key=self._key, offset=offset, reason=reason, sample=text))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHint:
    """What an object's key says of its lines: when they happened, at most; nothing when it is None."""

    times: TimeRange | None = None

    @classmethod
    def around(cls, start: int, length: int, *, older: int = 0, younger: int = 0) -> KeyHint:
        """Lines are of the `length` ms from `start`, or up to `older` before and `younger` after that."""
        first, end = max(MIN_MS, start - older), start + length + younger
        return cls(times=TimeRange(start=first, end=end)) if end > first else cls()


class Layout(Protocol):
    """How another system lays out its archive."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """For people: `Datadog log archive`."""

    @property
    def margin_ms(self) -> int:
        """How far a line's time may be from what its key says, at most."""

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        """The fewest folders to list, in order, that hold all objects of a range widened already."""

    def hint(self, key: str) -> KeyHint | None:
        """What the key says of the object's lines; None when it is no object of this layout."""

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        """Records of decompressed content, in its order, in batches of about 1 MiB of it.

        What cannot be read goes to `problems`. What `content` raises passes through.
        """


_SKIPPED = re.compile(
    r"(?:.*/)?(?:logzio-verified|aws-logs-write-test|_SUCCESS)"
    r"|(?:.*/)?(?:_manifest|_filter|_account)/.*"
    r"|.*/",
    re.DOTALL,
)


def skipped(key: str) -> bool:
    """Whether the key is a marker, a sidecar or a folder, of whichever system; no layout takes those."""
    return _SKIPPED.fullmatch(key) is not None


def time_of_key(
    year: str, month: str, day: str, hour: str = "0", minute: str = "0", second: str = "0"
) -> int | None:
    """Epoch ms of digits in a key, taken as UTC; None when there is no such moment from 1970 on."""
    return _time_of_key(year, month, day, hour, minute, second)


@lru_cache(maxsize=4096)
def _time_of_key(*parts: str) -> int | None:
    try:
        year, month, day, hour, minute, second = map(int, parts)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    ms = int((moment - EPOCH).total_seconds()) * 1000
    return ms if MIN_MS <= ms < MAX_MS else None


def dated_folders(within: TimeRange | None, *patterns: str) -> Sequence[str]:
    """Folders by strftime patterns that end in "/", the finest first; of them the finest that gives few.

    `dated_folders(within, "dt=%Y%m%d/hour=%H/", "dt=%Y%m%d/")`. A folder is of one UTC hour or longer.
    """
    if within is None:
        return EVERYTHING
    hours = within.hours()
    for pattern in patterns:
        step = 1 if "%H" in pattern else 24
        if len(hours) // step > 24 * 366 * 20:  # no need to count what is far too many
            continue
        starts = range(hours.start // step * step, hours.stop, step)
        found = list(dict.fromkeys(as_datetime(hour_start(Hour(at))).strftime(pattern) for at in starts))
        if len(found) <= _MOST_FOLDERS:
            return found
    return EVERYTHING


def joined(content: Iterator[bytes], problems: Problems, limit: int = MAX_DOCUMENT_BYTES) -> bytes | None:
    """All of the content; None, with a problem, when it is more than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    for piece in content:
        size += len(piece)
        if size > limit:
            problems.add(0, f"the object holds one document of more than {limit} bytes", b"".join(parts[:1]))
            return None
        parts.append(piece)
    return b"".join(parts)


_LOW_63_BITS = (1 << 63) - 1
_HIGHEST_ID = str(_LOW_63_BITS)


def lid_of(own: str) -> str:
    """The record's id of the source's own: itself when it is a whole number below 2**63, else a hash. 0 is
    none, here as everywhere: writers that have no id say it."""
    if own == "0":
        return ""
    if not own or _is_id(own):
        return own
    [hashed] = _hashed([own])
    return hashed


def _is_id(own: str) -> bool:
    plain = own.isdigit() and own.isascii() and own[0] != "0"
    return plain and (len(own), own) <= (len(_HIGHEST_ID), _HIGHEST_ID)


_new_hash = blake2b(digest_size=8).copy  # a copy costs less than a new one


def _hashed(all_own: Iterable[str]) -> list[str]:
    digests = []
    for own in all_own:
        hashed = _new_hash()
        hashed.update(own.encode())
        digests.append(hashed.digest())
    return list(map(str, (np.frombuffer(b"".join(digests), ">u8") & _LOW_63_BITS).tolist()))


def lids(values: Sequence[object]) -> Sequence[str]:
    """`lid_of` of each, for a column of texts or numbers; at little cost where all are such numbers."""
    own = texts(values)
    if "0" in own:
        own = ["" if value == "0" else value for value in own]
    together = "".join(own)
    if not together:
        return own
    if min(map(len, own)) > len(_HIGHEST_ID):
        return _hashed(own)
    if together.isdigit() and together.isascii() and min(own) > "0~":  # none is empty or begins with 0
        most = len(_HIGHEST_ID)
        if max(map(len, own)) < most:
            return own
        stays = [len(value) < most or (len(value) == most and value <= _HIGHEST_ID) for value in own]
    elif any(map(str.isdigit, own)):
        stays = [not value or _is_id(value) for value in own]
    else:
        stays = [not value for value in own]
    if all(stays):
        return own
    hashed = iter(_hashed([value for value, as_it_is in zip(own, stays, strict=True) if not as_it_is]))
    return [value if as_it_is else next(hashed) for value, as_it_is in zip(own, stays, strict=True)]


def text(value: object) -> str:
    """A JSON value as the text of a field: itself if it is one, "" of null, JSON of all else."""
    if type(value) is str:
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def texts(values: Sequence[object]) -> Sequence[str]:
    """`text` of each, for a column; at no cost where all are texts."""
    if set(map(type, values)) <= {str}:
        return cast("Sequence[str]", values)
    return [value if type(value) is str else text(value) for value in values]


def levels(values: Sequence[object]) -> Sequence[str]:
    """Levels as ours are: lower case."""
    return [value.lower() for value in texts(values)]


def times(values: Sequence[object]) -> tuple[Sequence[int], Iterable[int]]:
    """(epoch ms, nanoseconds below) of ISO 8601 texts or epoch numbers in s, ms, us or ns; -1 of no time."""
    all_texts = set(map(type, values)) == {str}
    if all_texts and (column := time_columns.of_texts(cast("Sequence[str]", values))) is not None:
        return column
    if (whole := instants_of(values)) is not None:
        return whole, repeat(0)
    if not all_texts and (column := time_columns.of_numbers(values)) is not None:
        return column
    found: Sequence[tuple[int, int]]
    if all_texts:
        by_text = {value: instant_of(value) or (-1, 0) for value in set(values)}
        found = [by_text[value] for value in values]
    else:
        found = [instant_of(value) or (-1, 0) for value in values]
    return [ms for ms, _ in found], [ns for _, ns in found]


def tags(value: object) -> tuple[str, ...]:
    """Tags of a JSON value: an array of texts, or one text with commas, or an object's `name:value`."""
    if not value:
        return ()
    if isinstance(value, str):
        return tuple(filter(None, value.split(",")))
    if isinstance(value, dict):
        return tuple(f"{name}:{text(each)}" for name, each in value.items())
    return tuple(filter(None, map(text, value))) if isinstance(value, list) else (text(value),)


def tags_of(column: Iterable[msgspec.Raw]) -> list[tuple[str, ...]]:
    """`tags` of each value's JSON, NO_META for none. Lines share theirs, so that a member that is declared
    as msgspec.Raw costs a twentieth of making them anew."""
    raws = list(map(bytes, column))
    by_raw = {raw: _tags_of_one(raw) for raw in set(raws)}
    return [by_raw[raw] for raw in raws]


def _tags_of_one(raw: bytes) -> tuple[str, ...]:
    if len(raw) > CACHED_BYTES:
        return tags(msgspec.json.decode(raw))
    return _cached_tags(raw)


@lru_cache(maxsize=4096)
def _cached_tags(raw: bytes) -> tuple[str, ...]:
    return tags(msgspec.json.decode(raw)) if raw else ()


def meta_of(members: Mapping[str, Any]) -> msgspec.Raw:
    """The meta of what is left of an object; NO_META of nothing. Values may be msgspec.Raw."""
    return msgspec.Raw(msgspec.json.encode(members)) if members else NO_META
