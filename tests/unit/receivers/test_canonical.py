from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.errors import TooLarge
from logkeep.receivers.canonical import BESIDE_BYTES, receive_canonical
from logkeep.receivers.lines import BODY_LINES, LINE_BYTES, Origin
from logkeep.receivers.ndjson import receive_ndjson
from logkeep.record import NO_META, Record, encode_lines, text_of

from .outcome import outcome, took

NOWHERE = Origin()
MS = 1_795_165_933_123
LINE, RAW = text_of(b"caf\xe9")
FIELDS: dict[str, Any] = {
    "ts": MS,
    "ns": 999_999,
    "host": "web-1",
    "app": "shop",
    "file": "/var/log/shop.log",
    "env": "prod",
    "level": "error",
    "tag": ("a", "b,c"),
    "meta": msgspec.Raw(b'{"z":1.0, "a":[]}'),
    "line": LINE,
    "raw": RAW,
}
CONTROL = "\x01" * LINE_BYTES  # six times as long in JSON


def one(body: bytes, origin: Origin = NOWHERE) -> tuple[Record, str]:
    received = receive_canonical(body, origin)
    assert (len(received), len(received.lids), received.refused) == (1, 1, [])
    return received.records[0], received.lids[0]


def test_all_fields_stay_but_those_that_are_the_receivers_own() -> None:
    sent = Record(lid="42", rx=MS + 1, account="theirs", **FIELDS)
    assert one(encode_lines([sent])) == (Record(**FIELDS), "42")


@pytest.mark.parametrize(
    "sent",
    [
        Record(lid="42"),
        Record(line='{"time":"2026-11-20T09:12:13Z","host":"h"}'),
        Record(account="theirs", meta=msgspec.Raw(b'{"a":1}')),
        Record(ts=MS, level="info"),
    ],
)
def test_a_field_or_two_are_a_canonical_line(sent: Record) -> None:
    wanted = Record(ts=sent.ts, level=sent.level, meta=sent.meta, line=sent.line)
    assert one(encode_lines([sent])) == (wanted, sent.lid)


@given(st.lists(st.tuples(st.text(), st.binary(), st.integers(0, MS), st.integers(0, 2**63 - 1))))
def test_what_is_sent_comes_out(events: list[tuple[str, bytes, int, int]]) -> None:
    sent = [
        Record(lid=str(lid), ts=ts, host=host, line=text_of(line)[0], raw=text_of(line)[1])
        for host, line, ts, lid in events
    ]
    received = receive_canonical(encode_lines(sent), NOWHERE)
    assert [
        msgspec.structs.replace(r, lid=lid) for r, lid in zip(received.records, received.lids, strict=True)
    ] == sent


@pytest.mark.parametrize("lid", ["0", "9223372036854775807", "914000000000000001"])
def test_an_id_that_is_one_here_too_is_kept(lid: str) -> None:
    assert one(encode_lines([Record(lid=lid, line="x")])) == (Record(line="x"), lid)


@pytest.mark.parametrize(
    "lid", ["", "a", "-1", "1 ", "9223372036854775808", "00000000000000000001", "\u0661", "1" * 5000]
)
def test_an_id_of_another_kind_is_not_and_the_rest_is(lid: str) -> None:
    assert one(encode_lines([Record(lid=lid, line="x")])) == (Record(line="x"), "")


@pytest.mark.parametrize(
    "line",
    [
        b"text",
        b'{"level":"error"}',
        b"{}",
        b'{"_line":"x","message":"y"}',  # a field that would be lost
        b'{"_lid":1,"_line":"x"}',
        b'{"_lid":"1","_ts":"2026-11-20T09:12:13Z"}',
        b'{"_lid":"1","_ns":1000000}',
        b'{"_lid":"1","_ns":-1}',
        b'{"_lid":"1","_raw":"?"}',
        b'{"_lid":"1","_raw":"\xc3\xa9"}',
        b'{"_lid":"1","_line":"x","_raw":"Y2Fm6Q=="}',  # whose text is another
        b'{"_lid":"1","_raw":"eA==","_line":"x"}',  # there is no need of it
        b'{"_lid":"1","_meta":"\xff"}',
        b'{"_lid":"1","_meta":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"_lid":"1"}{"_lid":"2"}',
        b'{"host":"h","time":1795165933123}',
    ],
)
def test_any_other_line_is_taken_as_text(line: bytes) -> None:
    origin = Origin(app="a", tag=("t",))
    received = receive_canonical(line, origin)
    assert received.records == receive_ndjson(line, origin).records
    assert list(received.lids) == [""]


