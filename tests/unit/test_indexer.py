from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from logkeep import indexer as module
from logkeep.errors import EngineError, LogkeepError, Overloaded
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.indexer import Indexer
from logkeep.record import IdSource, Record, encode_lines
from logkeep.spool.base import Frame, Piece
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import hour_of

NOW = 1_795_165_933_123


def opened(kind: type[SqliteSpool], folder: Path) -> SqliteSpool:
    return kind(
        folder / "spool.sqlite",
        clock=lambda: NOW,
        max_bytes=1 << 30,
        max_account_bytes=1 << 30,
        min_free_bytes=0,
    )


class Site:
    def __init__(self, engine: ChdbEngine, folder: Path) -> None:
        self.engine = engine
        self.spool = opened(SqliteSpool, folder)
        self.live = LiveLines(engine, folder)
        self._ids = IdSource(lambda: NOW)

    def accept(self, *lines: str, archive: str = "main", indexed: bool = True) -> None:
        """Lines of the account `main`, as intake hands them over."""
        ids = self._ids.take(len(lines))
        payload = encode_lines(
            Record(lid=lid, ts=NOW, rx=NOW, account="main", line=line)
            for lid, line in zip(ids, lines, strict=True)
        )
        piece = Piece(
            account="main",
            archive=archive,
            indexed=indexed,
            hour=hour_of(NOW),
            lines=len(lines),
            min_ts=NOW,
            max_ts=NOW,
            first_lid=int(ids[0]),
            last_lid=int(ids[-1]),
            rx=NOW,
            payload=payload,
        )
        self.spool.append_now([piece])

    def lines(self) -> list[str]:
        return [row["_line"] for row in self.engine.rows("SELECT _line FROM live ORDER BY _lid")]


@pytest.fixture
def site(engine: ChdbEngine, tmp_path: Path) -> Iterator[Site]:
    site = Site(engine, tmp_path)
    yield site
    site.spool.close()
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
    site.spool = opened(FailingMarks, tmp_path)
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


def test_frames_for_no_archive_are_trimmed_once_indexed(site: Site) -> None:
    site.accept("a", archive="")
    Indexer(site.spool, site.live).index_some()
    assert (site.spool.since(0, max_bytes=1), site.lines()) == ([], ["a"])


def test_frames_that_are_not_to_be_indexed_are_passed_over(site: Site) -> None:
    indexer = Indexer(site.spool, site.live)
    site.accept("a", indexed=False)
    assert (indexer.lag_frames(), indexer.index_some() > 0, indexer.lag_frames()) == (1, True, 0)
    site.accept("b")
    site.accept("c", indexed=False)
    site.accept("d")
    assert (indexer.lag_frames(), indexer.index_some() > 0, indexer.lag_frames()) == (3, True, 0)
    assert (site.lines(), site.spool.indexed_upto(), indexer.index_some()) == (["b", "d"], 4, 0)
    assert [waiting.lines for waiting in site.spool.waiting()] == [4]


@pytest.mark.parametrize("after", [False, True])
def test_a_batch_that_failed_among_frames_to_pass_over_repeats_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    indexer = Indexer(site.spool, FailingLines(site, tmp_path, after=after))
    site.accept("a", indexed=False)
    site.accept("b")
    indexer.index_some()
    with pytest.raises(LogkeepError, match="the answer was lost"):
        indexer.index_some()
    site.accept("c")
    while indexer.index_some():
        pass
    assert (site.spool.indexed_upto(), site.lines()) == (3, ["b", "c"])


def test_a_round_asks_for_the_next_one_until_all_is_indexed(site: Site) -> None:
    indexer = Indexer(site.spool, site.live)
    stopping = threading.Event()
    stopping.set()  # nothing lingers for more lines
    site.accept("a")
    assert (indexer.round(stopping), indexer.round(stopping)) == (0.0, None)
