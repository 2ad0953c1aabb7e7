from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from logkeep.receivers.lines import LINE_BYTES, Origin, receive_lines
from logkeep.record import Record, Refusal, bytes_of

from .outcome import outcome, took

NOWHERE = Origin()


def test_each_line_is_a_record_with_what_the_request_says_of_it() -> None:
    origin = Origin(host="web-1", app="shop", file="/x", env="prod", level="info", tag=("a", "b"))
    assert outcome(receive_lines(b"one\ntwo\n", origin)) == took(
        [
            Record(host="web-1", app="shop", file="/x", env="prod", level="info", tag=("a", "b"), line="one"),
            Record(host="web-1", app="shop", file="/x", env="prod", level="info", tag=("a", "b"), line="two"),
        ]
    )


def test_only_a_line_feed_ends_a_line() -> None:
    body = "one\r\n\n\r\n\x0b\x0c\x1c\x85\u2028two\x00\n  \nlast".encode()
    expected = ["one\r", "\r", "\x0b\x0c\x1c\x85\u2028two\x00", "  ", "last"]
    assert [record.line for record in receive_lines(body, NOWHERE).records] == expected


def test_an_empty_body_has_no_records() -> None:
    bodies = (b"", b"\n", b"\n\n")
    assert [outcome(receive_lines(body, NOWHERE)) for body in bodies] == [took([])] * 3


def test_a_line_that_is_not_utf8_keeps_its_bytes_and_its_neighbours_their_text() -> None:
    origin = Origin(host="web-1", tag=("a",))
    assert receive_lines(b"caf\xc3\xa9\ncaf\xe9\nend", origin).records == [
        Record(host="web-1", tag=("a",), line="café"),
        Record(host="web-1", tag=("a",), line="caf\ufffd", raw="Y2Fm6Q=="),
        Record(host="web-1", tag=("a",), line="end"),
    ]


def test_a_line_over_the_limit_is_refused_by_its_number_and_the_rest_is_kept() -> None:
    longest, longer = b"x" * LINE_BYTES, b"y" * (LINE_BYTES + 1)
    received = receive_lines(b"\n".join([b"one", b"", longer, longest, longer, b"caf\xe9"]), NOWHERE)
    assert [bytes_of(record) for record in received.records] == [b"one", longest, b"caf\xe9"]
    reason = "the line has 524289 bytes, the limit is 524288"
    assert received.refused == [
        Refusal(line=3, code="too-long", reason=reason),
        Refusal(line=5, code="too-long", reason=reason),
    ]


def test_the_limit_counts_bytes_and_not_characters() -> None:
    received = receive_lines("é".encode() * (LINE_BYTES // 2 + 1), NOWHERE)
    reason = "the line has 524290 bytes, the limit is 524288"
    assert outcome(received) == took([], refused=[Refusal(line=1, code="too-long", reason=reason)])


@given(st.binary() | st.text().map(str.encode))
def test_any_body_is_kept_byte_for_byte(body: bytes) -> None:
    records = receive_lines(body, NOWHERE).records
    assert [bytes_of(record) for record in records] == [line for line in body.split(b"\n") if line]
