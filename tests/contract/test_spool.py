"""What every spool promises."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from logkeep.errors import Overloaded
from logkeep.record import first_foreign_id
from logkeep.spool.base import FRAME_BYTES, Frame, Piece, Received, Spool, Waiting
from logkeep.spool.sqlite import SqliteSpool
from logkeep.timeline import Clock, Hour

NOW = 1_795_165_933_123
DAY_MS = 86_400_000
NINE, TEN = Hour(498_657), Hour(498_658)

ALL = 1 << 40

# Opens the spool of this test, anew each time: (clock, bytes that it may hold, and of one account).
OpenSpool = Callable[[Clock, int, int], Spool]


def sqlite(folder: Path) -> OpenSpool:
    def open_(clock: Clock, max_bytes: int, max_account_bytes: int) -> Spool:
        return SqliteSpool(
            folder / "spool.sqlite",
            clock=clock,
            max_bytes=max_bytes,
            max_account_bytes=max_account_bytes,
            min_free_bytes=0,
        )

    return open_


class Site:
    """A spool whose clock and limits a test sets, and which it can open again."""

    def __init__(self, open_spool: OpenSpool) -> None:
        self._open = open_spool
        self.now = NOW
        self.spool = self._opened(ALL, ALL)

    def reopen(self, *, max_bytes: int = ALL, max_account_bytes: int = ALL) -> Spool:
        self.spool.close()
        self.spool = self._opened(max_bytes, max_account_bytes)
        return self.spool

    def append(self, *pieces: Piece, reply: bytes = b"ok", key: str = "") -> bytes:
        return asyncio.run(self.spool.append(pieces, reply=reply, key=key))

    def _opened(self, max_bytes: int, max_account_bytes: int) -> Spool:
        return self._open(lambda: self.now, max_bytes, max_account_bytes)


@pytest.fixture(params=[sqlite], ids=lambda factory: str(factory.__name__))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    opened = Site(request.param(tmp_path))
    yield opened
    opened.spool.close()


def piece(
    payload: bytes,
    *,
    hour: Hour = NINE,
    account: str = "main",
    archive: str | None = None,
    indexed: bool = True,
    lid: int = 1,
    rx: int = NOW,
) -> Piece:
    """A piece whose lines are the payload's. It waits for an archive named like the account."""
    lines = payload.count(b"\n")
    return Piece(
        account=account,
        archive=account if archive is None else archive,
        indexed=indexed,
        hour=hour,
        lines=lines,
        min_ts=hour * 3_600_000 + lid,
        max_ts=hour * 3_600_000 + lid + lines - 1,
        first_lid=lid,
        last_lid=lid + lines - 1,
        rx=rx,
        payload=payload,
    )


def payload(frame: Frame) -> bytes:
    return zstandard.ZstdDecompressor().decompress(frame.data)


def kept(spool: Spool) -> list[tuple[int, str, int, bytes]]:
    return [(f.seq, f.account, f.hour, payload(f)) for f in spool.since(0, max_bytes=1 << 40)]


def noise(size: int) -> bytes:
    """A line that does not compress."""
    return random.Random(size).randbytes(size - 1).replace(b"\n", b" ") + b"\n"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_new_spool_is_empty(site: Site) -> None:
    spool = site.spool
    assert (spool.waiting(), spool.since(0, max_bytes=1)) == ([], [])
    assert list(spool.frames("main", NINE, after=0, upto=1 << 62)) == []
    marks = (spool.archived_upto("main", NINE), spool.indexed_upto(), spool.last_seq(), spool.last_lid())
    assert (*marks, spool.stored_bytes(), spool.trim()) == (0, 0, 0, 0, 0, 0)
    assert (spool.received("main"), spool.account_bytes(), spool.oldest_rx()) == ({}, {}, None)


def test_what_was_acknowledged_is_there_after_reopening(site: Site) -> None:
    assert site.append(piece(b"one\ntwo\n", lid=7), reply=b"kept") == b"kept"
    frame = site.spool.since(0, max_bytes=1)[0]
    assert frame == Frame(
        seq=1,
        account="main",
        archive="main",
        indexed=True,
        hour=NINE,
        lines=2,
        raw_bytes=8,
        min_ts=NINE * 3_600_000 + 7,
        max_ts=NINE * 3_600_000 + 8,
        first_lid=7,
        last_lid=8,
        rx=NOW,
        data=frame.data,
    )
    assert payload(frame) == b"one\ntwo\n"
    stored = site.spool.stored_bytes()
    spool = site.reopen()
    assert spool.since(0, max_bytes=1) == [frame]
    assert (spool.last_seq(), spool.last_lid(), spool.stored_bytes()) == (1, 8, stored)
    assert stored == len(frame.data)


