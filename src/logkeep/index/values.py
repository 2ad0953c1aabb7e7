"""The most frequent values of several fields of the record, counted in one look at the lines."""

from __future__ import annotations

from collections.abc import Sequence

from logkeep.errors import InputError
from logkeep.index.base import Engine
from logkeep.index.search import MAX_VALUES, Scope

Values = list[tuple[str, int]]
"""Values with their counts, the most frequent first."""

# Columns of few different values. Of others a line's own may be the only one.
COUNTED_TOGETHER = {name: f"_{name}" for name in ("host", "app", "file", "env")} | {"level": "level"}


def top_values_of(engine: Engine, scope: Scope, fields: Sequence[str], *, limit: int) -> list[Values]:
    """For each of the fields, which are of COUNTED_TOGETHER, what `top_values` finds of it."""
    if not 1 <= limit <= MAX_VALUES:
        raise InputError(f"limit is {limit}, not 1 to {MAX_VALUES}")
    where, params = scope.where()
    columns = [COUNTED_TOGETHER[field] for field in fields]
    # Of the bits of grouping() all are set but that of the column that a row is about.
    which = {2 ** len(columns) - 1 - 2**place: number for number, place in enumerate(_places(columns))}
    rows = engine.rows(
        f"SELECT {', '.join(columns)}, grouping({', '.join(columns)}) AS which, count() AS lines"
        f" FROM {scope.table} WHERE {where}"
        f" GROUP BY GROUPING SETS ({', '.join(f'({column})' for column in columns)})"
        f" HAVING toString({' || '.join(columns)}) != ''"
        f" ORDER BY which, lines DESC, {', '.join(columns)} LIMIT {{limit:UInt64}} BY which",
        {**params, "limit": limit},
    )
    found: list[Values] = [[] for _ in fields]
    for row in rows:
        number = which[row["which"]]
        found[number].append((row[columns[number]], row["lines"]))
    return found


def _places(columns: Sequence[str]) -> range:
    """The bit of each column in grouping(): the last column's is the lowest."""
    return range(len(columns) - 1, -1, -1)
