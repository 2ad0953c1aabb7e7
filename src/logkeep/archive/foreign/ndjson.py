"""JSON lines to records, a batch of about 1 MiB at a time.

A batch is decoded at once. Where that fails, its lines are decoded one by one, so that what cannot be
read is reported with its offset and nothing else is lost. A line may hold several documents.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar, cast

import msgspec

from logkeep.archive.foreign.base import JSON_ERRORS, NO_TIME, Problems
from logkeep.archive.foreign.lines import each_line, whole_lines
from logkeep.record import NO_META, Record
from logkeep.surrogates import mended

T = TypeVar("T")

Reader: TypeAlias = Callable[[bytes], list[Record]]
"""Makes records of the bytes of whole JSON values; raises JSON_ERRORS for what it does not take."""

# Of an object whose lines have more different members than this, meta is gathered line by line.
_MOST_MEMBERS = 300
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
        whole, others = self._decoders
        try:
            structs = whole.decode_lines(values)
        except msgspec.ValidationError:  # a member that was not met before, or no object
            self._learn(values)
            return self(values)
        if not self._rest and not self._also_rest:
            return self._records(structs, [NO_META] * len(structs))
        rest = others.decode_lines(values)
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
) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    """Decoders of the known members, refusing members that are neither known nor of the rest; and of the
    rest alone."""
    whole = msgspec.defstruct(
        "Whole", _raw_members(rest), bases=(cast("Any", known),), forbid_unknown_fields=True, gc=False
    )
    others = msgspec.defstruct("Rest", _raw_members((*also_rest, *rest)), omit_defaults=True, gc=False)
    return msgspec.json.Decoder(whole), msgspec.json.Decoder(others)


def _raw_members(names: Sequence[str]) -> list[tuple[str, Any, Any]]:
    return [
        (f"rest_{number}", msgspec.Raw, msgspec.field(default=NO_META, name=name))
        for number, name in enumerate(names)
    ]


def read(content: Iterator[bytes], problems: Problems, *readers: Reader) -> Iterator[list[Record]]:
    """Records of JSON lines, by the first of the readers that takes them and finds their times.

    A line that none takes, or whose record has no time, goes to `problems`.
    """
    first = 0  # the reader that took a batch before is asked first
    for offset, whole in whole_lines(content, problems):
        found, taker = read_all(whole, readers, first)
        if found is None:
            yield one_by_one(each_line(offset, whole), problems, readers)
        else:
            first = taker
            yield found


def read_all(values: bytes, readers: Sequence[Reader], first: int = 0) -> tuple[list[Record] | None, int]:
    """Records of values by the first reader, from number `first` on, that takes all and finds all times,
    or None; and the number of the first reader that took all."""
    taker = -1
    for number in range(first, len(readers)):
        try:
            records = readers[number](values)
        except JSON_ERRORS:
            continue
        taker = number if taker < 0 else taker
        if -1 not in [record.ts for record in records]:
            return records, taker
    return None, first


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
            if -1 not in [record.ts for record in records]:
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
