from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import BadBody
from logkeep.receivers.lines import LINE_BYTES, Origin
from logkeep.receivers.ndjson import receive_document, receive_ndjson
from logkeep.record import Record, Refusal, encode_lines

from .outcome import outcome, took

NOWHERE = Origin()
ORIGIN = Origin(host="h", app="a", file="f", env="e", level="l", tag=("t",))
MS = 1_795_165_933_123
OTHER = 1_700_000_000_000
ODD_LINE = b"no json"  # has every line of its body read one by one


def one(line: bytes, origin: Origin = NOWHERE) -> Record:
    """The record of a line, which is the same whether its body is read at once or line by line."""
    at_once = receive_ndjson(line, origin)
    by_line = receive_ndjson(line + b"\n" + ODD_LINE, origin)
    assert at_once.records[0] == by_line.records[0]
    assert (len(at_once.records), len(by_line.records)) == (1, 2)
    return at_once.records[0]


@pytest.mark.parametrize("name", ["timestamp", "@timestamp", "time", "ts", "_ts", "date"])
@pytest.mark.parametrize(
    "written",
    ['"2026-11-20T09:12:13.123Z"', "1795165933123", '"1795165933123"', "1795165933.123", "1795165933123000"],
)
def test_every_time_field_is_read_in_every_form(name: str, written: str) -> None:
    line = f'{{"{name}":{written}}}'
    assert one(line.encode()) == Record(ts=MS, line=line)


@pytest.mark.parametrize("first", ["timestamp", "@timestamp", "time", "ts", "_ts", "date"])
def test_the_first_time_field_that_holds_a_time_counts(first: str) -> None:
    names = ["timestamp", "@timestamp", "time", "ts", "_ts", "date"]
    at = names.index(first)
    values: dict[str, object] = dict.fromkeys(names[at + 1 :], OTHER)
    values[first] = MS
    values |= dict.fromkeys(names[:at], "no time")
    assert one(json.dumps(values).encode()).ts == MS


@pytest.mark.parametrize(
    "value", ["null", "true", "[1795165933]", '{"$date":1}', '""', "-1", '"soon"', "1e400"]
)
def test_a_time_field_without_a_time_leaves_it_to_intake(value: str) -> None:
    line = f'{{"timestamp":{value}}}'
    assert one(line.encode()) == Record(line=line)


def test_nanoseconds_are_kept() -> None:
    assert one(b'{"ts":"2026-11-20T09:12:13.123456789Z"}').ns == 456_789
    assert one(b'{"ts":1795165933123456789}').ns == 456_789


def test_a_line_says_more_of_itself_than_its_request() -> None:
    line = '{"host":"web-1","app":"shop","file":"/x","env":"prod","level":"error","tag":"a,b"}'
    expected = Record(
        host="web-1", app="shop", file="/x", env="prod", level="error", tag=("a", "b"), line=line
    )
    assert one(line.encode(), ORIGIN) == expected


@pytest.mark.parametrize("empty", ["null", '""', "{}", "[]", "true"])
def test_where_a_line_says_nothing_its_request_counts(empty: str) -> None:
    line = json.dumps(dict.fromkeys(("host", "app", "file", "env", "level", "tag"), 0)).replace("0", empty)
    expected = Record(host="h", app="a", file="f", env="e", level="l", tag=("t",), line=line)
    assert one(line.encode(), ORIGIN) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [("7", "7"), ("7.5", "7.5"), ("0", "0"), ("true", ""), ('{"name":"web-1"}', ""), ('["web-1"]', "")],
)
def test_a_number_becomes_text_and_nested_values_stay_in_the_line(value: str, text: str) -> None:
    line = f'{{"host":{value},"app":{value},"level":{value}}}'
    assert one(line.encode()) == Record(host=text, app=text, level=text, line=line)


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ('"a"', ("a",)),
        ('"a,b,,c,"', ("a", "b", "c")),
        ('"a, b"', ("a", " b")),
        ('","', ("t",)),
        ('["a","b,c",""]', ("a", "b,c")),
        ('["a",1,2.5,null,true,["x"],{}]', ("a", "1", "2.5")),
        ('{"a":1}', ("t",)),
        ("5", ("t",)),
    ],
)
def test_tags_are_a_list_or_a_text_with_commas(value: str, tags: tuple[str, ...]) -> None:
    assert one(f'{{"tag":{value}}}'.encode(), Origin(tag=("t",))).tag == tags


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"[1,2]",
            b"5",
            b'"text"',
            b"null",
            b"plain text",
            b"{",
            b'{"host":"x"',
            b'{"host":"x"} {"host":"y"}',
        ),
        *(
            b"  ",
            b"\t",
            b"\r",
            b'{"host":"x",}',
            b"{'host':'x'}",
            b"NaN",
            b"\xef\xbb\xbf{}",
            b'{"host":"a\tb"}',
        ),
        *(b'{"a":' * 100_000, b"[" * 100_000),
    ],
)
def test_a_line_that_is_no_json_object_is_kept_as_text(line: bytes) -> None:
    assert receive_ndjson(line, ORIGIN).records == [
        Record(host="h", app="a", file="f", env="e", level="l", tag=("t",), line=line.decode())
    ]


