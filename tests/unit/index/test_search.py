from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from msgspec import Raw
from msgspec.structs import replace as replace_record

from logkeep.errors import InputError
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.index.restored import RestoredLines, Where
from logkeep.index.search import (
    MAX_BUCKETS,
    MAX_PAGE,
    MAX_VALUES,
    Bucket,
    Order,
    Scope,
    bounds,
    histogram,
    search_page,
    slices,
    top_values,
)
from logkeep.index.search import pages as scan_pages
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.query.sql_field import value_expression
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame
from logkeep.timeline import MAX_MS, Hour, TimeRange

# Ids 1 to 60; six lines share each time from 1000 to 1009.
LINES = [
    Record(
        lid=str(number + 1),
        ts=1000 + number // 6,
        rx=5000,
        account="main" if number < 54 else "other",
        host=f"web-{number % 3}" if number % 5 else "",
        level="error" if number % 6 == 0 else "",
        tag=("all", "even") if number % 2 == 0 else ("all",),
        line=f'{{"status":{200 + number % 2},"user":{{"id":"u{number % 4}"}}}}',
    )
    for number in range(60)
]


@pytest.fixture(scope="module")
def lines(engine: ChdbEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """The engine, with the lines in it."""
    live = LiveLines(engine, tmp_path_factory.mktemp("work"))
    payload = encode_lines(LINES)
    live.add([frame_of(payload)], some_may_be_there=False)
    yield engine
    engine.run("DROP TABLE live SYNC")


def frame_of(payload: bytes) -> Frame:
    return Frame(
        seq=1,
        account="main",
        archive="main",
        indexed=True,
        hour=Hour(0),
        lines=60,
        raw_bytes=len(payload),
        min_ts=1000,
        max_ts=1009,
        first_lid=1,
        last_lid=60,
        rx=5000,
        data=zstandard.compress(payload),
    )


def scope(query: str = "", *, start: int = 0, end: int = MAX_MS, account: str = "main") -> Scope:
    condition = compile_sql(parse(query))
    return Scope(table="live", account=account, range=TimeRange(start=start, end=end), condition=condition)


def pages(engine: ChdbEngine, order: Order, limit: int) -> list[list[int]]:
    """The ids of all pages."""
    found: list[list[int]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = search_page(engine, scope(), order=order, limit=limit, cursor=cursor)
        found.append([int(record.lid) for record in page.records])
        cursor = page.cursor
    return found


@pytest.mark.parametrize("limit", [1, 4, 6, 7, 53, 54, 55, MAX_PAGE])
@pytest.mark.parametrize("order", Order)
def test_pages_hold_every_line_once_and_in_order(lines: ChdbEngine, order: Order, limit: int) -> None:
    all_ids = list(range(1, 55)) if order is Order.OLDEST else list(range(54, 0, -1))
    assert pages(lines, order, limit) == [all_ids[start : start + limit] for start in range(0, 54, limit)]


def test_a_page_holds_whole_records(lines: ChdbEngine) -> None:
    page = search_page(lines, scope(start=1008), order=Order.OLDEST, limit=6)
    assert encode_lines(page.records) == encode_lines(LINES[48:54])
    assert page.cursor is None


def test_a_search_sees_its_account_its_range_and_its_query_alone(lines: ChdbEngine) -> None:
    def ids(what: Scope) -> list[str]:
        return [record.lid for record in search_page(lines, what, order=Order.OLDEST, limit=100).records]

    assert ids(scope(account="other")) == ["55", "56", "57", "58", "59", "60"]
    assert ids(scope(account="nobody")) == []
    assert len(ids(scope(account=""))) == 60
    assert ids(scope("level:error", start=1001, end=1004)) == ["7", "13", "19"]
    assert ids(scope("level:error OR level:error", start=1001, end=1004, account="other")) == []
    assert ids(scope("nothing")) == []


@pytest.mark.parametrize(("order", "other"), [(Order.NEWEST, Order.OLDEST), (Order.OLDEST, Order.NEWEST)])
def test_a_cursor_leads_to_what_stands_before_its_record_too(
    lines: ChdbEngine, order: Order, other: Order
) -> None:
    first = search_page(lines, scope(), order=order, limit=10)
    second = search_page(lines, scope(), order=order, limit=10, cursor=first.cursor or "")
    back = search_page(lines, scope(), order=other, limit=10, cursor=second.cursors[0])
    assert back.records == first.records[::-1]


def test_a_page_begins_behind_any_record_of_another(lines: ChdbEngine) -> None:
    page = search_page(lines, scope(), order=Order.OLDEST, limit=10)
    for number, cursor in enumerate(page.cursors):
        following = search_page(lines, scope(), order=Order.OLDEST, limit=1, cursor=cursor).records
        assert [record.lid for record in following] == [str(number + 2)]


@pytest.mark.parametrize("limit", [10, 101])
def test_long_lines_come_cut_and_say_how_long_they_are(
    engine: ChdbEngine, tmp_path: Path, limit: int
) -> None:
    account = f"cut-{limit}"
    long = [
        Record(lid="201", ts=3000, rx=5000, account=account, line="日" * 10),
        Record(lid="202", ts=3001, rx=5000, account=account, line="日" * 11 + "!", host="h"),
        Record(lid="203", ts=3002, rx=5000, account=account, line="short", meta=Raw(b'{"a":1}')),
        Record(
            lid="204", ts=3003, rx=5000, account=account, line="meta", meta=Raw(b'{"a":"%b"}' % (b"x" * 40))
        ),
        Record(lid="205", ts=3004, rx=5000, account=account, line="raw", raw="QUJD" * 11),
    ]
    LiveLines(engine, tmp_path).add([frame_of(encode_lines(long))], some_may_be_there=False)
    page = search_page(engine, scope(account=account), order=Order.OLDEST, limit=limit, cut=10)
    assert page.lengths == [0, 12, 0, 4, 3]
    assert page.records == [
        long[0],
        replace_record(long[1], line="日" * 10),
        long[2],
        replace_record(long[3], meta=Raw()),
        replace_record(long[4], raw=""),
    ]
    found = search_page(engine, scope('"!"', account=account), order=Order.NEWEST, limit=limit, cut=10)
    assert [record.lid for record in found.records] == ["202"]  # what is cut off is looked at all the same
    whole = search_page(engine, scope(account=account), order=Order.OLDEST, limit=limit)
    assert (whole.records, whole.lengths) == (long, [0] * 5)


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_a_page_has_its_bounds(lines: ChdbEngine, limit: int) -> None:
    with pytest.raises(InputError, match=f"limit is {limit}, not 1 to 10000"):
        search_page(lines, scope(), order=Order.NEWEST, limit=limit)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "é", "====", "MTAwMA", " ", "0", "null", encoded("1000.1") + "=", encoded("1000.1") + "!"),
        *map(
            encoded,
            ("1000", "1000.1.2", "1000.x", "-1.5", "1000.-1", "1000. 1", "1_000.1", "1000.01", "\x00"),
        ),
        *map(
            encoded,
            (f"{10**30}.1", f"1000.{2**64}", "1e3.1", "\u0661.\u0661", "1000.1' OR 1"),
        ),
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(lines: ChdbEngine, cursor: str) -> None:
    with pytest.raises(InputError) as caught:
        search_page(lines, scope(), order=Order.NEWEST, limit=1, cursor=cursor)
    assert caught.value.message == f"{cursor!r} is no cursor"


def test_a_histogram_counts_every_line_once_by_level(lines: ChdbEngine) -> None:
    assert histogram(lines, scope(start=1001, end=1004), interval_ms=1) == [
        Bucket(ts=ts, levels={"": 5, "error": 1}) for ts in (1001, 1002, 1003)
    ]
    assert histogram(lines, scope(), interval_ms=MAX_MS) == [Bucket(ts=0, levels={"": 45, "error": 9})]
    steps = histogram(lines, scope(start=1000, end=1010), interval_ms=4)
    assert [(bucket.ts, sum(bucket.levels.values())) for bucket in steps] == [
        (1000, 24),
        (1004, 24),
        (1008, 6),
    ]
    assert histogram(lines, scope("nothing", end=100), interval_ms=1) == []


@pytest.mark.parametrize(("interval", "span"), [(0, 10), (-1, 10), (1, MAX_BUCKETS + 1), (60_000, MAX_MS)])
def test_a_histogram_of_too_many_steps_is_refused(lines: ChdbEngine, interval: int, span: int) -> None:
    with pytest.raises(InputError, match=f"an interval of {interval} ms makes more than 10000 steps"):
        histogram(lines, scope(end=span), interval_ms=interval)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("host", [("web-1", 15), ("web-0", 14), ("web-2", 14)]),
        ("level", [("error", 9)]),
        ("tag", [("all", 54), ("even", 27)]),
        ("status", [("200", 27), ("201", 27)]),
        ("user.id", [("u0", 14), ("u1", 14), ("u2", 13), ("u3", 13)]),
        ("meta.region", []),
        ("missing", []),
    ],
)
def test_the_most_frequent_values_come_first(
    lines: ChdbEngine, field: str, values: list[tuple[str, int]]
) -> None:
    assert top_values(lines, scope(), expression=value_expression(field), limit=10) == values
    assert top_values(lines, scope(), expression=value_expression(field), limit=1) == values[:1]


