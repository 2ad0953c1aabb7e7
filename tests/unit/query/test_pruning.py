from __future__ import annotations

from collections.abc import Callable

import pytest

from logkeep.query.parse import parse
from logkeep.query.pruning import Told, needed_tokens, told_of


class OneBlock:
    """Facts of one block, taken from what is in it. What is None is not known."""

    every = 1

    def __init__(
        self, tokens: str = "", *, host: list[str] | None = None, escapes: bool = False, ts: tuple[int, int]
    ) -> None:
        self._tokens, self._host, self._escapes, self._ts = tokens.split(), host, escapes, ts

    def with_token(self, token: str) -> int:
        return int(token in self._tokens)

    def with_plain_json(self) -> int:
        return int(not self._escapes)

    def values(self, column: str, holds: Callable[[str], bool]) -> Told:
        if column != "_host" or self._host is None:
            return Told(1, 0)
        return Told(int(any(map(holds, self._host))), int(all(map(holds, self._host))))

    def times(self, low: int, high: int) -> Told:
        first, last = self._ts
        return Told(int(first <= high and last >= low), int(low <= first and last <= high))


BLOCK = OneBlock(
    "disk full trace 82c118 user name bob shopfloor",
    host=["web-1", "web-2"],
    ts=(1_763_600_000_000, 1_763_600_060_000),
)


@pytest.mark.parametrize(
    "query",
    [
        "*",
        "disk",
        "DISK",
        '"disk full"',
        "missing OR disk",
        "dis*",
        "*isk",
        "di?k",
        "-missing",
        "NOT disk",  # other lines may not have the word
        "/isk full/",
        "/mis|disk/",
        "trace:82C118",
        "trace:*",
        "user.name:bob",
        "user.name:b*",
        'meta.trace:"9f"',
        "host:web-1",
        "-host:web-1",
        "-host:db-1",
        "host:web-*",
        "host:/b-2/",
        "host:[web-0 TO web-11]",
        "level:error",
        "-level:error",
        "file:nowhere",
        "tag:nothing",
        "id:5",
        "ts:>1763600050000",
        "-ts:>1763600050000",
        "ts:*",
        "rx:5",
        "user.id:500",
    ],
)
def test_a_block_is_kept_where_a_line_may_match(query: str) -> None:
    facts = OneBlock("id user disk full trace 82c118 name bob", host=["web-1", "web-2"], ts=BLOCK._ts)
    assert told_of(parse(query), facts).can == 1


@pytest.mark.parametrize(
    "query",
    [
        "missing",
        "disk missing",
        '"disk is full"',
        "missing OR gone",
        "missing-dis*",
        "shop*-missing-*",
        "/disk missing full/",
        "trace:9f9f",
        "absent:1",
        "user.absent:*",
        "trace:/a missing trace/",
        "user.name:missing.bob*",
        "host:db-1",
        "host:db-*",
        "-host:web-*",
        "NOT (host:web-1 OR host:web-2)",
        "host:(* AND NOT web-1 AND NOT web-2)",
        "host:[x TO z]",
        "host:/^db/",
        "ts:<1763600000000",
        "ts:>1763600060000",
        "-ts:>=1763600000000",
        "disk AND (host:db-1 OR missing)",
        "NOT *",
    ],
)
def test_a_block_is_ruled_out_where_no_line_can_match(query: str) -> None:
    assert told_of(parse(query), BLOCK).can == 0


def test_a_value_in_json_may_be_written_by_the_numbers_of_its_characters() -> None:
    facts = OneBlock("trace", escapes=True, ts=(0, 0))

    assert told_of(parse("trace:9f9f"), facts).can == 1
    assert told_of(parse("absent:9f9f"), facts).can == 0  # keys are spelled


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("disk", ["disk"]),
        ('"Disk full: 97"', ["disk", "full", "97"]),
        ("foo-ba*", ["foo"]),
        ("*oo-bar", ["bar"]),
        ("a?c", []),
        ("-(x OR y)", ["x", "y"]),
        ("/one two three/", ["two"]),
        ("user.name:bob", ["user", "name", "bob"]),
        ("user.id:7", ["user", "id"]),
        ('user.name:"a\nb"', ["user", "name"]),
        ("größe:7", []),
        ("meta.user:bob", []),
        ("host:web-1", []),
    ],
)
def test_the_tokens_that_a_filter_is_asked_for(query: str, expected: list[str]) -> None:
    assert needed_tokens(parse(query)) == expected
