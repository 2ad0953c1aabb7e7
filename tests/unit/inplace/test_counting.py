from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.errors import InputError
from logkeep.index.engine import ChdbEngine
from logkeep.index.search import Bucket, Order
from logkeep.inplace import steps
from logkeep.inplace.counting import Count
from logkeep.inplace.places import Place, span_of
from logkeep.inplace.reading import Large
from logkeep.inplace.steps import usual_step
from logkeep.query.parse import parse
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import TimeRange

from .archive import START, by_plain_loop, put, record
from .test_search import OBJECT, generated

HOUR_MS = 3_600_000


def count(
    *folders: Path,
    query: str = "*",
    within: TimeRange | None = None,
    interval_ms: int | None = 0,
    large: Large | None = None,
) -> tuple[list[Bucket], Count]:
    places = [Place(bucket=FolderBucket(folder)) for folder in folders]
    counted = Count(places, parse(query), within, interval_ms=interval_ms, large=large)
    return counted.run(), counted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An hour in one object, and one in two that share a line."""
    folder = tmp_path / "archive"
    put(folder, [record(at, at + 1, "a", "info") for at in range(10)], [record(60_000, 50, "b", "warn")])
    put(folder, [record(HOUR_MS, 60, "a", "info"), record(HOUR_MS + 1, 62, "a", "warn")], hour=1)
    put(folder, [record(HOUR_MS, 60, "a", "info"), record(HOUR_MS + 1, 61, "a", "warn")], hour=1, part=1)
    return folder


def test_lines_are_counted_once(folder: Path) -> None:
    _, counted = count(folder, query="a")
    assert (counted.outcome.lines, counted.outcome.complete) == (13, True)


def test_a_histogram_has_the_steps_with_lines_by_level(folder: Path) -> None:
    buckets, _ = count(folder, interval_ms=60_000)
    assert buckets == [
        Bucket(ts=START, levels={"info": 10}),
        Bucket(ts=START + 60_000, levels={"warn": 1}),
        Bucket(ts=START + HOUR_MS, levels={"info": 1, "warn": 2}),
    ]


@pytest.mark.parametrize("interval_ms", [0, 1, 60_000])
def test_the_engine_counts_the_same(
    folder: Path, tmp_path: Path, engine: ChdbEngine, interval_ms: int
) -> None:
    large = Large(engine=engine, work=tmp_path / "work", after=0)
    for query in ("*", "a", "b", "level:warn", "c"):
        expected, in_python = count(folder, query=query, interval_ms=interval_ms)
        buckets, by_engine = count(folder, query=query, interval_ms=interval_ms, large=large)
        assert (buckets, by_engine.outcome) == (expected, in_python.outcome)
    assert (tmp_path / "work").exists()


def test_steps_that_nobody_chose_fit_what_is_found(folder: Path) -> None:
    buckets, counted = count(folder, interval_ms=None)
    assert counted.interval_ms == 60_000
    assert buckets == count(folder, interval_ms=60_000)[0]
    buckets, counted = count(folder, query="b", interval_ms=None)
    assert (counted.interval_ms, buckets) == (1, [Bucket(ts=START + 60_000, levels={"warn": 1})])
    assert count(folder, query="c", interval_ms=None)[0] == []


def test_steps_grow_with_the_lines_that_are_found(tmp_path: Path) -> None:
    times = [at * at * 1000 for at in range(1000)]
    for hour in range(278):
        if here := [at for at in times if at // HOUR_MS == hour]:
            put(tmp_path, [record(at, at + 1, "a", "info") for at in here], hour=hour, manifest=hour % 2 == 0)
    buckets, counted = count(tmp_path, interval_ms=None)
    step = counted.interval_ms
    assert step == usual_step(TimeRange(start=0, end=times[-1] + 1)) == 10_800_000
    assert {one.ts: one.levels["info"] for one in buckets} == Counter(
        (START + at) // step * step for at in times
    )


def test_too_many_steps_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="more than 10000 steps"):
        count(folder, within=TimeRange(start=START, end=START + HOUR_MS), interval_ms=1)


def test_the_span_is_that_of_the_objects_within_the_range(folder: Path) -> None:
    places = [Place(bucket=FolderBucket(folder))]
    assert span_of(places, None) == TimeRange(start=START, end=START + 2 * HOUR_MS)
    within = TimeRange(start=START + 5, end=START + 100 * HOUR_MS)
    assert span_of(places, within) == TimeRange(start=START + 5, end=START + 2 * HOUR_MS)
    assert span_of(places, TimeRange(start=0, end=5)) is None
    assert span_of(places, None, lambda: True) is None


def test_the_usual_step_makes_no_more_than_120() -> None:
    assert usual_step(TimeRange(start=0, end=HOUR_MS)) == 30_000
    assert usual_step(TimeRange(start=0, end=24 * HOUR_MS)) == 1_800_000


def test_every_usual_step_is_a_multiple_of_the_one_before() -> None:
    """So that counts in steps can be taken together to longer ones."""
    assert all(longer % shorter == 0 for shorter, longer in pairwise(steps._STEPS_MS))


@settings(max_examples=40)
@given(
    objects=st.lists(OBJECT, max_size=5),
    query=st.sampled_from(["*", "alpha", "NOT gamma"]),
    within=st.sampled_from([None, (0, 20), (10, 3_600_020)]),
)
def test_it_counts_what_a_plain_loop_finds(
    objects: list[tuple[int, int, bool, list[list[tuple[int, int, str]]]]],
    query: str,
    within: tuple[int, int] | None,
) -> None:
    """A writer of manifests gives every line an id of its own, so an object that has one repeats nothing."""
    objects = [one for one in objects if not one[2] or not _repeats(one[3])]
    with TemporaryDirectory() as root:
        folders = [Path(root) / "one", Path(root) / "two"]
        generated(folders, objects)
        asked = TimeRange(start=START + within[0], end=START + within[1]) if within else None
        expected = by_plain_loop(folders, query, asked, Order.OLDEST, 0)
        _, counted = count(*folders, query=query, within=asked)
        assert counted.outcome.lines == len(expected)
        buckets, _ = count(*folders, query=query, within=asked, interval_ms=HOUR_MS)
        assert {one.ts: sum(one.levels.values()) for one in buckets} == Counter(
            hit.ts // HOUR_MS * HOUR_MS for hit in expected
        )


def _repeats(blocks: list[list[tuple[int, int, str]]]) -> bool:
    ids = [(ts, lid) for block in blocks for ts, lid, _ in block if lid]
    return len(set(ids)) < len(ids)