@pytest.mark.parametrize("limit", [0, MAX_VALUES + 1])
def test_values_have_their_bounds(lines: ChdbEngine, limit: int) -> None:
    with pytest.raises(InputError, match=f"limit is {limit}, not 1 to 1000"):
        top_values(lines, scope(), expression=value_expression("host"), limit=limit)


def test_the_bounds_of_a_scope_hold_its_first_and_last_line(lines: ChdbEngine) -> None:
    assert bounds(lines, scope("level:error", start=1002)) == TimeRange(start=1002, end=1009)
    assert bounds(lines, scope("nothing")) is None
    assert bounds(lines, scope(start=1003, end=1004)) == TimeRange(start=1003, end=1004)


def test_lines_that_arrive_between_two_pages_repeat_nothing(
    engine: ChdbEngine, lines: ChdbEngine, tmp_path: Path
) -> None:
    first = search_page(lines, scope(account="other"), order=Order.NEWEST, limit=3)
    late = [
        Record(lid="100", ts=1009, rx=5000, account="other", line="late"),
        Record(lid="101", ts=2000, rx=5000, account="other", line="new"),
    ]
    LiveLines(engine, tmp_path).add([frame_of(encode_lines(late))], some_may_be_there=False)
    second = search_page(
        lines, scope(account="other"), order=Order.NEWEST, limit=3, cursor=first.cursor or ""
    )
    ids = [[record.lid for record in page.records] for page in (first, second)]
    assert (ids, second.cursor) == ([["60", "59", "58"], ["57", "56", "55"]], None)


