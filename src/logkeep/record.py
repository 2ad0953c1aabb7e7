"""The record: one log entry, and its canonical line.

A canonical line is one JSON object, the same bytes in the spool and in the archive. Its field order is
the order of `Record`, absent fields are left out, text is UTF-8 and not escaped beyond what JSON asks.
Field names are Mezmo's (docs/archive-format.md), so existing readers of such archives work.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import msgspec

from logkeep.timeline import Clock

NO_META = msgspec.Raw()


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """One log entry. Not frozen: intake stamps id, receipt time and account into what a receiver made."""

    lid: str = msgspec.field(default="", name="_lid")
    ts: int = msgspec.field(default=-1, name="_ts")
    ns: int = msgspec.field(default=0, name="_ns")
    rx: int = msgspec.field(default=-1, name="_rx")
    account: str = msgspec.field(default="", name="_account")
    host: str = msgspec.field(default="", name="_host")
    app: str = msgspec.field(default="", name="_app")
    file: str = msgspec.field(default="", name="_file")
    env: str = msgspec.field(default="", name="_env")
    level: str = ""
    tag: tuple[str, ...] = msgspec.field(default=(), name="_tag")
    meta: msgspec.Raw = msgspec.field(default=NO_META, name="_meta")  # JSON, as it came
    line: str = msgspec.field(default="", name="_line")
    raw: str = msgspec.field(default="", name="_raw")  # base64 of the bytes of a line that is not UTF-8


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)

encode_lines = _encoder.encode_lines
"""Canonical lines of records, each ended by a newline."""


def decode_line(line: bytes) -> Record:
    """The record of one canonical line. Raises msgspec.DecodeError (callers name the place)."""
    return _decoder.decode(line)


def text_of(line: bytes) -> tuple[str, str]:
    """(`_line`, `_raw`) of a line's bytes. `_raw` is empty unless the bytes are not UTF-8."""
    try:
        return line.decode(), ""
    except UnicodeDecodeError:
        return line.decode(errors="replace"), base64.b64encode(line).decode()


def bytes_of(record: Record) -> bytes:
    """The bytes of the line exactly as they came: the reverse of `text_of`."""
    return base64.b64decode(record.raw) if record.raw else record.line.encode()


# Ids count from 2020 so that 42 bits of milliseconds, 10 of node and 12 of sequence stay positive in
# 63 bits until 2089.
_ID_EPOCH_MS = 1_577_836_800_000
_SEQUENCE_BITS = 12
_NODE_BITS = 10
_LAST_SEQUENCE = (1 << _SEQUENCE_BITS) - 1


_MOST_ID_DIGITS = 19


def are_ids(texts: Sequence[str]) -> bool:
    """Whether each is an id as records have it: a decimal number below 2**63. Costs little for many."""
    digits = "".join(texts)
    if not (digits.isascii() and digits.isdecimal()):
        return False
    lengths = list(map(len, texts))
    if min(lengths) < 1 or max(lengths) > _MOST_ID_DIGITS:
        return False
    return max(lengths) < _MOST_ID_DIGITS or max(map(int, texts)) < 1 << 63


# How far ahead of the clock an id may be that was given out before the clock was put back.
_ID_AHEAD_MS = 24 * 3_600_000


def first_foreign_id(now: int) -> int:
    """From here on ids can not have been given out by an IdSource; `now` in epoch ms."""
    return (max(0, now - _ID_EPOCH_MS) + _ID_AHEAD_MS) << (_SEQUENCE_BITS + _NODE_BITS)


