"""What every outbox promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from logkeep.errors import Overloaded
from logkeep.pipeline.outbox import Backlog, Outbox, Parcel, Place, Posted, Put
from logkeep.pipeline.sqlite_outbox import SqliteOutbox

NOW = 1_795_165_933_123
PATIENCE_S = 60
ALL = 1 << 40
NOTHING: Mapping[tuple[str, str], int] = {}

# Opens the outbox of this test, anew each time.
OpenOutbox = Callable[[Callable[[], int]], Outbox]


def sqlite(folder: Path) -> OpenOutbox:
    return lambda clock: SqliteOutbox(folder / "outbox.sqlite", clock=clock, min_free_bytes=0)


class Site:
    """An outbox whose clock a test sets, and which it can open again."""

    def __init__(self, open_outbox: OpenOutbox) -> None:
        self._open = open_outbox
        self.now = NOW
        self.outbox = self._open(lambda: self.now)

    def reopen(self) -> Outbox:
        self.outbox.close()
        self.outbox = self._open(lambda: self.now)
        return self.outbox

    def both(self) -> Iterator[Outbox]:
        """As it is, and opened again."""
        yield self.outbox
        yield self.reopen()

    def put(self, *parcels: Parcel, pipeline: str = "p") -> None:
        self.outbox.put([Put(pipeline=pipeline, parcels=parcels)])

    def waiting(self, queue: str = "p/a") -> list[bytes]:
        posted = self.outbox.queued(queue, max_lines=1 << 30, max_bytes=ALL)
        return [line for one in posted for line in one.lines]

    def first_seq(self, queue: str = "p/a") -> int:
        return self.outbox.queued(queue, max_lines=1, max_bytes=1)[0].seq

    def deliver(self, seq: int, line: int = 0, *, queue: str = "p/a") -> None:
        self.outbox.delivered(queue, Place(seq, line), counts=NOTHING)


@pytest.fixture(params=[sqlite], ids=lambda factory: str(factory.__name__))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    opened = Site(request.param(tmp_path))
    yield opened
    opened.outbox.close()


def parcel(*lines: str, queue: str = "p/a", via: str = "") -> Parcel:
    payload = "".join(f"{line}\n" for line in lines).encode()
    return Parcel(queue=queue, lines=len(lines), payload=payload, via=via)


def test_what_is_put_waits_in_order_in_its_queue_with_what_it_came_with(site: Site) -> None:
    site.put(parcel("1", "2", via="x/y"), parcel("other", queue="p/b"))
    site.now += 5
    site.put(parcel("3"))
    first, second = site.outbox.queued("p/a", max_lines=100, max_bytes=ALL)
    assert first == Posted(seq=first.seq, first=0, lines=(b"1\n", b"2\n"), via="x/y", rx=NOW)
    assert second == Posted(seq=second.seq, first=0, lines=(b"3\n",), via="", rx=NOW + 5)
    assert first.seq < second.seq
    assert site.waiting("p/b") == [b"other\n"]
    assert site.waiting("p/none") == []
    assert site.outbox.queues() == ["p/a", "p/b"]


def test_lines_end_at_newlines_alone_and_are_never_split(site: Site) -> None:
    longest = "x" * 3_000_000
    site.put(parcel("a\rb\x0bc\x0cd\x1ce\x85f\u2028g", longest))
    assert site.waiting() == ["a\rb\x0bc\x0cd\x1ce\x85f\u2028g\n".encode(), f"{longest}\n".encode()]


def test_queued_ends_with_the_frame_that_reaches_a_limit(site: Site) -> None:
    for n in range(4):
        site.put(parcel(f"{n}a", f"{n}b"))
    by_lines = site.outbox.queued("p/a", max_lines=3, max_bytes=ALL)
    by_bytes = site.outbox.queued("p/a", max_lines=100, max_bytes=7)
    assert [one.lines for one in by_lines] == [(b"0a\n", b"0b\n"), (b"1a\n", b"1b\n")]
    assert by_bytes == by_lines
    assert len(site.outbox.queued("p/a", max_lines=1, max_bytes=1)) == 1


def test_what_is_delivered_of_a_frame_does_not_count_for_the_limits(site: Site) -> None:
    site.put(parcel(*["1234567"] * 10))
    site.put(parcel("2"))
    site.deliver(site.first_seq(), 9)
    for max_lines, max_bytes in ((2, ALL), (100, 9)):
        found = site.outbox.queued("p/a", max_lines=max_lines, max_bytes=max_bytes)
        assert [one.lines for one in found] == [(b"1234567\n",), (b"2\n",)]


def test_a_put_without_lines_leaves_no_frame(site: Site) -> None:
    site.put(parcel())
    site.outbox.put([])
    assert (site.outbox.queues(), site.waiting()) == ([], [])


def test_a_put_that_fails_keeps_nothing_of_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(site.outbox, SqliteOutbox)
    monkeypatch.setattr(site.outbox, "_min_free_bytes", 1 << 62)
    put = Put(pipeline="p", parcels=[parcel("1")], counts={("x", "in"): 1}, marks={"p/read": "1"})
    with pytest.raises(Overloaded, match="min_free_bytes"):
        site.outbox.put([put])
    assert (site.waiting(), site.outbox.counts("p"), site.outbox.mark("p/read")) == ([], {}, None)
    assert site.outbox.backlog("p/a") == Backlog()


def test_delivery_goes_on_when_the_disk_has_no_room_for_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(parcel("1"))
    monkeypatch.setattr(site.outbox, "_min_free_bytes", 1 << 62)
    site.deliver(site.first_seq() + 1)
    assert site.waiting() == []


def test_counts_add_up_and_marks_are_replaced_with_the_parcels(site: Site) -> None:
    for n in range(3):
        counts = {("sources.x", "in"): 2, ("processors.f", "out"): n}
        site.outbox.put(
            [
                Put(pipeline="p", parcels=[parcel(f"{n}")], counts=counts, marks={"p/read": f"{n}"}),
                Put(pipeline="q", counts={("sources.x", "in"): 1}),
            ]
        )
    for outbox in site.both():
        assert outbox.counts("p") == {("sources.x", "in"): 6, ("processors.f", "out"): 3}
        assert outbox.counts("q") == {("sources.x", "in"): 3}
        assert outbox.counts("none") == {}
        assert (outbox.mark("p/read"), outbox.mark("p/none")) == ("2", None)
        assert site.waiting() == [b"0\n", b"1\n", b"2\n"]


def test_marks_go_by_the_beginning_of_their_name(site: Site) -> None:
    marks = {"p/a": "1", "p/a%": "2", "p/b": "3", "pa": "4"}
    site.outbox.put([Put(pipeline="p", marks=marks)])
    site.outbox.forget_marks("p/a")
    assert {name: site.outbox.mark(name) for name in marks} == {
        "p/a": None,
        "p/a%": None,
        "p/b": "3",
        "pa": "4",
    }


def test_a_frame_that_is_delivered_in_part_goes_on_where_it_was(site: Site) -> None:
    site.put(parcel("1", "2", "3", "4"))
    site.put(parcel("5"))
    seq = site.first_seq()
    site.deliver(seq, 3)
    for outbox in site.both():
        [left, _] = outbox.queued("p/a", max_lines=100, max_bytes=ALL)
        assert (left.seq, left.first, left.lines) == (seq, 3, (b"4\n",))
        backlog = outbox.backlog("p/a")
        assert (backlog.lines, backlog.raw_bytes, backlog.oldest_rx) == (2, 4, NOW)
    site.deliver(seq, 4)  # that was its last one
    for outbox in site.both():
        assert [one.lines for one in outbox.queued("p/a", max_lines=100, max_bytes=ALL)] == [(b"5\n",)]
        assert outbox.backlog("p/a").lines == 1


def test_delivered_is_idempotent_but_for_its_counts_and_never_goes_back(site: Site) -> None:
    for n in range(3):
        site.put(parcel(f"{n}"))
    seq = site.first_seq()
    for _ in range(2):
        site.outbox.delivered("p/a", Place(seq + 2, 0), counts={("destinations.a", "delivered"): 2})
    site.outbox.delivered("p/a", Place(seq + 1, 0), counts={})
    for outbox in site.both():
        assert site.waiting() == [b"2\n"]
        assert outbox.backlog("p/a").lines == 1
        assert outbox.counts("p") == {("destinations.a", "delivered"): 4}


def test_queues_are_delivered_apart(site: Site) -> None:
    for n in range(4):
        site.put(parcel(f"{n}"), parcel(f"{n}", queue="p/b"))
    site.deliver(site.first_seq() + 100)
    assert (site.waiting(), len(site.waiting("p/b"))) == ([], 4)
    assert site.outbox.queues() == ["p/b"]
    assert site.outbox.backlog("p/a") == Backlog()


def test_the_backlog_is_the_same_after_opening_again(site: Site) -> None:
    site.put(parcel("1", "22"), parcel("b", queue="p/b"))
    site.now += 10
    site.put(parcel("3" * 100))
    site.deliver(site.first_seq() + 1)
    before = {queue: site.outbox.backlog(queue) for queue in ("p/a", "p/b")}
    assert (before["p/a"].lines, before["p/a"].raw_bytes, before["p/a"].oldest_rx) == (1, 101, NOW + 10)
    assert before["p/b"].oldest_rx == NOW
    stored = site.outbox.stored_bytes()
    assert stored == sum(one.stored_bytes for one in before.values()) > 0
    outbox = site.reopen()
    assert {queue: outbox.backlog(queue) for queue in ("p/a", "p/b")} == before
    assert outbox.stored_bytes() == stored


def test_seqs_are_never_given_twice(site: Site) -> None:
    site.put(parcel("1"))
    first = site.first_seq()
    site.deliver(first + 1)
    site.reopen()
    site.put(parcel("2"))
    assert site.first_seq() > first
    assert site.waiting() == [b"2\n"]


def test_an_outbox_keeps_its_id_and_another_one_has_another(site: Site, tmp_path: Path) -> None:
    before = site.outbox.outbox_id()
    assert site.reopen().outbox_id() == before
    other = SqliteOutbox(tmp_path / "other.sqlite", clock=lambda: NOW, min_free_bytes=0)
    assert other.outbox_id() != before
    other.close()


def test_what_is_forgotten_waits_no_more_and_what_comes_later_does(site: Site) -> None:
    for n in range(3):
        site.put(parcel(f"{n}a", f"{n}b"), parcel("kept", queue="p/b"))
    site.deliver(site.first_seq(), 1)
    assert site.outbox.forget("p/a") == 5
    assert site.outbox.forget("p/a") == 0
    assert site.outbox.forget("p/none") == 0
    site.put(parcel("later"))
    for outbox in site.both():
        assert site.waiting() == [b"later\n"]
        assert (outbox.backlog("p/a").lines, outbox.backlog("p/b").lines) == (1, 3)


def test_a_forgotten_pipeline_leaves_nothing_behind(site: Site) -> None:
    for pipeline in ("p", "pp"):
        put = Put(
            pipeline=pipeline,
            parcels=[parcel("1", queue=f"{pipeline}/a"), parcel("2", queue=f"{pipeline}/b")],
            counts={("sources.x", "in"): 1},
            marks={f"{pipeline}/read": "7"},
        )
        site.outbox.put([put])
    site.deliver(site.first_seq() + 1)
    site.outbox.forget_pipeline("p")
    for outbox in site.both():
        assert outbox.queues() == ["pp/a", "pp/b"]
        assert (outbox.counts("p"), outbox.mark("p/read")) == ({}, None)
        assert (outbox.counts("pp"), outbox.mark("pp/read")) == ({("sources.x", "in"): 1}, "7")
    site.put(parcel("again"))
    for _ in range(2):
        assert site.waiting() == [b"again\n"]
        site.reopen()


def test_a_closed_outbox_refuses(site: Site) -> None:
    site.put(parcel("1"))
    site.outbox.close()
    site.outbox.close()
    for call in (
        lambda: site.put(parcel("2")),
        lambda: site.deliver(9),
        lambda: site.waiting(),
        lambda: site.outbox.forget("p/a"),
        lambda: site.outbox.forget_pipeline("p"),
        lambda: site.outbox.forget_marks("p"),
    ):
        with pytest.raises(Overloaded, match="closed"):
            call()
    site.reopen()
    assert site.waiting() == [b"1\n"]


def test_many_threads_put_and_deliver_at_once_and_nothing_is_lost(site: Site) -> None:
    threads, puts = 12, 40

    def feed(queue: str) -> None:
        for n in range(puts):
            site.outbox.put(
                [Put(pipeline=queue[0], parcels=[parcel(f"{n}", queue=queue)], counts={("s", "in"): 1})]
            )

    got: dict[str, list[bytes]] = {}

    def drain(queue: str) -> None:
        lines = got[queue] = []
        while len(lines) < puts:
            for one in site.outbox.queued(queue, max_lines=3, max_bytes=ALL):
                lines += one.lines
                site.outbox.delivered(queue, Place(one.seq + 1, 0), counts={("d", "delivered"): 1})

    queues = [f"p/{n}" for n in range(threads)]
    running = [threading.Thread(target=work, args=(queue,)) for queue in queues for work in (feed, drain)]
    for one in running:
        one.start()
    for one in running:
        one.join(PATIENCE_S)
        assert not one.is_alive()
    assert got == {queue: [b"%d\n" % n for n in range(puts)] for queue in queues}
    for outbox in site.both():
        assert outbox.queues() == []
        assert outbox.stored_bytes() == 0
        assert outbox.counts("p") == {("s", "in"): threads * puts, ("d", "delivered"): threads * puts}


# Puts 30 frames of 10 lines with a mark each, going on behind the mark; then delivers batches of 7 lines,
# each written durably to the file of a destination before it is acknowledged. Then says that it is done.
_PROGRAM = """
import os, sys, threading
from pathlib import Path
from logkeep.pipeline.delivery import Delivery, Limits
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.destinations.base import Sent
from logkeep.pipeline.outbox import Parcel, Put
from logkeep.pipeline.sqlite_outbox import SqliteOutbox

