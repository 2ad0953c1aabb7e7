from __future__ import annotations

import pytest

from logkeep.errors import TooLarge
from logkeep.query.parse import parse
from logkeep.query.sql import Condition, compile_sql


def test_words_side_by_side_are_one_call_on_the_indexed_expression() -> None:
    assert compile_sql(parse("Failed password")) == Condition(
        sql="(hasAllTokens(lower(_line), {q0:Array(String)}))", params={"q0": ["failed", "password"]}
    )


def test_single_words_with_or_are_one_call() -> None:
    assert compile_sql(parse("a OR b")) == Condition(
        sql="(hasAnyTokens(lower(_line), {q0:Array(String)}))", params={"q0": ["a", "b"]}
    )


def test_a_phrase_is_exact_behind_its_tokens() -> None:
    assert compile_sql(parse('"a b"')) == Condition(
        sql="(hasAllTokens(lower(_line), {q0:Array(String)}) AND match(lower(_line), {q1:String}))",
        params={
            "q0": ["a", "b"],
            "q1": r"(?:^|[^0-9a-z\x{80}-\x{10ffff}])a b(?:$|[^0-9a-z\x{80}-\x{10ffff}])",
        },
    )


def test_an_expression_stands_behind_the_text_it_needs() -> None:
    assert compile_sql(parse(r"/for user \d/")) == Condition(
        sql="(hasAllTokens(lower(_line), {q0:Array(String)}) AND position(_line, {q1:String}) > 0"
        " AND match(_line, {q2:String}))",
        params={"q0": ["user"], "q1": "for user ", "q2": r"for user \d"},
    )


def test_nothing_of_a_query_stands_in_the_sql() -> None:
    hostile = "x') OR 1=1 --{q9:String}"
    quoted = '"' + hostile + '"'
    for query in (
        quoted,
        f"host:{quoted}",
        f"k:{quoted}",
        f"k:>{quoted}",
        r"/x'\)/",
        "k'q{:1".replace("{", "\\{"),
    ):
        condition = compile_sql(parse(query))
        assert "1=1" not in condition.sql
        assert "x'" not in condition.sql
        assert "k'q" not in condition.sql


def test_everything_and_nothing() -> None:
    assert compile_sql(parse("")) == Condition(sql="1", params={})
    assert compile_sql(parse("NOT *")) == Condition(sql="NOT (1)", params={})


def test_more_tests_than_the_engine_takes_are_refused() -> None:
    many = parse("status:(" + " ".join(f">{n}" for n in range(800)) + ")")
    with pytest.raises(TooLarge):
        compile_sql(many)
