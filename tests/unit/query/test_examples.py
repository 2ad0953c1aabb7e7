"""Every example of docs/query-language.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from logkeep.errors import QuerySyntaxError
from logkeep.query.literals import literals
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import decode_line

PAGE = (Path(__file__).parents[3] / "docs" / "query-language.md").read_text()
LINES = [line.encode() for line in PAGE.splitlines() if line.startswith('{"_lid"')]
EXAMPLES = [
    (query.replace("\\|", "|"), [found for found in ids.split(", ") if found])
    for query, ids in re.findall(r"^\| `(.+?)` \| ([\d, ]*?) ?\| .*\|$", PAGE, re.MULTILINE)
]


def test_the_page_has_records_and_examples() -> None:
    assert [decode_line(line).lid for line in LINES] == ["1", "2", "3", "4", "5"]
    assert len(EXAMPLES) == PAGE.split("## Words")[0].count("\n| `")


@pytest.mark.parametrize(("query", "ids"), EXAMPLES, ids=[query for query, _ in EXAMPLES])
def test_an_example_finds_what_the_page_says(query: str, ids: list[str]) -> None:
    holds = compile_predicate(parse(query))
    assert [record.lid for record in map(decode_line, LINES) if holds(record)] == ids


@pytest.mark.parametrize(("query", "ids"), EXAMPLES, ids=[query for query, _ in EXAMPLES])
def test_the_literals_of_an_example_lose_no_match(query: str, ids: list[str]) -> None:
    needed = literals(parse(query)) or (b"",)
    passed = [decode_line(line).lid for line in LINES if any(each in line.lower() for each in needed)]
    assert set(ids) <= set(passed)


def test_the_error_on_the_page_is_what_the_parser_says() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse("failed AND")
    assert str(caught.value) in PAGE
