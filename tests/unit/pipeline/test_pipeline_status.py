from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.pipeline_doubles import AT_ONCE, NOW, Site, eventually, no_long_pauses, received, spec_with

from logkeep.pipeline import model
from logkeep.pipeline.status import DestinationStatus, SourceStatus, Status, restoration_places

OUT = model.ToStdout(name="out", batch=AT_ONCE)
NEXT = model.ToStdout(name="next", batch=AT_ONCE)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    no_long_pauses(monkeypatch)
    made = Site(tmp_path)
    made.server.start()
    yield made
    made.server.stop()


def send(site: Site, *lines: str) -> None:
    asyncio.run(site.server.pipelines.accept("web", "in", received(*lines), via="", reply=b""))


def status(site: Site) -> Status:
    return site.server.desk.status("web")


def destination(site: Site, name: str) -> DestinationStatus:
    return next(one for one in status(site).destinations if one.name == name)


def test_a_pipeline_to_which_nothing_came_is_idle(site: Site) -> None:
    tee = model.AccountSource(name="tee", account="main")
    site.server.desk.apply(spec_with(OUT, sources=[model.HttpSource(name="in", title="Web"), tee]), by="k")
    found = status(site)
    assert found.works
    assert found.sources == (
        SourceStatus(name="in", type="http", title="Web", events=0, key_created_at=NOW),
        SourceStatus(name="tee", type="account", title="", events=0),
    )
    [out] = found.destinations
    assert (out.name, out.type, out.state, out.archive) == ("out", "stdout", "idle", "")
    assert (out.delivered, out.refused, out.dropped, out.dead_letters, out.waiting.lines) == (0,) * 5


def test_what_went_through_every_part_is_counted(site: Site) -> None:
    site.made.bad.add("bad")
    processors: list[model.Processor] = [model.ParseJson(name="read"), model.Filter(query='-line:"noise"')]
    site.server.desk.apply(spec_with(OUT, NEXT, processors=processors), by="k")
    send(site, '{"a":1}', "{broken", "noise", "bad")
    eventually(lambda: destination(site, "out").refused, "the acknowledgment")
    eventually(lambda: destination(site, "next").refused, "the other one")
    found = status(site)
    assert found.sources[0].events == 4
    read, kept = found.processors
    assert (read.name, read.type, read.events_in, read.events_out) == ("read", "parse-json", 4, 4)
    assert read.problem
    assert read.notes
    assert not {"in", "out"} & set(read.notes)
    assert (kept.name, kept.type, kept.events_in, kept.events_out) == ("filter-2", "filter", 4, 3)
    assert kept.problem == ""
    for one in found.destinations:
        assert (one.delivered, one.refused, one.dead_letters, one.state) == (2, 1, 1, "idle")


def test_a_destination_that_fails_says_why_and_what_waits(site: Site) -> None:
    site.made.away.add("out")
    site.server.desk.apply(spec_with(OUT, NEXT), by="k")
    send(site, "a", "b")
    eventually(lambda: destination(site, "out").state == "failing", "a try")
    out = destination(site, "out")
    assert out.last_error == "out is away"
    assert (out.waiting.lines, out.waiting.oldest_rx, out.delivered) == (2, NOW, 0)
    eventually(lambda: destination(site, "next").delivered == 2, "the other one's")


def test_what_is_dropped_is_counted(site: Site) -> None:
    site.made.away.add("out")
    small = msgspec.structs.replace(OUT, buffer="1MiB", when_full="drop")
    site.place(spec_with(msgspec.structs.replace(small, buffer=1), NEXT))
    send(site, "a")
    send(site, "b", "c")
    assert destination(site, "out").dropped == 2
    assert destination(site, "out").waiting.lines == 1


def test_a_destination_that_was_taken_out_is_shown_until_it_ends(site: Site) -> None:
    site.made.away.add("out")
    site.server.desk.apply(spec_with(OUT, NEXT), by="k")
    send(site, "a")
    site.server.desk.apply(spec_with(NEXT), by="k")
    eventually(lambda: destination(site, "out").last_error == "out is away", "a try")
    assert [(one.name, one.state == "ending") for one in status(site).destinations] == [
        ("next", False),
        ("out", True),
    ]
    assert (destination(site, "out").waiting.lines, destination(site, "out").type) == (1, "stdout")
    site.made.away.clear()
    eventually(lambda: len(status(site).destinations) == 1, "its end")


def test_restoration_places_are_named_with_their_pipelines() -> None:
    sources: list[model.Source] = [
        model.HttpSource(name="in"),
        model.RestorationSource(name="back", title="Back"),
    ]
    [place] = restoration_places([spec_with(OUT), spec_with(OUT, id_="app", title="App", sources=sources)])
    assert (place.pipeline, place.pipeline_title, place.source, place.title) == ("app", "App", "back", "Back")