folder = Path(sys.argv[1])
outbox = SqliteOutbox(folder / "outbox.sqlite", clock=lambda: 1, min_free_bytes=0)

class Written:
    whole_frames = False
    def send(self, batch):
        with (folder / "arrived").open("ab") as file:
            file.write(b"".join(batch.lines) + b"--\\n")
            file.flush()
            os.fsync(file.fileno())
        return Sent()
    def close(self):
        pass

for frame in range(int(outbox.mark("p/read") or 0), 30):
    payload = b"".join(b"%d\\n" % line for line in range(frame * 10, frame * 10 + 10))
    parcels = [Parcel(queue="p/a", lines=10, payload=payload)]
    marks = {"p/read": str(frame + 1)}
    outbox.put([Put(pipeline="p", parcels=parcels, counts={("s", "in"): 10}, marks=marks)])

done = threading.Event()
delivery = Delivery(
    "p/a", part="destinations.a", destination=Written(), limits=Limits(events=7, bytes=1 << 20, age_s=0),
    outbox=outbox, dead_letters=DeadLetters(folder / "dead", max_bytes=1 << 20),
    delivered=lambda: None if outbox.backlog("p/a").lines else done.set(),
)
if not outbox.backlog("p/a").lines:
    done.set()
delivery.start()
assert done.wait(60)
assert delivery.stop(60)
counts = outbox.counts("p")
outbox.close()
print("done", counts["s", "in"], counts["destinations.a", "delivered"])
"""


def _run(folder: Path, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LOGKEEP_CRASH_AT": crash_at}
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize(
    "point",
    [
        "outbox.shaped",
        "outbox.put",
        "outbox.put:13",
        "outbox.put_done",
        "outbox.put_done:30",
        "outbox.delivered",
        "outbox.delivered:21",
        "outbox.delivered_done:9",
    ],
)
def test_after_a_kill_nothing_is_lost_and_only_the_batch_under_way_comes_twice(
    tmp_path: Path, point: str
) -> None:
    killed = _run(tmp_path, crash_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = _run(tmp_path)
    assert again.stdout == "done 300 300\n", again.stderr
    batches = (tmp_path / "arrived").read_bytes().split(b"--\n")[:-1]
    lines = [int(line) for batch in batches for line in batch.split()]
    assert sorted(set(lines)) == list(range(300))
    twice = [place for place in range(1, len(lines)) if lines[place] != lines[place - 1] + 1]
    assert len(twice) == (1 if point in ("outbox.delivered", "outbox.delivered:21") else 0)
    assert len(lines) - 300 <= 7