def test_lines_of_both_kinds_stay_in_order() -> None:
    body = b'a\n{"_lid":"7","_line":"b"}\n\n{"host":"h"}\n{"_lid":"8","_line":"d"}\ne'
    received = receive_canonical(body, NOWHERE)
    assert [(r.line, r.host) for r in received.records] == [
        ("a", ""),
        ("b", ""),
        ('{"host":"h"}', "h"),
        ("d", ""),
        ("e", ""),
    ]
    assert list(received.lids) == ["", "7", "", "8", ""]


def test_what_a_line_says_comes_before_what_the_request_says() -> None:
    origin = Origin(host="h", app="a", file="f", env="e", level="l", tag=("t",))
    said: dict[str, Any] = {"host": "h", "app": "a", "file": "f", "env": "e", "level": "l", "tag": ("t",)}
    assert one(b'{"_lid":"1","_line":"x"}', origin) == (Record(line="x", **said), "1")
    assert one(encode_lines([Record(lid="1", **FIELDS)]), origin) == (Record(**FIELDS), "1")


@pytest.mark.parametrize(
    ("meta", "kept"),
    [(b"null", NO_META), (b'{"a":\r1}', msgspec.Raw(b'{"a": 1}')), (b"[1]", msgspec.Raw(b"[1]"))],
)
def test_meta_is_on_one_line_and_is_something(meta: bytes, kept: msgspec.Raw) -> None:
    record, _ = one(b'{"_lid":"1","_meta":' + meta + b"}\r\n")
    assert record == Record(meta=kept)
    assert encode_lines([record]).count(b"_meta") == (kept is not NO_META)


@pytest.mark.parametrize(
    "text", [CONTROL.encode(), b"\xff" * LINE_BYTES, "\u00e9".encode() * (LINE_BYTES // 2)]
)
def test_a_text_of_the_limit_is_taken_however_long_its_json_is(text: bytes) -> None:
    line, raw = text_of(text)
    body = encode_lines([Record(lid="1", line=line, raw=raw)])
    assert len(body) > LINE_BYTES
    assert one(body) == (Record(line=line, raw=raw), "1")


@pytest.mark.parametrize("text", [b"x" * (LINE_BYTES + 1), b"\xff" * (LINE_BYTES + 1), b"\xc3\xa9" * 300_000])
def test_a_text_beyond_it_is_refused_by_the_number_of_its_line(text: bytes) -> None:
    line, raw = text_of(text)
    body = encode_lines([Record(lid="1", line="a"), Record(lid="2", line=line, raw=raw), Record(lid="3")])
    received = receive_canonical(body, NOWHERE)
    assert list(received.lids) == ["1", "3"]
    [refusal] = received.refused
    assert (refusal.line, refusal.code) == (2, "too-long")
    assert f"{len(text)} bytes" in refusal.reason


def test_the_json_of_a_text_of_the_limit_fits_into_meta() -> None:
    meta = msgspec.Raw(json.dumps({"captured": CONTROL}).encode())
    sent = Record(line=CONTROL, meta=meta)
    assert one(encode_lines([sent])) == (sent, "")


@pytest.mark.parametrize(
    "beside",
    [
        {"meta": msgspec.Raw(b'"' + b"m" * BESIDE_BYTES + b'"')},
        {"host": "h" * (BESIDE_BYTES // 2), "tag": ("\u00e9" * (BESIDE_BYTES // 4), "x")},
    ],
)
def test_what_stands_beside_the_text_has_a_bound_too(beside: dict[str, Any]) -> None:
    received = receive_canonical(encode_lines([Record(lid="1", line="x", **beside)]), NOWHERE)
    [refusal] = received.refused
    assert (len(received), refusal.line, refusal.code) == (0, 1, "too-long")
    assert f"the limit is {BESIDE_BYTES}" in refusal.reason


def test_a_line_that_is_none_has_the_limit_of_text() -> None:
    body = b"x" * LINE_BYTES + b"\n" + b"x" * (LINE_BYTES + 1) + b"\n"
    received = receive_canonical(body, NOWHERE)
    assert [len(record.line) for record in received.records] == [LINE_BYTES]
    assert [refusal.line for refusal in received.refused] == [2]


def test_a_body_has_a_limit_of_lines() -> None:
    with pytest.raises(TooLarge):
        receive_canonical(b"\n" * (BODY_LINES + 1), NOWHERE)


def test_nothing_gives_nothing() -> None:
    assert outcome(receive_canonical(b"\n\n", NOWHERE)) == took([])
