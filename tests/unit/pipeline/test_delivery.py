from __future__ import annotations

import queue
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkeep.errors import BatchTooLarge, DeliveryFailed, DeliveryRefused, LogkeepError, Overloaded
from logkeep.pipeline import delivery as module
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.delivery import Delivery, DeliveryStatus, Limits
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.outbox import Parcel, Place, Put
from logkeep.pipeline.sqlite_outbox import SqliteOutbox

NOW = 1_795_165_933_000
PATIENCE_S = 20
QUEUE = "p/a"
AGES = 3600.0  # no batch is sent because of its age


class Destination:
    """Tells of every batch, and does with it what it is told to."""

    whole_frames = False

    def __init__(self) -> None:
        self.batches: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[Sent | LogkeepError | ValueError] = queue.SimpleQueue()
        self.closed = 0

    def send(self, batch: Batch) -> Sent:
        self.batches.put(batch)
        answer = self.answers.get(timeout=PATIENCE_S)
        if isinstance(answer, Sent):
            return answer
        raise answer

    def close(self) -> None:
        self.closed += 1

    def sent(self) -> list[bytes]:
        return list(self.batches.get(timeout=PATIENCE_S).lines)


class Site:
    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.outbox = SqliteOutbox(folder / "outbox.sqlite", clock=lambda: self.now, min_free_bytes=0)
        self.dead_letters = DeadLetters(folder / "dead", max_bytes=1 << 20, clock=lambda: self.now)
        self.destination = Destination()
        self.acknowledged: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.delivery = self.made()

    def made(self, *, events: int = 1000, size: int = 1 << 20, age_s: float = 0.0) -> Delivery:
        self.delivery = Delivery(
            QUEUE,
            part="destinations.a",
            destination=self.destination,
            limits=Limits(events=events, bytes=size, age_s=age_s),
            outbox=self.outbox,
            dead_letters=self.dead_letters,
            clock=lambda: self.now,
            jitter=lambda: 0.0,
            delivered=lambda: self.acknowledged.put(None),
        )
        return self.delivery

    def put(self, *lines: str, via: str = "") -> None:
        payload = "".join(f"{line}\n" for line in lines).encode()
        parcel = Parcel(queue=QUEUE, lines=len(lines), payload=payload, via=via)
        self.outbox.put([Put(pipeline="p", parcels=[parcel])])
        self.delivery.wake()

    def answer(self, *answers: Sent | LogkeepError) -> None:
        for one in answers:
            self.destination.answers.put(one)

    def await_acknowledgment(self) -> None:
        self.acknowledged.get(timeout=PATIENCE_S)

    def counts(self) -> dict[str, int]:
        return {what: value for (_, what), value in self.outbox.counts("p").items()}

    def dead(self) -> list[tuple[bytes, str]]:
        return [(one.line, one.reason) for one in self.dead_letters.read(QUEUE, 1000)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.answer(*[Sent()] * 50)  # so that no send is left hanging
    assert made.delivery.stop(PATIENCE_S)
    made.outbox.close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.001)


