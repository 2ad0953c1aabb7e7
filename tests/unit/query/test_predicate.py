"""Cases where an engine and Python could easily differ, as literals; each holds on both sides
(tests/integration/test_query_agreement.py asks the engine)."""

from __future__ import annotations

import msgspec
import pytest

from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record, decode_line


def matches(query: str, record: Record) -> bool:
    return compile_predicate(parse(query))(record)


@pytest.mark.parametrize(
    ("query", "line", "expected"),
    [
        ("kelvin", "\u212aelvin", False),  # the Kelvin sign lowers to k, but not in ASCII
        ("É", "é", False),
        ("naive", "naïve", False),
        ("na", "naïve", False),
        ("fail", "refail fail_x", True),
        ('"b c"', "ab c b c", True),
        ('"b c"', "ab c", False),
        ('"."', "a.b", True),
        ("a?c", "a-c", False),
        ("a*c", "a-c", False),
        ("*", "", True),
        ("line:*", "", False),
        (r"/a.b/", "a\nb", True),
        (r"/b$/", "ab\n", False),
        (r"/(?m)^b$/", "a\nb\nc", True),
        (r"/^\s$/", "\v", False),
        (r"/\w/", "é", False),
        (r"/(?i)S/", "\u017f", True),  # RE2 folds all of Unicode
        (r"/(?i)É/", "é", True),
        (r"/(?i:a)b/", "Ab", True),
        (r"/(?i:a)b/", "AB", False),
        (r"/\pL[[:digit:]]/", "é7", True),
        (r"/(?i)[a-z]/", "\u0131", False),
        (r"/(?i)failed p/", "FAILED PASS", True),
        (r"/a\{,/", "a{,", True),
    ],
)
def test_lines(query: str, line: str, expected: bool) -> None:
    assert matches(query, Record(line=line)) is expected


@pytest.mark.parametrize(
    ("query", "line", "expected"),
    [
        ("s:7", '{"s":7.0}', True),
        ("s:7", '{"s":"7"}', True),
        ("s:7.0", '{"s":"7"}', True),
        ("s:7", '{"s":"007"}', False),
        ("s:007", '{"s":"007"}', True),
        ("s:9007199254740993", '{"s":9007199254740992}', False),
        ("s:9007199254740993", '{"s":9007199254740993}', True),
        ("s:18446744073709551616", '{"s":18446744073709551616}', True),
        ("s:>1", '{"s":18446744073709551616}', True),
        ("s:true", '{"s":true}', True),
        ("s:true", '{"s":"TRUE"}', True),
        ("s:1", '{"s":true}', False),
        ("s:null", '{"s":null}', True),
        ("s:null", "{}", False),
        ("s:*", '{"s":null}', False),
        ("s:*", '{"s":""}', False),
        ("s:*", '{"s":[]}', True),
        ("s:1", '{"s":[1]}', False),
        ("s.a:1", '{"s":[{"a":1}]}', False),
        ("s:1", '{"s":1,"s":2}', True),
        ("s:2", '{"s":1,"s":2}', False),
        ("s:1", '{"\\u0073":1}', False),
        ("ö:1", '{"\\u00f6":1}', True),
        ("s:1", ' {"s":1}', False),
        ("s:1", '{"s":1}\n', True),
        ("s:1", '{"s":1} x', False),
        ("s:1", '{"s":1,"t":1e999}', False),
        ("s:1", '{"s":1,"t":"\\ud800"}', False),
        ("NOT s:1", "no JSON", True),
        ("s:5*", '{"s":503}', True),
        ("s:5*", '{"s":5e2}', False),
        ("s:>=500", '{"s":"97"}', False),
        ("s:>=500", '{"s":"abc"}', True),
        ("s:[2026-01-01 TO 2026-02-01}", '{"s":"2026-01-31"}', True),
        ("s:1", '{"s":1,"t":' + "[" * 5000 + "]" * 5000 + "}", False),
    ],
)
def test_json_lines(query: str, line: str, expected: bool) -> None:
    assert matches(query, Record(line=line)) is expected


@pytest.mark.parametrize(
    ("meta", "expected"),
    [("{}", True), ("null", False), ('""', False), ("", False), ("[1]", True)],
)
def test_metadata_is_present_unless_empty(meta: str, expected: bool) -> None:
    assert matches("meta:*", Record(meta=msgspec.Raw(meta.encode()))) is expected


def test_metadata_that_is_a_string_is_read_as_its_text() -> None:
    assert matches("meta.a:1", Record(meta=msgspec.Raw(b'"{\\"a\\":1}"')))


def test_absent_fields() -> None:
    nothing = decode_line(b'{"_line":"x"}')
    absent = ["meta:*", "host:*", "tag:*", "rx:*", "rx:<9000000000000", "id:*"]
    assert [query for query in absent if matches(query, nothing)] == []
    assert matches('host:"" id:0', nothing)


def test_a_range_on_tags_asks_one_tag() -> None:
    assert not matches("tag:[b TO c]", Record(tag=("a", "d")))
    assert matches("tag:[b TO c]", Record(tag=("a", "bb")))


@pytest.mark.parametrize("query", ["*a" * 40 + "b", "host:" + "a*" * 40 + "b", "a*" * 40 + "-"])
def test_many_wildcards_stay_cheap(query: str) -> None:
    assert not matches(query, Record(line="a" * 2000, host="a" * 2000))


@pytest.mark.parametrize(
    ("query", "line", "expected"),
    [
        ("a*b*c", "axbxbxc", True),
        ("a*b*c", "axbxbxcx", False),
        ("a*b?c", "abbxbyc", True),
        ("*b*", "abc", True),
        ("a*-b*c", "ax-bxc", True),
        ("a*x-*c", "axx-bc", True),
    ],
)
def test_wildcards_find_their_place(query: str, line: str, expected: bool) -> None:
    assert matches(query, Record(line=line)) is expected


@pytest.mark.parametrize("meta", [b'"\\ud800"', b'"\xff"', b'{"a":"\xff"}', b"[" * 100_000])
def test_odd_metadata_raises_nothing(meta: bytes) -> None:
    assert not matches("meta.a:1", Record(meta=msgspec.Raw(meta)))
