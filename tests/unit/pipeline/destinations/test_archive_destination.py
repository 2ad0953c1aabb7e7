from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.pipeline_doubles import NOW, events, open_spool

from logkeep.catalog.values import Archive, ArchiveState
from logkeep.errors import DeliveryFailed, NotFound, Overloaded
from logkeep.intake import FUTURE_MS
from logkeep.pipeline.destinations.archive import ArchiveDestination
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.frames import frames_by_hour
from logkeep.pipeline.outbox import FrameLines
from logkeep.record import Record, encode_lines
from logkeep.spool.base import FRAME_BYTES, Frame, Piece
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import HOUR_MS

HOUR = NOW // HOUR_MS * HOUR_MS
ARCHIVE = Archive(id="web-copy", account="main", state=ArchiveState.ON, created_at=0, pipeline="web")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SqliteSpool]:
    opened = open_spool(tmp_path / "spool.sqlite")
    yield opened
    opened.close()


def destination(spool: SqliteSpool, archive: Archive = ARCHIVE) -> ArchiveDestination:
    return ArchiveDestination(archive.id, archive_of=lambda _: archive, spool=spool, clock=lambda: NOW)


def batches(records: Sequence[Record], *, as_frames: bool = True, key: str = "k") -> list[Batch]:
    """As the outbox gives them; or without what it knows of them, so that every line is looked at."""
    made: list[Batch] = []
    for place, frame in enumerate(frames_by_hour(records)):
        lines = FrameLines(
            zstandard.ZstdCompressor(level=1).compress(frame.payload),
            lines=frame.lines,
            raw_bytes=len(frame.payload),
            span=frame.span if as_frames else None,
        )
        made.append(Batch(lines, key=f"{key}/{place}", queue="web/copy"))
    return made


def in_spool(spool: SqliteSpool) -> list[Frame]:
    return spool.since(0, max_bytes=1 << 40)


def lines_of(frames: Sequence[Frame]) -> list[bytes]:
    payloads = [zstandard.ZstdDecompressor().decompress(one.data) for one in frames]
    return [line for payload in payloads for line in payload.splitlines(keepends=True)]


def refused(sent: Sent) -> list[tuple[int, str]]:
    return [(one.place, one.reason) for one in sent.refused]


