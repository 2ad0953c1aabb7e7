"""Tables of text, a row a line: tabs or commas between columns, whose names the first line may hold."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, TypeAlias

import msgspec

from logkeep.archive.foreign.base import NO_TIME, Problems, levels, lids, tags
from logkeep.archive.foreign.fields import Names, Times, places
from logkeep.archive.foreign.lines import each_line, whole_lines
from logkeep.record import NO_META, Record

Rows: TypeAlias = Sequence[Sequence[str]]
Split: TypeAlias = Callable[[Sequence[str]], Rows]

_encode_lines = msgspec.json.Encoder().encode_lines


def tabs(lines: Sequence[str]) -> Rows:
    return [line.split("\t") for line in lines]


def commas(lines: Sequence[str]) -> Rows:
    """As CSV quotes them; a row of more than one line is not read."""
    try:
        return list(csv.reader(lines))
    except csv.Error:  # a column of more than 128 KiB, or a quote that is not closed
        return []


def read_table(
    content: Iterator[bytes],
    problems: Problems,
    split: Split,
    names: Names,
    read_times: Times,
    columns: Sequence[str] = (),
) -> Iterator[list[Record]]:
    """Records of the rows. Columns that are no fields are meta; without a column for the text, the record's
    line is the row as it came. A row of more or fewer columns, or without a time, goes to `problems`."""
    for offset, whole in whole_lines(content, problems):
        if not columns:
            cut = whole.find(b"\n") + 1 or len(whole)
            columns = next(iter(split([_text(whole[:cut])])), ())
            offset, whole = offset + cut, whole[cut:]
        found = _all(whole, split, names, read_times, columns)
        if found is None:
            found = []
            for at, line in each_line(offset, whole):
                found += _one(at, line, problems, split, names, read_times, columns)
        yield found


def _all(
    whole: bytes, split: Split, names: Names, read_times: Times, columns: Sequence[str]
) -> list[Record] | None:
    """Records of rows that are all as they should be, else None."""
    text = _text(whole)
    lines = [line for line in (text.replace("\r\n", "\n") if "\r" in text else text).split("\n") if line]
    rows = split(lines)
    if not rows:
        return [] if not lines else None
    if len(rows) != len(lines) or set(map(len, rows)) != {len(columns)}:
        return None
    records = _records(rows, lines, names, read_times, columns)
    return None if -1 in [record.ts for record in records] else records


def _one(
    at: int,
    line: bytes,
    problems: Problems,
    split: Split,
    names: Names,
    read_times: Times,
    columns: Sequence[str],
) -> list[Record]:
    text = _text(line)
    if not text:
        return []
    rows = split([text])
    if len(rows) != 1 or len(rows[0]) != len(columns):
        problems.add(at, f"the line has {len(rows[0]) if rows else 0} columns, not {len(columns)}", line)
        return []
    records = _records(rows, [text], names, read_times, columns)
    if records[0].ts < 0:
        problems.add(at, NO_TIME, line)
        return []
    return records


def _records(
    rows: Rows, lines: Sequence[str], names: Names, read_times: Times, columns: Sequence[str]
) -> list[Record]:
    by_name: dict[str, Sequence[str]] = dict(zip(columns, zip(*rows, strict=True), strict=True))
    of_field = {field: by_name[place[0]] for field, place in places(names, dict.fromkeys(columns)).items()}
    taken = {place[0] for place in places(names, dict.fromkeys(columns)).values()}
    ts, ns = read_times(of_field["time"]) if "time" in of_field else (repeat(-1), repeat(0))
    rest = {name: values for name, values in by_name.items() if name not in taken}
    return list(
        map(
            Record,
            lids(of_field["id"]) if "id" in of_field else repeat(""),
            ts,
            ns,
            repeat(-1),
            repeat(""),
            of_field.get("host", repeat("")),
            of_field.get("app", repeat("")),
            of_field.get("file", repeat("")),
            of_field.get("env", repeat("")),
            levels(of_field["level"]) if "level" in of_field else repeat(""),
            map(tags, of_field["tag"]) if "tag" in of_field else repeat(()),
            _metas(rest) if "line" in of_field else repeat(NO_META),
            of_field.get("line", lines),
        )
    )


def _metas(rest: Mapping[str, Sequence[str]]) -> Iterable[msgspec.Raw]:
    if not rest:
        return repeat(NO_META)
    encoded = _encode_lines(list(map(_struct_of(tuple(rest)), *rest.values())))
    return map(msgspec.Raw, encoded.split(b"\n")[:-1])


@lru_cache(maxsize=4)  # few, since names may be long
def _struct_of(names: tuple[str, ...]) -> Any:
    """A Struct of these members, which is encoded in a third of a dict's time."""
    members = [(f"m_{number}", str, msgspec.field(name=name)) for number, name in enumerate(names)]
    return msgspec.defstruct("Rest", members, gc=False)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")
