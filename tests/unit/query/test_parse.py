from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from logkeep.errors import QuerySyntaxError
from logkeep.query.ast import (
    And,
    Bound,
    Equals,
    Everything,
    FieldTest,
    JsonField,
    Like,
    Node,
    Not,
    NumberField,
    Or,
    Phrase,
    Present,
    TagField,
    TextField,
    Wild,
    Within,
    WordPattern,
)
from logkeep.query.parse import parse

A, B, C = Phrase(text="a"), Phrase(text="b"), Phrase(text="c")
X = JsonField(column="_line", path=("x",))


@pytest.mark.parametrize("text", ["", " \t\n", "*", "**", "* AND *", "* OR a", "(*)"])
def test_an_empty_query_and_a_star_match_everything(text: str) -> None:
    assert parse(text) == Everything()


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a b", And(nodes=(A, B))),
        ("a AND b", And(nodes=(A, B))),
        ("a b OR c", Or(nodes=(And(nodes=(A, B)), C))),
        ("a OR b c", Or(nodes=(A, And(nodes=(B, C))))),
        ("a OR b -c", Or(nodes=(A, And(nodes=(B, Not(node=C)))))),
        ("NOT a b", And(nodes=(Not(node=A), B))),
        ("NOT a OR b AND c", Or(nodes=(Not(node=A), And(nodes=(B, C))))),
        ("!a +b -(b OR c)", And(nodes=(Not(node=A), B, Not(node=Or(nodes=(B, C)))))),
        ('!"a b"c', And(nodes=(Not(node=Phrase(text="a b")), C))),
        ("(a AND b) AND c", And(nodes=(A, B, C))),
        ("a * b", And(nodes=(A, B))),
        ("a a", A),
        ("and or", And(nodes=(Phrase(text="and"), Phrase(text="or")))),
        ("ÉA", Phrase(text="Éa")),
        ("10.0.0.1", Phrase(text="10.0.0.1")),
        (r"a\ b\*\:", Phrase(text="a b*:")),
        (r'"a\"\\b*"', Phrase(text='a"\\b*')),
        ("hello!", Phrase(text="hello!")),
        ("w**d?", WordPattern(glob=("w", Wild.ANY, "d", Wild.ONE))),
    ],
)
def test_words_and_operators(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("host:Web-1", FieldTest(field=TextField(column="_host"), test=Equals(text="web-1"))),
        ('host:"a*"', FieldTest(field=TextField(column="_host"), test=Equals(text="a*"))),
        ("level:w*", FieldTest(field=TextField(column="level"), test=Like(glob=("w", Wild.ANY)))),
        ("tag:*", FieldTest(field=TagField(), test=Present())),
        ("line:a", A),
        ("id:7", FieldTest(field=NumberField(name="id"), test=Equals(text="7", number=7))),
        (
            "ts:2026-11-20T09:00:00Z",
            FieldTest(
                field=NumberField(name="ts"),
                test=Equals(text="2026-11-20t09:00:00z", number=1_795_165_200_000),
            ),
        ),
        ("x:7", FieldTest(field=X, test=Equals(text="7", number=7))),
        ("x:-7.5", FieldTest(field=X, test=Equals(text="-7.5", number=-7.5))),
        ("x:!7", Not(node=FieldTest(field=X, test=Equals(text="7", number=7)))),
        ("x:(-7)", Not(node=FieldTest(field=X, test=Equals(text="7", number=7)))),
        ("x:007", FieldTest(field=X, test=Equals(text="007"))),
        (
            "x:>-5",
            FieldTest(field=X, test=Within(low=Bound(text="-5", number=-5, inclusive=False), high=None)),
        ),
        (
            "x:[1 TO b}",
            FieldTest(
                field=X,
                test=Within(
                    low=Bound(text="1", number=1, inclusive=True),
                    high=Bound(text="b", number=None, inclusive=False),
                ),
            ),
        ),
        ("x:[* TO *]", FieldTest(field=X, test=Present())),
        (
            "meta.a.b:x",
            FieldTest(field=JsonField(column="_meta", path=("a", "b")), test=Equals(text="x")),
        ),
        (
            r"line.host\.name:x",
            FieldTest(field=JsonField(column="_line", path=("host.name",)), test=Equals(text="x")),
        ),
        (
            "x:(a OR b)",
            Or(nodes=(FieldTest(field=X, test=Equals(text="a")), FieldTest(field=X, test=Equals(text="b")))),
        ),
    ],
)
def test_fields(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("a AND", 6, "the query ends too early (expected a word"),
        (
            "a AND OR b",
            7,
            "unexpected 'OR' (expected a word, a phrase in double quotes, a field or '('",
        ),
        ("(a (b)", 7, "the query ends too early (expected ')' for the '(' at column 1)"),
        ("a)", 2, "unexpected ')'"),
        ('a "b', 3, "this phrase has no end"),
        ("a /b", 3, "'/' starts a regular expression that has no end"),
        ("file:/var/log/x", 6, "'/' starts a regular expression, and /var/ ends it"),
        ("a~2", 2, "fuzzy search with '~' is not supported"),
        ("a b^2", 4, "boosting with '^' is not supported"),
        ("12:30:45", 6, "a second ':' follows '30'"),
        ("a:(b:c)", 5, "a second ':' follows 'b'"),
        ("a\\", 2, "nothing follows '\\'"),
        ("a 'b'", 3, 'unexpected "\'"'),
        (">5", 1, "a comparison needs a field"),
        ("a [1 TO 2]", 3, "a comparison needs a field"),
        ("x:[1 2]", 6, "unexpected '2' (expected a range such as [1 TO 5], opened at column 3)"),
        ("x:>*", 4, "'*' is no bound"),
        ("x*:1", 1, "a field name takes no wildcards"),
        ("a..b:1", 1, "'a..b' is no field name"),
        ('a ""', 3, "the phrase is empty"),
        ("ts:tomorrow", 4, "'tomorrow' is no value of ts"),
        ("id:>x", 5, "'x' is no value of id"),
        ("id:7*", 4, "this field cannot be asked that way"),
        ("meta:x", 6, "this field cannot be asked that way"),
        ("line:>x", 6, "this field cannot be asked that way"),
        ("a\ud800", 2, "half of a surrogate pair is no character"),
        ("a" * 4097, 4097, "the query has 4097 characters (expected at most 4096)"),
        ("(" * 33 + "a" + ")" * 33, 33, "the query is nested too deeply (expected at most 32 levels)"),
        ("-" * 4000 + "a", 34, "the query is nested too deeply"),
        ("NOT " * 1000 + "a", 133, "the query is nested too deeply"),
    ],
)
def test_an_error_names_its_column_and_what_was_expected(text: str, column: int, said: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(text)
    assert caught.value.column == column
    assert str(caught.value).startswith(f"column {column}: {said}")


def test_the_longest_and_deepest_query_is_read() -> None:
    deepest = parse("(" * 32 + "a" + ")" * 32)
    assert deepest == A
    flat = parse(" OR ".join(["a b -c"] * 409))
    assert flat == And(nodes=(A, B, Not(node=C)))


def test_many_threads_may_parse_at_once() -> None:
    texts = [f"a{n} AND (b OR -x:>{n})" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parse, texts)) == [parse(text) for text in texts]
