from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.pipeline_doubles import PATIENCE_S, GatedOutbox, eventually

from logkeep.errors import LogkeepError, Overloaded
from logkeep.pipeline.outbox import Put
from logkeep.pipeline.putting import Putting


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[GatedOutbox]:
    opened = GatedOutbox(tmp_path / "outbox.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def putting(outbox: GatedOutbox) -> Iterator[Putting]:
    begun = Putting(outbox, "put-test")
    begun.start()
    yield begun
    outbox.gate.set()
    begun.stop()


def put(value: str) -> Put:
    return Put(pipeline="web", counts={("sources.in", "events"): 1}, marks={"web/at": value})


class Told:
    def __init__(self) -> None:
        self.of: list[tuple[str, LogkeepError | None]] = []

    def hand(self, putting: Putting, value: str) -> None:
        putting.hand(put(value), lambda error: self.of.append((value, error)))


def test_puts_are_durable_one_after_the_other_when_their_maker_is_told(
    outbox: GatedOutbox, putting: Putting
) -> None:
    marks: list[str | None] = []
    for value in ("1", "2", "3"):
        putting.hand(put(value), lambda _: marks.append(outbox.mark("web/at")))
    putting.settle()
    assert marks == ["1", "2", "3"]
    assert outbox.counts("web") == {("sources.in", "events"): 3}


def test_a_second_put_waits_until_the_first_is_settled(outbox: GatedOutbox, putting: Putting) -> None:
    outbox.gate.clear()
    told = Told()
    told.hand(putting, "1")
    handing = threading.Thread(target=told.hand, args=(putting, "2"))
    handing.start()
    eventually(lambda: outbox.came == 1, "the first one to be put")
    assert told.of == []
    assert handing.is_alive()
    outbox.gate.set()
    handing.join(PATIENCE_S)
    putting.settle()
    assert told.of == [("1", None), ("2", None)]


def test_the_put_behind_a_failed_one_is_not_begun_and_the_next_one_is(
    outbox: GatedOutbox, putting: Putting
) -> None:
    full = Overloaded("full")
    outbox.errors.append(full)
    told = Told()
    told.hand(putting, "1")
    with pytest.raises(Overloaded) as caught:
        told.hand(putting, "2")
    assert caught.value is full
    told.hand(putting, "3")
    putting.settle()
    assert told.of == [("1", full), ("3", None)]
    assert outbox.mark("web/at") == "3"


def test_settling_tells_of_a_failure_once(outbox: GatedOutbox, putting: Putting) -> None:
    putting.settle()
    outbox.errors.append(Overloaded("full"))
    Told().hand(putting, "1")
    with pytest.raises(Overloaded):
        putting.settle()
    putting.settle()


def test_stopping_settles_what_is_under_way(outbox: GatedOutbox) -> None:
    putting = Putting(outbox, "put-stop")
    putting.start()
    outbox.gate.clear()
    told = Told()
    told.hand(putting, "1")
    stopping = threading.Thread(target=putting.stop)
    stopping.start()
    eventually(lambda: outbox.came == 1, "the put")
    assert stopping.is_alive()
    outbox.gate.set()
    stopping.join(PATIENCE_S)
    assert told.of == [("1", None)]
    assert "put-stop" not in {thread.name for thread in threading.enumerate()}