def test_a_frame_goes_into_the_spool_as_it_is(spool: SqliteSpool) -> None:
    records = events("a", "b", "c")
    [batch] = batches(records)
    assert isinstance(batch.lines, FrameLines)
    sent = destination(spool).send(batch)
    assert not sent.refused
    [frame] = in_spool(spool)
    assert frame.data == batch.lines.data
    assert (frame.account, frame.archive, frame.indexed) == ("main", "web-copy", False)
    assert (frame.lines, frame.hour, frame.rx) == (3, HOUR // HOUR_MS, NOW)
    assert frame.raw_bytes == len(encode_lines(records))
    [waiting] = spool.waiting("web-copy")
    assert waiting.lines == 3


def test_lines_of_which_nothing_is_known_are_looked_at(spool: SqliteSpool) -> None:
    records = [
        Record(lid="9", ts=HOUR + 5, line="b"),
        Record(lid="3", ts=HOUR - 1, line="before"),
        Record(lid="4", ts=HOUR + 2, line="a"),
    ]
    lines = tuple(encode_lines([one]) for one in records)
    destination(spool).send(Batch(lines, key="k"))
    before, of_now = sorted(in_spool(spool), key=lambda one: one.hour)
    assert lines_of([of_now]) == [lines[0], lines[2]]
    assert (of_now.min_ts, of_now.max_ts, of_now.first_lid, of_now.last_lid) == (HOUR + 2, HOUR + 5, 4, 9)
    assert (before.hour, before.lines, before.first_lid) == (HOUR // HOUR_MS - 1, 1, 3)


class Pieces:
    """What is appended, in place of a spool."""

    def __init__(self) -> None:
        self.of: list[Piece] = []

    def append_now(self, pieces: Sequence[Piece], *, key: str, last_of: str) -> None:
        assert bool(key) is bool(last_of)
        self.of += pieces


def appended(records: Sequence[Record], *, as_frames: bool) -> tuple[dict[int, list[bytes]], list[str]]:
    """Lines by hour, and reasons of refusals; sums of pieces are compared with their lines."""
    spool, hours, reasons = Pieces(), dict[int, list[bytes]](), list[str]()
    into = ArchiveDestination(
        "web-copy",
        archive_of=lambda _: ARCHIVE,
        spool=spool,  # type: ignore[arg-type]
        clock=lambda: NOW,
    )
    for batch in batches(records, as_frames=as_frames):
        reasons += [one.reason for one in into.send(batch).refused]
    for one in spool.of:
        payload = zstandard.ZstdDecompressor().decompress(one.data) if one.data else one.payload
        lines = payload.splitlines(keepends=True)
        assert (one.lines, one.raw_bytes) == (len(lines), len(payload))
        hours.setdefault(one.hour, []).extend(lines)
    return hours, reasons


ids = st.one_of(st.integers(1, 10**6).map(str), st.sampled_from(["", "x", str(2**63), str(2**63 - 1)]))
times = st.one_of(
    st.integers(HOUR - HOUR_MS, HOUR + 2 * HOUR_MS),
    st.sampled_from([-1, 0, NOW + FUTURE_MS, NOW + FUTURE_MS + 1, NOW + 10 * FUTURE_MS]),
)
texts = st.one_of(st.text(max_size=8), st.just("y" * (FRAME_BYTES // 2)))


@settings(max_examples=80)
@given(st.lists(st.builds(Record, lid=ids, ts=times, line=texts), max_size=30))
def test_frames_as_they_are_give_what_a_look_at_every_line_gives(records: list[Record]) -> None:
    assert appended(records, as_frames=True) == appended(records, as_frames=False)


def test_pieces_are_cut_at_about_a_frames_bytes(spool: SqliteSpool) -> None:
    records = [Record(lid=f"{n + 1}", ts=HOUR + n, line="y" * (FRAME_BYTES // 3)) for n in range(7)]
    lines = tuple(encode_lines([one]) for one in records)
    pieces = Pieces()
    ArchiveDestination(
        "web-copy",
        archive_of=lambda _: ARCHIVE,
        spool=pieces,  # type: ignore[arg-type]
        clock=lambda: NOW,
    ).send(Batch(lines))
    assert [one.lines for one in pieces.of] == [2, 2, 2, 1]
    assert [one.min_ts - HOUR for one in pieces.of] == [0, 2, 4, 6]
    assert b"".join(one.payload for one in pieces.of) == b"".join(lines)


def test_lines_of_the_future_are_refused_and_those_up_to_a_day_ahead_are_not(spool: SqliteSpool) -> None:
    latest = NOW + FUTURE_MS
    records = [Record(lid="1", ts=latest, line="a"), Record(lid="2", ts=latest + 1, line="b")]
    [batch] = batches(records)
    assert refused(destination(spool).send(batch)) == [
        (1, f"its time, {latest + 1}, is more than a day ahead: its hour could not be sealed before")
    ]
    assert lines_of(in_spool(spool)) == [encode_lines(records[:1])]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(lid="1", ts=-1, line="x"), "it has no time"),
        (Record(lid="", ts=HOUR, line="x"), "its id, '', is no decimal number below 2**63"),
        (Record(lid="a-7", ts=HOUR, line="x"), "its id, 'a-7', is no decimal number below 2**63"),
        (
            Record(lid=str(2**63), ts=HOUR, line="x"),
            f"its id, '{2**63}', is no decimal number below 2**63",
        ),
        (Record(lid="9" * 50, ts=HOUR, line="x"), f"its id, '{'9' * 40}', is no decimal number below 2**63"),
    ],
)
def test_lines_that_an_archive_cannot_hold_are_refused_with_the_reason(
    spool: SqliteSpool, record: Record, reason: str
) -> None:
    good = Record(lid=str(2**63 - 1), ts=0, line="good")
    lines = tuple(encode_lines([one]) for one in (record, good))
    assert refused(destination(spool).send(Batch(lines))) == [(0, reason)]
    assert lines_of(in_spool(spool)) == [lines[1]]


def test_what_is_left_of_a_frame_is_looked_at(spool: SqliteSpool) -> None:
    records = events("a", "b", "c")
    payload = encode_lines(records)
    [frame] = frames_by_hour(records)
    rest = FrameLines(
        zstandard.ZstdCompressor().compress(payload),
        lines=3,
        raw_bytes=len(payload),
        first=1,
        span=frame.span,
    )
    destination(spool).send(Batch(rest, key="k"))
    assert lines_of(in_spool(spool)) == [encode_lines([one]) for one in records[1:]]
    assert in_spool(spool)[0].first_lid == 1001


@pytest.mark.parametrize("as_frames", [True, False])
def test_a_batch_that_comes_a_second_time_adds_nothing(spool: SqliteSpool, as_frames: bool) -> None:
    [batch] = batches(events("a", "b"), as_frames=as_frames)
    for _ in range(3):
        assert not destination(spool).send(batch).refused
    assert len(lines_of(in_spool(spool))) == 2
    [other] = batches(events("a", "b"), as_frames=as_frames, key="another")
    destination(spool).send(other)
    assert len(lines_of(in_spool(spool))) == 4


def test_a_batch_without_a_key_is_added_each_time(spool: SqliteSpool) -> None:
    batch = Batch(tuple(encode_lines([one]) for one in events("a")))
    for _ in range(2):
        destination(spool).send(batch)
    assert len(lines_of(in_spool(spool))) == 2


def test_an_archive_that_is_off_is_waited_for_and_one_that_is_paused_is_not(spool: SqliteSpool) -> None:
    [batch] = batches(events("a"))
    off = replace(ARCHIVE, state=ArchiveState.OFF)
    with pytest.raises(DeliveryFailed, match="the archive 'web-copy' is off") as caught:
        destination(spool, off).send(batch)
    assert "logkeep archive start web-copy" in caught.value.hint
    assert in_spool(spool) == []
    paused = replace(ARCHIVE, state=ArchiveState.PAUSED)
    destination(spool, paused).send(batch)
    assert len(in_spool(spool)) == 1


def test_an_archive_that_is_not_there_is_waited_for(spool: SqliteSpool) -> None:
    def missing(archive: str) -> Archive:
        raise NotFound(f"there is no archive {archive!r}", hint="make it")

    gone = ArchiveDestination("web-copy", archive_of=missing, spool=spool, clock=lambda: NOW)
    with pytest.raises(DeliveryFailed, match="there is no archive 'web-copy'") as caught:
        gone.send(batches(events("a"))[0])
    assert caught.value.hint == "make it"
    gone.close()


def test_an_archive_that_is_made_anew_under_the_same_name_gets_a_batch_that_the_former_one_had(
    spool: SqliteSpool,
) -> None:
    [batch] = batches(events("a"))
    destination(spool).send(batch)
    spool.forget("web-copy")
    destination(spool, replace(ARCHIVE, created_at=5)).send(batch)
    [waiting] = spool.waiting("web-copy")
    assert waiting.lines == 1


def test_what_came_while_the_archive_was_removed_waits_for_nobody(spool: SqliteSpool) -> None:
    answers: list[Archive | None] = [ARCHIVE, None]

    def archive_of(name: str) -> Archive:
        if (archive := answers.pop(0)) is None:
            raise NotFound(f"there is no archive {name!r}")
        return archive

    into = ArchiveDestination("web-copy", archive_of=archive_of, spool=spool, clock=lambda: NOW)
    with pytest.raises(DeliveryFailed, match="was removed"):
        into.send(batches(events("a"))[0])
    assert spool.waiting("web-copy") == []


def test_what_cannot_be_read_is_refused_and_the_rest_kept(spool: SqliteSpool) -> None:
    deep = b'{"_lid":"1","_ts":1,"_meta":' + b"[" * 100_000 + b"]" * 100_000 + b',"_line":"x"}\n'
    [(place, reason)] = refused(destination(spool).send(Batch((deep, encode_lines(events("a"))))))
    assert (place, reason.startswith("it cannot be read: ")) == (0, True)
    assert lines_of(in_spool(spool)) == [encode_lines(events("a"))]


def test_a_spool_that_is_full_is_waited_for(tmp_path: Path) -> None:
    full = SqliteSpool(
        tmp_path / "full.sqlite",
        clock=lambda: NOW,
        max_bytes=0,
        max_account_bytes=1 << 30,
        min_free_bytes=0,
    )
    try:
        with pytest.raises(DeliveryFailed, match="the spool does not take them") as caught:
            destination(full).send(batches(events("a"))[0])
        assert isinstance(caught.value.__cause__, Overloaded)
    finally:
        full.close()
