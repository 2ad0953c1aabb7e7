from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import InputError, QuerySyntaxError
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.query.writing import condition, narrowed
from logkeep.record import Record


@pytest.mark.parametrize(
    ("field", "keys", "value", "written"),
    [
        ("host", [], "web-1", "host:web-1"),
        ("host", [], "", 'host:""'),
        ("level", [], "OR", 'level:"OR"'),
        ("file", [], "/var/log/a b.log", 'file:"/var/log/a b.log"'),
        ("app", [], 'say "hi" \\ *', 'app:"say \\"hi\\" \\\\ *"'),
        ("line", ["status"], "502", "status:502"),
        ("line", ["user", "id"], "-7", "user.id:-7"),
        ("line", ["http.method"], "GET", "http\\.method:GET"),
        ("line", ["host"], "x", "line.host:x"),
        ("line", ["meta", "a"], "x", "line.meta.a:x"),
        ("line", ["a b:c"], "x", "a\\ b\\:c:x"),
        ("meta", ["region"], "eu-1", "meta.region:eu-1"),
    ],
)
def test_a_condition_is_written_as_the_language_wants_it(
    field: str, keys: list[str], value: str, written: str
) -> None:
    assert condition(field, keys, value) == written


@pytest.mark.parametrize(("field", "keys"), [("host", ["a"]), ("line", [""]), ("ts", [])])
def test_what_the_language_cannot_say_is_refused(field: str, keys: list[str]) -> None:
    with pytest.raises(InputError):
        condition(field, keys, "x" if field != "ts" else "yesterday")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
odd = st.text("ab*?\\\"'/:.-+!~^(){}[] \t\n", max_size=8)


@given(texts | odd)
def test_a_condition_on_a_field_finds_the_record_with_that_value(value: str) -> None:
    holds = compile_predicate(parse(condition("app", [], value)))
    assert holds(Record(lid="1", ts=0, app=value))
    assert not holds(Record(lid="1", ts=0, app=value + "x"))


@given(st.lists(texts | odd, min_size=1, max_size=3), texts | odd | st.integers() | st.booleans())
def test_a_condition_on_a_key_finds_the_line_it_was_made_of(keys: list[str], value: str | int) -> None:
    document: object = value
    for key in reversed(keys):
        document = {key: document}
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        written = condition("line", keys, text)
    except InputError:
        return  # a key that no query can name
    holds = compile_predicate(parse(written))
    assert holds(Record(lid="1", ts=0, line=json.dumps(document, ensure_ascii=False)))


@pytest.mark.parametrize(
    ("query", "without", "result"),
    [
        ("", False, "host:a"),
        ("  ", True, "-host:a"),
        ("*", False, "host:a"),
        ("failed", False, "failed host:a"),
        (" failed AND x ", True, "failed AND x -host:a"),
        ("a OR b", False, "(a OR b) host:a"),
        ("b OR *", False, "host:a"),
        ("failed host:a", False, "failed host:a"),
        ("failed -host:a", True, "failed -host:a"),
        ("host:A", False, "host:A"),
    ],
)
def test_a_query_is_narrowed_by_a_condition(query: str, without: bool, result: str) -> None:
    assert narrowed(query, "host:a", without=without) == result


def test_what_is_left_out_may_be_more_than_one_condition() -> None:
    assert narrowed("x", "a OR b", without=True) == "x NOT (a OR b)"
    assert narrowed("x", "a b", without=True) == "x NOT (a b)"


def test_a_query_that_cannot_be_read_or_grows_too_long_is_refused() -> None:
    with pytest.raises(QuerySyntaxError):
        narrowed("(a", "b")
    with pytest.raises(QuerySyntaxError):
        narrowed("a" * 4090, "host:abcdef")
