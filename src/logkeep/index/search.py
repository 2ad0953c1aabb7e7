"""Search over live lines and restored accounts: pages of records, histograms, top values."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from logkeep.errors import InputError
from logkeep.index.base import Engine, Param
from logkeep.index.columns import NAMES, NO_ID
from logkeep.query.sql import Condition
from logkeep.record import NO_META, Record
from logkeep.timeline import MAX_MS, TimeRange

MAX_PAGE = 10_000
# A page ends early where its lines come to more. So few lines stay near it, however long they are.
_PAGE_BYTES = 32 << 20
_UNMEASURED = 100
_CHARACTER_BYTES = 4
_CUT_BYTES = 3 * _CHARACTER_BYTES  # of a record that is cut, for each character: line, raw and meta
# What of a scope is read in one go, in order: few enough for memory, and enough that a statement's own
# cost does not show.
_SLICE_LINES = 50_000
_SLICE_BYTES = 16 << 20
MAX_VALUES = 1_000
MAX_BUCKETS = 10_000


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which lines a search looks at. `table` is a table's name from our own code; `account` is set
    where the table holds several accounts, and then always part of the condition."""

    table: str
    account: str = ""
    range: TimeRange
    condition: Condition
    objects: bool = False  # whether the table says of each line which object it came from

    def where(self) -> tuple[str, dict[str, Param]]:
        clauses = ["_ts >= {from_ms:Int64} AND _ts < {to_ms:Int64}", f"({self.condition.sql})"]
        params: dict[str, Param] = {"from_ms": self.range.start, "to_ms": self.range.end}
        if self.account:
            clauses.insert(0, "_account = {account:String}")
            params["account"] = self.account
        return " AND ".join(clauses), {**params, **self.condition.params}


