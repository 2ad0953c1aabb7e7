"""Tests of values in JSON text (`_line`, `_meta`) as ClickHouse expressions.

Of keys that occur twice in one object the first counts; arrays are not looked into; a whole number that
no 64 bits hold is a text of digits (that is how the engine reads it).
"""

from __future__ import annotations

from logkeep.query import ast
from logkeep.query.sql_values import Parameters, is_plain_number, text_condition
from logkeep.query.values import EXACT_IN_DOUBLE, Number, is_plain_key, plain_number_of, tokens

_NUMBERS = "('Int64', 'UInt64', 'Double')"
_WHOLE = "('Int64', 'UInt64')"


def json_condition(field: ast.JsonField, test: ast.Test, params: Parameters) -> str:
    """The test on the scalar at the field's path; false where the text is no object or has no such path."""
    parts = [*_guards(field, params), _Value(field, params).condition(test)]
    return "(" + " AND ".join(parts) + ")"


def _guards(field: ast.JsonField, params: Parameters) -> list[str]:
    """Cheap conditions that every matching text meets; the first of them can use the text index."""
    plain = [key for key in field.path if is_plain_key(key)]
    needed = list(dict.fromkeys(token for key in plain for token in tokens(key.lower())))
    guards = []
    if needed and field.column == "_line":
        guards.append(f"hasAllTokens(lower(_line), {params.add('Array(String)', needed)})")
    guards.append(f"startsWith({field.column}, '{{')")
    quoted = [params.add("String", f'"{key}"') for key in plain]
    return guards + [f"position({field.column}, {key}) > 0" for key in quoted]


class _Value:
    """The expressions for one path. The engine computes what occurs twice only once."""

    def __init__(self, field: ast.JsonField, params: Parameters) -> None:
        place = ", ".join([field.column, *(params.add("String", key) for key in field.path)])
        self._params = params
        self._place = place
        self._type = f"JSONType({place})"
        self._text = f"JSONExtractString({place})"  # also the digits of numbers, and true and false
        self._raw = f"JSONExtractRaw({place})"  # '' when there is no such path

    def condition(self, test: ast.Test) -> str:
        match test:
            case ast.Present():
                return f"{self._raw} NOT IN ('', 'null', '\"\"')"
            case ast.Equals():
                return self._equals(test)
            case ast.Within(low=low, high=high):
                sides = ((low, ">"), (high, "<"))
                return "(" + " AND ".join(self._bound(bound, sign) for bound, sign in sides if bound) + ")"
            case _:
                of_text = text_condition(self._text, test, self._params)
                return f"({of_text} AND {self._type} IN ('String', 'Int64', 'UInt64'))"

    def _equals(self, test: ast.Equals) -> str:
        either = []
        if test.number is not None:
            either.append(self._compared("=", test.number, otherwise="0"))
        if plain_number_of(test.text) is None:  # else the comparison of numbers covers texts too
            kinds = "('String', 'Bool')" if test.text in ("true", "false") else "('String')"
            same = f"lower({self._text}) = {self._params.add('String', test.text)}"
            either.append(f"({same} AND {self._type} IN {kinds})")
        if test.text == "null":
            either.append(f"{self._raw} = 'null'")
        return "(" + " OR ".join(either) + ")"

    def _bound(self, bound: ast.Bound, sign: str) -> str:
        operator = sign + "=" * bound.inclusive
        ordered = f"lower({self._text}) {operator} {self._params.add('String', bound.text)}"
        by_text = f"({self._type} = 'String' AND {ordered})"
        return by_text if bound.number is None else self._compared(operator, bound.number, otherwise=by_text)

    def _compared(self, operator: str, number: Number, *, otherwise: str) -> str:
        """The comparison for numbers and for texts that plainly are one, `otherwise` for the rest.

        Only a number or a string has a text that is plainly a number, so that most values need no look
        at their type. The engine takes only the branch that a row needs.
        """
        bound = self._params.add("Float64", float(number))
        plain = is_plain_number(self._text, self._params)
        compared = f"JSONExtractFloat({self._place}) {operator} {bound}"
        if isinstance(number, int) and abs(number) >= EXACT_IN_DOUBLE:
            whole = f"JSONExtract({self._place}, 'Int128') {operator} {self._params.add('Int128', number)}"
            compared = f"if({self._type} IN {_WHOLE}, {whole}, {compared})"
        return (
            f"multiIf({plain}, toFloat64OrZero({self._text}) {operator} {bound}, "
            f"{self._type} IN {_NUMBERS}, {compared}, {otherwise})"
        )
