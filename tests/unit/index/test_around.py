"""What stands around a line, with several lines in each millisecond, some of them without an id."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from logkeep.errors import NotFound
from logkeep.index.around import Around, around
from logkeep.index.columns import NO_ID
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import RestoredLines, Where
from logkeep.index.search import Scope, decode_cursor
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.record import Record, encode_lines
from logkeep.timeline import MAX_MS, TimeRange

# Three lines in each millisecond, the last of each without an id.
LINES = [
    Record(lid=str(n + 1) if n % 3 < 2 else "", ts=1000 + n // 3, line=f"n{n}", host=f"h{n % 2}")
    for n in range(12)
]


@pytest.fixture(scope="module")
def table(engine: ChdbEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    lines = RestoredLines(engine, "around")
    lines.create(merging=True)
    file = tmp_path_factory.mktemp("lines") / "00000.jsonl"
    file.write_bytes(encode_lines(LINES))
    where = Where(sql="1", params={}, from_ms=0, to_ms=MAX_MS)
    lines.load(str(file), 1, where, ["year=2026/x.json.gz"], new_only=False)
    yield lines.name
    lines.drop()


def scope(table: str, query: str = "", end: int = MAX_MS) -> Scope:
    return Scope(
        table=table, range=TimeRange(start=0, end=end), condition=compile_sql(parse(query)), objects=True
    )


def texts(found: Around) -> tuple[list[str], str, list[str]]:
    """Before, the line, after: in the order of time."""
    return (
        [record.line for record in reversed(found.before.records)],
        found.line.records[0].line,
        [record.line for record in found.after.records],
    )


def test_a_line_has_its_neighbours_also_those_of_its_millisecond(engine: ChdbEngine, table: str) -> None:
    found = around(engine, scope(table), (1001, 5), before=3, after=4)
    assert texts(found) == (["n1", "n2", "n3"], "n4", ["n5", "n6", "n7", "n8"])
    assert found.line.objects == ["year=2026/x.json.gz"]


def test_a_line_without_an_id_is_found_by_its_cursor(engine: ChdbEngine, table: str) -> None:
    first = around(engine, scope(table), (1001, 5), before=0, after=1)
    place = decode_cursor(first.after.cursors[0])
    assert place[1] >= NO_ID
    assert texts(around(engine, scope(table), place, before=2, after=2)) == (
        ["n3", "n4"],
        "n5",
        ["n6", "n7"],
    )


def test_the_query_and_the_range_choose_the_neighbours_and_not_the_line(
    engine: ChdbEngine, table: str
) -> None:
    found = around(engine, scope(table, "host:h1", end=1003), (1001, 5), before=9, after=9)
    assert texts(found) == (["n1", "n3"], "n4", ["n5", "n7"])


def test_the_first_and_the_last_line_have_neighbours_on_one_side(engine: ChdbEngine, table: str) -> None:
    assert texts(around(engine, scope(table), (1000, 1), before=5, after=1)) == ([], "n0", ["n1"])
    assert texts(around(engine, scope(table), (1003, 11), before=1, after=5)) == (["n9"], "n10", ["n11"])


@pytest.mark.parametrize("place", [(1001, 1), (999, 1), (MAX_MS, 1), (1001, 99)])
def test_a_line_that_is_not_there_is_not_found(
    engine: ChdbEngine, table: str, place: tuple[int, int]
) -> None:
    with pytest.raises(NotFound, match="there is no such line"):
        around(engine, scope(table), place, before=1, after=1)
