"""Pipelines at work: pipeline/pipelines.py."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.pipeline_doubles import (
    AT_ONCE,
    NOW,
    Site,
    events,
    eventually,
    lines_in,
    no_long_pauses,
    received,
    records_in,
    spec_with,
    spooled,
)

from logkeep.errors import BadSetting, Conflict, Forbidden, NotFound, Overloaded
from logkeep.pipeline import model
from logkeep.record import Received

DAY_MS = 86_400_000
OUT = model.ToStdout(name="out", batch=AT_ONCE)
NEXT = model.ToStdout(name="next", batch=AT_ONCE)
TEE = model.AccountSource(name="tee", account="main")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    no_long_pauses(monkeypatch)
    made = Site(tmp_path)
    made.server.start()
    yield made
    made.server.stop()
    left = {one.name for one in threading.enumerate()}
    assert not [name for name in left if name.startswith(("pipeline", "put-", "deliver-"))]


def accept(site: Site, *lines: str, pipeline: str = "web", source: str = "in", **more: str) -> bytes:
    reply, key, via = (more.get(name, "") for name in ("reply", "key", "via"))
    accepting = site.server.pipelines.accept(
        pipeline, source, received(*lines), via=via, reply=reply.encode(), key=key
    )
    return asyncio.run(accepting)


def all_came(site: Site, *lines: str, name: str = "out") -> None:
    eventually(lambda: len(site.came(name)) >= len(lines), f"{len(lines)} lines at {name}")
    assert site.came(name) == list(lines)


# In


def test_events_are_stamped_and_delivered_in_order_and_counted(site: Site) -> None:
    site.place(spec_with(OUT))
    assert accept(site, "a", "b", reply="ok") == b"ok"
    accept(site, "c")
    all_came(site, "a", "b", "c")
    counted = ("destinations.out", "delivered")
    eventually(lambda: site.server.outbox.counts("web").get(counted) == 3, "the acknowledgment")
    assert site.server.pipelines.waiting("web") == 0


def test_ids_that_events_bring_along_are_kept_and_are_none_that_were_given_out_here(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT))
    brought = Received(columns=received("a", "b").columns, lids=["", str(2**63 - 1)])
    asyncio.run(site.server.pipelines.accept("web", "in", brought, via="s/p", reply=b""))
    first, second = (record.lid for record in records_in(site.server.outbox, "web/out"))
    assert second == str(2**63 - 1)
    assert int(first) <= site.server.pipelines.last_lid() < 2**62


def test_events_have_rising_ids_of_their_account_which_no_restart_repeats(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT, account="other"))
    accept(site, "a", "b")
    records = records_in(site.server.outbox, "web/out")
    assert [(one.account, one.rx, one.ts) for one in records] == [("other", NOW, NOW)] * 2
    ids = [int(one.lid) for one in records]
    assert ids == sorted(set(ids))
    assert site.server.pipelines.last_lid() == ids[-1]
    assert site.again().pipelines.last_lid() == ids[-1]


def test_nothing_is_accepted_for_what_is_not_there(site: Site) -> None:
    with pytest.raises(NotFound, match="no pipeline 'web'"):
        accept(site, "a")
    site.place(spec_with(OUT, sources=[model.HttpSource(name="in"), model.RestorationSource(name="back")]))
    with pytest.raises(NotFound, match="no source 'out'"):
        accept(site, "a", source="out")
    with pytest.raises(NotFound, match="takes no requests"):
        accept(site, "a", source="back")
    assert site.server.outbox.counts("web") == {}


def test_a_suspended_account_takes_nothing(site: Site) -> None:
    site.place(spec_with(OUT))
    site.server.catalog.accounts.update("main", suspended=True)
    site.server.router.refresh("main")
    with pytest.raises(Forbidden, match="main is suspended"):
        accept(site, "a")


def test_a_request_without_events_is_answered(site: Site) -> None:
    site.place(spec_with(OUT))
    assert accept(site, reply="none", key="k") == b"none"
    assert site.server.outbox.counts("web") == {}


def test_a_key_is_known_the_same_day_and_the_next_and_not_for_ever(site: Site) -> None:
    site.place(spec_with(OUT))
    assert accept(site, "a", key="k", reply="1") == b"1"
    assert accept(site, "a", key="k", reply="2") == b"1"
    site.now += DAY_MS - 1
    assert accept(site, "a", key="k", reply="3") == b"1"
    site.now = NOW + DAY_MS
    assert accept(site, "a", key="k", reply="4") == b"1"
    assert accept(site, "b", key="other", reply="5") == b"5"
    all_came(site, "a", "b")
    site.now = NOW + 3 * DAY_MS
    assert accept(site, "c", key="k", reply="6") == b"6"
    all_came(site, "a", "b", "c")


def test_keys_of_two_pipelines_are_apart(site: Site) -> None:
    site.place(spec_with(OUT))
    site.place(spec_with(NEXT, id_="app"))
    accept(site, "a", key="k")
    accept(site, "a", key="k", pipeline="app")
    all_came(site, "a")
    all_came(site, "a", name="next")


def test_keys_of_two_sources_are_apart(site: Site) -> None:
    site.place(spec_with(OUT, sources=[model.HttpSource(name="in"), model.HttpSource(name="more")]))
    accept(site, "a", key="k")
    accept(site, "b", key="k", source="more")
    all_came(site, "a", "b")


def test_a_key_that_comes_again_behind_midnight_before_the_first_is_durable_is_one(site: Site) -> None:
    site.place(spec_with(OUT))

    async def around_midnight() -> list[bytes]:
        site.server.outbox.gate.clear()
        one = {"via": "", "reply": b"ok", "key": "k"}
        first = asyncio.create_task(site.server.pipelines.accept("web", "in", received("a"), **one))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        site.now += DAY_MS
        second = asyncio.create_task(site.server.pipelines.accept("web", "in", received("a"), **one))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        site.server.outbox.gate.set()
        return [await first, await second]

    assert asyncio.run(around_midnight()) == [b"ok", b"ok"]
    accept(site, "b")
    all_came(site, "a", "b")


def test_a_request_that_is_cancelled_leaves_its_events_and_the_pipeline_at_work(site: Site) -> None:
    site.place(spec_with(OUT))

    async def given_up() -> None:
        site.server.outbox.gate.clear()
        accepting = asyncio.create_task(
            site.server.pipelines.accept("web", "in", received("a"), via="", reply=b"ok")
        )
        await asyncio.sleep(0)
        accepting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await accepting
        site.server.outbox.gate.set()

    asyncio.run(given_up())
    accept(site, "b")
    all_came(site, "a", "b")


def test_requests_with_one_key_at_once_are_one(site: Site) -> None:
    site.place(spec_with(OUT))

    async def all_at_once() -> list[bytes]:
        one = {"via": "", "reply": b"ok", "key": "k"}
        calls = [site.server.pipelines.accept("web", "in", received("a", "b"), **one) for _ in range(5)]  # type: ignore[arg-type]
        return await asyncio.gather(*calls)

    assert asyncio.run(all_at_once()) == [b"ok"] * 5
    all_came(site, "a", "b")
    assert site.server.outbox.counts("web")["sources.in", "events"] == 2


def test_a_full_outbox_is_told_and_the_next_request_but_one_is_taken(site: Site) -> None:
    site.place(spec_with(OUT))
    site.server.outbox.errors.append(Overloaded("the disk is full"))
    with pytest.raises(Overloaded, match="the disk is full"):
        accept(site, "a", key="k")

    def taken() -> bool:
        try:
            accept(site, "a", key="k")
        except Overloaded:
            return False
        return True

    eventually(taken, "room")
    all_came(site, "a")


def test_what_is_fed_is_durable_with_its_marks(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT, sources=[model.RestorationSource(name="back")]))
    pipelines = site.server.pipelines
    pipelines.feed("web", "back", events("a", "b"), {"restore/r1": "2", "restore/r2": "0"})
    pipelines.feed("web", "back", events("c"), {"restore/r1": "3"})
    assert lines_in(site.server.outbox) == ["a", "b", "c"]
    assert pipelines.mark("restore/r1") == "3"
    # As they came: neither ids nor times are given anew.
    assert [one.lid for one in records_in(site.server.outbox, "web/out")] == ["1000", "1001", "1000"]
    pipelines.forget_marks("restore/r1")
    assert (pipelines.mark("restore/r1"), pipelines.mark("restore/r2")) == (None, "0")
    with pytest.raises(NotFound):
        pipelines.feed("web", "gone", events("a"), {})
    with pytest.raises(NotFound):
        pipelines.feed("gone", "back", events("a"), {})


def test_what_is_fed_and_not_kept_leaves_no_mark(site: Site) -> None:
    site.place(spec_with(OUT, sources=[model.RestorationSource(name="back")]))
    site.server.outbox.errors.append(Overloaded("full"))
    with pytest.raises(Overloaded):
        site.server.pipelines.feed("web", "back", events("a"), {"restore/r1": "1"})
    assert site.server.pipelines.mark("restore/r1") is None


def test_the_restoration_source_is_named_or_the_only_one(site: Site) -> None:
    back, more = model.RestorationSource(name="back"), model.RestorationSource(name="more")
    check = site.server.pipelines.check
    site.place(spec_with(OUT))
    with pytest.raises(Conflict, match="no restoration source"):
        check("web", "")
    with pytest.raises(Conflict, match="of the type http"):
        check("web", "in")
    with pytest.raises(NotFound):
        check("web", "gone")
    site.place(spec_with(OUT, sources=[back]))
    assert check("web", "") == check("web", "back") == "back"
    site.place(spec_with(OUT, sources=[back, more]))
    with pytest.raises(Conflict, match="2 restoration sources") as caught:
        check("web", "")
    assert caught.value.hint == "name one of them: back, more"
    assert check("web", "more") == "more"
    with pytest.raises(NotFound):
        check("gone", "")


# Changes of destinations


def test_a_destination_whose_settings_stay_goes_on_and_one_whose_settings_change_is_made_anew(
    site: Site,
) -> None:
    site.place(spec_with(OUT, NEXT), {"next": {"token": "1"}})
    site.place(spec_with(OUT, NEXT, title="x"), {"next": {"token": "2"}})
    assert [(one.name, one.secrets) for one in site.made.recorders] == [
        ("out", {}),
        ("next", {"token": "1"}),
        ("next", {"token": "2"}),
    ]
    accept(site, "a")
    all_came(site, "a")
    all_came(site, "a", name="next")
    assert [one.closed for one in site.made.recorders] == [False, True, False]


def test_what_waits_is_delivered_by_the_settings_of_now(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT))
    accept(site, "a")
    eventually(lambda: site.server.pipelines.delivering("web")["out"].state == "failing", "a try")
    site.place(spec_with(msgspec.structs.replace(OUT, buffer="2GiB")))
    site.made.away.clear()
    all_came(site, "a")


def test_a_destination_that_is_taken_out_delivers_what_waits_and_ends(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT, NEXT))
    accept(site, "a")
    site.place(spec_with(NEXT))
    accept(site, "b")
    all_came(site, "a", "b", name="next")
    assert set(site.server.pipelines.delivering("web")) == {"next", "out"}
    site.made.away.clear()
    all_came(site, "a")
    eventually(lambda: set(site.server.pipelines.delivering("web")) == {"next"}, "its end")
    assert [one.closed for one in site.made.recorders if one.name == "out"] == [True]


def test_a_destination_that_was_taken_out_delivers_what_waits_after_a_restart_by_its_last_settings(
    site: Site,
) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT, NEXT), {"out": {"token": "former"}})
    site.place(spec_with(OUT, NEXT), {"out": {"token": "last"}})
    accept(site, "a")
    site.place(spec_with(NEXT))
    site.place(spec_with(NEXT, title="later"))
    before = len(site.made.recorders)
    site.again()
    eventually(lambda: "out" in site.server.pipelines.delivering("web"), "it to be at work again")
    made = {one.name: one for one in site.made.recorders[before:]}
    assert made["out"].secrets == {"token": "last"}
    site.made.away.clear()
    all_came(site, "a")
    eventually(lambda: set(site.server.pipelines.delivering("web")) == {"next"}, "its end")


def test_a_destination_that_comes_back_takes_over_what_waits(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT, NEXT))
    accept(site, "a")
    site.place(spec_with(NEXT))
    site.place(spec_with(OUT, NEXT))
    accept(site, "b")
    site.made.away.clear()
    all_came(site, "a", "b")
    all_came(site, "a", "b", name="next")
    # It is not taken for one that ends, now that nothing waits for it.
    accept(site, "c")
    all_came(site, "a", "b", "c")


def test_what_waits_is_delivered_after_a_restart(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT))
    accept(site, "a")
    site.again(start=False)
    site.made.away.clear()
    site.server.start()
    all_came(site, "a")


def test_a_change_that_cannot_be_leaves_all_at_work(site: Site) -> None:
    site.place(spec_with(OUT))
    bad = site.save(spec_with(OUT, model.ToHttp(name="bad", url="no url")))
    with pytest.raises(BadSetting):
        site.server.pipelines.place(bad)
    accept(site, "a")
    all_came(site, "a")


def test_a_pipeline_that_cannot_work_stays_still_and_the_others_work(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.save(spec_with(OUT, id_="bad", processors=[model.ParseRegex(pattern="(")]))
    site.save(spec_with(OUT))
    with caplog.at_level(logging.ERROR, "logkeep"):
        site.again()
    assert "the pipeline bad cannot work" in caplog.text
    with pytest.raises(Overloaded, match="'bad' is not at work"):
        accept(site, "a", pipeline="bad")
    accept(site, "a")
    all_came(site, "a")


# Removal


def test_a_pipeline_for_which_events_wait_is_not_removed_and_goes_on(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT))
    accept(site, "a", "b")
    with pytest.raises(Conflict, match="2 events wait for destinations of the pipeline 'web'"):
        site.server.pipelines.remove("web", discard=False)
    accept(site, "c")
    site.made.away.clear()
    all_came(site, "a", "b", "c")


def test_events_that_wait_for_a_destination_that_was_taken_out_count_too(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(OUT, NEXT))
    accept(site, "a")
    all_came(site, "a", name="next")
    site.place(spec_with(NEXT))
    eventually(lambda: site.server.pipelines.waiting("web") == 1, "the acknowledgment of the other")
    with pytest.raises(Conflict):
        site.server.pipelines.remove("web", discard=False)


def test_nothing_is_left_of_a_pipeline_that_is_removed(site: Site) -> None:
    site.made.bad.add("bad")
    site.place(spec_with(OUT))
    accept(site, "bad", "good", key="k")
    eventually(lambda: site.server.dead_letters.count("web/out") == 1, "the dead letter")
    all_came(site, "good")
    site.made.away.add("out")
    accept(site, "a")
    site.server.pipelines.remove("web", discard=True)
    outbox = site.server.outbox
    assert outbox.queues() == []
    assert outbox.counts("web") == {}
    assert outbox.mark("web/lid") is None
    assert outbox.mark(f"web/reply/{NOW // DAY_MS:08d}/in/k") is None
    assert site.server.dead_letters.count("web/out") == 0
    assert site.server.pipelines.delivering("web") == {}
    with pytest.raises(NotFound):
        accept(site, "a")
    site.made.away.clear()
    site.place(spec_with(OUT))
    accept(site, "b", key="k")
    all_came(site, "good", "b")


def test_others_whose_names_begin_alike_stay(site: Site) -> None:
    site.place(spec_with(OUT))
    site.made.away.add("next")
    site.place(spec_with(NEXT, id_="web-2"))
    accept(site, "a", pipeline="web-2", key="k", reply="1")
    site.server.pipelines.remove("web", discard=False)
    assert lines_in(site.server.outbox, "web-2/next") == ["a"]
    assert accept(site, "a", pipeline="web-2", key="k", reply="2") == b"1"
    site.made.away.clear()
    all_came(site, "a", name="next")


def test_what_waits_for_destinations_that_were_taken_out_can_be_discarded(site: Site) -> None:
    site.made.away |= {"out", "next"}
    site.place(spec_with(OUT, NEXT))
    accept(site, "a", "b")
    assert site.server.pipelines.discard_ended("web") == 0
    site.place(spec_with(NEXT))
    assert site.server.pipelines.discard_ended("web") == 2
    assert site.server.pipelines.waiting("web") == 2
    site.made.away.clear()
    all_came(site, "a", "b", name="next")
    assert site.came() == []
    assert set(site.server.pipelines.delivering("web")) == {"next"}


# Room


def test_a_pipeline_goes_on_by_itself_when_a_buffer_has_room_again(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(msgspec.structs.replace(OUT, buffer=1)))
    accept(site, "a")
    with pytest.raises(Overloaded, match="its buffer is full"):
        accept(site, "b")
    site.made.away.clear()

    def taken() -> bool:
        try:
            accept(site, "b")
        except Overloaded:
            return False
        return True

    eventually(taken, "room")
    all_came(site, "a", "b")


# Copies of accounts


def trimmed(site: Site) -> int:
    """All that may go of the spool goes; returns how many frames are left."""
    spool = site.server.spool
    spool.indexed(spool.last_seq())
    while spool.trim():
        pass
    return len(spool.since(0, max_bytes=1 << 40))


def test_lines_of_an_account_are_copied_when_they_are_appended(site: Site) -> None:
    site.place(spec_with(OUT, sources=[TEE]))
    spooled(site.server.spool, "a", "b")
    site.server.pipelines.appended()
    all_came(site, "a", "b")


def test_the_spool_keeps_what_is_to_be_copied_until_it_is(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(msgspec.structs.replace(OUT, buffer=1), sources=[TEE]))
    for line in ("a", "b", "c"):
        spooled(site.server.spool, line)
        site.server.pipelines.appended()
        eventually(lambda: site.server.outbox.backlog("web/out").lines, "the first one to be copied")
    assert trimmed(site) >= 2
    site.made.away.clear()
    all_came(site, "a", "b", "c")
    eventually(lambda: trimmed(site) == 0, "the spool to let go of them")


def test_the_spool_lets_go_of_everything_when_no_account_is_copied_any_more(site: Site) -> None:
    site.made.away.add("out")
    site.place(spec_with(msgspec.structs.replace(OUT, buffer=1), sources=[TEE]))
    for line in ("a", "b"):
        spooled(site.server.spool, line)
    site.server.pipelines.appended()
    eventually(lambda: site.server.outbox.backlog("web/out").lines, "the copy")
    site.place(spec_with(msgspec.structs.replace(OUT, buffer=1)))
    eventually(lambda: trimmed(site) == 0, "the spool to let go of them")


def test_what_was_not_copied_before_a_restart_is_copied_after_it(site: Site) -> None:
    site.place(spec_with(OUT, sources=[TEE]))
    spooled(site.server.spool, "a")
    site.server.pipelines.appended()
    all_came(site, "a")
    site.again(start=False)
    spooled(site.server.spool, "b")
    assert trimmed(site) >= 1
    site.server.start()
    all_came(site, "a", "b")


def test_a_start_lets_the_spool_lose_nothing_that_a_later_pipeline_copies(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others trim the spool meanwhile: `app` has no tee, or one that is further, and is placed first."""
    copying = spec_with(OUT, sources=[TEE])
    site.place(spec_with(NEXT, id_="app", sources=[model.AccountSource(name="t", account="other")]))
    site.place(copying)
    spooled(site.server.spool, "a")
    site.server.pipelines.appended()
    all_came(site, "a")
    site.again(start=False)
    spooled(site.server.spool, "b")
    pipelines = site.server.pipelines
    place = pipelines.place

    def place_and_trim(*one: object) -> None:
        place(*one)  # type: ignore[arg-type]
        trimmed(site)

    monkeypatch.setattr(pipelines, "place", place_and_trim)
    trimmed(site)
    pipelines.start()
    all_came(site, "a", "b")


def test_a_tee_that_is_removed_with_its_pipeline_holds_nothing(site: Site) -> None:
    site.place(spec_with(OUT, sources=[TEE]))
    spooled(site.server.spool, "a")
    site.server.pipelines.appended()
    all_came(site, "a")
    eventually(lambda: not site.server.pipelines.waiting("web"), "the acknowledgment")
    site.server.pipelines.remove("web", discard=False)
    spooled(site.server.spool, "b")
    eventually(lambda: trimmed(site) == 0, "the spool to let go of it")
    assert site.server.outbox.mark("web/tee/tee/main/") is None


# The end


def test_nothing_that_was_accepted_is_lost_by_a_stop(site: Site) -> None:
    site.place(spec_with(OUT))
    for number in range(20):
        accept(site, f"{number}")
    site.again()
    eventually(lambda: len(site.came()) >= 20, "all of it")
    assert sorted(set(site.came()), key=int) == [f"{number}" for number in range(20)]


def test_a_hop_names_server_and_pipeline(site: Site) -> None:
    assert site.server.pipelines.hop("web") == "server-1/web"
