from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.index.engine import ChdbEngine
from logkeep.index.search import Order
from logkeep.inplace import engine as by_engine
from logkeep.inplace.lines import Effort
from logkeep.inplace.places import Place
from logkeep.inplace.reading import Large
from logkeep.inplace.search import Hit, Search
from logkeep.query.parse import parse
from logkeep.record import Record
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import TimeRange

from .archive import START, Counting, by_plain_loop, put, record

MINUTE = 60_000


def search(
    *folders: Path,
    query: str = "*",
    within: TimeRange | None = None,
    order: Order = Order.NEWEST,
    limit: int = 0,
    large: Large | None = None,
) -> tuple[list[Hit], Search]:
    places = [Place(bucket=FolderBucket(folder)) for folder in folders]
    done = Search(places, parse(query), within, order=order, limit=limit, large=large)
    return [hit for hits in done for hit in hits], done


def texts(hits: Sequence[Hit]) -> list[str]:
    return [hit.line.decode().rpartition('"_line":"')[2].partition('"')[0] for hit in hits]


def hour_of_minutes(
    first_id: int, hour: int = 0, *, minutes: int = 60, padding: int = 0
) -> list[list[Record]]:
    """A block for each minute, of ten lines."""
    return [
        [
            record(
                hour * 60 * MINUTE + minute * MINUTE + at,
                first_id + minute * 10 + at,
                f"{hour}:{minute}.{at} {'common' if at % 2 else 'other'}{' ' * padding}",
            )
            for at in range(10)
        ]
        for minute in range(minutes)
    ]


def test_the_newest_lines_come_first_and_few_blocks_are_read_for_them(tmp_path: Path) -> None:
    for hour in range(2):
        put(tmp_path, *hour_of_minutes(1000 * hour, hour, minutes=20, padding=80_000), hour=hour)
    bucket = Counting(tmp_path)
    found = Search([Place(bucket=bucket)], parse("common"), None, limit=7)
    hits = [hit for batch in found for hit in batch]
    assert [text.strip() for text in texts(hits)] == [f"1:19.{at} common" for at in (9, 7, 5, 3, 1)] + [
        "1:18.9 common",
        "1:18.7 common",
    ]
    assert len(bucket.read) <= 6
    assert {key for key, _ in bucket.read} == {hits[0].key}
    outcome = found.outcome
    assert (outcome.lines, outcome.complete, outcome.damage) == (7, True, ())
    assert outcome.blocks_read == len(bucket.read)
    assert outcome.bytes_read == sum(length for _, (_, length) in bucket.read)


def test_the_oldest_lines_come_first_when_that_is_asked_for(tmp_path: Path) -> None:
    for hour in range(2):
        put(tmp_path, *hour_of_minutes(1000 * hour, hour, minutes=20, padding=80_000), hour=hour)
    hits, done = search(tmp_path, query="common", order=Order.OLDEST, limit=2)
    assert [text.strip() for text in texts(hits)] == ["0:0.1 common", "0:0.3 common"]
    assert done.outcome.blocks_read < 10


def test_lines_of_late_objects_stand_where_their_time_is(tmp_path: Path) -> None:
    put(tmp_path, [record(0, 1, "a"), record(10, 2, "c")], [record(20, 3, "e")])
    put(tmp_path, [record(5, 4, "b"), record(25, 6, "f")], [record(11, 5, "d")], part=1)
    assert texts(search(tmp_path, order=Order.OLDEST)[0]) == list("abcdef")
    assert texts(search(tmp_path)[0]) == list("fedcba")


def test_lines_come_before_the_search_is_over(tmp_path: Path) -> None:
    for hour in range(2):
        put(tmp_path, *hour_of_minutes(1000 * hour, hour, minutes=20, padding=80_000), hour=hour)
    bucket = Counting(tmp_path)
    found = iter(Search([Place(bucket=bucket)], parse("*"), None))
    assert texts(next(found))[0].strip() == "1:19.9 common"
    assert len(bucket.read) < 20
    found.close()


def test_a_line_of_the_same_id_and_time_is_found_once(tmp_path: Path) -> None:
    put(tmp_path, [record(0, 1, "a"), record(0, 2, "b"), record(1, "", "x")])
    put(tmp_path, [record(0, 2, "b"), record(0, 2, "b"), record(3, 2, "c"), record(1, "", "x")], part=1)
    assert texts(search(tmp_path, order=Order.OLDEST)[0]) == ["a", "b", "x", "x", "c"]
    assert texts(search(tmp_path, limit=3)[0]) == ["c", "x", "x"]
    assert texts(search(tmp_path, limit=4)[0]) == ["c", "x", "x", "b"]


def test_places_are_searched_together(tmp_path: Path) -> None:
    put(tmp_path / "one", [record(0, 1, "a"), record(2, 3, "c")])
    put(tmp_path / "two", [record(1, 2, "b"), record(2, 3, "c")])
    hits, _ = search(tmp_path / "one", tmp_path / "two", order=Order.OLDEST)
    assert [(text, hit.place) for text, hit in zip(texts(hits), hits, strict=True)] == [
        ("a", 0),
        ("b", 1),
        ("c", 0),
    ]


def test_an_account_may_be_named(tmp_path: Path) -> None:
    put(tmp_path, [record(0, 1, "a")])
    bucket = FolderBucket(tmp_path)
    assert list(Search([Place(bucket=bucket, account="shop")], parse("*"), None)) == []
    assert len(list(Search([Place(bucket=bucket, account="main")], parse("*"), None))) == 1


