from __future__ import annotations

import json
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
from logkeep.index.live import DAY_MS, Key, LiveLines, yield_processor_to_queries
from logkeep.index.search import Order, Scope, search_page
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.record import Record, decode_line, encode_lines
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
        archive="main",
        indexed=True,
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


def line(lid: int, *, rx: int = RX, text: str = "x", account: str = "main") -> Record:
    return Record(lid=str(lid), ts=lid, rx=rx, account=account, line=text)


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
    assert drop_expired(live, retention_s=2 * 86_400 + 1, of_accounts={}, clock=lambda: now) == []
    assert drop_expired(live, retention_s=2 * 86_400, of_accounts={}, clock=lambda: now) == [0]
    assert lids(engine) == [2]


def kept_lines(engine: ChdbEngine) -> list[tuple[int, str]]:
    """(day of receipt, account) of every line."""
    rows = engine.rows(
        f"SELECT intDiv(_rx, {DAY_MS}) AS day, _account AS account FROM live ORDER BY day, account"
    )
    return [(row["day"], row["account"]) for row in rows]


def add_days(live: LiveLines, days: int, accounts: str) -> None:
    for day in range(days):
        records = [line(100 * day + n, rx=day * DAY_MS + n, account=a) for n, a in enumerate(accounts, 1)]
        live.add([frame(*records)], some_may_be_there=False)


def mutations(engine: ChdbEngine) -> int:
    found: int = engine.rows("SELECT count() AS n FROM system.mutations WHERE table = 'live'")[0]["n"]
    return found


def test_each_account_has_its_own_retention(engine: ChdbEngine, live: LiveLines) -> None:
    """Four days are over for 0, 1, 2 and 3 days; `a` keeps 1 day, `b` 3, the others 2."""
    add_days(live, 4, "abc")
    retentions = {"a": 86_400, "b": 3 * 86_400, "c": 0, "it's nobody": 1}
    whole = drop_expired(live, retention_s=2 * 86_400, of_accounts=retentions, clock=lambda: 4 * DAY_MS)
    assert (whole, kept_lines(engine)) == ([0], [(1, "b"), (2, "b"), (2, "c"), (3, "a"), (3, "b"), (3, "c")])
    done = mutations(engine)
    again = drop_expired(live, retention_s=2 * 86_400, of_accounts=retentions, clock=lambda: 4 * DAY_MS)
    assert (again, mutations(engine), len(kept_lines(engine))) == ([], done, 6)


def test_a_retention_that_ends_a_millisecond_later_drops_nothing(engine: ChdbEngine, live: LiveLines) -> None:
    add_days(live, 1, "ab")

    def drop(now: int) -> list[int]:
        return drop_expired(live, retention_s=9 * 86_400, of_accounts={"a": 86_400}, clock=lambda: now)

    assert (drop(2 * DAY_MS - 1), kept_lines(engine)) == ([], [(0, "a"), (0, "b")])
    assert (drop(2 * DAY_MS), kept_lines(engine)) == ([], [(0, "b")])


def test_room_is_given_back_where_most_of_a_day_went(engine: ChdbEngine, live: LiveLines) -> None:
    def stored() -> int:
        rows = engine.rows("SELECT sum(rows) AS n FROM system.parts WHERE table = 'live' AND active")
        return int(rows[0]["n"])

    add_days(live, 1, "abcde")
    assert (live.drop_lines(0, ["a", "b"]), stored(), len(kept_lines(engine))) == (True, 5, 3)
    assert (live.drop_lines(0, ["e"], all_but=True), stored()) == (True, 1)
    assert (live.drop_lines(0, [], all_but=True), kept_lines(engine)) == (True, [])
    assert (live.drop_lines(0, [], all_but=True), live.drop_lines(9, ["a"])) == (False, False)


def test_lines_of_an_account_are_dropped_on_all_days_and_can_come_again(
    engine: ChdbEngine, live: LiveLines
) -> None:
    add_days(live, 3, "ab")
    assert (live.drop_account("a"), live.drop_account("a")) == (True, False)
    assert kept_lines(engine) == [(0, "b"), (1, "b"), (2, "b")]
    add_days(live, 1, "a")
    assert kept_lines(engine) == [(0, "a"), (0, "b"), (1, "b"), (2, "b")]


