"""Lines of a restore sent into a pipeline: all of them once, in order, with where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.recording_feed import PIPELINE, SOURCE, RecordingFeed, sent
from tests.unit.restored_lines import HOSTILE, KEY, plain, restored, scope

from logkeep.catalog.values import Restore, RestoreState
from logkeep.errors import NotFound, StorageUnavailable
from logkeep.index.engine import ChdbEngine
from logkeep.index.restored import RestoredLines
from logkeep.record import Record, encode_lines
from logkeep.restore.targets import pipeline
from logkeep.restore.targets.pipeline import NoPipelines, Pace, Sending, mark_of

RESTORE = Restore(
    id="ex1",
    name='the "incident"',
    state=RestoreState.IN_PROGRESS,
    account="r-incident-ex1",
    source="main",
    from_ms=0,
    to_ms=1,
    query="",
    planned_objects=1,
    planned_lines=25,
    planned_bytes=1,
    planned_raw_bytes=1,
    lines=25,
    bytes=1,
    duplicates=0,
    created_at=0,
    pipeline=PIPELINE,
    pipeline_source=SOURCE,
)
LINES = plain(25)
MARK = mark_of("ex1")


class Killed(BaseException):
    """The process goes at this point."""


class Time:
    """A clock that only waiting moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Setting:
    def __init__(self, engine: ChdbEngine) -> None:
        self.engine = engine
        self.feed = RecordingFeed()
        self.time = Time()
        self.noted: list[int] = []
        self.told: list[str] = []
        self.goes_on: Callable[[], bool] = lambda: True

    def sending(self, table: RestoredLines, *, rate: int = 0) -> Sending:
        return Sending(
            engine=self.engine,
            scope=scope(table),
            restore=replace(RESTORE, rate=rate),
            pipelines=self.feed,
            goes_on=self.goes_on,
            wait=self.time.wait,
            noted=self.noted.append,
            held_up=self.told.append,
            clock_s=self.time,
        )


@pytest.fixture
def setting(engine: ChdbEngine, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(pipeline, "PAGE_LINES", 10)
    return Setting(engine)


@pytest.fixture
def table(engine: ChdbEngine, tmp_path: Path) -> Iterator[RestoredLines]:
    """25 lines in two parts whose times interleave."""
    with restored(engine, tmp_path, LINES[::2], LINES[1::2]) as filled:
        yield filled


def events(lines: list[Record]) -> bytes:
    return encode_lines([sent(one, RESTORE, KEY) for one in lines])


def test_all_lines_are_sent_once_in_order_with_where_they_come_from(
    setting: Setting, table: RestoredLines
) -> None:
    sending = setting.sending(table)
    assert sending.run()
    assert encode_lines(setting.feed.records) == events(LINES)
    assert [len(call) for call in setting.feed.fed] == [10, 10, 5]
    assert (sending.sent, setting.noted[-1]) == (25, 25)
    assert setting.feed.marks == {MARK: "250.25.25"}


def test_what_is_sent_is_not_sent_again(setting: Setting, table: RestoredLines) -> None:
    assert setting.sending(table).run()
    again = setting.sending(table)
    assert again.run()
    assert (len(setting.feed.records), again.sent) == (25, 25)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_kill_behind_any_page_leaves_no_line_out_and_sends_none_twice(
    setting: Setting, table: RestoredLines, call: int
) -> None:
    def kill(calls: int) -> None:
        if calls == call:
            raise Killed

    setting.feed.after = kill
    with pytest.raises(Killed):
        setting.sending(table).run()
    assert len(setting.feed.records) == min(call * 10, 25)
    setting.feed.after = lambda _: None
    assert setting.sending(table).run()
    assert encode_lines(setting.feed.records) == events(LINES)


def test_lines_without_id_get_one_that_stays_also_when_many_have_one_time(
    setting: Setting, engine: ChdbEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logkeep.index.search._SLICE_LINES", 7)
    monkeypatch.setattr("logkeep.index.search.MAX_PAGE", 5)
    lines = [Record(ts=5, line=f"same {number}") for number in range(25)]
    found: list[bytes] = []
    for stops in ((), (1, 2)):
        feed = setting.feed = RecordingFeed()
        with restored(engine, tmp_path, lines[:12], lines[12:]) as table:
            for stop in stops:

                def kill(calls: int, stop: int = stop) -> None:
                    if calls == stop:
                        raise Killed

                feed.after = kill
                with pytest.raises(Killed):
                    setting.sending(table).run()
            feed.after = lambda _: None
            assert setting.sending(table).run()
        found.append(encode_lines(feed.records))
        assert [one.line for one in feed.records] == [one.line for one in lines]
        lids = {int(one.lid) for one in feed.records}
        assert len(lids) == 25
        assert all(0 < lid < 1 << 63 for lid in lids)
    assert found[0] == found[1]


def test_a_line_that_is_there_twice_is_sent_twice_and_never_parted(
    setting: Setting, engine: ChdbEngine, tmp_path: Path
) -> None:
    lines = plain(12)
    with restored(engine, tmp_path, [*lines, lines[9]]) as table:
        assert setting.sending(table).run()
    assert [len(call) for call in setting.feed.fed] == [11, 2]
    assert [one.lid for one in setting.feed.records][9:11] == ["10", "10"]


def test_lines_of_any_kind_come_as_they_were(setting: Setting, engine: ChdbEngine, tmp_path: Path) -> None:
    with restored(engine, tmp_path, HOSTILE) as table:
        assert setting.sending(table).run()
    kept = [
        msgspec.structs.replace(one, meta=msgspec.Raw(), lid="" if not was.lid else one.lid)
        for one, was in zip(setting.feed.records, HOSTILE, strict=True)
    ]
    expected = [msgspec.structs.replace(one, meta=msgspec.Raw()) for one in HOSTILE]
    assert encode_lines(kept) == encode_lines(expected)
    told = {"name": RESTORE.name, "id": "ex1", "object": KEY}
    for one, was in zip(setting.feed.records, HOSTILE, strict=True):
        meta = msgspec.json.decode(one.meta)
        assert meta.pop("restore") == told
        before = msgspec.json.decode(was.meta) if bytes(was.meta) else {}
        assert meta == (before if isinstance(before, dict) else {"meta": before})


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ('{"a":{"restore":1}}', {"a": {"restore": 1}}),
        ('{"restore":{"id":"before"},"a":1}', {"a": 1}),
        ('{"restore":{"id":"before"}}', {}),
        ('{ "a" : 12345678901234567890123 }', {"a": 12345678901234567890123}),
        ("{ }", {}),
        ('"a text"', {"meta": "a text"}),
        ("[1]", {"meta": [1]}),
    ],
)
def test_what_meta_had_stays_beside_the_restore(
    setting: Setting, engine: ChdbEngine, tmp_path: Path, meta: str, expected: Any
) -> None:
    line = Record(lid="1", ts=1, line="x", meta=msgspec.Raw(meta.encode()))
    with restored(engine, tmp_path, [line]) as table:
        assert setting.sending(table).run()
    (event,) = setting.feed.records
    found = msgspec.json.decode(event.meta)
    assert found.pop("restore")["id"] == "ex1"
    assert bytes(event.meta).count(b'"name":') == 1
    assert found == expected


