from __future__ import annotations

import pytest

from logkeep.query.marks import MAX_MARKED, MAX_MARKS, fields_asked, marker
from logkeep.query.parse import parse


def marked(query: str, line: str) -> list[str]:
    return [line[start:end] for start, end in marker(parse(query))(line)]


@pytest.mark.parametrize(
    ("query", "line", "found"),
    [
        ("failed", "Failed password, failed again, unfailed", ["Failed", "failed"]),
        ("10.0.0.1", "from 10.0.0.1 and 10.0.0.10", ["10.0.0.1"]),
        ('"password for"', "Password FOR root", ["Password FOR"]),
        ('"="', "a=b=c", ["=", "="]),
        ("fail*", "failed fail afail failing", ["failed", "fail", "failing"]),
        ("*ing", "retrying, ring; ringer", ["retrying", "ring"]),
        ("pass?ord", "password passXord passord", ["password", "passXord"]),
        ("a*", "a a a", ["a", "a", "a"]),
        ("/port \\d+$/", "port 1 port 22", ["port 22"]),
        ("/(?i)ACC.*?d|x*/", "accepted", ["accepted"]),
        ("/é+/", "日本 éé x é", ["éé", "é"]),
        ("wörter*", "die Wörter, wörterbuch 日 wörter", ["Wörter", "wörterbuch", "wörter"]),
        ("password -failed", "failed password", ["password"]),
        ("NOT (a OR b)", "a b", []),
        ("(a OR b) c", "c b a", ["c", "b", "a"]),
        ("line:root", "root", ["root"]),
        ("for password", "password for", ["password", "for"]),
        ("password /word f/", "password for", ["password f"]),
        ("level:error host:web-1", "error on web-1", []),
        ("status:>=500", '{"status": 503, "ms":7}', ['"status": 503']),
        ("status:ok", '{"status":"o\\"k,","ms":7}', ['"status":"o\\"k,"']),
        ("user.id:7", '{"user":{"id":7},"order":{"id":8}}', []),
        ("user.id:7", '{"user":{"id":7}}', ['"id":7']),
        ("user:*", '{"user":{"id":7}}', []),
        ("status:1", "no json, \"status\":1", []),
        ("status:1", '{"a":"status"}', []),
        ("status:1", '{"status":nonsense}', []),
        ("*", "everything", []),
        ("", "everything", []),
    ],
)  # fmt: skip
def test_what_a_query_asks_for_is_found_where_it_stands(query: str, line: str, found: list[str]) -> None:
    assert marked(query, line) == found


def test_what_overlaps_is_one_and_there_are_not_too_many() -> None:
    assert marker(parse("/abc/ /bcd/"))("abcd bcd") == [(0, 4), (5, 8)]
    assert len(marked("a", "a " * 5000)) == MAX_MARKS


@pytest.mark.parametrize("query", ["word", "wor*", "/wo[r]d/"])
def test_only_the_beginning_of_a_long_line_is_looked_at(query: str) -> None:
    for before, found in ((MAX_MARKED - 5, 1), (MAX_MARKED - 4, 0), (MAX_MARKED - 2, 0), (MAX_MARKED, 0)):
        line = f"{' ' * before}word or word"
        assert marker(parse(query))(line) == [(before, before + 4)] * found
    whole = f"{' ' * (MAX_MARKED - 4)}word"
    assert marked(query, whole) == ["word"]


def test_where_a_long_line_is_cut_it_does_not_end() -> None:
    assert marked("/x+$/", "x" * MAX_MARKED) == ["x" * MAX_MARKED]
    assert marked("/x+$/", "x" * MAX_MARKED + "y") == []


def test_a_mark_counts_characters_and_not_bytes() -> None:
    assert marker(parse("/b+/"))("日本😀b é bb") == [(3, 4), (7, 9)]


def test_the_fields_that_a_query_asks_for() -> None:
    query = "level:error -(host:a OR user.id:7) tag:x ts:>5 meta.region:eu word /x/ line:y level:warn"
    assert fields_asked(parse(query)) == ["level", "host", "user.id", "tag", "ts", "meta.region", "line"]
