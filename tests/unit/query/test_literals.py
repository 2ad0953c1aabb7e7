from __future__ import annotations

import pytest

from logkeep.query.literals import asks_line_only, literals, promises
from logkeep.query.parse import parse


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("*", None),
        ("Failed", (b"failed",)),
        ("failed password", (b"password",)),
        ('"failed password"', (b"failed password",)),
        ('"a\\"bcd"', (b"bcd",)),
        ('"\\\\"', None),
        ("é", None),
        ("éab", (b"ab",)),
        ("a OR bc", (b"a", b"bc")),
        ("a OR NOT b", None),
        ("abc (d OR NOT e)", (b"abc",)),
        ("(a OR bcd) ef", (b"ef",)),
        ("pass*rd", (b"pass",)),
        ("host:web-1", (b"web-1",)),
        ('host:""', None),
        ("host:>a", None),
        ("tag:eu*", (b"eu",)),
        ("id:123", (b"123",)),
        ("id:0", None),
        ("ts:1763600000000", None),
        ("status:500", (b"status",)),
        ("Status.größe:500", (b"status",)),
        ("größe:500", None),
        ("meta.region:*", (b"region",)),
        ("/port 50[0-9]/", (b"port 50",)),
        ("/(?i)PORT/", (b"port",)),
        ("/a|b/", None),
    ],
)
def test_what_a_query_promises(query: str, expected: tuple[bytes, ...] | None) -> None:
    assert literals(parse(query)) == expected


def test_all_promises_of_words_side_by_side() -> None:
    assert promises(parse("a (b OR c) -d status:5 e*")) == [(b"a",), (b"b", b"c"), (b"status",), (b"e",)]


@pytest.mark.parametrize(
    ("query", "alone"),
    [
        ("failed", True),
        ('"failed password" OR NOT root*', True),
        ("status:>=500 user.id:7 line:x /re/", True),
        ("*", True),
        ("level:error", False),
        ("failed AND (root OR meta.k:1)", False),
        ("tag:x", False),
        ("ts:>5", False),
    ],
)
def test_queries_that_look_at_the_line_alone_are_told_from_others(query: str, alone: bool) -> None:
    assert asks_line_only(parse(query)) is alone