def test_a_line_keeps_every_byte_but_its_line_feed() -> None:
    lines = [
        '{"a" : 1.0, "b":"\\u0041\\/"}\r',
        ' {"a":1e400}\t',
        '{"a":1,"a":2,"n":123456789012345678901234567890}',
    ]
    assert [r.line for r in receive_ndjson("\n\n".join(lines).encode() + b"\n", NOWHERE).records] == lines
    assert [r.line for r in receive_ndjson("\n".join(lines[1:]).encode(), NOWHERE).records] == lines[1:]


def test_values_that_go_on_over_lines_do_not_shift_the_fields_of_others() -> None:
    body = b'{"host":\n"a"}\n{"host":"b"} {"host":"c"}'
    assert receive_ndjson(body, NOWHERE).records == [
        Record(line='{"host":'),
        Record(line='"a"}'),
        Record(line='{"host":"b"} {"host":"c"}'),
    ]


def test_bytes_that_are_no_utf8_concern_their_own_line_alone() -> None:
    body = b'{"host":"web-1","a":"1"}\n{"host":"web-2","a":"\xe9"}\n{"host":"web-3","a":"caf\xc3\xa9"}'
    assert receive_ndjson(body, NOWHERE).records == [
        Record(host="web-1", line='{"host":"web-1","a":"1"}'),
        Record(line='{"host":"web-2","a":"\ufffd"}', raw="eyJob3N0Ijoid2ViLTIiLCJhIjoi6SJ9"),
        Record(host="web-3", line='{"host":"web-3","a":"café"}'),
    ]


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\uD83D\\u0041", "\\ud83d\\ud83d"])
def test_half_a_surrogate_pair_costs_a_line_none_of_its_fields(half: str) -> None:
    line = f'{{"host":"web-1","ts":{MS},"msg":"{half}","path":"C:\\\\ud83d"}}'
    assert one(line.encode()) == Record(host="web-1", ts=MS, line=line)
    assert one(f'{{"host":"a{half[:6]}"}}'.encode()).host == "a\ufffd"


def test_control_characters_and_nul_in_a_field_survive() -> None:
    record = one(b'{"host":"a\\u0000\\n\\u001f"}')
    assert record.host == "a\x00\n\x1f"
    assert encode_lines([record]) == (
        b'{"_host":"a\\u0000\\n\\u001f","_line":"{\\"host\\":\\"a\\\\u0000\\\\n\\\\u001f\\"}"}\n'
    )


def test_a_line_over_the_limit_is_refused_by_its_number_and_the_rest_is_kept() -> None:
    long = b'{"a":"' + b"x" * LINE_BYTES + b'"}'
    received = receive_ndjson(b'{"host":"a"}\n\n' + long + b'\n{"host":"b"}\n', NOWHERE)
    assert outcome(received) == took(
        [Record(host="a", line='{"host":"a"}'), Record(host="b", line='{"host":"b"}')],
        refused=[Refusal(line=3, code="too-long", reason="the line has 524296 bytes, the limit is 524288")],
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-11-20T09:12:13.123Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        "timestamp",
        "@timestamp",
        "time",
        "ts",
        "_ts",
        "date",
        "host",
        "app",
        "file",
        "env",
        "level",
        "tag",
        "msg",
    ]
)


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