class IdSource:
    """Gives out record ids: unique, rising, and ordered by receipt time.

    A run that needs more than 4,096 ids in one millisecond borrows from the next ones. `floor` is an id
    that was given out before (the highest in the spool), so a clock that went back repeats nothing.
    """

    def __init__(self, clock: Clock, *, node: int = 0, floor: int = 0) -> None:
        if not 0 <= node < 1 << _NODE_BITS:
            raise ValueError(f"node must be from 0 to {(1 << _NODE_BITS) - 1}, not {node}")
        self._clock = clock
        self._node = node << _SEQUENCE_BITS
        self._step = 1 << (_SEQUENCE_BITS + _NODE_BITS)
        self._slot = 0
        if floor:
            self.begin_above(floor)

    def begin_above(self, floor: int) -> None:
        """Give out no id up to this one, which was given out before."""
        self._slot = max(self._slot, (floor // self._step + 1) << _SEQUENCE_BITS)

    def take(self, count: int) -> list[str]:
        """`count` ids as decimal strings, rising. Not safe for use from several threads."""
        now = (self._clock() - _ID_EPOCH_MS) << _SEQUENCE_BITS
        slot = max(self._slot, now)
        end = self._slot = slot + count
        ids: list[str] = []
        while slot < end:  # once, unless a millisecond's sequence runs out
            sequence = slot & _LAST_SEQUENCE
            first = (slot >> _SEQUENCE_BITS) * self._step | self._node | sequence
            run = min(end - slot, _LAST_SEQUENCE + 1 - sequence)
            ids += map(str, range(first, first + run))
            slot += run
        return ids


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A line that was not accepted: its number in the request from 1, and why."""

    line: int
    code: str  # too-long, no-text, unreadable
    reason: str


class Columns(NamedTuple):
    """Records without id, receipt time and account, column by column, in the order of Record's fields.

    What all of them share is a `repeat`. Intake stamps and makes the records of a body in one pass over
    columns, which measured a fifth faster than one record after the other.
    """

    line: Sequence[str]
    ts: Iterable[int] = repeat(-1)  # -1: the line names no time of its own
    ns: Iterable[int] = repeat(0)
    host: Iterable[str] = repeat("")
    app: Iterable[str] = repeat("")
    file: Iterable[str] = repeat("")
    env: Iterable[str] = repeat("")
    level: Iterable[str] = repeat("")
    tag: Iterable[tuple[str, ...]] = repeat(())
    meta: Iterable[msgspec.Raw] = repeat(NO_META)
    raw: Iterable[str] = repeat("")

    @classmethod
    def of(cls, records: Sequence[Record]) -> Columns:
        return cls(
            line=[r.line for r in records],
            ts=[r.ts for r in records],
            ns=[r.ns for r in records],
            host=[r.host for r in records],
            app=[r.app for r in records],
            file=[r.file for r in records],
            env=[r.env for r in records],
            level=[r.level for r in records],
            tag=[r.tag for r in records],
            meta=[r.meta for r in records],
            raw=[r.raw for r in records],
        )

    def stamped(
        self, ids: Iterable[str], rx: int, account: str, *, ts: Iterable[int], ns: Iterable[int]
    ) -> list[Record]:
        """The records, with these times in place of the columns' own."""
        return list(
            map(
                Record,
                ids,
                ts,
                ns,
                repeat(rx),
                repeat(account),
                self.host,
                self.app,
                self.file,
                self.env,
                self.level,
                self.tag,
                self.meta,
                self.line,
                self.raw,
            )
        )


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a receiver made of one body."""

    columns: Columns
    refused: Sequence[Refusal] = ()
    lids: Sequence[str] = ()  # ids that the lines bring along, "" for those without; none at all: ()

    def __len__(self) -> int:
        """How many lines were taken."""
        return len(self.columns.line)

    @property
    def records(self) -> list[Record]:
        """The records as they are before intake stamps them."""
        columns = self.columns
        return columns.stamped(repeat("", len(self)), -1, "", ts=columns.ts, ns=columns.ns)

    def with_own_ids(self, stamped: list[Record]) -> list[Record]:
        """The stamped records of these lines, each with the id that its line brings along, if it does."""
        if not self.lids:
            return stamped
        return [
            msgspec.structs.replace(record, lid=lid) if lid else record
            for record, lid in zip(stamped, self.lids, strict=True)
        ]
