from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import BadBody
from logkeep.receivers.lines import LINE_BYTES, Origin
from logkeep.receivers.mezmo import receive_mezmo
from logkeep.record import NO_META, Record, Refusal, encode_lines

from .outcome import outcome, took

NOWHERE = Origin()
ORIGIN = Origin(host="h", app="a", file="f", env="e", level="l", tag=("t", "u"))
MS = 1_795_165_933_123


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def one(line: str, origin: Origin = NOWHERE) -> Record:
    """The record of a line, which is the same from a body of plain lines and from any other."""
    plain = receive_mezmo(f'{{"lines":[{line}]}}'.encode(), origin)
    other = receive_mezmo(f'{{"lines":[{line},{{"line":"","t":0}}]}}'.encode(), origin)
    assert plain.records[0] == other.records[0]
    assert (len(plain.records), len(other.records), *plain.refused, *other.refused) == (1, 2)
    return plain.records[0]


def test_the_documented_body_is_read() -> None:
    body = b"""{"lines": [
        {"line": "one", "app": "shop", "level": "INFO", "env": "prod", "file": "/x", "host": "web-1",
         "timestamp": 1795165933123, "meta": {"order": {"id": 7.0}}},
        {"line": "two"}
    ]}"""
    assert outcome(receive_mezmo(body, ORIGIN)) == took(
        [
            Record(
                ts=MS,
                host="web-1",
                app="shop",
                file="/x",
                env="prod",
                level="INFO",
                tag=("t", "u"),
                meta=raw('{"order": {"id": 7.0}}'),
                line="one",
            ),
            Record(host="h", app="a", file="f", env="e", level="l", tag=("t", "u"), line="two"),
        ]
    )


def test_the_body_of_the_loggers_is_read() -> None:
    body = b'{"e":"ls","ls":[{"line":"one","timestamp":1795165933123,"meta":"{\\"a\\": 1}"}]}'
    assert receive_mezmo(body, NOWHERE).records == [Record(ts=MS, meta=raw('{"a": 1}'), line="one")]


def test_the_body_of_the_agent_is_read() -> None:
    body = (
        b'{"e":"ls","ls":[{"e":"l","t":1795165933123,"line":"one","f":"/var/log/x","label":{"k":"v"},"pid":7,'
        b'"prival":"6","containerid":"c1"}]}'
    )
    meta = raw('{"label":{"k":"v"},"pid":7,"prival":"6","containerid":"c1"}')
    assert receive_mezmo(body, NOWHERE).records == [
        Record(ts=MS, file="/var/log/x", meta=meta, line="one"),
    ]


def test_lines_count_before_ls() -> None:
    body = b'{"lines":[{"line":"a"}],"ls":[{"line":"b"}]}'
    assert [record.line for record in receive_mezmo(body, NOWHERE).records] == ["a"]
    assert outcome(receive_mezmo(b'{"lines":[],"ls":[{"line":"b"}]}', NOWHERE)) == took([])
    assert outcome(receive_mezmo(b'{"lines":null,"ls":[{"line":"b"}]}', NOWHERE)) == took([Record(line="b")])


@pytest.mark.parametrize(
    ("line", "instant"),
    [
        ('{"line":"x","timestamp":"2026-11-20T09:12:13.123Z"}', (MS, 0)),
        ('{"line":"x","timestamp":1795165933123.5}', (MS, 0)),
        ('{"line":"x","timestamp":"1795165933123"}', (MS, 0)),
        ('{"line":"x","timestamp":1795165933123456789}', (MS, 456_789)),
        ('{"line":"x","timestamp":"soon","t":1795165933123}', (MS, 0)),
        ('{"line":"x","timestamp":1795165933123,"t":1700000000000}', (MS, 0)),
        ('{"line":"x","timestamp":null}', (-1, 0)),
        ('{"line":"x","timestamp":true}', (-1, 0)),
        ('{"line":"x","timestamp":{"a":1}}', (-1, 0)),
        ('{"line":"x"}', (-1, 0)),
    ],
)
def test_the_time_of_a_line_is_its_timestamp_or_t(line: str, instant: tuple[int, int]) -> None:
    record = one(line)
    assert (record.ts, record.ns) == instant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"x"', "x"),
        ("7", "7"),
        ("1.5", "1.5"),
        ('""', "o"),
        ("null", "o"),
        ("false", "o"),
        ('{"a":1}', "o"),
        ("[1]", "o"),
    ],
)
def test_fields_that_should_be_text_take_numbers_and_leave_the_rest(value: str, text: str) -> None:
    line = f'{{"line":"l","app":{value},"level":{value},"env":{value},"file":{value},"host":{value}}}'
    origin = Origin(host="o", app="o", file="o", env="o", level="o")
    assert one(line, origin) == Record(host=text, app=text, file=text, env=text, level=text, line="l")