def test_long_lines_make_short_pages(setting: Setting, engine: ChdbEngine, tmp_path: Path) -> None:
    lines = [Record(lid=str(n), ts=n, line="x" * 400_000) for n in range(1, 6)]
    with restored(engine, tmp_path, lines) as table:
        assert setting.sending(table).run()
    assert [len(call) for call in setting.feed.fed] == [2, 2, 1]


def test_a_full_pipeline_is_waited_for_and_gets_what_it_was_to_get(
    setting: Setting, table: RestoredLines
) -> None:
    setting.feed.full = 9
    assert setting.sending(table).run()
    assert encode_lines(setting.feed.records) == events(LINES)
    assert setting.told == ["the queue is full", ""]
    pauses = sum(setting.time.waits)
    assert pauses == pytest.approx(0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 3 * 5)


def test_what_it_met_before_is_no_longer_told_when_it_goes_on(setting: Setting, table: RestoredLines) -> None:
    sending = setting.sending(table)
    sending.restore = replace(RESTORE, error="the queue is full")
    assert sending.run()
    assert setting.told == [""]


def test_a_wait_ends_when_it_is_not_to_go_on(setting: Setting, table: RestoredLines) -> None:
    setting.feed.full = -1
    setting.goes_on = lambda: setting.feed.refusals < 4
    sending = setting.sending(table)
    assert not sending.run()
    assert (sending.sent, sending.refused, setting.feed.refusals) == (0, None, 4)


def test_it_stops_between_two_pages_and_goes_on_there(setting: Setting, table: RestoredLines) -> None:
    setting.goes_on = lambda: len(setting.feed.fed) < 2
    assert not setting.sending(table).run()
    assert (len(setting.feed.records), setting.noted[-1]) == (20, 20)
    setting.goes_on = lambda: True
    assert setting.sending(table).run()
    assert encode_lines(setting.feed.records) == events(LINES)


def test_a_pipeline_that_is_gone_ends_it(setting: Setting, table: RestoredLines) -> None:
    def go(calls: int) -> None:
        setting.feed.gone = calls == 1

    setting.feed.after = go
    sending = setting.sending(table)
    assert not sending.run()
    assert isinstance(sending.refused, NotFound)
    assert len(setting.feed.records) == 10
    assert sum(setting.time.waits) == pytest.approx(5.0)


