from __future__ import annotations

import threading
from pathlib import Path

import pytest

from logkeep.errors import Overloaded
from logkeep.index.engine import ChdbEngine
from logkeep.inplace.searches import Searches


def test_one_that_ends_makes_room_and_leaves_no_files(engine: ChdbEngine, tmp_path: Path) -> None:
    searches = Searches(engine, tmp_path / "work", most=2)
    first, second = searches.begin(), searches.begin()
    with pytest.raises(Overloaded, match="2 other searches"):
        searches.begin()
    assert first.large.work != second.large.work
    with first:
        first.large.work.mkdir(parents=True)
    assert first.stopped()
    assert not first.large.work.exists()
    assert not second.stopped()
    searches.begin()


def test_the_end_of_the_server_stops_all(engine: ChdbEngine, tmp_path: Path) -> None:
    searches = Searches(engine, tmp_path / "work")
    running = [searches.begin() for _ in range(3)]
    searches.close()
    assert all(one.stopped() for one in running)


def test_joining_returns_when_the_last_has_ended(engine: ChdbEngine, tmp_path: Path) -> None:
    searches = Searches(engine, tmp_path / "work")
    running = searches.begin()
    ended = threading.Event()

    def search() -> None:
        with running:
            while not running.stopped():
                pass
            ended.set()

    threading.Thread(target=search).start()
    searches.close()
    searches.join()
    assert ended.is_set()
