from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logkeep.errors import EngineError, Overloaded
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import DAY_MS, LiveLines, yield_processor_to_queries
from logkeep.index.search import Order, Scope, search_page
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.record import Record, encode_lines
from logkeep.retention import drop_expired
from logkeep.spool.base import Frame
from logkeep.timeline import MAX_MS, Hour, TimeRange

RX = 20_777 * DAY_MS + 5


@pytest.fixture
def live(engine: ChdbEngine, tmp_path: Path) -> Iterator[LiveLines]:
    yield LiveLines(engine, tmp_path)
    engine.run("DROP TABLE live SYNC")


def frame(*records: Record, rx: int | None = None) -> Frame:
    payload = encode_lines(records)
    lids = [int(record.lid) for record in records]
    return Frame(
        seq=1,
        account="main",
        hour=Hour(0),
        lines=len(records),
        raw_bytes=len(payload),
        min_ts=0,
        max_ts=0,
        first_lid=min(lids),
        last_lid=max(lids),
        rx=min(record.rx for record in records) if rx is None else rx,
        data=zstandard.compress(payload),
    )


def line(lid: int, *, rx: int = RX, text: str = "x") -> Record:
    return Record(lid=str(lid), ts=lid, rx=rx, account="main", line=text)


def lids(engine: ChdbEngine) -> list[int]:
    return [row["_lid"] for row in engine.rows("SELECT _lid FROM live ORDER BY _lid")]


def found(engine: ChdbEngine) -> list[Record]:
    everything = Scope(table="live", range=TimeRange(start=0, end=MAX_MS), condition=compile_sql(parse("")))
    return search_page(engine, everything, order=Order.OLDEST, limit=10_000).records


def test_a_line_comes_back_with_all_its_fields(engine: ChdbEngine, live: LiveLines) -> None:
    full = Record(
        lid="9007199254740993",
        ts=1_795_165_933_123,
        ns=456_789,
        rx=RX,
        account="main",
        host="web-1",
        app="shop",
        file="/x",
        env="prod",
        level="error",
        tag=("a", "", "b"),
        meta=msgspec.Raw(b'{"z":1.0,"a":[{"b":null}],"a":"\\u0041"}'),
        line="".join(map(chr, range(300))) + "\u2028\U0001f600",
        raw="/w==",
    )
    live.add([frame(line(1), full)], some_may_be_there=False)
    assert encode_lines(found(engine)) == encode_lines([line(1), full])


@pytest.mark.parametrize(
    "meta",
    [
        *('"plain"', '"{abc"', '"a\\nb\\u0000"', '"é"', '"nul"', '"01"', "5", "-0.0", "true", "[1, 2]", "{}"),
        *('{"a": "\\ud83d\\ude00"}', "123456789012345678901234567890", "[" * 800 + "]" * 800),
    ],
)
def test_meta_of_any_kind_is_json_again_when_it_comes_back(
    engine: ChdbEngine, live: LiveLines, meta: str
) -> None:
    record = msgspec.structs.replace(line(1), meta=msgspec.Raw(meta.encode()))
    live.add([frame(record)], some_may_be_there=False)
    [back] = found(engine)
    assert msgspec.json.decode(back.meta) == msgspec.json.decode(meta)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(), st.text(), st.lists(st.text(), max_size=2)), min_size=1, max_size=5))
def test_any_text_is_indexed_as_it_is(
    engine: ChdbEngine, live: LiveLines, texts: list[tuple[str, str, list[str]]]
) -> None:
    engine.run("TRUNCATE TABLE live")
    records = [
        Record(lid=str(lid), ts=lid, rx=RX, host=host, line=text, tag=tuple(tags))
        for lid, (host, text, tags) in enumerate(texts, 1)
    ]
    live.add([frame(*records)], some_may_be_there=False)
    assert encode_lines(found(engine)) == encode_lines(records)


def test_lines_that_are_there_are_not_added_again(engine: ChdbEngine, live: LiveLines) -> None:
    live.add([frame(line(1), line(2)), frame(line(5))], some_may_be_there=False)
    frames = [frame(line(1), line(2), line(3)), frame(line(5), line(6), line(4))]
    live.add(frames, some_may_be_there=True)
    assert lids(engine) == [1, 2, 3, 4, 5, 6]
    live.add(frames, some_may_be_there=True)
    assert lids(engine) == [1, 2, 3, 4, 5, 6]


def test_lines_that_are_there_are_found_across_midnight(engine: ChdbEngine, live: LiveLines) -> None:
    frames = [frame(line(1, rx=RX - 6)), frame(line(2, rx=RX))]
    live.add(frames[:1], some_may_be_there=False)
    live.add(frames, some_may_be_there=True)
    assert lids(engine) == [1, 2]


def test_a_batch_that_cannot_be_read_leaves_nothing_behind(
    engine: ChdbEngine, live: LiveLines, tmp_path: Path
) -> None:
    whole = frame(line(1))
    with pytest.raises(EngineError):
        live.add([replace(whole, data=whole.data[:-5])], some_may_be_there=False)
    assert (lids(engine), list(tmp_path.iterdir())) == ([], [])
    live.add([whole], some_may_be_there=True)
    assert (lids(engine), list(tmp_path.iterdir())) == ([1], [])


def test_a_work_folder_that_cannot_be_written_can_be_tried_again(engine: ChdbEngine, tmp_path: Path) -> None:
    work = tmp_path / "work"
    live = LiveLines(engine, work)
    with pytest.raises(Overloaded, match="cannot be written"):
        live.add([frame(line(1))], some_may_be_there=False)
    work.mkdir()
    live.add([frame(line(1))], some_may_be_there=True)
    assert lids(engine) == [1]
    engine.run("DROP TABLE live SYNC")


def test_days_of_receipt_that_are_over_are_dropped_whole(engine: ChdbEngine, live: LiveLines) -> None:
    day = 20_777
    for number, rx in enumerate((day * DAY_MS, (day + 1) * DAY_MS - 1, (day + 1) * DAY_MS), 1):
        live.add([frame(line(number, rx=rx))], some_may_be_there=False)
    assert (live.drop_before((day + 1) * DAY_MS - 1), lids(engine)) == ([], [1, 2, 3])
    assert (live.drop_before((day + 1) * DAY_MS), lids(engine)) == ([day], [3])
    assert live.drop_before((day + 1) * DAY_MS) == []


def test_retention_counts_back_from_now(engine: ChdbEngine, live: LiveLines) -> None:
    live.add([frame(line(1, rx=0), line(2, rx=DAY_MS))], some_may_be_there=False)
    now = 3 * DAY_MS
    assert drop_expired(live, retention_s=2 * 86_400 + 1, clock=lambda: now) == []
    assert drop_expired(live, retention_s=2 * 86_400, clock=lambda: now) == [0]
    assert lids(engine) == [2]


def test_a_table_that_exists_is_kept(engine: ChdbEngine, live: LiveLines, tmp_path: Path) -> None:
    live.add([frame(line(1))], some_may_be_there=False)
    LiveLines(engine, tmp_path).add([frame(line(2))], some_may_be_there=False)
    assert lids(engine) == [1, 2]


def test_merges_give_way_to_queries(engine: ChdbEngine) -> None:
    yield_processor_to_queries()
    tasks = [
        task for task in Path("/proc/self/task").iterdir() if (task / "comm").read_text() == "MergeMutate\n"
    ]
    assert tasks
    assert {(task / "stat").read_text().rpartition(")")[2].split()[16] for task in tasks} == {"19"}
