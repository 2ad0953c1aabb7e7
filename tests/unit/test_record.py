from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.record import (
    Columns,
    IdSource,
    Received,
    Record,
    bytes_of,
    decode_line,
    encode_lines,
    text_of,
)

NOW = 1_795_165_933_123
EPOCH = 1_577_836_800_000

FULL = Record(
    lid="42",
    ts=NOW,
    ns=456_789,
    rx=NOW + 1,
    account="main",
    host="web-1",
    app="shop",
    file="/var/log/shop.log",
    env="prod",
    level="error",
    tag=("a", "b"),
    meta=msgspec.Raw(b'{"z":1.0, "a":[]}'),
    line='say "é\n\u2028"',
    raw="/w==",
)


def test_a_canonical_line_has_its_fields_in_order() -> None:
    assert encode_lines([FULL]).decode() == (
        f'{{"_lid":"42","_ts":{NOW},"_ns":456789,"_rx":{NOW + 1},"_account":"main","_host":"web-1",'
        '"_app":"shop","_file":"/var/log/shop.log","_env":"prod","level":"error","_tag":["a","b"],'
        '"_meta":{"z":1.0, "a":[]},"_line":"say \\"é\\n\u2028\\"","_raw":"/w=="}\n'
    )


def test_absent_fields_are_left_out() -> None:
    computed = Record(lid="1", ts=0, host="x"[1:], ns=int("0"), tag=tuple(""), line="a")
    assert encode_lines([computed, Record()]) == b'{"_lid":"1","_ts":0,"_line":"a"}\n{}\n'


def test_a_canonical_line_is_read_back() -> None:
    assert decode_line(encode_lines([FULL])) == FULL
    assert decode_line(b'{"_lid":"1","_ts":0}') == Record(lid="1", ts=0)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"_ts":"1"}'])
def test_what_is_no_canonical_line_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_line(line)


@pytest.mark.parametrize(
    ("line", "text", "raw"),
    [
        (b"", "", ""),
        (b"caf\xc3\xa9 \x00\r", "café \x00\r", ""),
        (b"caf\xe9", "caf\ufffd", "Y2Fm6Q=="),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", "7aCA"),
        ("\ufffd".encode(), "\ufffd", ""),
    ],
)
def test_bytes_that_are_no_utf8_are_kept_beside_their_text(line: bytes, text: str, raw: str) -> None:
    assert text_of(line) == (text, raw)


@given(st.binary())
def test_any_line_comes_back_as_the_bytes_it_was(line: bytes) -> None:
    text, raw = text_of(line)
    encoded = encode_lines([Record(line=text, raw=raw)])
    assert encoded.count(b"\n") == 1
    assert bytes_of(decode_line(encoded)) == line


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_an_id_holds_its_time_then_its_node_then_a_sequence() -> None:
    ids = IdSource(lambda: EPOCH + 5, node=3)
    assert ids.take(2) == [str(5 << 22 | 3 << 12), str(5 << 22 | 3 << 12 | 1)]
    assert ids.take(1) == [str(5 << 22 | 3 << 12 | 2)]


def test_a_burst_borrows_from_the_milliseconds_to_come() -> None:
    ids = [int(lid) for lid in IdSource(lambda: EPOCH + 5, node=1023).take(10_000)]
    assert len(set(ids)) == 10_000
    assert ids == sorted(ids)
    assert [lid >> 22 for lid in (ids[0], ids[4095], ids[4096], ids[9999])] == [5, 5, 6, 7]
    assert {lid >> 12 & 1023 for lid in ids} == {1023}


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from([0, 1, 7, 4095, 4096, 4097])), max_size=20))
def test_ids_rise_whatever_the_clock_does(steps: list[tuple[int, int]]) -> None:
    clock = Clock(NOW)
    source = IdSource(clock)
    ids: list[int] = []
    for step, count in steps:
        clock.now += step
        ids += map(int, source.take(count))
    assert all(a < b for a, b in pairwise(ids))


@pytest.mark.parametrize("node", [0, 1, 1023])
def test_ids_after_a_restart_are_higher_than_the_floor(node: int) -> None:
    floor = int(IdSource(lambda: NOW, node=1023).take(5000)[-1])
    assert int(IdSource(lambda: NOW - 60_000, node=node, floor=floor).take(1)[0]) > floor
    assert (
        int(IdSource(lambda: NOW + 60_000, node=node, floor=floor).take(1)[0]) >> 22 == NOW + 60_000 - EPOCH
    )


def test_ids_stay_below_63_bits_until_2089() -> None:
    assert int(IdSource(lambda: 3_755_289_600_000, node=1023).take(1)[0]) < 1 << 63


@pytest.mark.parametrize("node", [-1, 1024])
def test_a_node_has_ten_bits(node: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 1023"):
        IdSource(lambda: NOW, node=node)


def test_records_keep_the_ids_that_their_lines_bring_along() -> None:
    stamped = [Record(lid="1", line="a"), Record(lid="2", line="b")]
    columns = Columns(line=["a", "b"])
    kept = Received(columns=columns, lids=["77", ""]).with_own_ids(stamped)
    assert kept == [Record(lid="77", line="a"), Record(lid="2", line="b")]
    assert stamped[0].lid == "1"  # from which the server knows what it gave out
    assert Received(columns=columns).with_own_ids(stamped) is stamped