def test_pieces_of_one_hour_come_into_one_frame_in_their_order(site: Site) -> None:
    site.append(
        piece(b"a\n", lid=1, rx=NOW + 5),
        piece(b"b\n", lid=2, hour=TEN),
        piece(b"c\n", lid=3, account="other"),
        piece(b"d\n", lid=4, rx=NOW),
    )
    frames = site.spool.since(0, max_bytes=1 << 30)
    assert kept(site.spool) == [
        (1, "main", NINE, b"a\nd\n"),
        (2, "main", TEN, b"b\n"),
        (3, "other", NINE, b"c\n"),
    ]
    start = NINE * 3_600_000
    assert frames[0] == replace(
        frames[0], lines=2, raw_bytes=4, min_ts=start + 1, max_ts=start + 4, first_lid=1, last_lid=4, rx=NOW
    )


def test_a_frame_is_closed_when_it_holds_its_bytes(site: Site) -> None:
    third = b"x" * (FRAME_BYTES // 3) + b"\n"
    site.append(*(piece(third, lid=number) for number in range(1, 8)))
    assert [frame.lines for frame in site.spool.since(0, max_bytes=1 << 30)] == [3, 3, 1]


@pytest.mark.parametrize("key", ["", "k"])
def test_an_append_over_very_many_hours_is_kept_whole(site: Site, key: str) -> None:
    pieces = [piece(b"%d\n" % number, hour=Hour(number), lid=number) for number in range(1, 1301)]
    site.append(*pieces, key=key)
    expected = [(number, "main", number, b"%d\n" % number) for number in range(1, 1301)]
    assert kept(site.spool) == expected
    assert (site.spool.last_seq(), site.spool.last_lid()) == (1300, 1300)


def test_an_append_of_nothing_is_answered(site: Site) -> None:
    assert site.append(reply=b"none") == b"none"
    assert site.spool.last_seq() == 0


def test_frames_of_an_hour_are_read_between_two_seqs(site: Site) -> None:
    for lid in range(1, 7):
        site.append(piece(b"%d\n" % lid, lid=lid, hour=NINE if lid % 2 else TEN))
    assert [f.seq for f in site.spool.frames("main", NINE, after=0, upto=6)] == [1, 3, 5]
    assert [f.seq for f in site.spool.frames("main", NINE, after=1, upto=4)] == [3]
    assert list(site.spool.frames("other", NINE, after=0, upto=6)) == []


def test_a_reader_that_stops_early_holds_nothing_up(site: Site) -> None:
    for lid in range(1, 4):
        site.append(piece(b"x\n", lid=lid))
    reading = site.spool.frames("main", NINE, after=0, upto=3)
    assert next(reading).seq == 1
    site.append(piece(b"x\n", lid=4))
    assert [frame.seq for frame in reading] == [2, 3]


def test_since_stops_when_its_bytes_are_reached(site: Site) -> None:
    for lid in range(1, 6):
        site.append(piece(b"x" * 99 + b"\n", lid=lid))
    assert [frame.seq for frame in site.spool.since(1, max_bytes=1)] == [2]
    assert [frame.seq for frame in site.spool.since(1, max_bytes=200)] == [2, 3]
    assert [frame.seq for frame in site.spool.since(1, max_bytes=201)] == [2, 3, 4]
    assert site.spool.since(5, max_bytes=1000) == []


def test_a_key_that_came_before_appends_nothing_and_gets_the_first_reply(site: Site) -> None:
    assert site.append(piece(b"a\n"), reply=b"first", key="main/k") == b"first"
    assert site.append(piece(b"b\n"), reply=b"second", key="main/k") == b"first"
    site.reopen()
    assert site.append(piece(b"c\n"), reply=b"third", key="main/k") == b"first"
    assert site.append(piece(b"d\n"), reply=b"other", key="other/k") == b"other"
    assert [row[3] for row in kept(site.spool)] == [b"a\n", b"d\n"]


def test_a_key_that_comes_many_times_at_once_is_kept_once(site: Site) -> None:
    async def all_at_once() -> list[bytes]:
        replies = [b"%d" % number for number in range(20)]
        return await asyncio.gather(*(site.spool.append([piece(b"a\n")], reply=r, key="k") for r in replies))

    assert asyncio.run(all_at_once()) == [b"0"] * 20
    assert [row[3] for row in kept(site.spool)] == [b"a\n"]


def test_a_key_is_forgotten_after_a_day(site: Site) -> None:
    site.append(piece(b"a\n"), reply=b"first", key="k")
    site.now += DAY_MS
    assert site.append(piece(b"b\n"), reply=b"second", key="k") == b"first"
    site.now += 1
    assert site.append(piece(b"c\n"), reply=b"third", key="k") == b"third"
    assert site.append(piece(b"d\n"), reply=b"fourth", key="k") == b"third"
    assert [row[3] for row in kept(site.spool)] == [b"a\n", b"c\n"]


def test_what_waits_is_told_by_hour_and_archive(site: Site) -> None:
    site.append(piece(b"a\n", hour=TEN, lid=1, rx=NOW), piece(b"bb\n", account="other", lid=2))
    site.append(piece(b"ccc\nd\n", hour=TEN, lid=3, rx=NOW + 5))
    sizes = [len(frame.data) for frame in site.spool.since(0, max_bytes=1 << 30)]
    other = Waiting(
        account="other",
        archive="other",
        hour=NINE,
        lines=1,
        raw_bytes=3,
        stored_bytes=sizes[1],
        first_seq=2,
        last_seq=2,
        first_rx=NOW,
    )
    ten = Waiting(
        account="main",
        archive="main",
        hour=TEN,
        lines=3,
        raw_bytes=8,
        stored_bytes=sizes[0] + sizes[2],
        first_seq=1,
        last_seq=3,
        first_rx=NOW,
    )
    assert site.spool.waiting() == [other, ten]
    site.spool.archived("main", TEN, upto=1)
    rest = replace(ten, lines=2, raw_bytes=6, stored_bytes=sizes[2], first_seq=3, first_rx=NOW + 5)
    assert site.spool.waiting() == [other, rest]
    site.spool.archived("main", TEN, upto=3)
    assert site.spool.waiting() == [other]


def test_marks_only_rise_and_outlast_a_restart(site: Site) -> None:
    for restart in (False, True):
        spool = site.reopen() if restart else site.spool
        spool.archived("main", NINE, upto=5)
        spool.archived("main", NINE, upto=3)
        spool.indexed(7)
        spool.indexed(4)
        assert (spool.archived_upto("main", NINE), spool.archived_upto("main", TEN)) == (5, 0)
        assert (spool.archived_upto("other", NINE), spool.indexed_upto()) == (0, 7)


def test_only_what_is_archived_and_indexed_is_trimmed(site: Site) -> None:
    for lid, hour in enumerate([NINE, TEN, NINE, NINE], 1):
        site.append(piece(b"x\n", hour=hour, lid=lid))
    spool = site.spool
    assert spool.trim() == 0
    spool.archived("main", NINE, upto=3)
    assert spool.trim() == 0
    spool.indexed(2)
    assert (spool.trim(), spool.trim()) == (1, 0)
    assert [row[0] for row in kept(spool)] == [2, 3, 4]
    spool.indexed(4)
    assert spool.trim() == 1
    assert [row[0] for row in kept(spool)] == [2, 4]
    spool.archived("main", TEN, upto=2)
    spool.archived("main", NINE, upto=4)
    assert (spool.trim(), kept(spool), spool.stored_bytes()) == (2, [], 0)


def test_bytes_are_counted_the_same_before_and_after_a_trim_and_a_restart(site: Site) -> None:
    for lid in range(1, 200):
        site.append(piece(noise(2000 + lid), lid=lid))
    site.spool.archived("main", NINE, upto=150)
    site.spool.indexed(199)
    assert site.spool.trim() == 150
    left = sum(len(frame.data) for frame in site.spool.since(0, max_bytes=1 << 30))
    assert (site.spool.stored_bytes(), site.reopen().stored_bytes()) == (left, left)


def test_numbers_are_never_given_twice(site: Site) -> None:
    for lid in (1, 2):
        site.append(piece(b"x\n", lid=lid))
    site.spool.archived("main", NINE, upto=2)
    site.spool.indexed(2)
    assert site.spool.trim() == 2
    spool = site.reopen()
    assert (spool.last_seq(), spool.last_lid(), spool.waiting()) == (2, 2, [])
    site.append(piece(b"x\n", lid=3))
    assert [waiting.first_seq for waiting in spool.waiting()] == [3]


def test_a_full_spool_refuses_until_it_is_trimmed(site: Site) -> None:
    site.reopen(max_bytes=10_000)
    site.append(piece(noise(20_000), lid=1), reply=b"kept", key="first")
    with pytest.raises(Overloaded, match="its limit") as caught:
        site.append(piece(b"x\n", lid=2), key="second")
    assert caught.value.retry_after == 10
    assert [row[0] for row in kept(site.spool)] == [1]
    site.spool.archived("main", NINE, upto=1)
    site.spool.indexed(1)
    assert site.spool.trim() == 1
    assert site.append(piece(b"x\n", lid=2), reply=b"kept now", key="second") == b"kept now"


def test_an_account_at_its_share_is_refused_and_the_others_go_on(site: Site) -> None:
    site.append(piece(noise(20_000), lid=1), piece(noise(5_000), account="other", lid=2))
    site.reopen(max_account_bytes=10_000)
    with pytest.raises(Overloaded, match="of the account main, its share") as caught:
        site.append(piece(b"x\n", account="other", lid=3), piece(b"x\n", lid=4), key="k")
    assert caught.value.retry_after == 10
    with pytest.raises(Overloaded, match="of the account main, its share"):
        site.spool.append_now([piece(b"x\n", archive="", lid=4)])
    assert site.append(piece(b"y\n", account="other", lid=5), reply=b"kept", key="k") == b"kept"
    assert [row[1] for row in kept(site.spool)] == ["main", "other", "other"]
    site.spool.archived("main", NINE, upto=1)
    site.spool.indexed(1)
    assert site.spool.trim() == 1
    assert site.append(piece(b"x\n", lid=6), reply=b"kept now") == b"kept now"


def test_bytes_are_told_by_account_whatever_they_wait_for(site: Site) -> None:
    site.append(piece(noise(3000), lid=1), piece(noise(400), archive="second", indexed=False, lid=1))
    site.append(piece(noise(50), account="other", archive="", lid=2))
    sizes = [len(frame.data) for frame in site.spool.since(0, max_bytes=ALL)]
    expected = {"main": sizes[0] + sizes[1], "other": sizes[2]}
    assert (site.spool.account_bytes(), site.reopen().account_bytes()) == (expected, expected)
    assert site.spool.stored_bytes() == sum(sizes)
    site.spool.indexed(3)
    assert (site.spool.trim(), site.spool.account_bytes()) == (1, {"main": sizes[0] + sizes[1]})


def test_a_line_waits_for_each_of_its_archives_and_is_indexed_once(site: Site) -> None:
    spool = site.spool
    site.append(piece(b"a\n", archive="first", lid=1), piece(b"a\n", archive="second", indexed=False, lid=1))
    site.append(piece(b"b\n", archive="first", lid=2), piece(b"c\n", archive="second", lid=3))
    assert [(f.archive, f.indexed, payload(f)) for f in spool.since(0, max_bytes=ALL)] == [
        ("first", True, b"a\n"),
        ("second", False, b"a\n"),
        ("first", True, b"b\n"),
        ("second", True, b"c\n"),
    ]
    assert [(w.account, w.archive, w.lines) for w in spool.waiting()] == [
        ("main", "first", 2),
        ("main", "second", 2),
    ]
    assert [w.archive for w in spool.waiting("second")] == ["second"]
    assert (spool.waiting("third"), spool.waiting("")) == ([], [])
    assert [f.seq for f in spool.frames("second", NINE, after=0, upto=4)] == [2, 4]
    spool.archived("first", NINE, upto=3)
    assert (spool.archived_upto("first", NINE), spool.archived_upto("second", NINE)) == (3, 0)
    spool.indexed(4)
    assert spool.trim() == 2
    assert [(w.archive, w.first_seq, w.last_seq) for w in spool.waiting()] == [("second", 2, 4)]
    spool.archived("second", NINE, upto=4)
    assert (spool.trim(), kept(spool)) == (2, [])


def test_pieces_that_differ_in_archive_or_index_share_no_frame(site: Site) -> None:
    pieces = [
        piece(b"%d\n" % number, archive=archive, indexed=indexed, lid=number)
        for number, (archive, indexed) in enumerate([("", True), ("a", False), ("a", True)] * 2, 1)
    ]
    site.append(*pieces)
    assert [(f.archive, f.indexed, payload(f)) for f in site.spool.since(0, max_bytes=ALL)] == [
        ("", True, b"1\n4\n"),
        ("a", False, b"2\n5\n"),
        ("a", True, b"3\n6\n"),
    ]


def test_what_is_for_no_archive_is_trimmed_once_indexed(site: Site) -> None:
    spool = site.spool
    site.append(piece(b"a\n", archive="", lid=1))
    site.append(piece(b"b\n", lid=2))
    site.append(piece(b"c\n", archive="", hour=TEN, lid=3))
    assert (spool.waiting()[0].lines, len(spool.waiting()), spool.trim()) == (1, 1, 0)
    spool.indexed(1)
    assert (spool.trim(), [row[0] for row in kept(spool)]) == (1, [2, 3])
    spool.indexed(3)
    assert (spool.trim(), [row[0] for row in kept(spool)]) == (1, [2])
    assert (spool.received(""), spool.last_lid()) == ({}, 3)


def test_what_is_not_to_be_indexed_is_trimmed_once_archived_and_passed_over(site: Site) -> None:
    spool = site.spool
    site.append(piece(b"a\n", indexed=False))
    spool.indexed(1)
    assert spool.trim() == 0
    spool.archived("main", NINE, upto=1)
    assert (spool.trim(), kept(spool)) == (1, [])


def test_what_was_received_is_counted_for_good(site: Site) -> None:
    site.append(piece(b"one\n", lid=1), piece(b"two\nthree\n", lid=2), piece(b"x\n", hour=TEN, lid=4))
    site.append(piece(b"one\n", archive="second", indexed=False, lid=1), key="k")
    site.append(piece(b"one\n", archive="second", indexed=False, lid=1), key="k")
    expected = {
        "main": {NINE: Received(lines=3, raw_bytes=14), TEN: Received(lines=1, raw_bytes=2)},
        "second": {NINE: Received(lines=1, raw_bytes=4)},
    }
    assert {archive: site.spool.received(archive) for archive in expected} == expected
    for archive, hours in expected.items():
        for hour in hours:
            site.spool.archived(archive, hour, upto=3)
    site.spool.indexed(3)
    assert (site.spool.trim(), kept(site.spool)) == (3, [])
    for spool in (site.spool, site.reopen()):
        assert {archive: spool.received(archive) for archive in expected} == expected
    site.append(piece(b"late\n", lid=5))
    assert site.spool.received("main")[NINE] == Received(lines=4, raw_bytes=19)


def test_a_refused_append_is_not_counted_as_received(site: Site) -> None:
    site.reopen(max_bytes=1)
    site.append(piece(b"a\n", lid=1))
    with pytest.raises(Overloaded):
        site.append(piece(b"b\n", lid=2))
    assert site.spool.received("main") == {NINE: Received(lines=1, raw_bytes=2)}


def test_frames_of_a_forgotten_archive_wait_for_none(site: Site) -> None:
    for lid, (archive, hour) in enumerate([("gone", NINE), ("kept", NINE), ("gone", TEN), ("gone", TEN)], 1):
        site.append(piece(b"%d\n" % lid, archive=archive, hour=hour, lid=lid))
    site.spool.archived("gone", NINE, upto=1)
    site.spool.indexed(2)
    site.spool.forget("gone")
    site.spool.forget("gone")
    for spool in (site.spool, site.reopen()):
        assert ([w.archive for w in spool.waiting()], spool.received("gone")) == (["kept"], {})
    spool = site.spool
    assert (spool.trim(), [row[0] for row in kept(spool)]) == (1, [2, 3, 4])
    spool.indexed(4)
    assert (spool.trim(), [row[0] for row in kept(spool)]) == (2, [2])
    # An archive that is made under the same name later begins behind them.
    assert [spool.archived_upto("gone", hour) for hour in (NINE, TEN)] == [1, 4]
    assert spool.received("kept") == {NINE: Received(lines=1, raw_bytes=2)}


def test_an_archive_that_comes_back_under_a_forgotten_name_begins_anew(site: Site) -> None:
    spool = site.spool
    site.append(piece(b"before\n", lid=1))
    spool.forget("main")
    site.append(piece(b"after\n", lid=2))
    [waiting] = spool.waiting()
    assert (waiting.first_seq, waiting.lines, spool.archived_upto("main", NINE)) == (2, 1, 1)
    assert spool.received("main") == {NINE: Received(lines=1, raw_bytes=6)}
    spool.indexed(2)
    assert (spool.trim(), [row[3] for row in kept(spool)]) == (1, [b"after\n"])
    spool.archived("main", NINE, upto=2)
    assert (spool.trim(), spool.archived_upto("main", NINE)) == (1, 2)


def test_forgetting_an_archive_that_never_was_changes_nothing(site: Site) -> None:
    site.append(piece(b"a\n"))
    before = site.spool.waiting()
    site.spool.forget("nobody")
    assert (site.spool.waiting(), list(site.spool.received("main"))) == (before, [NINE])


def test_the_oldest_receipt_is_that_of_what_is_still_held(site: Site) -> None:
    for lid, rx in enumerate([NOW + 7, NOW + 3, NOW + 9], 1):
        site.append(piece(b"x\n", lid=lid, rx=rx))
    assert site.spool.oldest_rx() == NOW + 3
    site.spool.archived("main", NINE, upto=2)
    site.spool.indexed(2)
    site.spool.trim()
    assert site.spool.oldest_rx() == NOW + 9


def test_a_thread_appends_what_is_durable_when_it_goes_on(site: Site) -> None:
    site.spool.append_now([piece(b"a\n", lid=1), piece(b"b\n", lid=2)])
    assert kept(site.reopen()) == [(1, "main", NINE, b"a\nb\n")]
    site.spool.append_now([])
    assert site.spool.last_seq() == 1


def test_a_thread_is_refused_by_a_full_spool_like_anybody(site: Site) -> None:
    site.reopen(max_bytes=1)
    site.spool.append_now([piece(b"a\n", lid=1)])
    with pytest.raises(Overloaded, match="its limit"):
        site.spool.append_now([piece(b"b\n", lid=2)])
    assert [row[3] for row in kept(site.spool)] == [b"a\n"]


def test_threads_and_loops_append_side_by_side(site: Site) -> None:
    def some(thread: int) -> None:
        for number in range(10):
            site.spool.append_now([piece(b"%d %d\n" % (thread, number))])

    threads = [threading.Thread(target=some, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        site.append(piece(b"loop %d\n" % number))
    for thread in threads:
        thread.join()
    lines = b"".join(row[3] for row in kept(site.spool)).splitlines()
    for name in (b"0", b"1", b"2", b"loop"):
        assert [line for line in lines if line.startswith(name + b" ")] == [
            b"%s %d" % (name, number) for number in range(10)
        ]
    assert len(lines) == 40


def test_a_request_whose_client_went_away_is_kept(site: Site) -> None:
    async def leave() -> None:
        gone = asyncio.create_task(site.spool.append([piece(b"gone\n", lid=1)], reply=b"", key="k"))
        await asyncio.sleep(0)
        gone.cancel()
        await site.spool.append([piece(b"stayed\n", lid=2)], reply=b"")
        assert gone.cancelled()

    asyncio.run(leave())
    assert b"".join(row[3] for row in kept(site.spool)) == b"gone\nstayed\n"


def test_appends_from_several_threads_are_all_kept_in_each_ones_order(site: Site) -> None:
    async def some(thread: int) -> None:
        for number in range(10):
            pair = [f"{thread} {number} {half}\n".encode() for half in "ab"]
            await asyncio.gather(*(site.spool.append([piece(line)], reply=b"") for line in pair))

    threads = [threading.Thread(target=asyncio.run, args=(some(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = b"".join(row[3] for row in kept(site.spool)).splitlines()
    expected = [[b"%d %d %s" % (t, n, h) for n in range(10) for h in (b"a", b"b")] for t in range(4)]
    assert [[line for line in lines if line.startswith(b"%d " % t)] for t in range(4)] == expected
    assert len(lines) == 80


def test_readers_in_threads_that_come_and_go_leave_nothing_open(site: Site) -> None:
    site.spool.waiting()
    before = open_files()
    for _ in range(20):
        thread = threading.Thread(target=site.spool.waiting)
        thread.start()
        thread.join()
    assert open_files() <= before + 1


def test_the_lines_that_an_account_keeps_are_read_once_in_order(site: Site) -> None:
    site.append(piece(b"a\n"), piece(b"b\n", account="other"), piece(b"c\n", archive="copy", indexed=False))
    site.append(piece(b"d\n", hour=TEN))
    kept = site.spool.kept_since("main", 0, max_bytes=ALL)
    assert [zstandard.decompress(frame.data) for frame in kept] == [b"a\n", b"d\n"]
    assert site.spool.kept_since("main", kept[-1].seq, max_bytes=ALL) == []
    assert [frame.seq for frame in site.spool.kept_since("main", 0, max_bytes=1)] == [kept[0].seq]


def test_what_is_held_is_not_trimmed_even_by_a_spool_that_was_opened_again(site: Site) -> None:
    site.append(piece(b"a\n", archive=""))
    site.append(piece(b"b\n", archive=""))
    site.spool.hold("main", 1)
    site.spool.indexed(2)
    site.spool.trim()
    assert [frame.seq for frame in site.spool.since(0, max_bytes=ALL)] == [2]
    site.reopen().trim()
    assert [frame.seq for frame in site.spool.since(0, max_bytes=ALL)] == [2]
    site.spool.hold("main", None)
    site.spool.trim()
    assert site.spool.since(0, max_bytes=ALL) == []


def test_what_is_held_and_archived_is_trimmed_when_it_is_let_go(site: Site) -> None:
    site.append(piece(b"a\n"))
    site.spool.hold("main", 0)
    site.spool.indexed(1)
    site.spool.archived("main", NINE, upto=1)
    site.spool.trim()
    assert [frame.seq for frame in site.spool.since(0, max_bytes=ALL)] == [1]
    site.spool.hold("main", 1)
    site.spool.trim()
    assert site.spool.since(0, max_bytes=ALL) == []


def test_a_thread_appends_once_under_a_key(site: Site) -> None:
    for _ in range(2):
        site.spool.append_now([piece(b"a\n")], key="k")
    assert [waiting.lines for waiting in site.spool.waiting()] == [1]


def test_ids_that_came_from_elsewhere_do_not_count_as_given_out(site: Site) -> None:
    ours = first_foreign_id(NOW) - 1
    site.append(piece(b"a\n", lid=ours))
    site.append(piece(b"b\n", lid=1 << 62))
    assert site.spool.last_lid() == ours
    site.spool.indexed(2)
    site.spool.archived("main", NINE, upto=2)
    site.spool.trim()
    assert site.reopen().last_lid() == ours


def test_what_one_account_holds_holds_up_no_other(site: Site) -> None:
    site.append(piece(b"a\n", archive=""), piece(b"b\n", account="other", archive=""))
    site.append(piece(b"c\n", archive="", indexed=False))
    site.spool.hold("main", 0)
    site.spool.indexed(3)
    assert site.spool.trim() == 2
    assert site.reopen().held() == {"main": 0}
    assert [zstandard.decompress(frame.data) for frame in site.spool.since(0, max_bytes=ALL)] == [b"a\n"]


def test_the_last_key_of_a_stream_is_known_for_good(site: Site) -> None:
    for key in ("1", "1", "2"):
        site.spool.append_now([piece(b"a\n")], key=key, last_of="web/copy")
    assert [waiting.lines for waiting in site.spool.waiting()] == [2]
    site.now += 30 * DAY_MS
    site.reopen().append_now([piece(b"a\n")], key="2", last_of="web/copy")
    site.spool.append_now([piece(b"b\n")], key="2", last_of="web/other")
    assert [waiting.lines for waiting in site.spool.waiting()] == [3]