def test_a_search_that_is_stopped_ends_and_says_that_it_is_not_complete(tmp_path: Path) -> None:
    for hour in range(3):
        put(tmp_path, *hour_of_minutes(1000 * hour, hour, minutes=20, padding=80_000), hour=hour)
    stopped = threading.Event()
    found = Search([Place(bucket=FolderBucket(tmp_path))], parse("*"), None, stopped=stopped.is_set)
    for _ in found:
        stopped.set()
    assert not found.outcome.complete
    assert found.outcome.lines < 600


def test_nothing_there_is_a_complete_search(tmp_path: Path) -> None:
    hits, done = search(tmp_path)
    assert (hits, done.outcome.complete, done.outcome.objects) == ([], True, 0)


WORDS = ("alpha", "beta", "gamma")
LINES = st.tuples(st.integers(0, 40), st.integers(0, 25), st.sampled_from(WORDS))
OBJECT = st.tuples(
    st.integers(0, 1),  # place
    st.integers(0, 2),  # hour
    st.booleans(),  # with manifest
    st.lists(st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=4),
)


def generated(
    folders: Sequence[Path], objects: Sequence[tuple[int, int, bool, list[list[tuple[int, int, str]]]]]
) -> None:
    for folder in folders:
        folder.mkdir()
    for part, (place, hour, manifest, blocks) in enumerate(objects):
        records = [
            [record(hour * 3_600_000 + ts, lid or "", f"{word} {ts}/{lid}") for ts, lid, word in block]
            for block in blocks
        ]
        put(folders[place], *records, hour=hour, part=part, manifest=manifest)


@settings(max_examples=60)
@given(
    objects=st.lists(OBJECT, max_size=5),
    query=st.sampled_from(["*", "alpha", "alpha OR beta", "NOT gamma", "id:7", "zeta"]),
    within=st.sampled_from([None, (0, 20), (10, 3_600_020), (3_600_000, 3_600_001)]),
    order=st.sampled_from(list(Order)),
    limit=st.sampled_from([0, 1, 3, 100]),
)
def test_it_finds_what_a_plain_loop_finds(
    objects: list[tuple[int, int, bool, list[list[tuple[int, int, str]]]]],
    query: str,
    within: tuple[int, int] | None,
    order: Order,
    limit: int,
) -> None:
    with TemporaryDirectory() as root:
        folders = [Path(root) / "one", Path(root) / "two"]
        generated(folders, objects)
        asked = TimeRange(start=START + within[0], end=START + within[1]) if within else None
        hits, done = search(*folders, query=query, within=asked, order=order, limit=limit)
        expected = by_plain_loop(folders, query, asked, order, limit)
        assert [(hit.ts, hit.lid, hit.line) for hit in hits] == [
            (hit.ts, hit.lid, hit.line) for hit in expected
        ]
        assert (done.outcome.damage, done.outcome.complete) == ((), True)


@pytest.mark.parametrize("order", list(Order))
def test_the_engine_finds_the_same_lines(tmp_path: Path, engine: ChdbEngine, order: Order) -> None:
    first = [
        [
            record(
                minute * MINUTE + at, 10 * minute + at + 1, f'{{"status":{400 + at},"n":{minute}}}', "warn"
            )
            for at in range(10)
        ]
        for minute in range(30)
    ]
    first[3][4].meta = first[3][5].meta = type(first[3][4].meta)(b'{"a":[1,"x"]}')
    first[3][6].meta = type(first[3][6].meta)(b'"quoted"')
    first[3][7].tag = ("t1", "t2")
    first[3][8].lid = ""
    put(tmp_path / "archive", *first)
    put(
        tmp_path / "archive", *[[record(MINUTE + at, 1000 + at, '{"status":409}')] for at in range(5)], part=1
    )
    put(tmp_path / "archive", *hour_of_minutes(5000, 1), hour=1, manifest=False)
    large = Large(engine=engine, work=tmp_path / "work", after=0)
    for query in ("status:>=405", "status:>=405 level:warn", "NOT status:>=402"):
        for limit in (0, 5):
            found, done = search(tmp_path / "archive", query=query, order=order, limit=limit, large=large)
            in_python, _ = search(tmp_path / "archive", query=query, order=order, limit=limit)
            assert found == in_python
            assert done.outcome.complete
    assert list((tmp_path / "work").iterdir()) == []


def test_where_very_many_lines_match_the_engine_gives_way(
    tmp_path: Path, engine: ChdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "archive", *hour_of_minutes(5000, 0))
    large = Large(engine=engine, work=tmp_path / "work", after=0)
    expected = search(tmp_path / "archive", query="NOT zeta", large=large)[0]
    monkeypatch.setattr(by_engine, "_MOST_LINES", 3)
    monkeypatch.setattr(by_engine, "MOST_BYTES", 1000)
    monkeypatch.setattr(by_engine, "_PIECE_BYTES", 1)
    for order in Order:
        found, done = search(tmp_path / "archive", query="NOT zeta", order=order, large=large)
        assert {hit.line for hit in found} == {hit.line for hit in expected}
        assert len(found) == len(expected)
        assert done.outcome.blocks_read == done.outcome.blocks


def test_what_was_long_ago_counts_for_less() -> None:
    effort = Effort()
    for _ in range(10):
        effort.add(raw_bytes=32 << 20, tested=100_000, found=0)
    assert effort.found * 4 < effort.tested
    for _ in range(3):
        effort.add(raw_bytes=32 << 20, tested=100_000, found=100_000)
    assert effort.found * 4 > effort.tested
    assert effort.raw_bytes == 13 * (32 << 20)
