from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.pipeline_doubles import (
    PATIENCE_S,
    GatedOutbox,
    events,
    eventually,
    given,
    lines_in,
    no_long_pauses,
    open_spool,
    records_in,
    spec_with,
    spooled,
)

from logkeep.errors import BadSetting, NotFound, Overloaded, QuerySyntaxError
from logkeep.pipeline import live as module
from logkeep.pipeline import model
from logkeep.pipeline.live import Input, LivePipeline
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.outbox import Place
from logkeep.spool.sqlite import SqliteSpool

SOURCES = (model.HttpSource(name="in"), model.HttpSource(name="other"))
Begin = Callable[[PipelineSpec], LivePipeline]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[GatedOutbox]:
    opened = GatedOutbox(tmp_path / "outbox.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SqliteSpool]:
    opened = open_spool(tmp_path / "spool.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def begin(outbox: GatedOutbox, spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins pipelines, which end with the test."""
    no_long_pauses(monkeypatch)
    begun: list[LivePipeline] = []

    def begin_one(spec: PipelineSpec) -> LivePipeline:
        live = LivePipeline(spec, outbox=outbox, spool=spool, clock_s=lambda: 0.0)
        begun.append(live)
        live.start()
        return live

    yield begin_one
    outbox.gate.set()
    for live in begun:
        live.stop()
    assert all(live.join(PATIENCE_S) for live in begun)


def sent(live: LivePipeline, *lines: str, **more: Any) -> bytes:
    return live.submit(given(*lines, **more)).result(PATIENCE_S)


def held_up(live: LivePipeline, outbox: GatedOutbox) -> None:
    """Have a first put under way, and a second one wait behind it: what comes now waits in the inbox."""
    outbox.gate.clear()
    live.submit(given("first"))
    eventually(lambda: outbox.came == 1, "the first put")
    live.submit(given("second"))
    eventually(lambda: not live._inbox, "the second one to be shaped")


# Inputs


def test_the_reply_comes_when_the_events_are_in_the_outbox(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    outbox.gate.clear()
    future = live.submit(given("a", reply=b"kept"))
    eventually(lambda: outbox.came == 1, "the put")
    assert not future.done()
    assert lines_in(outbox) == []
    outbox.gate.set()
    assert future.result(PATIENCE_S) == b"kept"
    assert lines_in(outbox) == ["a"]


def test_events_of_every_source_stay_in_order_and_inputs_that_wait_are_put_together(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with(sources=SOURCES))
    held_up(live, outbox)
    futures = [
        live.submit(given(f"{source} {number}", source=source))
        for number in range(50)
        for source in ("in", "other")
    ]
    outbox.gate.set()
    for future in futures:
        future.result(PATIENCE_S)
    lines = lines_in(outbox)
    for source in ("in", "other"):
        assert [one for one in lines if one.startswith(source)] == [f"{source} {n}" for n in range(50)]
    assert len(outbox.kept) == 3
    assert outbox.counts("web") == {
        ("sources.in", "events"): 52,
        ("sources.other", "events"): 50,
        ("destinations.out", "queued"): 102,
    }


def test_a_round_takes_no_more_events_than_it_may(
    begin: Begin, outbox: GatedOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_EVENTS", 4)
    live = begin(spec_with())
    held_up(live, outbox)
    futures = [live.submit(given(f"{n}a", f"{n}b")) for n in range(6)]
    outbox.gate.set()
    for future in futures:
        future.result(PATIENCE_S)
    assert [put.counts["sources.in", "events"] for put in outbox.kept] == [1, 1, 4, 4, 4]


def test_one_step_holds_all_destinations_counts_and_marks(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(
        spec_with(
            model.ToStdout(name="all"),
            model.ToStdout(name="errors", query="line:bad"),
            model.ToArchive(name="copy", provider="folder"),
            processors=[model.Filter(query="-line:noise")],
        )
    )
    sent(live, "bad", "noise", "good", marks={"web/restore": "7"})
    [put] = outbox.kept
    assert {parcel.queue: parcel.lines for parcel in put.parcels} == {
        "web/all": 2,
        "web/errors": 1,
        "web/copy": 2,
    }
    assert [parcel.span is not None for parcel in put.parcels] == [False, False, True]
    assert outbox.mark("web/restore") == "7"
    assert outbox.counts("web") == {
        ("sources.in", "events"): 3,
        ("processors.filter-1", "in"): 3,
        ("processors.filter-1", "out"): 2,
        ("destinations.all", "queued"): 2,
        ("destinations.errors", "queued"): 1,
        ("destinations.copy", "queued"): 2,
    }
    assert lines_in(outbox, "web/errors") == ["bad"]


def test_an_input_of_which_nothing_is_left_is_answered_and_marked(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with(processors=[model.Filter(query="line:x")]))
    assert sent(live, "y", marks={"web/at": "1"}, reply=b"r") == b"r"
    assert sent(live, marks={"web/at": "2"}) == b""
    assert outbox.mark("web/at") == "2"
    assert lines_in(outbox) == []


def test_events_that_came_through_other_pipelines_stay_apart_and_in_order(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with())
    held_up(live, outbox)
    ways = ["", "s/a", "s/a", "", "s/b"]
    futures = [live.submit(given(f"{n}", via=via)) for n, via in enumerate(ways)]
    outbox.gate.set()
    for future in futures:
        future.result(PATIENCE_S)
    posted = outbox.queued("web/out", max_lines=100, max_bytes=1 << 20)[2:]
    assert [(one.via, len(one.lines)) for one in posted] == [("", 1), ("s/a", 2), ("", 1), ("s/b", 1)]


def test_a_source_that_is_not_there_is_not_found(begin: Begin) -> None:
    live = begin(spec_with())
    assert live.source("in") == model.HttpSource(name="in")
    with pytest.raises(NotFound, match="no source 'out'"):
        live.source("out")


# Idempotency keys


def test_a_key_that_comes_again_adds_nothing_and_gets_the_first_reply(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with())
    assert sent(live, "a", reply=b"1", reply_marks=("web/reply/1/k",)) == b"1"
    assert sent(live, "a", reply=b"2", reply_marks=("web/reply/1/k",)) == b"1"
    assert sent(live, "b", reply=b"3", reply_marks=("web/reply/1/l",)) == b"3"
    assert lines_in(outbox) == ["a", "b"]
    assert outbox.counts("web")["sources.in", "events"] == 2


@pytest.mark.parametrize("waits_behind", [0, 1, 2])
def test_a_key_that_comes_again_before_the_first_is_durable_adds_nothing(
    begin: Begin, outbox: GatedOutbox, waits_behind: int
) -> None:
    live = begin(spec_with())
    outbox.gate.clear()
    futures = [live.submit(given("a", reply=b"1", reply_marks=("web/reply/1/k",)))]
    if waits_behind:
        eventually(lambda: outbox.came == 1, "the first put")
        for number in range(waits_behind - 1):
            live.submit(given(f"between {number}"))
            eventually(lambda: not live._inbox, "what is between to be shaped")
    futures += [live.submit(given("a", reply=b"1", reply_marks=("web/reply/1/k",))) for _ in range(3)]
    outbox.gate.set()
    assert [future.result(PATIENCE_S) for future in futures] == [b"1"] * 4
    assert lines_in(outbox).count("a") == 1


def test_a_key_of_yesterday_is_known_under_its_second_mark(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    outbox.gate.clear()
    both = ("web/reply/2/k", "web/reply/1/k")
    futures = [live.submit(given("a", reply=b"1", reply_marks=("web/reply/1/k",)))]
    eventually(lambda: outbox.came == 1, "the first put")
    futures.append(live.submit(given("a", reply=b"1", reply_marks=both)))
    outbox.gate.set()
    assert [future.result(PATIENCE_S) for future in futures] == [b"1", b"1"]
    assert sent(live, "a", reply=b"2", reply_marks=both) == b"1"
    assert sent(live, "b", reply=b"3", reply_marks=("web/reply/3/k", "web/reply/2/k")) == b"3"
    assert lines_in(outbox) == ["a", "b"]


def test_a_key_is_remembered_over_a_restart(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    sent(live, "a", reply=b"1", reply_marks=("web/reply/1/k",))
    live.stop()
    assert live.join(PATIENCE_S)
    assert sent(begin(spec_with()), "a", reply=b"2", reply_marks=("web/reply/1/k",)) == b"1"
    assert lines_in(outbox) == ["a"]


def test_a_key_whose_events_were_not_kept_is_not_remembered(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    outbox.errors.append(Overloaded("full"))
    with pytest.raises(Overloaded):
        sent(live, "a", reply=b"1", reply_marks=("web/reply/1/k",))
    # The first one behind a failure may be refused with it.
    with pytest.raises(Overloaded):
        sent(live, "a", reply=b"2", reply_marks=("web/reply/1/k",))
    assert sent(live, "a", reply=b"3", reply_marks=("web/reply/1/k",)) == b"3"
    assert lines_in(outbox) == ["a"]


# No room


def test_inputs_are_refused_when_more_wait_than_memory_may_hold(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    held_up(live, outbox)
    half = module._PENDING_BYTES // 2
    futures = [live.submit(Input(source="in", records=events(line), size=half)) for line in "ab"]
    with pytest.raises(Overloaded, match="more events wait"):
        live.submit(given("c"))
    outbox.gate.set()
    for future in futures:
        future.result(PATIENCE_S)
    sent(live, "d")
    assert lines_in(outbox) == ["first", "second", "a", "b", "d"]


def test_one_input_may_be_larger_than_what_may_wait(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    one = Input(source="in", records=events("a"), size=2 * module._PENDING_BYTES)
    live.submit(one).result(PATIENCE_S)
    assert lines_in(outbox) == ["a"]


def test_inputs_are_refused_while_the_buffer_of_a_destination_is_full(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with(model.ToStdout(name="out"), model.ToStdout(name="small", buffer=1)))
    sent(live, "a")
    with pytest.raises(Overloaded, match="destination small of the pipeline web"):
        live.submit(given("b"))
    [posted] = outbox.queued("web/small", max_lines=1, max_bytes=1)
    outbox.delivered("web/small", Place(posted.seq + 1, 0), counts={})
    sent(live, "c")
    assert lines_in(outbox) == ["a", "c"]


def test_a_destination_that_drops_when_full_goes_without_and_holds_up_nobody(
    begin: Begin, outbox: GatedOutbox
) -> None:
    small = model.ToStdout(name="small", buffer=1, when_full="drop")
    live = begin(spec_with(model.ToStdout(name="out"), small))
    for line in ("a", "b", "c"):
        sent(live, line)
    assert lines_in(outbox) == ["a", "b", "c"]
    assert lines_in(outbox, "web/small") == ["a"]
    counts = outbox.counts("web")
    assert counts["destinations.small", "dropped"] == 2
    assert counts["destinations.small", "queued"] == 1


# Errors of the outbox


def test_every_input_of_a_put_that_fails_gets_the_error(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(spec_with())
    held_up(live, outbox)
    futures = [live.submit(given(line)) for line in "abc"]
    outbox.errors += [Overloaded("the disk is full")] * 3
    outbox.gate.set()
    for future in futures:
        with pytest.raises(Overloaded, match="the disk is full"):
            future.result(PATIENCE_S)
    assert lines_in(outbox) == []
    assert outbox.counts("web") == {}


def test_what_processors_remember_of_events_that_were_not_kept_does_not_swallow_them_later(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with(processors=[model.Dedupe()]))
    outbox.errors.append(Overloaded("full"))
    with pytest.raises(Overloaded):
        sent(live, "a")

    def sent_again() -> bool:
        try:
            sent(live, "a")
        except Overloaded:
            return False
        return True

    eventually(sent_again, "it to be taken")
    assert lines_in(outbox) == ["a"]
    sent(live, "a")
    assert lines_in(outbox) == ["a"]


def test_what_was_shaped_behind_a_put_that_fails_fails_too_and_is_taken_later(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with(processors=[model.Dedupe()]))
    outbox.gate.clear()
    first = live.submit(given("a"))
    eventually(lambda: outbox.came == 1, "the first put")
    # Dedupe takes it for the first one, which is then not kept.
    second = live.submit(given("a", "b"))
    eventually(lambda: not live._inbox, "the second one to be shaped")
    outbox.errors.append(Overloaded("full"))
    outbox.gate.set()
    for future in (first, second):
        with pytest.raises(Overloaded, match="full"):
            future.result(PATIENCE_S)
    sent(live, "a", "b")
    assert lines_in(outbox) == ["a", "b"]
    assert outbox.counts("web")["sources.in", "events"] == 2


# Conditions


def test_a_destination_gets_what_its_query_matches_after_the_processors(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(
        spec_with(
            model.ToStdout(name="out"),
            model.ToStdout(name="errors", query="level:error"),
            model.ToStdout(name="rest", query="-level:error"),
            processors=[model.ParseJson(), model.Rename(field="meta.severity", to="level")],
        )
    )
    sent(live, '{"severity":"error"}', '{"severity":"info"}', "plain")
    assert len(lines_in(outbox)) == 3
    assert [one.level for one in records_in(outbox, "web/errors")] == ["error"]
    assert [one.level for one in records_in(outbox, "web/rest")] == ["info", ""]


# Changes


def labelled(host: str) -> PipelineSpec:
    return spec_with(processors=[model.Set(field="host", value=host)], title=host)


def test_changes_while_inputs_wait_lose_nothing_and_each_input_is_shaped_by_one_plan(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(labelled("0"))
    ended = threading.Event()
    futures = []

    def send() -> None:
        number = 0
        while not ended.is_set():
            futures.append(live.submit(given(f"{number}", f"{number}")))
            futures[-1].result(PATIENCE_S)
            number += 1

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        for change in range(1, 30):
            assert live.change(labelled(str(change)))
            assert live.spec.title == str(change)
            sent(live, f"after {change}")
    finally:
        ended.set()
        for sender in senders:
            sender.join(PATIENCE_S)
    kept = records_in(outbox, "web/out")
    assert len(kept) == 2 * len(futures) + 29
    hosts = [int(one.host) for one in kept]
    assert hosts == sorted(hosts)
    assert {one.line: one.host for one in kept if one.line.startswith("after")} == {
        f"after {change}": str(change) for change in range(1, 30)
    }
    pairs = [(one.line, one.host) for one in kept if not one.line.startswith("after")]
    assert all(count % 2 == 0 for count in Counter(pairs).values())


def test_what_waits_when_a_change_comes_is_shaped_by_the_new_plan_and_what_is_put_stays(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(labelled("before"))
    held_up(live, outbox)
    waiting = live.submit(given("third"))
    assert not live.change(labelled("after"), patience_s=0)
    outbox.gate.set()
    waiting.result(PATIENCE_S)
    assert [one.host for one in records_in(outbox, "web/out")] == ["before", "before", "after"]


def test_a_change_that_cannot_be_leaves_all_as_it_was(begin: Begin, outbox: GatedOutbox) -> None:
    live = begin(labelled("before"))
    with pytest.raises(BadSetting):
        live.change(spec_with(processors=[model.ParseRegex(pattern="(")]))
    with pytest.raises(QuerySyntaxError):
        live.change(spec_with(model.ToStdout(name="out", query="(")))
    sent(live, "a")
    assert live.spec == labelled("before")
    assert [one.host for one in records_in(outbox, "web/out")] == ["before"]


# The end


def test_what_is_under_way_at_the_end_is_kept_and_what_waits_is_refused(
    begin: Begin, outbox: GatedOutbox
) -> None:
    live = begin(spec_with())
    held_up(live, outbox)
    waiting = live.submit(given("third"))
    live.stop()
    with pytest.raises(Overloaded, match="stops"):
        live.submit(given("fourth"))
    assert not live.join(0)
    outbox.gate.set()
    assert live.join(PATIENCE_S)
    with pytest.raises(Overloaded, match="stops"):
        waiting.result(PATIENCE_S)
    assert lines_in(outbox) == ["first", "second"]
    assert not {"pipeline-web", "put-web"} & {thread.name for thread in threading.enumerate()}


def test_problems_of_processors_are_told(begin: Begin) -> None:
    live = begin(spec_with(processors=[model.ParseJson(name="read")]))
    assert live.problems() == {}
    sent(live, "{bad")
    assert list(live.problems()) == ["read"]


# Copies of accounts


def teeing(*sources: model.AccountSource, id_: str = "web", **more: str | int) -> PipelineSpec:
    out = model.ToStdout(name="out", **more)  # type: ignore[arg-type]
    return spec_with(out, id_=id_, sources=sources or [model.AccountSource(name="tee", account="main")])


def copied(live: LivePipeline, spool: SqliteSpool) -> None:
    """Return when all that the spool has is copied."""
    live.appended()
    eventually(lambda: set(live.copied.values()) == {spool.last_seq()}, "the copy")


def begun_tee(live: LivePipeline) -> None:
    assert live.adopted(PATIENCE_S)


def test_a_pipeline_without_accounts_copies_nothing(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    live = begin(spec_with())
    assert live.copied == {}
    spooled(spool, "a")
    live.appended()
    sent(live, "b")
    assert lines_in(outbox) == ["b"]


def test_a_new_tee_begins_with_what_comes(begin: Begin, outbox: GatedOutbox, spool: SqliteSpool) -> None:
    spooled(spool, "before")
    live = begin(teeing())
    begun_tee(live)
    assert live.copied == {"main": spool.last_seq()}
    spooled(spool, "a", "b")
    spooled(spool, "elsewhere", account="other")
    spooled(spool, "c")
    copied(live, spool)
    assert lines_in(outbox) == ["a", "b", "c"]
    assert outbox.counts("web")["sources.tee", "events"] == 3


def test_a_tee_goes_on_where_it_was_after_a_restart_also_when_nothing_had_come(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    spooled(spool, "before")
    for line in ("a", "b", "c"):
        live = begin(teeing())
        begun_tee(live)
        live.stop()
        assert live.join(PATIENCE_S)
        spooled(spool, line)
        live = begin(teeing())
        copied(live, spool)
        live.stop()
        assert live.join(PATIENCE_S)
    assert lines_in(outbox) == ["a", "b", "c"]


def test_a_tee_copies_in_parts_and_marks_each(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COPIED_BYTES", 1)
    live = begin(teeing())
    begun_tee(live)
    for number in range(5):
        spooled(spool, f"{number}")
    copied(live, spool)
    assert lines_in(outbox) == ["0", "1", "2", "3", "4"]
    marks = [put.marks["web/tee/tee/main/"] for put in outbox.kept]
    assert marks == [f"{spool.spool_id()}:{seq}" for seq in range(1, 6)]


def test_a_tee_that_was_removed_and_added_again_begins_with_what_comes_then(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    live = begin(teeing())
    begun_tee(live)
    spooled(spool, "a")
    copied(live, spool)
    assert live.change(spec_with())
    assert outbox.mark("web/tee/tee/main/") is None
    assert live.copied == {}
    spooled(spool, "between")
    assert live.change(teeing())
    spooled(spool, "b")
    copied(live, spool)
    assert lines_in(outbox) == ["a", "b"]


def test_a_tee_of_a_spool_that_is_not_the_one_it_knows_begins_with_what_comes(
    begin: Begin, outbox: GatedOutbox, tmp_path: Path, spool: SqliteSpool
) -> None:
    former = open_spool(tmp_path / "former.sqlite")
    live = LivePipeline(teeing(), outbox=outbox, spool=former, clock_s=lambda: 0.0)
    live.start()
    spooled(former, "a", "b")
    begun_tee(live)
    live.stop()
    assert live.join(PATIENCE_S)
    former.close()
    for line in ("x", "y", "z"):
        spooled(spool, line)
    live = begin(teeing())
    begun_tee(live)
    spooled(spool, "c")
    copied(live, spool)
    assert "c" in lines_in(outbox)
    assert not {"x", "y", "z"} & set(lines_in(outbox))


def test_a_tee_copies_what_its_query_matches_and_goes_on_when_that_changes(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    live = begin(teeing(model.AccountSource(name="tee", account="main", query="line:good")))
    begun_tee(live)
    spooled(spool, "good 1", "bad 1")
    spooled(spool, "bad 2")
    copied(live, spool)
    assert outbox.mark("web/tee/tee/main/") == f"{spool.spool_id()}:2"
    assert live.change(teeing(model.AccountSource(name="tee", account="main", query="line:bad")))
    spooled(spool, "good 3", "bad 3")
    copied(live, spool)
    assert lines_in(outbox) == ["good 1", "bad 3"]
    assert outbox.counts("web")["sources.tee", "events"] == 2


def test_a_tee_of_another_account_has_a_place_of_its_own_and_keeps_it(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    live = begin(teeing())
    begun_tee(live)
    longer = teeing(model.AccountSource(name="tee", account="main-2"))
    assert live.change(longer)
    live.stop()
    assert live.join(PATIENCE_S)
    assert outbox.mark("web/tee/tee/main/") is None
    spooled(spool, "a", account="main-2")
    copied(begin(longer), spool)
    assert lines_in(outbox) == ["a"]


def test_two_tees_have_their_own_places(begin: Begin, outbox: GatedOutbox, spool: SqliteSpool) -> None:
    one = model.AccountSource(name="one", account="main")
    two = model.AccountSource(name="two", account="other")
    live = begin(teeing(one))
    begun_tee(live)
    spooled(spool, "a")
    spooled(spool, "x", account="other")
    copied(live, spool)
    assert live.change(teeing(one, two))
    spooled(spool, "b")
    spooled(spool, "y", account="other")
    copied(live, spool)
    assert sorted(lines_in(outbox)) == ["a", "b", "y"]


def test_a_tee_waits_while_a_buffer_is_full_and_loses_nothing(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COPIED_BYTES", 1)
    live = begin(teeing(buffer=1))
    begun_tee(live)
    for number in range(4):
        spooled(spool, f"{number}")
    live.appended()
    came: list[str] = []
    while len(came) < 4:
        eventually(lambda: outbox.backlog("web/out").lines, "the next one")
        came += lines_in(outbox)
        assert live.copied["main"] <= len(came)
        outbox.forget("web/out")
    assert came == ["0", "1", "2", "3"]


def test_a_tee_whose_put_fails_copies_the_same_lines_again_and_once(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    live = begin(
        spec_with(
            sources=[model.AccountSource(name="tee", account="main"), *SOURCES],
            processors=[model.Dedupe()],
        )
    )
    begun_tee(live)
    outbox.errors += [Overloaded("full")] * 3
    spooled(spool, "a", "b")
    copied(live, spool)
    assert lines_in(outbox) == ["a", "b"]
    assert outbox.counts("web")["sources.tee", "events"] == 2
    assert not outbox.errors
    sent(live, "c")
    assert lines_in(outbox) == ["a", "b", "c"]


def test_a_tee_is_begun_when_the_outbox_can_write_that_down(
    begin: Begin, outbox: GatedOutbox, spool: SqliteSpool
) -> None:
    outbox.mark_errors += [Overloaded("full")] * 3
    live = begin(teeing())
    begun_tee(live)
    assert not outbox.mark_errors
    spooled(spool, "a")
    copied(live, spool)
    assert lines_in(outbox) == ["a"]