def eventually(probe: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not probe():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_batch_is_sent_when_so_many_lines_wait(site: Site) -> None:
    site.made(events=5, age_s=AGES).start()
    site.put("1", "2", "3")
    site.put("4", "5", "6")
    assert site.destination.sent() == [b"1\n", b"2\n", b"3\n", b"4\n", b"5\n"]
    site.answer(Sent())
    site.await_acknowledgment()
    site.put("7", "8", "9", "10")
    assert site.destination.sent() == [b"6\n", b"7\n", b"8\n", b"9\n", b"10\n"]


def test_a_batch_is_sent_when_so_many_bytes_wait(site: Site) -> None:
    site.made(size=8, age_s=AGES).start()
    site.put("11", "22")
    site.put("33")
    assert site.destination.sent() == [b"11\n", b"22\n"]


def test_a_batch_is_sent_when_its_oldest_line_is_old_enough(site: Site) -> None:
    site.made(age_s=AGES).start()
    site.put("1")
    site.put("2")
    site.now += int(AGES * 1000)
    site.delivery.wake()
    assert site.destination.sent() == [b"1\n", b"2\n"]


def test_lines_that_came_different_ways_are_in_different_batches(site: Site) -> None:
    site.put("1", via="x")
    site.put("2", via="x")
    site.put("3")
    site.answer(Sent(), Sent())
    site.delivery.start()
    batches = [site.destination.batches.get(timeout=PATIENCE_S) for _ in range(2)]
    assert [(list(one.lines), one.via) for one in batches] == [([b"1\n", b"2\n"], "x"), ([b"3\n"], "")]


def test_whole_frames_are_given_as_they_are_each_with_its_key(site: Site) -> None:
    site.destination.whole_frames = True
    site.put("1", "2", "3")
    site.put("4")
    seq = site.outbox.queued(QUEUE, max_lines=1, max_bytes=1)[0].seq
    site.outbox.delivered(QUEUE, Place(seq, 2), counts={})  # by the destination as it was before
    site.answer(Sent(), Sent())
    site.made(events=1).start()
    key = f"{site.outbox.outbox_id()}/{QUEUE}"
    batches = [site.destination.batches.get(timeout=PATIENCE_S) for _ in range(2)]
    assert [list(one.lines) for one in batches] == [[b"3\n"], [b"4\n"]]
    assert [one.key.rpartition("-")[0] for one in batches] == [f"{key}/{seq}+2", f"{key}/{seq + 1}"]


def test_what_arrived_is_acknowledged_and_counted(site: Site) -> None:
    assert site.delivery.status() == DeliveryStatus(state="idle")
    site.put("1", "2")
    site.delivery.start()
    assert site.destination.sent() == [b"1\n", b"2\n"]
    assert site.delivery.status() == DeliveryStatus(state="ok", in_flight=2)
    assert site.outbox.backlog(QUEUE).lines == 2
    site.answer(Sent())
    site.await_acknowledgment()
    assert site.outbox.backlog(QUEUE).lines == 0
    assert site.counts() == {"delivered": 2}
    eventually(lambda: site.delivery.status() == DeliveryStatus(state="idle"))


@pytest.mark.usefixtures("no_pauses")
def test_a_destination_that_fails_is_tried_again_and_told_of_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.put("1")
    site.answer(*[DeliveryFailed("nobody is there")] * 3, Sent())
    site.delivery.start()
    site.await_acknowledgment()
    assert [site.destination.sent() for _ in range(4)] == [[b"1\n"]] * 4
    assert site.counts() == {"delivered": 1, "sent-again": 3}
    assert caplog.messages == [
        "the destination p/a fails and will be tried again: nobody is there",
        "the destination p/a works again",
    ]
    assert site.delivery.status().last_error == ""


def test_the_status_says_why_it_fails_and_when_it_is_tried_again(site: Site) -> None:
    site.put("1")
    site.answer(DeliveryFailed("busy", retry_after=100))
    site.delivery.start()
    wanted = DeliveryStatus(state="failing", last_error="busy", next_try=NOW + 100_000, in_flight=1)
    eventually(lambda: site.delivery.status() == wanted)
    assert site.delivery.stop(PATIENCE_S)  # in the middle of the pause
    assert site.outbox.backlog(QUEUE).lines == 1
    assert site.destination.closed == 1


class Pauses(threading.Event):
    """Ends every pause at once and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.seen.append(timeout)
        return self.is_set()


def test_pauses_grow_to_a_minute_and_to_what_the_other_side_asks_up_to_an_hour(site: Site) -> None:
    pauses = site.delivery._stopping = Pauses()
    site.put("1")
    failures = [DeliveryFailed("no") for _ in range(9)]
    wishes = [DeliveryFailed("no", retry_after=100), DeliveryFailed("no", retry_after=9999)]
    site.answer(*failures, *wishes, Sent(again=[0], again_after=77), Sent())
    site.delivery.start()
    site.await_acknowledgment()
    assert pauses.seen == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 100, 3600, 77]
    pauses.seen.clear()
    site.put("2")
    site.answer(DeliveryFailed("no"), Sent())
    site.await_acknowledgment()
    assert pauses.seen == [0.5]


@pytest.mark.usefixtures("no_pauses")
def test_what_is_taken_in_part_is_sent_again_in_part(site: Site) -> None:
    site.put("1", "2", "3", "4", "5")
    site.answer(
        Sent(refused=[Refused(1, "no time"), Refused(4, "no name")], again=[3, 0], again_because="busy"),
        Sent(refused=[Refused(1, "no more")]),
    )
    site.delivery.start()
    site.await_acknowledgment()
    assert [site.destination.sent() for _ in range(2)] == [
        [b"1\n", b"2\n", b"3\n", b"4\n", b"5\n"],
        [b"1\n", b"4\n"],
    ]
    # in the order of the batch, whenever they were refused
    assert site.dead() == [(b"2\n", "no time"), (b"4\n", "no more"), (b"5\n", "no name")]
    assert site.counts() == {"delivered": 2, "refused": 3, "sent-again": 2}


def test_offenders_of_a_batch_that_is_refused_whole_are_found_and_set_aside(site: Site) -> None:
    site.put(*[f'{{"n":{n}}}' for n in range(4)])
    refused = DeliveryRefused("bad field")
    site.answer(refused, Sent(), refused, refused, Sent())
    site.delivery.start()
    site.await_acknowledgment()
    sent = [[line[5:6] for line in site.destination.sent()] for _ in range(5)]
    assert sent == [[b"0", b"1", b"2", b"3"], [b"0", b"1"], [b"2", b"3"], [b"2"], [b"3"]]
    assert site.dead() == [(b'{"n":2}\n', "bad field")]
    assert site.counts() == {"delivered": 3, "refused": 1}


def test_a_batch_that_is_too_large_is_halved_and_the_next_ones_are_smaller(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCHES_OF_A_SIZE", 2)
    monkeypatch.setattr(module, "_GROWTH", 1.5)
    site.made(size=80)
    site.put(*[f"{n:03d}" for n in range(100)])  # of four bytes each
    site.answer(BatchTooLarge("too much"), *[Sent()] * 50)
    site.delivery.start()
    eventually(lambda: not site.outbox.backlog(QUEUE).lines)
    sizes = []
    while not site.destination.batches.empty():
        sizes.append(len(site.destination.batches.get().lines))
    # The first one counts as one of the smaller size, for it arrived.
    assert sizes[:8] == [20, 10, 10, 10, 15, 15, 20, 20]
    assert sum(sizes[1:]) == 100


def test_an_event_that_is_too_large_for_the_other_side_is_set_aside(site: Site) -> None:
    site.put('{"n":1}')
    site.answer(BatchTooLarge("at most five bytes"))
    site.delivery.start()
    site.await_acknowledgment()
    assert site.dead() == [(b'{"n":1}\n', "at most five bytes")]


@pytest.mark.usefixtures("no_pauses")
def test_full_dead_letters_are_waited_for_and_nothing_is_acknowledged_before(
    site: Site, tmp_path: Path
) -> None:
    site.dead_letters = DeadLetters(tmp_path / "small", max_bytes=1)
    site.dead_letters.add(QUEUE, [(b'{"n":0}\n', "earlier")])
    site.made()
    site.put('{"n":1}')
    site.answer(DeliveryRefused("bad"))
    site.delivery.start()
    eventually(lambda: site.delivery.status().state == "full")
    assert "dead letters of p/a have" in site.delivery.status().last_error
    assert site.outbox.backlog(QUEUE).lines == 1
    assert site.dead_letters.discard(QUEUE) == 1
    site.await_acknowledgment()
    assert site.dead() == [(b'{"n":1}\n', "bad")]
    assert site.counts() == {"refused": 1}
    eventually(lambda: site.delivery.status() == DeliveryStatus(state="idle"))


@pytest.mark.usefixtures("no_pauses")
def test_an_acknowledgment_that_the_disk_refuses_is_made_later_and_the_batch_not_sent_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = site.outbox.delivered
    refusals = deque([Overloaded("the disk fails")] * 3)

    def failing(*args: object, **more: object) -> None:
        if refusals:
            raise refusals.popleft()
        delivered(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(site.outbox, "delivered", failing)
    site.put("1")
    site.answer(Sent())
    site.delivery.start()
    site.await_acknowledgment()
    assert site.destination.sent() == [b"1\n"]
    assert site.destination.batches.empty()
    assert site.delivery.status().last_error == ""


def test_a_send_under_way_gets_some_time_when_it_is_to_stop(site: Site) -> None:
    site.put("1")
    site.delivery.start()
    assert site.destination.sent() == [b"1\n"]
    assert not site.delivery.stop(0)
    site.answer(Sent())
    assert site.delivery.stop(PATIENCE_S)
    assert site.outbox.backlog(QUEUE).lines == 0
    assert site.destination.closed == 1


def test_one_that_never_started_is_stopped_at_once_and_does_not_start_then(site: Site) -> None:
    site.put("1")
    assert site.delivery.stop(0)
    site.delivery.start()
    assert site.destination.closed == 1
    assert site.destination.batches.empty()


def test_what_is_forgotten_is_no_longer_waited_for(site: Site) -> None:
    site.made(events=2, age_s=AGES).start()
    site.put("1")
    site.outbox.forget(QUEUE)
    site.put("2", "3")
    assert site.destination.sent() == [b"2\n", b"3\n"]


@pytest.mark.usefixtures("no_pauses")
def test_a_batch_that_was_forgotten_while_it_could_not_be_sent_is_given_up(site: Site) -> None:
    site.made(events=1)
    site.put("1", "2")
    site.delivery.start()
    assert site.destination.sent() == [b"1\n"]
    site.outbox.forget(QUEUE)
    site.answer(DeliveryFailed("nobody is there"))
    eventually(lambda: site.delivery.status() == DeliveryStatus(state="idle"))
    site.put("3")
    assert site.destination.sent() == [b"3\n"]


def test_a_defect_ends_the_thread_through_the_hook_for_such(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: queue.SimpleQueue[type[BaseException]] = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.put(args.exc_type))
    site.put("1")
    site.destination.answers.put(ValueError("a defect"))
    site.delivery.start()
    assert seen.get(timeout=PATIENCE_S) is ValueError
    assert site.outbox.backlog(QUEUE).lines == 1


class Scripted:
    """Does what a script says, send by send, and then takes everything but what it can never take.

    It also sees to the order: when events come, all that were put before them are settled.
    """

    whole_frames = False

    def __init__(self, script: Sequence[tuple[str, int]], bad: set[int], most: int) -> None:
        self.script = deque(script)
        self.bad, self.most = bad, most
        self.arrived: list[int] = []
        self.refused: list[int] = []

    def send(self, batch: Batch) -> Sent:
        ids = [int(line) for line in batch.lines]
        assert ids == sorted(ids)
        assert set(range(ids[0])) <= {*self.arrived, *self.refused}
        does, n = self.script.popleft() if self.script else ("take", 0)
        if does == "fail":
            raise DeliveryFailed("not now")
        if does == "refuse" or (does == "take" and self.bad & set(ids)):
            self.refused += ids if len(ids) == 1 else []
            raise DeliveryRefused("never")
        if does == "too large" or (does == "take" and len(ids) > self.most):
            self.refused += ids if len(ids) == 1 else []
            raise BatchTooLarge("too many")
        again = [place for place in range(len(ids)) if does == "part" and (ids[place] + n) % 3 == 0]
        never = [place for place in range(len(ids)) if does == "part" and (ids[place] + n) % 4 == 1]
        never = [place for place in never if place not in again]
        self.refused += [ids[place] for place in never]
        self.arrived += [one for place, one in enumerate(ids) if place not in again and place not in never]
        return Sent(refused=[Refused(place, "bad one") for place in never], again=again)

    def close(self) -> None:
        pass


@contextmanager
def delivering(
    folder: Path, destination: Scripted, frames: Sequence[int], limits: Limits
) -> Iterator[tuple[SqliteOutbox, DeadLetters]]:
    """All of the frames, so many lines each, delivered to their end."""
    outbox = SqliteOutbox(folder / "outbox.sqlite", clock=lambda: NOW, min_free_bytes=0)
    dead_letters = DeadLetters(folder / "dead", max_bytes=1 << 20)
    done = threading.Event()
    first = 0
    for lines in frames:
        payload = b"".join(b"%d\n" % one for one in range(first, first + lines))
        parcel = Parcel(queue=QUEUE, lines=lines, payload=payload)
        outbox.put([Put(pipeline="p", parcels=[parcel])])
        first += lines
    delivery = Delivery(
        QUEUE,
        part="destinations.a",
        destination=destination,
        limits=limits,
        outbox=outbox,
        dead_letters=dead_letters,
        delivered=lambda: None if outbox.backlog(QUEUE).lines else done.set(),
    )
    delivery.start()
    try:
        assert done.wait(PATIENCE_S)
        yield outbox, dead_letters
    finally:
        assert delivery.stop(PATIENCE_S)
        outbox.close()


@pytest.mark.usefixtures("no_pauses")
@settings(max_examples=40)
@given(
    script=st.lists(
        st.tuples(st.sampled_from(["take", "fail", "refuse", "too large", "part"]), st.integers(0, 11)),
        max_size=25,
    ),
    bad=st.sets(st.integers(0, 40), max_size=4),
    most=st.integers(1, 12),
    frames=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    events=st.integers(1, 15),
    size=st.integers(1, 40),
)
def test_every_event_arrives_once_or_is_set_aside_once_in_order(
    script: list[tuple[str, int]], bad: set[int], most: int, frames: list[int], events: int, size: int
) -> None:
    destination = Scripted(script, bad, most)
    limits = Limits(events=events, bytes=size, age_s=0)
    with (
        tempfile.TemporaryDirectory() as folder,
        delivering(Path(folder), destination, frames, limits) as (outbox, dead_letters),
    ):
        dead = [int(one.line) for one in dead_letters.read(QUEUE, 1000)]
        counts = {what: value for (_, what), value in outbox.counts("p").items()}
    assert sorted(destination.arrived + dead) == list(range(sum(frames)))
    assert dead == sorted(destination.refused)
    assert counts.get("delivered", 0) == len(destination.arrived)
    assert counts.get("refused", 0) == len(dead)
    if "part" not in [does for does, _ in script]:
        assert destination.arrived == sorted(destination.arrived)