def test_a_pipeline_that_is_away_for_a_moment_is_waited_for(setting: Setting, table: RestoredLines) -> None:
    setting.feed.gone = True
    began = setting.time.now

    def wait(seconds: float) -> None:
        setting.time.wait(seconds)
        setting.feed.gone = setting.time.now < began + 4.5

    sending = setting.sending(table)
    sending.wait = wait
    assert sending.run()
    assert sending.refused is None
    assert encode_lines(setting.feed.records) == events(LINES)
    assert setting.told == []


def test_a_wait_for_a_pipeline_that_is_away_ends_when_it_is_not_to_go_on(
    setting: Setting, table: RestoredLines
) -> None:
    setting.feed.gone = True
    setting.goes_on = lambda: len(setting.time.waits) < 2
    sending = setting.sending(table)
    assert not sending.run()
    assert sending.refused is None


def test_the_mark_is_no_pipelines(setting: Setting, table: RestoredLines) -> None:
    assert setting.sending(table).run()
    setting.feed.forget_marks("restore/")
    assert setting.feed.marks == {"/restore/ex1": "250.25.25"}


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (f'{{"restore":{DEEP}}}', f'{{"meta":{{"restore":{DEEP}}},'),
        (DEEP, f'{{"meta":{DEEP},'),
        (f'{{"a":{DEEP}}}', f'{{"a":{DEEP},'),
    ],
    ids=["restore", "array", "object"],
)
def test_meta_that_is_too_deep_to_be_looked_into_stays_as_it_is(meta: str, expected: str) -> None:
    joined = pipeline._joined(meta.encode(), b'"restore":{"id":"ex1"}')
    assert joined.decode() == expected + '"restore":{"id":"ex1"}}'


def test_a_line_with_deep_meta_is_sent_like_any_other(
    setting: Setting, engine: ChdbEngine, tmp_path: Path
) -> None:
    lines = [Record(lid="1", ts=1, line="x", meta=msgspec.Raw(f'{{"a":{DEEP[97_000:-97_000]}}}'.encode()))]
    with restored(engine, tmp_path, lines) as table:
        assert setting.sending(table).run()
    (event,) = setting.feed.records
    assert msgspec.json.decode(event.meta, type=dict[str, Any])["restore"]["id"] == "ex1"


def test_an_error_that_may_pass_is_left_to_who_tries_again(setting: Setting, table: RestoredLines) -> None:
    def fail(_: int) -> None:
        raise StorageUnavailable("away")

    setting.feed.after = fail
    with pytest.raises(StorageUnavailable):
        setting.sending(table).run()


@pytest.mark.parametrize(("rate", "first"), [(1, 1), (25, 2), (100, 10), (1000, 10)])
def test_at_a_rate_events_come_evenly_and_never_faster(
    setting: Setting, table: RestoredLines, rate: int, first: int
) -> None:
    times: list[float] = []
    setting.feed.after = lambda _: times.append(setting.time.now - 100.0)
    sending = setting.sending(table, rate=rate)
    assert sending.run()
    assert len(setting.feed.fed[0]) == first
    upto = 0
    for at, call in zip(times, setting.feed.fed, strict=True):
        upto += len(call)
        assert at == pytest.approx(upto / rate)
    assert sending.events_per_s() == pytest.approx(rate)


def test_a_wait_for_the_rate_ends_when_it_is_not_to_go_on(setting: Setting, table: RestoredLines) -> None:
    setting.goes_on = lambda: len(setting.time.waits) < 2
    assert not setting.sending(table, rate=1).run()
    assert setting.feed.fed == []
    assert setting.time.now <= 101.0


def test_what_could_have_come_before_comes_at_once_up_to_the_burst() -> None:
    time = Time()
    pace = Pace(10, 5, time)
    assert pace.take(5) == pytest.approx(0.5)
    time.now += 60
    assert [pace.take(5), pace.take(5)] == [0.0, pytest.approx(0.5)]
    assert Pace(0, 5, time).take(1 << 30) == 0.0


def test_nothing_to_send_is_sent_at_once(setting: Setting, engine: ChdbEngine, tmp_path: Path) -> None:
    with restored(engine, tmp_path) as table:
        sending = setting.sending(table)
        assert sending.run()
    assert (setting.feed.fed, sending.events_per_s()) == ([], None)


def test_a_server_without_pipelines_says_so() -> None:
    nothing = NoPipelines()
    with pytest.raises(NotFound, match="no pipelines"):
        nothing.check("clean", "")
    with pytest.raises(NotFound, match="'clean'"):
        nothing.feed("clean", "restored", [], {})
    assert nothing.mark(mark_of("1")) is None
    nothing.forget_marks(mark_of("1"))
