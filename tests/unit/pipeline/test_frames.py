from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.pipeline.frames import Frame, frames_by_hour, frames_of
from logkeep.pipeline.outbox import Span
from logkeep.record import Record, decode_line, encode_lines
from logkeep.spool.base import FRAME_BYTES
from logkeep.timeline import HOUR_MS, MAX_MS, hour_of

HOUR = 498_657 * HOUR_MS

ids = st.one_of(
    st.integers(1, 10**6).map(str),
    st.sampled_from(["", "x-1", "-5", "1.5", str(2**63 - 1), str(2**63), str(10**19), "0"]),
)
times = st.one_of(
    st.integers(HOUR - HOUR_MS, HOUR + 2 * HOUR_MS), st.sampled_from([-1, 0, HOUR, MAX_MS, MAX_MS + 1])
)
texts = st.one_of(st.text(max_size=8), st.just("y" * (FRAME_BYTES // 3)))
records = st.lists(st.builds(Record, lid=ids, ts=times, line=texts, host=st.sampled_from(["", "a\nb"])))


def decoded(frame: Frame) -> list[Record]:
    return list(map(decode_line, frame.payload.splitlines(keepends=True)))


def has_span(record: Record) -> bool:
    fits = record.lid.isdecimal() and int(record.lid) < 1 << 63
    return 0 <= record.ts <= MAX_MS and fits


def test_no_events_make_no_frame() -> None:
    assert list(frames_of([])) == []
    assert list(frames_by_hour([])) == []


def test_a_long_line_stands_in_a_frame_by_itself_and_short_ones_together() -> None:
    long, short = Record(line="y" * (3 * FRAME_BYTES)), Record(line="short")
    assert [frame.lines for frame in frames_of([short] * 5)] == [5]
    assert [frame.lines for frame in frames_of([long, long, short])] == [1, 1, 1]
    assert [frame.lines for frame in frames_of([long])] == [1]


@settings(max_examples=60)
@given(records)
def test_frames_hold_the_events_in_order_and_about_a_frames_bytes(events: list[Record]) -> None:
    frames = list(frames_of(events))
    assert b"".join(frame.payload for frame in frames) == encode_lines(events)
    for frame in frames:
        assert frame.lines == frame.payload.count(b"\n") > 0
        assert frame.span is None
        last = len(encode_lines(decoded(frame)[-1:]))
        assert len(frame.payload) - last <= 2 * FRAME_BYTES


@settings(max_examples=120)
@given(records)
def test_a_span_says_what_decoding_of_the_frame_gives(events: list[Record]) -> None:
    frames = list(frames_by_hour(events))
    for frame in frames:
        lines = decoded(frame)
        assert frame.lines == len(lines) > 0
        if frame.span is None:
            assert not any(map(has_span, lines))
            continue
        moments, lids = [one.ts for one in lines], [int(one.lid) for one in lines]
        assert frame.span == Span(min(moments), max(moments), min(lids), max(lids))
        assert hour_of(frame.span.min_ts) == hour_of(frame.span.max_ts)
        assert frame.span.min_ts >= 0
        assert frame.span.last_lid < 1 << 63
    kept = sorted(encode_lines([one]) for frame in frames for one in decoded(frame))
    assert kept == sorted(encode_lines([one]) for one in events)


@settings(max_examples=60)
@given(records)
def test_events_of_an_hour_stay_in_order_and_odd_ones_too(events: list[Record]) -> None:
    def parted(of: Sequence[Record]) -> dict[int | None, list[bytes]]:
        parts: dict[int | None, list[bytes]] = {}
        for one in of:
            hour = one.ts // HOUR_MS if has_span(one) else None
            parts.setdefault(hour, []).append(encode_lines([one]))
        return parts

    assert parted([one for frame in frames_by_hour(events) for one in decoded(frame)]) == parted(events)


def test_an_odd_event_among_those_of_an_hour_goes_apart_and_takes_no_span_from_them() -> None:
    good = [Record(lid=str(lid), ts=HOUR + lid, line="good") for lid in (7, 5, 6)]
    for odd in (
        Record(lid="", ts=HOUR, line="odd"),
        Record(lid="x", ts=HOUR, line="odd"),
        Record(lid="7", ts=-1, line="odd"),
        Record(lid="9" * 20, ts=HOUR, line="odd"),
        Record(lid="7", ts=MAX_MS + 1, line="odd"),
        Record(lid=str(2**63), ts=HOUR, line="odd"),
    ):
        first, second = frames_by_hour([good[0], odd, *good[1:]])
        assert [one.lid for one in decoded(first)] == ["7", "5", "6"]
        assert first.span == Span(HOUR + 5, HOUR + 7, 5, 7)
        assert (second.lines, second.span) == (1, None)


def test_an_id_of_63_bits_has_a_span_and_one_beyond_has_none() -> None:
    last = Record(lid=str(2**63 - 1), ts=HOUR, line="x")
    beyond = Record(lid=str(2**63), ts=HOUR, line="x")
    [frame] = frames_by_hour([last])
    assert frame.span == Span(HOUR, HOUR, 2**63 - 1, 2**63 - 1)
    assert [one.span is None for one in frames_by_hour([beyond, last, beyond])] == [False, True]
    assert [one.span for one in frames_by_hour([beyond])] == [None]


def test_the_last_and_the_first_millisecond_of_hours_are_in_two_frames() -> None:
    events = [Record(lid="1", ts=HOUR - 1, line="a"), Record(lid="2", ts=HOUR, line="b")]
    assert [frame.span for frame in frames_by_hour(events)] == [
        Span(HOUR - 1, HOUR - 1, 1, 1),
        Span(HOUR, HOUR, 2, 2),
    ]