LINES = (
    st.dictionaries(NAMES, JSON, max_size=6).map(written)
    | st.dictionaries(NAMES, st.text() | st.integers(), max_size=6).map(json.dumps)
    | JSON.map(written)
    | st.text()
    | st.sampled_from(
        ['{"host":', '"a"}', '{"host":"b"} {"host":"c"}', "{}", "", " ", "\r", '{"host":"x"}\r']
    )
).map(lambda line: line.encode(errors="surrogatepass"))


@given(st.lists(LINES, max_size=6))
def test_a_body_read_at_once_equals_the_same_body_read_line_by_line(lines: list[bytes]) -> None:
    body = b"\n".join(lines)
    at_once = receive_ndjson(body, ORIGIN)
    by_line = receive_ndjson(body + b"\n" + ODD_LINE, ORIGIN)
    assert at_once.records == by_line.records[:-1]
    assert len(at_once.records) == sum(1 for line in body.split(b"\n") if line)


def test_a_document_is_an_object() -> None:
    body = b' {\n "host": "web-1",\n "ts": 1795165933123\n}\n'
    line = '{\n "host": "web-1",\n "ts": 1795165933123\n}'
    assert outcome(receive_document(body, NOWHERE)) == took(
        [Record(ts=MS, host="web-1", line=line)], refused=[]
    )


def test_a_document_is_an_array_whose_elements_are_lines() -> None:
    body = (
        b' [ {"host": "web-1"} , "plain \\u00e9\\n", "{\\"host\\":\\"web-2\\"}", 5, null, [{"host":"x"}] ] '
    )
    assert receive_document(body, NOWHERE).records == [
        Record(host="web-1", line='{"host": "web-1"}'),
        Record(line="plain é\n"),
        Record(host="web-2", line='{"host":"web-2"}'),
        Record(line="5"),
        Record(line="null"),
        Record(line='[{"host":"x"}]'),
    ]


def test_an_element_over_the_limit_is_refused_by_its_number() -> None:
    body = json.dumps(["a", "x" * (LINE_BYTES + 1), {"b": "y" * LINE_BYTES}, "z"]).encode()
    received = receive_document(body, NOWHERE)
    assert [record.line for record in received.records] == ["a", "z"]
    assert [(refusal.line, refusal.code) for refusal in received.refused] == [
        (2, "too-long"),
        (3, "too-long"),
    ]


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", 0),
        (b"5", 1),
        (b'[{"a":1}', 8),
        (b'[{"a":1},', 9),
        (b'[{"a":1} {"b":2}]', 9),
        (b'{"a":1} x', 9),
        (b'{"a":tru}', 6),
        (b'["a\xff"]', 3),
        (b'["caf\xc3\xa9", "\xe9"]', 11),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_with_the_position(body: bytes, position: int) -> None:
    with pytest.raises(BadBody) as caught:
        receive_document(body, NOWHERE)
    assert caught.value.position == position


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 50_000 + b"]" * 50_000])
def test_a_document_that_is_nested_too_deeply_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="nested too deeply"):
        receive_document(body, NOWHERE)


def test_half_a_surrogate_pair_in_a_document_becomes_the_replacement_character() -> None:
    body = b'["cut \\ud83d", "C:\\\\ud83d", "\\ud83d\\ude00", "next"]'
    lines = [record.line for record in receive_document(body, NOWHERE).records]
    assert lines == ["cut \ufffd", "C:\\ud83d", "\U0001f600", "next"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"host":"a"}\r\n{"host":\r\n"b"}\r\n{"host":"c"} {"host":"d"}\r\n',
        b'{"host":"a"}\n{"x":{}\n,"y":{"z":{}}}\n{"host":"c"} {"host":"d"}\n',
        b'{"x":[{}\n,{}]}\n{"host":"c"}{"host":"d"}',
        b'{"host":"a"}\n{"host":"b"}{"host":"c"}\n\n{"host":\n"d"}',
    ],
)
def test_as_many_values_as_lines_are_not_taken_for_a_value_a_line(body: bytes) -> None:
    by_line = receive_ndjson(body.rstrip(b"\n") + b"\n" + ODD_LINE, NOWHERE).records[:-1]
    assert receive_ndjson(body, NOWHERE).records == by_line
    assert {record.host for record in by_line} <= {"", "a", "c"}