@pytest.mark.parametrize(
    ("most_lines", "most_bytes"),
    [(1, 1 << 30), (6, 1 << 30), (7, 1 << 30), (20, 1 << 30), (1000, 300), (1000, 1)],
)
def test_slices_hold_every_line_once_and_no_more_than_they_may(
    lines: ChdbEngine, most_lines: int, most_bytes: int
) -> None:
    found = list(slices(lines, scope(), lines=most_lines, size=most_bytes))
    ids = [
        [int(record.lid) for record in page.records]
        for one in found
        for page in [search_page(lines, replace(scope(), range=one.range), order=Order.OLDEST, limit=100)]
    ]
    assert [lid for some in ids for lid in some] == list(range(1, 55))
    assert [one.lines for one in found] == [len(some) for some in ids]
    for one in found:
        in_one_ms = one.range.end - one.range.start == 1
        assert in_one_ms or (one.lines <= most_lines and one.bytes <= most_bytes)


def test_slices_of_nothing_are_none(lines: ChdbEngine) -> None:
    for none in (scope("nothing"), scope(start=1005, end=1006, account="nobody")):
        assert list(slices(lines, none, lines=10, size=10)) == []


@pytest.mark.parametrize("most", [1, 6, 10, 1000])
def test_pages_in_a_row_are_the_whole_scope(
    lines: ChdbEngine, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("logkeep.index.search._SLICE_LINES", most)
    found = list(scan_pages(lines, scope()))
    assert encode_lines([record for page in found for record in page.records]) == encode_lines(LINES[:54])
    assert (len(found) > 1) == (most < 54)
    some = [
        record.lid for page in scan_pages(lines, scope("level:error", start=1001)) for record in page.records
    ]
    assert some == [str(number) for number in range(7, 55, 6)]


@pytest.mark.parametrize("most", [1, 6, 1000])
def test_pages_can_begin_behind_any_line(
    lines: ChdbEngine, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("logkeep.index.search._SLICE_LINES", most)
    whole = [
        (record, number)
        for page in scan_pages(lines, scope())
        for record, number in zip(page.records, page.numbers, strict=True)
    ]
    assert [number for _, number in whole] == [int(record.lid) for record in LINES[:54]]
    for upto in (0, 1, 17, 52, 53):
        record, number = whole[upto]
        rest = [one for page in scan_pages(lines, scope(), after=(record.ts, number)) for one in page.records]
        assert encode_lines(rest) == encode_lines(LINES[upto + 1 : 54])


def test_a_page_of_restored_lines_names_their_objects(engine: ChdbEngine, tmp_path: Path) -> None:
    table = RestoredLines(engine, "cd34")
    table.create(merging=False)
    for number in range(2):
        file = tmp_path / f"{number:05d}.json.gz"
        file.write_bytes(gzip.compress(b'{"_lid":"%d","_ts":%d,"_line":"x"}\n' % (number + 1, 9 - number)))
    everything = Where(sql="1", params={}, from_ms=0, to_ms=MAX_MS)
    table.load(str(tmp_path / "*.json*"), 0, everything, ["a", "b"], new_only=False)
    restored = replace(scope(account=""), table=table.name, objects=True)
    page = search_page(engine, restored, order=Order.OLDEST, limit=10)
    assert ([record.lid for record in page.records], page.objects) == (["2", "1"], ["b", "a"])
    # What a line does not have is not there, as in the archive.
    assert encode_lines(page.records[:1]) == b'{"_lid":"2","_ts":8,"_line":"x"}\n'
    assert [one.objects for one in scan_pages(engine, restored)] == [["b", "a"]]
    plain = search_page(engine, replace(restored, objects=False), order=Order.OLDEST, limit=10)
    assert plain.objects is None
    table.drop()