@pytest.mark.parametrize(
    ("meta", "kept"),
    [
        ('{"a": 1.0, "b":"\\u0041"}', '{"a": 1.0, "b":"\\u0041"}'),
        ('{"a":\n1,\r\n"b":2}', '{"a": 1,  "b":2}'),
        ('"{\\"a\\": \\"b\\"}"', '{"a": "b"}'),
        ('" {\\"a\\":\\n1} "', '{"a": 1}'),
        ('"plain \\u00e9"', '"plain \\u00e9"'),
        ('"[1]"', '"[1]"'),
        ('"{"', '"{"'),
        ('"é"', '"é"'),
        ("[1, 2]", "[1, 2]"),
        ("5", "5"),
        ("true", "true"),
        ("1e999", "1e999"),
        ("{}", "{}"),
    ],
)
def test_meta_is_kept_as_it_came_on_one_line(meta: str, kept: str) -> None:
    record = one(f'{{"line":"x","meta":{meta}}}')
    assert record == Record(meta=raw(kept), line="x")
    assert encode_lines([record]) == f'{{"_meta":{kept},"_line":"x"}}\n'.encode()


@pytest.mark.parametrize("line", ['{"line":"x"}', '{"line":"x","meta":null}'])
def test_no_meta_is_none(line: str) -> None:
    assert encode_lines([one(line)]) == b'{"_line":"x"}\n'


@pytest.mark.parametrize(
    ("meta", "kept"),
    [
        ("null", '{"label":"v"}'),
        ('{"a":1}', '{"label":"v","a":1}'),
        ('{"label":"own"}', '{"label":"own"}'),
        ('"{\\"a\\":1}"', '{"label":"v","a":1}'),
        ('"text"', '{"label":"v","meta":"text"}'),
        ("[1]", '{"label":"v","meta":[1]}'),
    ],
)
def test_what_has_no_field_of_its_own_joins_the_meta(meta: str, kept: str) -> None:
    assert one(f'{{"line":"x","label":"v","meta":{meta}}}').meta == raw(kept)


def test_unknown_fields_are_passed_over() -> None:
    assert one('{"line":"x","o":{"a":[1]},"__key":"y","savelogs":true}') == Record(line="x")
    assert receive_mezmo(b'{"e":"ls","x":[{}],"lines":[{"line":"x"}]}', NOWHERE).records == [Record(line="x")]


@pytest.mark.parametrize("line", ['{"line":null}', '{"line":5}', '{"line":{"a":1}}', '{"line":["a"]}', "{}"])
def test_a_line_without_text_is_refused_by_its_number_and_the_rest_is_kept(line: str) -> None:
    body = f'{{"lines":[{{"line":"a"}},{line},{{"line":"b"}},{line}]}}'.encode()
    assert outcome(receive_mezmo(body, NOWHERE)) == took(
        [Record(line="a"), Record(line="b")],
        refused=[
            Refusal(line=2, code="no-text", reason="'line' is missing or no text"),
            Refusal(line=4, code="no-text", reason="'line' is missing or no text"),
        ],
    )


