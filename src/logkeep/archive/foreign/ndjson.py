"""JSON lines to records, a batch of about 1 MiB at a time.

A batch is decoded at once. Where that fails, its lines are decoded one by one, so that what cannot be
read is reported with its offset and nothing else is lost. A line may hold several documents.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar, cast

import msgspec

from logkeep.archive.foreign.base import JSON_ERRORS, NO_TIME, Problems
from logkeep.archive.foreign.crowded import MOST_VALUES, is_crowded, too_crowded
from logkeep.archive.foreign.lines import each_line, whole_lines
from logkeep.record import NO_META, Record
from logkeep.surrogates import mended

T = TypeVar("T")

Reader: TypeAlias = Callable[[bytes], list[Record]]
"""Makes records of the bytes of whole JSON values; raises JSON_ERRORS for what it does not take."""

# Of an object whose lines have more different members than this, meta is gathered line by line.
_MOST_MEMBERS = 300
_FEW_MEMBERS = 16  # of which a struct costs less than decoding it; with more, most lines lack many
_MOST_WAITED = 63
MOST_NAME_CHARS = 64 << 10  # of all members together; what caches hold stays small with it


class Shape(Generic[T]):
    """Reads values that `decoder` takes: `Shape(msgspec.json.Decoder(Line), records_of_lines)`.

    `records` may give any number of records a value; one without a time has ts -1.
    """

    def __init__(
        self, decoder: msgspec.json.Decoder[T], records: Callable[[Sequence[T]], list[Record]]
    ) -> None:
        self._decode_lines = decoder.decode_lines
        self._records = records

    def __call__(self, values: bytes) -> list[Record]:
        return self._records(self._decode_lines(values))


class WithRest(Generic[T]):
    """Reads objects of which the members of the Struct `known` become fields and all others `meta`.

    `records` gets the structs and, for each, the JSON object of its other members (NO_META without any),
    their values as they came. It gives one record for each. Not safe from several threads: make one for
    each object that is read. The members of `known` have defaults, and are `Any` or `msgspec.Raw`, since
    lines may hold any type in any of them.
    """

    def __init__(
        self,
        known: type[T],
        records: Callable[[Sequence[T], Sequence[msgspec.Raw]], list[Record]],
        *,
        also_rest: Sequence[str] = (),
    ) -> None:
        """`also_rest` are names of known members that stay in meta."""
        self._known = known
        self._names = frozenset(cast("Any", known).__struct_encode_fields__)
        self._records = records
        self._also_rest = tuple(also_rest)
        self._rest: tuple[str, ...] = ()  # names of other members that were met, in their order
        self._too_many = False
        self._decoders = _decoders(cast("Hashable", known), (), self._also_rest)

    def __call__(self, values: bytes) -> list[Record]:
        if self._too_many:
            return self._one_by_one(values)
        whole, rest_of = self._decoders
        try:
            structs = whole.decode_lines(values)
        except msgspec.ValidationError:  # a member that was not met before, or no object
            self._learn(values)
            return self(values)
        if not self._rest and not self._also_rest:
            return self._records(structs, [NO_META] * len(structs))
        rest = rest_of(structs, values)
        encoded = _encode_lines(rest).split(b"\n")
        encoded.pop()
        if len(encoded) != len(rest):  # a value came over several lines; in JSON, no string holds a newline
            encoded = [msgspec.json.encode(each).replace(b"\n", b" ") for each in rest]
        return self._records(structs, [NO_META if each == b"{}" else msgspec.Raw(each) for each in encoded])

    def _learn(self, values: bytes) -> None:
        names = dict.fromkeys(self._rest)
        for members in _members.decode_lines(values):
            names |= dict.fromkeys(members)
        self._rest = tuple(name for name in names if name not in self._names)
        self._too_many = len(self._rest) > _MOST_MEMBERS or sum(map(len, self._rest)) > MOST_NAME_CHARS
        if not self._too_many:
            self._decoders = _decoders(cast("Hashable", self._known), self._rest, self._also_rest)

    def _one_by_one(self, values: bytes) -> list[Record]:
        structs: list[T] = msgspec.json.Decoder(self._known).decode_lines(values)
        names = self._names.difference(self._also_rest)
        metas = []
        for members in _members.decode_lines(values):
            left = {name: value for name, value in members.items() if name not in names}
            metas.append(msgspec.Raw(msgspec.json.encode(left)) if left else NO_META)
        return self._records(structs, metas)


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode_lines = msgspec.json.Encoder().encode_lines


@lru_cache(maxsize=256)
def _decoders(
    known: Hashable, rest: tuple[str, ...], also_rest: tuple[str, ...]
) -> tuple[msgspec.json.Decoder[Any], Callable[[Sequence[Any], bytes], Sequence[Any]]]:
    """A decoder of the known members and the rest, refusing all others; and what makes structs of the rest
    alone, which are encoded, of the structs decoded and of the values they are of."""
    whole = msgspec.defstruct(
        "Whole", _raw_members(rest), bases=(cast("Any", known),), forbid_unknown_fields=True, gc=False
    )
    others = msgspec.defstruct("Rest", _raw_members((*also_rest, *rest)), omit_defaults=True, gc=False)
    again = msgspec.json.Decoder(others)
    attributes = {
        field.encode_name: field.name
        for field in msgspec.structs.fields(whole)
        if field.type is msgspec.Raw and field.default is NO_META
    }
    names = [attributes[name] for name in (*also_rest, *rest) if name in attributes]
    # A known member that was decoded is not as it came.
    as_they_came = len(names) == len(also_rest) + len(rest) <= _FEW_MEMBERS
    columns = [attrgetter(name) for name in names]

    def rest_of(structs: Sequence[Any], values: bytes) -> Sequence[Any]:
        if as_they_came:
            return list(map(others, *[map(column, structs) for column in columns]))
        return again.decode_lines(values)

    return msgspec.json.Decoder(whole), rest_of


def _raw_members(names: Sequence[str]) -> list[tuple[str, Any, Any]]:
    return [
        (f"rest_{number}", msgspec.Raw, msgspec.field(default=NO_META, name=name))
        for number, name in enumerate(names)
    ]


def read(content: Iterator[bytes], problems: Problems, *readers: Reader) -> Iterator[list[Record]]:
    """Records of JSON lines, batch by batch by the first of the readers that takes one and finds its times.

    A line that none takes, or whose record has no time, goes to `problems`.
    """
    turns = _Turns(readers)
    for offset, whole in whole_lines(content, problems):
        found = turns.read_all(whole)
        yield one_by_one(each_line(offset, whole), problems, readers) if found is None else found


class _Turns:
    """Asks the readers of an object in their order, but seldom those that refuse batch after batch.

    The first is the fastest: a batch that it refuses, since it is of one line or unlike all others, must not
    cost it those that follow. A reader that refused n batches in a row which another one took is asked last
    in the next 2**(n - 1) - 1 batches, at most _MOST_WAITED.
    """

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers
        self._refused = [0] * len(readers)  # batches in a row
        self._waits = [0] * len(readers)  # for so many batches

    def read_all(self, values: bytes) -> list[Record] | None:
        """`read_all` of the readers, those that wait last."""
        order = sorted(range(len(self._readers)), key=lambda number: self._waits[number] > 0)
        self._waits = [max(0, waits - 1) for waits in self._waits]
        refused: list[int] = []
        for number in order:
            records = _taken(values, self._readers[number])
            if records is None:
                refused.append(number)
                continue
            self._refused[number] = self._waits[number] = 0
            if _have_times(records):
                if values.find(b"\n", 0, -1) >= 0:  # one line says little of others
                    self._let_wait(refused)
                return records
        return None

    def _let_wait(self, refused: Sequence[int]) -> None:
        for number in refused:
            self._refused[number] += 1
            self._waits[number] = min((1 << self._refused[number] - 1) - 1, _MOST_WAITED)


def read_all(values: bytes, readers: Sequence[Reader]) -> list[Record] | None:
    """Records of values by the first of the readers that takes all and finds all times, or None."""
    for reader in readers:
        records = _taken(values, reader)
        if records is not None and _have_times(records):
            return records
    return None


def _taken(values: bytes, reader: Reader) -> list[Record] | None:
    if len(values) > MOST_VALUES and is_crowded(values):
        return None
    try:
        return reader(values)
    except JSON_ERRORS:
        return None


def _have_times(records: Sequence[Record]) -> bool:
    return -1 not in [record.ts for record in records]


def one_by_one(
    values: Iterator[tuple[int, bytes]], problems: Problems, readers: Sequence[Reader]
) -> list[Record]:
    """Records of values, each read by the first reader that takes it; the others go to `problems`."""
    found: list[Record] = []
    for offset, value in values:
        if not value.strip():
            continue
        records = _read_one(offset, value, problems, readers)
        timed = [record for record in records if record.ts >= 0]
        if len(timed) < len(records):
            problems.add(offset, NO_TIME, value)
        found += timed
    return found


def _read_one(offset: int, value: bytes, problems: Problems, readers: Sequence[Reader]) -> list[Record]:
    if is_crowded(value):
        problems.add(offset, too_crowded(), value)
        return []
    reason = ""
    without_time: list[Record] = []
    for each in _attempts(value):
        for reader in readers:
            try:
                records = reader(each)
            except JSON_ERRORS as error:
                if each is value:
                    reason = _reason(error)  # of the last, which takes most
                continue
            if _have_times(records):
                return records
            without_time = without_time or records
        if without_time:
            return without_time
    problems.add(offset, reason, value)
    return []


def _attempts(value: bytes) -> Iterator[bytes]:
    """The value; and with U+FFFD for what is no character, which a program's cut of a text leaves."""
    yield value
    readable = mended(value)
    if readable is not value:
        yield readable
    if not readable.isascii():
        replaced = readable.decode(errors="replace").encode()
        if replaced != readable:
            yield replaced


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "the line is not UTF-8"
    if isinstance(error, RecursionError):
        return "the line is nested too deeply"
    return f"the line cannot be read: {error}"
