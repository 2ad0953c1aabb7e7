from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.errors import InputError
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import RestoredLines, Where
from logkeep.index.search import Scope, top_values
from logkeep.index.values import COUNTED_TOGETHER, top_values_of
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.query.sql_field import value_expression
from logkeep.record import Record, encode_lines
from logkeep.timeline import MAX_MS, TimeRange

FIELDS = list(COUNTED_TOGETHER)
LINES = [
    Record(
        lid=str(n + 1),
        ts=1000 + n,
        host=f"web-{n % 7}",
        app="api" if n % 3 else "",
        level=("info", "warn", "error", "")[n % 4],
        file="/var/log/x" if n % 2 else "/var/log/y",
        line=f"{'even' if n % 2 == 0 else 'odd'} {n}",
    )
    for n in range(60)
]


@pytest.fixture(scope="module")
def table(engine: ChdbEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    lines = RestoredLines(engine, "values")
    lines.create(merging=True)
    file: Path = tmp_path_factory.mktemp("lines") / "00000.jsonl"
    file.write_bytes(encode_lines(LINES))
    lines.load(str(file), 1, Where(sql="1", params={}, from_ms=0, to_ms=MAX_MS), [], new_only=False)
    yield lines.name
    lines.drop()


def scope(table: str, query: str) -> Scope:
    condition = compile_sql(parse(query))
    return Scope(table=table, range=TimeRange(start=1005, end=MAX_MS), condition=condition)


@pytest.mark.parametrize("query", ["", "even", "level:error host:web-1", "nothing"])
@pytest.mark.parametrize("fields", [FIELDS, FIELDS[::-1], ["level"], ["app", "host"]])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_fields_counted_together_have_the_values_they_have_alone(
    engine: ChdbEngine, table: str, query: str, fields: list[str], limit: int
) -> None:
    alone = [
        top_values(engine, scope(table, query), expression=value_expression(field), limit=limit)
        for field in fields
    ]
    assert top_values_of(engine, scope(table, query), fields, limit=limit) == alone


@pytest.mark.parametrize("limit", [0, 1001])
def test_values_have_their_bounds(engine: ChdbEngine, table: str, limit: int) -> None:
    with pytest.raises(InputError, match=f"limit is {limit}, not 1 to 1000"):
        top_values_of(engine, scope(table, ""), ["host"], limit=limit)
