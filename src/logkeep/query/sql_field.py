"""The value of one field as a ClickHouse expression, for counting values."""

from __future__ import annotations

from logkeep.query import ast
from logkeep.query.fields import field_named
from logkeep.query.sql import Condition
from logkeep.query.sql_values import Parameters

_NUMBER_COLUMNS = {"id": "_lid", "ts": "_ts", "rx": "_rx"}


def value_expression(name: str) -> Condition:
    """The field's value as text, '' where a line has none; one row for each tag. Parameters are named
    apart from those of `compile_sql`. Raises QuerySyntaxError for a name that is no field."""
    field = field_named(name, 1)
    params = Parameters(prefix="f")
    match field:
        case ast.TextField(column=column):
            sql = f"toString({column})"
        case ast.TagField():
            sql = "arrayJoin(_tag)"
        case ast.NumberField(name=number):
            sql = f"toString({_NUMBER_COLUMNS[number]})"
        case ast.JsonField(column=column, path=path):
            keys = [params.add("String", key) for key in path]
            sql = f"JSONExtractString({', '.join([column, *keys])})"
    return Condition(sql=sql, params=params.values)
