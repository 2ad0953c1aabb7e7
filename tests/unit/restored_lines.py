"""Lines in a restored account, as tests of exports need them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from logkeep.index.base import Engine
from logkeep.index.restored import RestoredLines, Where
from logkeep.index.search import Scope
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.record import Record, encode_lines, text_of
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
_ALL = Where(sql="1", params={}, from_ms=MIN_MS, to_ms=MAX_MS)


@contextmanager
def restored(
    engine: Engine, folder: Path, *chunks: Sequence[Record], name: str = "ex1"
) -> Iterator[RestoredLines]:
    """A table of these lines, each chunk a part of its own."""
    table = RestoredLines(engine, name)
    table.drop()  # of a process that was killed
    table.create(merging=False)
    try:
        for number, records in enumerate(chunks):
            file = folder / "00000.json.gz"
            file.write_bytes(gzip.compress(encode_lines(records)))
            table.load(str(file), number, _ALL, [KEY], new_only=False)
            file.unlink()
        yield table
    finally:
        table.drop()


def scope(table: RestoredLines, query: str = "", *, start: int = MIN_MS, end: int = MAX_MS) -> Scope:
    return Scope(
        table=table.name,
        range=TimeRange(start=start, end=end),
        condition=compile_sql(parse(query)),
        objects=True,
    )


def plain(count: int, *, first: int = 1, step: int = 10) -> list[Record]:
    return [
        Record(lid=str(number), ts=number * step, rx=5, host=f"web-{number % 3}", line=f"line {number}")
        for number in range(first, first + count)
    ]


def _bytes(ts: int, data: bytes, **fields: str) -> Record:
    line, raw = text_of(data)
    return Record(ts=ts, line=line, raw=raw, **fields)  # type: ignore[arg-type]


# In the order of their time; without an id, as they were written.
HOSTILE = [
    Record(lid="1", ts=1, line=""),
    _bytes(2, b'nul \x00 tab \t return \r quote " back \\ slash', lid="2"),
    _bytes(3, b"\xff\xfe not UTF-8 \x80", lid="3"),
    _bytes(4, "ünï \u2028 𝄞".encode(), lid="4"),
    Record(lid="5", ts=5, line="m" * (1 << 20)),
    Record(ts=6, line="no id"),
    Record(ts=6, line="no id"),
    Record(lid="9223372036854775807", ts=7, ns=999_999, rx=8, account="main", host="h", app="a", file="/f"),
    Record(lid="8", ts=8, env="e", level="error", tag=("a", "'b'", ""), line="two\nlines"),
    *(
        Record(lid=str(10 + number), ts=10 + number, meta=msgspec.Raw(meta), line=f"meta {number}")
        for number, meta in enumerate(
            [
                b'{"a":{"b":[1,2.5,null,true,"\\u0000"]}}',
                b"[]",
                b"{}",
                b"17",
                b"true",
                b'"a text"',
                b"[" * 60 + b"]" * 60,
                b'{"big":12345678901234567890123,"dup":1,"dup":2}',
            ]
        )
    ),
]
