from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from logkeep import indexer as module
from logkeep.errors import EngineError, LogkeepError, Overloaded
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.indexer import Indexer
from logkeep.intake import Intake
from logkeep.record import Columns, IdSource, Received
from logkeep.spool.base import Frame
from logkeep.spool.sqlite import SqliteSpool

NOW = 1_795_165_933_123


class Site:
    def __init__(self, engine: ChdbEngine, folder: Path) -> None:
        self.engine = engine
        self.spool = SqliteSpool(
            folder / "spool.sqlite", clock=lambda: NOW, max_bytes=1 << 30, min_free_bytes=0
        )
        self.live = LiveLines(engine, folder)
        self.intake = Intake(self.spool, IdSource(lambda: NOW), lambda: NOW, lambda: None)

    def accept(self, *lines: str) -> None:
        columns = Columns(line=lines, ts=[NOW] * len(lines))
        asyncio.run(self.intake.accept("main", Received(columns=columns), reply=b""))

    def lines(self) -> list[str]:
        return [row["_line"] for row in self.engine.rows("SELECT _line FROM live ORDER BY _lid")]


@pytest.fixture
def site(engine: ChdbEngine, tmp_path: Path) -> Iterator[Site]:
    opened = Site(engine, tmp_path)
    yield opened
    opened.spool.close()
    engine.run("DROP TABLE live SYNC")


class FailingLines(LiveLines):
    """Live lines that fail once, before or after the lines are in the table."""

    def __init__(self, site: Site, folder: Path, *, after: bool) -> None:
        super().__init__(site.engine, folder)
        self.after = after
        self.failures = 0

    def add(self, frames: Sequence[Frame], *, some_may_be_there: bool) -> None:
        if self.failures:
            super().add(frames, some_may_be_there=some_may_be_there)
            return
        self.failures += 1
        if self.after:
            super().add(frames, some_may_be_there=some_may_be_there)
        raise EngineError("the answer was lost")


def test_all_frames_are_indexed_once_and_marked(site: Site) -> None:
    indexer = Indexer(site.spool, site.live)
    assert (indexer.index_some(), indexer.lag_frames()) == (0, 0)
    site.accept("a", "b")
    site.accept("c")
    assert indexer.lag_frames() == 2
    raw_bytes = sum(frame.raw_bytes for frame in site.spool.since(0, max_bytes=1 << 30))
    assert (indexer.index_some(), indexer.index_some()) == (raw_bytes, 0)
    assert (site.lines(), site.spool.indexed_upto(), indexer.lag_frames()) == (["a", "b", "c"], 2, 0)


def test_a_backlog_is_indexed_in_batches(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    indexer = Indexer(site.spool, site.live)
    for line in "abc":
        site.accept(line)
    marks = []
    while indexer.index_some():
        marks.append(site.spool.indexed_upto())
    assert (marks, site.lines()) == ([1, 2, 3], ["a", "b", "c"])


@pytest.mark.parametrize("after", [False, True])
def test_a_batch_that_failed_is_indexed_by_the_next_try_without_repeats(
    site: Site, tmp_path: Path, after: bool
) -> None:
    indexer = Indexer(site.spool, FailingLines(site, tmp_path, after=after))
    site.accept("a", "b")
    with pytest.raises(LogkeepError, match="the answer was lost"):
        indexer.index_some()
    assert (site.spool.indexed_upto(), site.lines()) == (0, ["a", "b"] if after else [])
    site.accept("c")
    indexer.index_some()
    assert (site.spool.indexed_upto(), site.lines()) == (2, ["a", "b", "c"])


class FailingMarks(SqliteSpool):
    """A spool whose disk is full at the wrong moment, once."""

    failures = 0

    def indexed(self, upto: int) -> None:
        self.failures += 1
        if self.failures == 2:
            raise Overloaded("the spool cannot be written")
        super().indexed(upto)


def test_a_mark_that_could_not_be_kept_repeats_nothing(site: Site, tmp_path: Path) -> None:
    site.spool.close()
    site.spool = FailingMarks(
        tmp_path / "spool.sqlite", clock=lambda: NOW, max_bytes=1 << 30, min_free_bytes=0
    )
    site.intake = Intake(site.spool, IdSource(lambda: NOW), lambda: NOW, lambda: None)
    indexer = Indexer(site.spool, site.live)
    site.accept("a")
    indexer.index_some()
    site.accept("b")
    with pytest.raises(Overloaded):
        indexer.index_some()
    site.accept("c")
    indexer.index_some()
    assert (site.lines(), site.spool.indexed_upto()) == (["a", "b", "c"], 3)


def test_a_start_after_a_crash_between_insert_and_mark_repeats_nothing(site: Site) -> None:
    site.accept("a", "b")
    site.live.add(site.spool.since(0, max_bytes=1 << 30), some_may_be_there=False)
    site.accept("c")
    Indexer(site.spool, site.live).index_some()
    assert site.lines() == ["a", "b", "c"]


def test_frames_that_are_archived_already_are_trimmed_once_indexed(site: Site) -> None:
    site.accept("a")
    [waiting] = site.spool.waiting()
    site.spool.archived("main", waiting.hour, upto=waiting.last_seq)
    Indexer(site.spool, site.live).index_some()
    assert (site.spool.since(0, max_bytes=1), site.spool.stored_bytes(), site.lines()) == ([], 0, ["a"])


def test_a_round_asks_for_the_next_one_until_all_is_indexed(site: Site) -> None:
    indexer = Indexer(site.spool, site.live)
    stopping = threading.Event()
    stopping.set()  # nothing lingers for more lines
    site.accept("a")
    assert (indexer.round(stopping), indexer.round(stopping)) == (0.0, None)