def canonical(live: LiveLines, account: str, start: int, end: int, limit: int) -> list[list[bytes]]:
    """All pages."""
    pages: list[list[bytes]] = []
    after: Key | None = None
    while page := live.lines_of(account, start, end, after, limit):
        pages.append([each.line for each in page])
        after = page[-1].key
    return pages


def test_lines_of_an_account_come_in_the_order_of_their_keys(live: LiveLines) -> None:
    times = [5, 5, 5, 6, 9, 10, 4]
    records = [msgspec.structs.replace(line(lid), ts=ts) for lid, ts in enumerate(times, 1)]
    live.add([frame(*records, line(8, account="other"))], some_may_be_there=False)
    live.add([frame(msgspec.structs.replace(line(2**62), ts=5))], some_may_be_there=False)
    pages = canonical(live, "main", 5, 10, 2)
    found = [[int(decode_line(each).lid) for each in page] for page in pages]
    assert found == [[1, 2], [3, 2**62], [4, 5]]
    [first, *_] = live.lines_of("main", 5, 10, None, 100)
    assert (first.key, first.record.line, live.lines_of("nobody", 0, 99, None, 9)) == ((5, 1), "x", [])


def test_the_lines_of_an_account_are_byte_for_byte_those_of_intake(live: LiveLines) -> None:
    base = line(1, text="")
    texts = ("", " ", "\r\n\t\0\x1b\x7f\x85\u2028\u2029", "\\\"/<>&'", "\U0001f600é\ufffd\ufeff", "x" * 5000)
    metas = (
        '{"b": 1.50, "a" : [1,2 ,{"z":null}],"b":2}',
        '{"u":"\\u00e9é\\/"}',
        "[ ]",
        "-0.0",
        "1E400",
        "true",
    )
    records = [
        base,
        *(msgspec.structs.replace(base, line=text, host=text, tag=(text, "", text)) for text in texts),
        *(msgspec.structs.replace(base, meta=msgspec.Raw(meta.encode())) for meta in metas),
        msgspec.structs.replace(base, ns=999_999, raw="/w==", line="\ufffd"),
        msgspec.structs.replace(base, app="a", file="f", env="e", level="weird LEVEL", rx=RX + 1),
        msgspec.structs.replace(base, meta=msgspec.Raw('"é ☃ \\"quoted\\" and \\n"'.encode())),
    ]
    records = [msgspec.structs.replace(r, lid=str(2**53 + n)) for n, r in enumerate(records)]
    live.add([frame(*records)], some_may_be_there=False)
    assert canonical(live, "main", 0, 9, 4) == [
        [encode_lines([record]) for record in records[start : start + 4]]
        for start in range(0, len(records), 4)
    ]


JSON_OBJECTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
).map(lambda value: {"any": value})


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(JSON_OBJECTS, st.booleans(), st.text()), min_size=1, max_size=5))
def test_any_object_for_a_meta_comes_back_byte_for_byte(
    engine: ChdbEngine, live: LiveLines, metas: list[tuple[object, bool, str]]
) -> None:
    engine.run("TRUNCATE TABLE live")
    records = [
        msgspec.structs.replace(
            line(lid, text=text), meta=msgspec.Raw(json.dumps(value, ensure_ascii=escaped).encode())
        )
        for lid, (value, escaped, text) in enumerate(metas, 1)
    ]
    live.add([frame(*records)], some_may_be_there=False)
    assert canonical(live, "main", 0, 99, 2) == [
        [encode_lines([record]) for record in records[start : start + 2]]
        for start in range(0, len(records), 2)
    ]


@pytest.mark.parametrize(
    ("came", "comes_back"),
    [('"\\u0041"', '"A"'), ('"5"', "5"), ('"[1]"', "[1]"), ('"null"', "null"), ('""', "")],
)
def test_of_a_meta_that_is_a_text_only_what_it_says_comes_back(
    live: LiveLines, came: str, comes_back: str
) -> None:
    """What LiveLines.lines_of says about its one exception."""
    record = msgspec.structs.replace(line(1), meta=msgspec.Raw(came.encode()))
    live.add([frame(record)], some_may_be_there=False)
    [found] = live.lines_of("main", 0, 9, None, 9)
    assert bytes(found.record.meta) == comes_back.encode()


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