def test_a_line_over_the_limit_is_refused_by_its_number_and_the_rest_is_kept() -> None:
    longest, longer = "x" * LINE_BYTES, "é" * (LINE_BYTES // 2 + 1)
    body = json.dumps({"lines": [{"line": text} for text in ("a", longer, longest, "b")]}).encode()
    received = receive_mezmo(body, NOWHERE)
    assert [record.line for record in received.records] == ["a", longest, "b"]
    reason = "the line has 524290 bytes, the limit is 524288"
    assert received.refused == [Refusal(line=2, code="too-long", reason=reason)]


def test_text_keeps_control_characters_and_line_feeds() -> None:
    record = one('{"line":"a\\u0000\\r\\n\\u2028\\ud83d\\ude00"}')
    assert record == Record(line="a\x00\r\n\u2028\U0001f600")


def test_half_a_surrogate_pair_becomes_the_replacement_character_and_all_lines_are_kept() -> None:
    body = (
        b'{"lines":[{"line":"cut \\ud83d"},{"line":"C:\\\\ud83d","meta":{"a":"\\ude00"}},'
        b'{"line":"\\ud83d\\ude00","meta":"\\uD83D\\u0041"}]}'
    )
    assert receive_mezmo(body, NOWHERE).records == [
        Record(line="cut \ufffd"),
        Record(line="C:\\ud83d", meta=raw('{"a":"\\ufffd"}')),
        Record(line="\U0001f600", meta=raw('"\\ufffd\\u0041"')),
    ]


@pytest.mark.parametrize(
    ("meta", "kept"),
    [
        (b'{"a":"\xff"}', '{"a":"\ufffd"}'),
        (b'"\xff"', '"\ufffd"'),
        (b'"{\\"a\\":\\"\xff\\"}"', '{"a":"\ufffd"}'),
    ],
)
def test_meta_that_is_not_utf8_does_not_cost_the_line(meta: bytes, kept: str) -> None:
    body = b'{"lines":[{"line":"x","meta":' + meta + b"}]}"
    assert receive_mezmo(body, NOWHERE).records == [Record(line="x", meta=raw(kept))]
    with_label = receive_mezmo(body.replace(b'"x"', b'"x","t":0'), NOWHERE)
    assert with_label.records == [Record(ts=0, line="x", meta=raw(kept))]


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", 0),
        (b'{"lines":[{"line":"x"', 21),
        (b'{"lines":[{"line":"x"}]} x', 26),
        (b'{"lines":[{"line":"x" "app":1}]}', 22),
        (b'{"lines":[{"line":"a\tb"}]}', 20),
        (b'{"lines":[{"line":"caf\xe9"}]}', 22),
        (b"[]", 2),
        (b'{"lines":[5]}', 13),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_the_position(body: bytes, position: int) -> None:
    with pytest.raises(BadBody) as caught:
        receive_mezmo(body, NOWHERE)
    assert caught.value.position == position


@pytest.mark.parametrize("body", [b"{}", b'{"line":"x"}', b'{"lines":null}'])
def test_a_body_without_lines_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="neither 'lines' nor 'ls'"):
        receive_mezmo(body, NOWHERE)


@pytest.mark.parametrize("depth", [50_000, 400_000])
def test_meta_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(BadBody, match="nested too deeply"):
        receive_mezmo(b'{"lines":[{"line":"x","meta":' + b"[" * depth + b"]" * depth + b"}]}", NOWHERE)


def test_meta_in_a_text_that_is_nested_too_deeply_stays_a_text() -> None:
    text = json.dumps('{"a":' * 50_000 + "1" + "}" * 50_000)
    assert one(f'{{"line":"x","meta":{text}}}').meta == raw(text)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["2026-11-20T09:12:13.123Z", '{"a":1}', " {} ", ""])
    | st.lists(st.text(), max_size=2)
    | st.dictionaries(st.text(), st.none() | st.text(), max_size=2)
)
PLAIN_NAMES = st.sampled_from(["timestamp", "app", "level", "env", "file", "host", "hostname", "meta"])


@given(st.lists(st.dictionaries(PLAIN_NAMES, VALUES, max_size=5), max_size=4))
def test_a_body_of_plain_lines_is_read_as_any_other(fields: list[dict[str, Any]]) -> None:
    lines = [{"line": "x", **line} for line in fields]
    plain = receive_mezmo(json.dumps({"lines": lines}).encode(), ORIGIN)
    other = receive_mezmo(json.dumps({"ls": [*lines, {"line": "", "pid": 1}]}).encode(), ORIGIN)
    assert plain.records == other.records[:-1]
    assert all(record.meta is NO_META or bytes(record.meta) for record in plain.records)


def test_a_line_may_call_its_host_hostname() -> None:
    assert one('{"line":"x","hostname":"web-1"}', ORIGIN).host == "web-1"
    assert one('{"line":"x","hostname":"web-1","host":"web-2"}', ORIGIN).host == "web-2"
    assert one('{"line":"x","hostname":7}', ORIGIN).host == "7"
