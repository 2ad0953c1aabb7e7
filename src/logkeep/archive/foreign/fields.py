"""JSON objects of schemas that are not known before: which members are the fields, and the rest is meta.

For each field there is a list of names; the first that lines have is taken. Lines of one object mostly
have the same members, so the names are chosen once, by the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from logkeep.archive.foreign.base import CACHED_BYTES, levels, lids, tags, tags_of, texts, times
from logkeep.archive.foreign.ndjson import MOST_NAME_CHARS, Reader, WithRest
from logkeep.record import NO_META, Record

Times: TypeAlias = Callable[[Sequence[object]], tuple[Iterable[int], Iterable[int]]]

_CHOSEN_BY_BYTES = 64 << 10
_MOST_KINDS = 200  # of lines with different members, each with a reader of its own


@dataclass(frozen=True, kw_only=True)
class Names:
    """Where each field may be: names of members, `a.b` for a member of a member, the likeliest first.

    With a `line` the record's line is that text and all members that are no fields are its meta; without
    one, it is the whole object as it came.
    """

    time: tuple[str, ...]
    line: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    app: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()


ANY_NAMES = Names(
    time=("timestamp", "@timestamp", "time", "ts", "_ts", "date", "mezmo_timestamp", "_time", "datetime"),
    line=("message", "msg", "line", "_line", "log", "_raw", "text"),
    host=("host", "hostname", "_host"),
    app=("app", "_app", "service", "application"),
    file=("file", "_file"),
    env=("env", "_env", "environment"),
    level=("level", "severity", "log_level"),
    tag=("tags", "tag", "_tag"),
    id=("_lid", "_id"),
)
"""For objects of any writer. Only names that hardly mean anything else; `id` is often an order's."""


class Mapped:
    """Reads objects that have mostly the same members, by those of the first. Refuses a single object, and
    a batch in which one lacks its text. Not safe from several threads: one for each object that is read.
    """

    def __init__(self, names: Names, read_times: Times = times, default_ts: int = -1) -> None:
        """`default_ts` is for lines without a time; -1 leaves them without."""
        self._names = names
        self._times = read_times
        self._default_ts = default_ts
        self._reader: Reader | None = None

    def __call__(self, values: bytes) -> list[Record]:
        if b"\n" not in values.strip():
            raise msgspec.DecodeError("one object says little of others")
        if self._reader is None:
            self._reader = self._chosen(values)
        return _timed(self._reader(values), self._default_ts)

    def _chosen(self, values: bytes) -> Reader:
        start = values[: values.rfind(b"\n", 0, _CHOSEN_BY_BYTES) + 1] or values
        present: dict[str, None] = {}
        for members in _members.decode_lines(start):
            present |= dict.fromkeys(members)
        return _reader_of(places(self._names, present), self._times)


class Varied:
    """Reads objects of which each may have other members, one by one. The same holds for threads."""

    def __init__(self, names: Names, read_times: Times = times, default_ts: int = -1) -> None:
        self._names = names
        self._times = read_times
        self._default_ts = default_ts
        self._by_members: dict[tuple[str, ...], Reader] = {}

    def __call__(self, values: bytes) -> list[Record]:
        found: list[Record] = []
        for value, members in zip(_values.decode_lines(values), _members.decode_lines(values), strict=True):
            present = {name: None for name, given in members.items() if bytes(given) != b"null"}
            reader = self._by_members.get(tuple(present))
            if reader is None:
                if len(self._by_members) >= _MOST_KINDS:
                    self._by_members.clear()
                reader = _reader_of(places(self._names, present), self._times)
                if sum(map(len, present)) <= MOST_NAME_CHARS:
                    self._by_members[tuple(present)] = reader
            found += reader(bytes(value))
        return _timed(found, self._default_ts)


def _timed(records: list[Record], default_ts: int) -> list[Record]:
    if default_ts >= 0:
        for record in records:
            if record.ts < 0:
                record.ts = default_ts
    return records


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_values = msgspec.json.Decoder(msgspec.Raw)

Place: TypeAlias = tuple[str, ...]  # a member's name, then names within it