@dataclass(frozen=True, kw_only=True)
class Page:
    records: list[Record]
    cursor: str | None  # None when nothing comes after this page
    objects: list[str] | None = None  # the key of each record's object ("": unknown), of restored lines
    numbers: Sequence[int] = ()  # of each record in its table: lines of one time are in their order
    lengths: Sequence[int] = ()  # characters of each line that came cut, 0 of one that is whole

    @property
    def cursors(self) -> list[str]:
        """The cursor of each record: where a page begins that comes after it, in either order."""
        return [
            encode_cursor(record.ts, number)
            for record, number in zip(self.records, self.numbers, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A stretch of time within a scope, and what it holds of it."""

    range: TimeRange
    lines: int
    bytes: int  # of lines, raw and meta


@dataclass(frozen=True, kw_only=True)
class Bucket:
    ts: int
    levels: dict[str, int]


class _Row(msgspec.Struct, gc=False):
    """A line as the engine writes it: every column there, the id a number, `_meta` a text."""

    lid: int = msgspec.field(name="_lid")
    ts: int = msgspec.field(name="_ts")
    ns: int = msgspec.field(name="_ns")
    rx: int = msgspec.field(name="_rx")
    account: str = msgspec.field(name="_account")
    host: str = msgspec.field(name="_host")
    app: str = msgspec.field(name="_app")
    file: str = msgspec.field(name="_file")
    env: str = msgspec.field(name="_env")
    level: str
    tag: tuple[str, ...] = msgspec.field(name="_tag")
    meta: str = msgspec.field(name="_meta")
    line: str = msgspec.field(name="_line")
    raw: str = msgspec.field(name="_raw")
    object: str = msgspec.field(name="_object", default="")
    length: int = msgspec.field(name="_length", default=0)


_rows = msgspec.json.Decoder(_Row)


def search_page(
    engine: Engine, scope: Scope, *, order: Order, limit: int, cursor: str = "", cut: int = 0
) -> Page:
    """Up to `limit` records, newest or oldest first, beginning after `cursor`. With `cut`, of longer lines
    only so many characters come, and neither their bytes (`_raw`) nor their `_meta` where those are long.

    Raises InputError for a limit out of bounds or a cursor that is none of ours.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InputError(f"limit is {limit}, not 1 to {MAX_PAGE}", hint="page on with the cursor")
    where, params = scope.where()
    if cursor:
        beyond = "<" if order is Order.NEWEST else ">"
        # The first condition follows from the second, but of the two the engine only finds by the first.
        where += (
            f" AND _ts {beyond}= {{cursor_ts:Int64}}"
            f" AND (_ts, _lid) {beyond} ({{cursor_ts:Int64}}, {{cursor_lid:UInt64}})"
        )
        params["cursor_ts"], params["cursor_lid"] = decode_cursor(cursor)
    direction = "DESC" if order is Order.NEWEST else "ASC"
    by_key = f"ORDER BY _ts {direction}, _lid {direction}"
    found = f"FROM {scope.table} WHERE {where} {by_key}"
    if limit > _UNMEASURED and not 0 < limit * cut * _CUT_BYTES < _PAGE_BYTES:
        limit = _fitting(engine, found, params, limit)
    sql = f"SELECT {_columns(scope)} {found} LIMIT {{limit:UInt64}}"
    if cut:
        sql = f"SELECT {_cut_columns(scope)} FROM ({sql}) AS whole {by_key}"
        params["cut"], params["cut_bytes"] = cut, cut * _CHARACTER_BYTES
    rows = _rows.decode_lines(engine.json_lines(sql, {**params, "limit": limit + 1}))
    last = rows[limit - 1] if len(rows) > limit else None
    return _page(scope, rows[:limit], encode_cursor(last.ts, last.lid) if last else None)


def slices(engine: Engine, scope: Scope, *, lines: int, size: int) -> Iterator[Slice]:
    """The scope cut into stretches of time, in their order, that hold all its lines: none has more than
    `lines` or, in bytes, `size`, but for a single millisecond that has. Nothing is where no lines are.

    The same lines are always cut alike, however the engine keeps them.
    """
    span = scope.range
    step = -(-(span.end - span.start) // MAX_BUCKETS)
    where, params = scope.where()
    rows = engine.rows(
        "SELECT intDiv(_ts - {from_ms:Int64}, {step:Int64}) AS number, count() AS lines,"
        f" sum(length(_line) + length(_raw) + length(_meta)) AS bytes FROM {scope.table} WHERE {where}"
        " GROUP BY number ORDER BY number",
        {**params, "step": step},
    )
    taken: Slice | None = None
    for row in rows:
        start = span.start + row["number"] * step
        within = TimeRange(start=start, end=min(start + step, span.end))
        here = Slice(range=within, lines=row["lines"], bytes=row["bytes"])
        if taken and (taken.lines + here.lines > lines or taken.bytes + here.bytes > size):
            yield taken
            taken = None
        if step > 1 and (here.lines > lines or here.bytes > size):
            yield from slices(engine, replace(scope, range=within), lines=lines, size=size)
        else:
            taken = here if taken is None else _joined(taken, here)
    if taken:
        yield taken


def _joined(one: Slice, other: Slice) -> Slice:
    return Slice(
        range=TimeRange(start=one.range.start, end=other.range.end),
        lines=one.lines + other.lines,
        bytes=one.bytes + other.bytes,
    )


def pages(engine: Engine, scope: Scope, *, after: tuple[int, int] | None = None) -> Iterator[Page]:
    """All records of the scope, oldest first, in pages that memory can hold, however many they are; with
    `after`, a time and a number, only those behind that line. Lines that come while it runs may be among
    them or not."""
    if after is not None:
        scope = _behind(scope, *after)
    for one in slices(engine, scope, lines=_SLICE_LINES, size=_SLICE_BYTES):
        within = replace(scope, range=one.range)
        if one.lines <= _SLICE_LINES and (one.bytes <= _SLICE_BYTES or one.lines == 1):
            yield _whole(engine, within)
        else:
            yield from _paged(engine, within)


def _behind(scope: Scope, ts: int, number: int) -> Scope:
    condition = Condition(
        sql=f"({scope.condition.sql}) AND (_ts, _lid) > ({{after_ts:Int64}}, {{after_lid:UInt64}})",
        params={**scope.condition.params, "after_ts": ts, "after_lid": number},
    )
    start = min(max(ts, scope.range.start), scope.range.end - 1)
    return replace(scope, range=TimeRange(start=start, end=scope.range.end), condition=condition)


def _whole(engine: Engine, scope: Scope) -> Page:
    """Everything in one page. It ends with its range, so that lines without an id need no numbers."""
    where, params = scope.where()
    lines = engine.json_lines(
        f"SELECT {_columns(scope)} FROM {scope.table} WHERE {where} ORDER BY _ts, _lid", params
    )
    return _page(scope, _rows.decode_lines(lines), None)


def _paged(engine: Engine, scope: Scope) -> Iterator[Page]:
    cursor: str | None = ""
    while cursor is not None:
        page = search_page(engine, scope, order=Order.OLDEST, limit=MAX_PAGE, cursor=cursor)
        yield page
        cursor = page.cursor


def _columns(scope: Scope) -> str:
    return f"{NAMES}, _object" if scope.objects else NAMES


def _cut_columns(scope: Scope) -> str:
    """The same columns of `whole`, of long lines cut, and `_length`: of those the characters of all."""
    shown = {
        "_line": "substringUTF8(whole._line, 1, {cut:UInt64})",
        "_raw": "if(length(whole._raw) > {cut_bytes:UInt64}, '', whole._raw)",
        "_meta": "if(length(whole._meta) > {cut_bytes:UInt64}, '', whole._meta)",
    }
    columns = [f"{shown.get(name, f'whole.{name}')} AS {name}" for name in _columns(scope).split(", ")]
    is_whole = (
        "lengthUTF8(whole._line) <= {cut:UInt64}"
        " AND length(whole._raw) <= {cut_bytes:UInt64} AND length(whole._meta) <= {cut_bytes:UInt64}"
    )
    return ", ".join([*columns, f"if({is_whole}, 0, lengthUTF8(whole._line)) AS _length"])


def _page(scope: Scope, rows: list[_Row], cursor: str | None) -> Page:
    return Page(
        records=[_record(row) for row in rows],
        cursor=cursor,
        objects=[row.object for row in rows] if scope.objects else None,
        numbers=[row.lid for row in rows],
        lengths=[row.length for row in rows],
    )


def _fitting(engine: Engine, found: str, params: dict[str, Param], limit: int) -> int:
    """How many of the first `limit` lines are a page that memory can hold; at least one."""
    sizes = engine.rows(
        f"SELECT length(_line) + length(_raw) + length(_meta) AS size {found} LIMIT {{limit:UInt64}}",
        {**params, "limit": limit},
    )
    total = 0
    for number, row in enumerate(sizes):
        total += row["size"]
        if total > _PAGE_BYTES:
            return max(1, number)
    return limit


def histogram(engine: Engine, scope: Scope, *, interval_ms: int) -> list[Bucket]:
    """Lines by level in steps of `interval_ms`, oldest first; steps without lines are left out."""
    if interval_ms < 1 or (scope.range.end - scope.range.start) / interval_ms > MAX_BUCKETS:
        raise InputError(
            f"an interval of {interval_ms} ms makes more than {MAX_BUCKETS} steps of this range",
            hint="choose a longer interval or a shorter range",
        )
    where, params = scope.where()
    rows = engine.rows(
        "SELECT intDiv(_ts, {step:Int64}) * {step:Int64} AS ts, level, count() AS lines"
        f" FROM {scope.table} WHERE {where} GROUP BY ts, level ORDER BY ts, level",
        {**params, "step": interval_ms},
    )
    buckets: dict[int, dict[str, int]] = {}
    for row in rows:
        buckets.setdefault(row["ts"], {})[row["level"]] = row["lines"]
    return [Bucket(ts=ts, levels=levels) for ts, levels in buckets.items()]


def top_values(engine: Engine, scope: Scope, *, expression: Condition, limit: int) -> list[tuple[str, int]]:
    """The most frequent values of an expression over the lines, with their counts; '' is no value."""
    if not 1 <= limit <= MAX_VALUES:
        raise InputError(f"limit is {limit}, not 1 to {MAX_VALUES}")
    where, params = scope.where()
    rows = engine.rows(
        f"SELECT {expression.sql} AS value, count() AS lines FROM {scope.table}"
        f" WHERE {where} GROUP BY value HAVING value != '' ORDER BY lines DESC, value LIMIT {{limit:UInt64}}",
        {**params, **expression.params, "limit": limit},
    )
    return [(row["value"], row["lines"]) for row in rows]


def bounds(engine: Engine, scope: Scope) -> TimeRange | None:
    """The shortest range that holds every line of the scope; None when there is none."""
    where, params = scope.where()
    row = engine.rows(
        f"SELECT min(_ts) AS first, max(_ts) AS last, count() AS lines FROM {scope.table} WHERE {where}",
        params,
    )[0]
    return TimeRange(start=row["first"], end=row["last"] + 1) if row["lines"] else None


def _record(row: _Row) -> Record:
    # In the order of Record's fields: naming them took a third longer.
    return Record(
        str(row.lid) if row.lid < NO_ID else "",
        row.ts,
        row.ns,
        row.rx or -1,  # a line of another writer may name none
        row.account,
        row.host,
        row.app,
        row.file,
        row.env,
        row.level,
        row.tag,
        _meta(row.meta) if row.meta else NO_META,
        row.line,
        row.raw,
    )


def _meta(text: str) -> msgspec.Raw:
    """The column as JSON again. The engine keeps JSON as it came, but of a text only what it says."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(text))
    return msgspec.Raw(text.encode())


def encode_cursor(ts: int, lid: int) -> str:
    return base64.urlsafe_b64encode(f"{ts}.{lid}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, int]:
    """The time and the number of the line that a page ended with. Raises InputError."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        ts, lid = map(int, text.split("."))
    except ValueError:
        ts = lid = -1
    if not (0 <= ts <= MAX_MS and 0 <= lid < 1 << 64) or encode_cursor(ts, lid) != cursor:
        raise InputError(f"{cursor!r} is no cursor", hint="pass the cursor of the page before, unchanged")
    return ts, lid