def places(names: Names, present: Mapping[str, None]) -> dict[str, Place]:
    """Where each field is that is there at all."""
    found: dict[str, Place] = {}
    for field in fields(names):
        for name in getattr(names, field.name):
            place = (name,) if name in present else tuple(name.split("."))
            if place[0] in present and place not in found.values():
                found[field.name] = place
                break
    return found


def _reader_of(chosen: Mapping[str, Place], read_times: Times) -> Reader:
    known = _struct_of(tuple(chosen.items()))
    columns = {field: _column(place) for field, place in chosen.items()}

    def records(structs: Sequence[Any], metas: Iterable[msgspec.Raw], lines: Iterable[str]) -> list[Record]:
        ts, ns = read_times(columns["time"](structs)) if "time" in columns else (repeat(-1), repeat(0))
        return list(
            map(
                Record,
                lids(columns["id"](structs)) if "id" in columns else repeat(""),
                ts,
                ns,
                repeat(-1),
                repeat(""),
                texts(columns["host"](structs)) if "host" in columns else repeat(""),
                texts(columns["app"](structs)) if "app" in columns else repeat(""),
                texts(columns["file"](structs)) if "file" in columns else repeat(""),
                texts(columns["env"](structs)) if "env" in columns else repeat(""),
                levels(columns["level"](structs)) if "level" in columns else repeat(""),
                _tags(columns["tag"](structs)) if "tag" in columns else repeat(()),
                metas,
                lines,
            )
        )

    if "line" not in columns:
        decoder = msgspec.json.Decoder(known)

        def whole(values: bytes) -> list[Record]:
            lines = [bytes(value).decode() for value in _values.decode_lines(values)]
            return records(decoder.decode_lines(values), repeat(NO_META), lines)

        return whole

    line_of = columns["line"]

    def with_rest(structs: Sequence[Any], metas: Sequence[msgspec.Raw]) -> list[Record]:
        lines = line_of(structs)
        if None in lines:
            raise msgspec.DecodeError("an object lacks its text")
        return records(structs, metas, texts(lines))

    nested = dict.fromkeys(place[0] for place in chosen.values() if len(place) > 1)
    return WithRest(known, with_rest, also_rest=tuple(nested))


@lru_cache(maxsize=256)
def _struct_of(places: tuple[tuple[str, Place], ...]) -> Any:
    members: dict[str, Any] = dict.fromkeys((place[0] for _, place in places), Any)
    for field, place in places:
        if len(place) > 1 or field == "tag":  # lines share these; reading them once is enough
            members[place[0]] = msgspec.Raw
    for field, place in places:
        if len(place) == 1 and field != "tag":
            members[place[0]] = Any
    return msgspec.defstruct(
        "Known",
        [
            (_attribute(name), form, msgspec.field(default=None if form is Any else NO_META, name=name))
            for name, form in members.items()
        ],
        gc=False,
    )


def _tags(column: Sequence[Any]) -> list[tuple[str, ...]]:
    return tags_of(column) if _all_raw(column) else [tags(value) for value in column]


def _all_raw(column: Sequence[Any]) -> bool:
    return set(map(type, column)) == {msgspec.Raw}


def _attribute(member: str) -> str:
    return "m_" + member.encode().hex()


def _column(place: Place) -> Callable[[Sequence[Any]], Sequence[Any]]:
    first = attrgetter(_attribute(place[0]))
    if len(place) == 1:
        return lambda structs: [first(struct) for struct in structs]
    names = place[1:]

    def within(structs: Sequence[Any]) -> Sequence[Any]:
        values = [first(struct) for struct in structs]
        if not _all_raw(values):
            return [_within(value, names) for value in values]
        raws = list(map(bytes, values))
        by_raw = {raw: _within(_object(raw), names) for raw in set(raws)}
        return [by_raw[raw] for raw in raws]

    return within


def _within(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _object(raw: bytes) -> Any:
    if len(raw) > CACHED_BYTES:
        return msgspec.json.decode(raw)
    return _cached_object(raw)


@lru_cache(maxsize=4096)
def _cached_object(raw: bytes) -> Any:
    return msgspec.json.decode(raw) if raw else None
