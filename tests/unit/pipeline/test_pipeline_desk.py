from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.pipeline_doubles import (
    AT_ONCE,
    NOW,
    Site,
    eventually,
    lines_in,
    no_long_pauses,
    received,
    spec_with,
)

from logkeep.catalog.values import ArchiveState
from logkeep.errors import BadPipeline, Conflict, ConnectionTestFailed, LogkeepError, NotFound
from logkeep.pipeline import model
from logkeep.pipeline.desk import PipelineDesk
from logkeep.pipeline.model import PipelineSpec
from logkeep.record import Record

OUT = model.ToStdout(name="out", batch=AT_ONCE)
NEXT = model.ToStdout(name="next", batch=AT_ONCE)
HOOK = model.ToHttp(name="hook", url="https://a.example", secrets={"token": "t0ken"}, batch=AT_ONCE)
BARE = msgspec.structs.replace(HOOK, secrets={"token": None})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    no_long_pauses(monkeypatch)
    made = Site(tmp_path)
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture
def desk(site: Site) -> PipelineDesk:
    return site.server.desk


def to_archive(folder: Path, **more: object) -> model.ToArchive:
    values = {"name": "copy", "provider": "folder", "options": {"path": str(folder / "archive")}} | more
    return model.ToArchive(batch=AT_ONCE, **values)  # type: ignore[arg-type]


def send(site: Site, *lines: str) -> None:
    asyncio.run(site.server.pipelines.accept("web", "in", received(*lines), via="", reply=b""))


def problems(desk: PipelineDesk, spec: PipelineSpec) -> dict[object, object]:
    with pytest.raises(BadPipeline) as caught:
        desk.apply(spec, by="k-1")
    return {one["path"]: one["message"] for one in caught.value.problems}


def state(site: Site, archive: str) -> ArchiveState:
    return site.server.catalog.archives.get(archive).state


# Apply


def test_a_pipeline_is_made_kept_and_put_to_work(site: Site, desk: PipelineDesk) -> None:
    applied = desk.apply(spec_with(OUT, HOOK), by="k-1")
    assert applied.changed
    saved = applied.pipeline
    assert (saved.id, saved.version, saved.updated_by, saved.created_at) == ("web", 1, "k-1", NOW)
    assert desk.spec("web") == spec_with(OUT, BARE)
    assert list(applied.keys) == ["in"]
    assert applied.keys["in"] not in repr(applied)
    assert site.made.recorders[-1].secrets == {"token": "t0ken"}
    send(site, "a")
    eventually(lambda: site.came() == site.came("hook") == ["a"], "the event")


def test_parts_without_names_get_some(desk: PipelineDesk) -> None:
    spec = spec_with(model.ToStdout(), model.ToStdout(), sources=[model.HttpSource(), model.HttpSource()])
    assert list(desk.apply(spec, by="k").keys) == ["http", "http-2"]
    assert [one.name for one in desk.spec("web").destinations] == ["stdout", "stdout-2"]


def test_what_is_applied_again_changes_nothing(site: Site, desk: PipelineDesk) -> None:
    first = desk.apply(spec_with(OUT, HOOK), by="k-1")
    made = [one for one in site.made.recorders if not one.closed]
    for again in (spec_with(OUT, HOOK), spec_with(OUT, BARE)):
        applied = desk.apply(again, by="k-2")
        assert not applied.changed
        assert applied.pipeline == first.pipeline
        assert applied.keys == {}
    assert len(site.server.catalog.pipelines.versions("web")) == 1
    assert all(not one.closed for one in made)


def test_each_change_is_a_version(site: Site, desk: PipelineDesk) -> None:
    desk.apply(spec_with(OUT, HOOK), by="k-1")
    site.now += 5
    assert desk.apply(spec_with(OUT, BARE, title="x"), by="k-2").pipeline.version == 2
    token = msgspec.structs.replace(HOOK, secrets={"token": "new"})
    assert desk.apply(spec_with(OUT, token, title="x"), by="k-3").changed
    versions = site.server.catalog.pipelines.versions("web")
    assert [(one.version, one.by) for one in versions] == [(3, "k-3"), (2, "k-2"), (1, "k-1")]
    assert all(b"t0ken" not in one.spec for one in versions)


def test_what_cannot_be_is_told_at_its_paths_and_changes_nothing(site: Site, desk: PipelineDesk) -> None:
    desk.apply(spec_with(OUT), by="k")
    found = problems(
        desk,
        spec_with(
            model.ToHttp(name="hook", url="no url"),
            model.ToAccount(name="logs", account="nobody"),
            model.ToArchive(name="copy", provider="floppy"),
            model.ToArchive(name="more", provider="s3", options={"bucket": "b", "colour": "red"}),
            model.ToArchive(name="keys", provider="folder", options={"path": "/x"}, secrets={"token": "x"}),
            model.ToStdout(name="out", query="("),
            sources=[model.HttpSource(name="in"), model.AccountSource(name="in", account="nobody")],
            processors=[model.ParseRegex(pattern="("), model.Set(field="id", value="x")],
        ),
    )
    assert set(found) >= {
        "destinations[0].url",
        "destinations[1].account",
        "destinations[2].provider",
        "destinations[4].secrets.token",
        "destinations[5].query",
        "sources[1].name",
        "sources[1].account",
        "processors[0].pattern",
        "processors[1].field",
    }
    assert [path for path in found if str(path).startswith("destinations[3].options")]
    assert desk.spec("web") == spec_with(OUT)
    send(site, "a")
    eventually(lambda: site.came() == ["a"], "the event")


def test_a_secret_that_is_missing_is_told_and_nothing_made(site: Site, desk: PipelineDesk) -> None:
    assert list(problems(desk, spec_with(BARE))) == ["destinations[0].secrets.token"]
    assert site.server.catalog.pipelines.list() == []


def test_a_ring_of_accounts_is_refused(desk: PipelineDesk) -> None:
    main = model.AccountSource(name="tee", account="main")
    other = model.AccountSource(name="tee", account="other")
    desk.apply(spec_with(model.ToAccount(name="logs", account="other"), sources=[main]), by="k")
    back = spec_with(model.ToAccount(name="logs", account="main"), id_="back", sources=[other])
    assert "round without end" in str(problems(desk, back)["destinations[0].account"])
    # What stands already is no hindrance to itself.
    desk.apply(spec_with(model.ToAccount(name="logs", account="other"), sources=[main], title="x"), by="k")


def test_a_check_keeps_nothing(site: Site, desk: PipelineDesk, tmp_path: Path) -> None:
    checked = desk.check(spec_with(to_archive(tmp_path, name=""), model.ToStdout()))
    assert [one.name for one in checked.destinations] == ["archive", "stdout"]
    assert site.server.catalog.pipelines.list() == []
    assert site.server.catalog.archives.list() == []
    assert not (tmp_path / "archive").exists()


def test_events_are_tried_out_step_by_step(desk: PipelineDesk) -> None:
    spec = spec_with(OUT, processors=[model.ParseJson(), model.Filter(query="meta.a:1")])
    traces = desk.test(spec, [Record(line='{"a":1}'), Record(line='{"a":2}')])
    assert [[len(step.events) for step in one.steps] for one in traces] == [[1, 1], [1, 0]]
    with pytest.raises(BadPipeline):
        desk.test(spec_with(OUT, processors=[model.ParseRegex(pattern="(")]), [])


def test_one_who_sends_to_another_account_delivers_there(site: Site, desk: PipelineDesk) -> None:
    desk.apply(spec_with(model.ToAccount(name="logs", account="other", batch=AT_ONCE)), by="k")
    send(site, "a", "b")
    [(account, lines, key)] = eventually(lambda: site.server.accepted, "the events")
    assert (account, lines) == ("other", ["a", "b"])
    assert key


# Keys


def test_sources_keep_their_keys_and_lose_them_when_they_go(site: Site, desk: PipelineDesk) -> None:
    resolve = site.server.catalog.pipelines.resolve
    more = model.HttpSource(name="more")
    first = desk.apply(spec_with(OUT), by="k").keys["in"]
    second = desk.apply(spec_with(OUT, sources=[model.HttpSource(name="in"), more]), by="k").keys
    assert list(second) == ["more"]
    found = resolve(first)
    assert found is not None
    assert (found.pipeline, found.source) == ("web", "in")
    desk.apply(spec_with(OUT, sources=[more]), by="k")
    assert resolve(first) is None
    assert resolve(second["more"]) is not None


def test_a_new_key_takes_the_place_of_the_former(site: Site, desk: PipelineDesk) -> None:
    sources: list[model.Source] = [model.HttpSource(name="in"), model.RestorationSource(name="back")]
    former = desk.apply(spec_with(OUT, sources=sources), by="k").keys["in"]
    site.now += 7
    new = desk.new_key("web", "in")
    resolve = site.server.catalog.pipelines.resolve
    assert resolve(former) is None
    assert resolve(new) is not None
    assert site.server.catalog.pipelines.keys("web") == {"in": NOW + 7}
    for source in ("back", "gone"):
        with pytest.raises(NotFound, match="of the type http"):
            desk.new_key("web", source)
    with pytest.raises(NotFound):
        desk.new_key("gone", "in")


# Rollback


def test_a_rollback_brings_a_version_back_with_its_secrets(site: Site, desk: PipelineDesk) -> None:
    desk.apply(spec_with(HOOK), by="k-1")
    moved = msgspec.structs.replace(HOOK, url="https://b.example", secrets={"token": "other"})
    desk.apply(spec_with(moved), by="k-2")
    applied = desk.rollback("web", 1, by="k-3")
    assert (applied.changed, applied.pipeline.version, applied.pipeline.updated_by) == (True, 3, "k-3")
    assert desk.spec("web") == spec_with(BARE)
    assert [one for one in site.made.recorders if not one.closed][-1].secrets == {"token": "t0ken"}
    assert not desk.rollback("web", 3, by="k-4").changed
    with pytest.raises(NotFound, match="no version 9"):
        desk.rollback("web", 9, by="k")
    with pytest.raises(NotFound):
        desk.rollback("gone", 1, by="k")


def test_a_rollback_makes_keys_for_sources_that_come_back(desk: PipelineDesk) -> None:
    desk.apply(spec_with(OUT), by="k")
    desk.apply(spec_with(OUT, sources=[model.RestorationSource(name="back")]), by="k")
    assert list(desk.rollback("web", 1, by="k").keys) == ["in"]


# Deletion


def test_a_pipeline_for_which_events_wait_is_deleted_with_discard_only(
    site: Site, desk: PipelineDesk
) -> None:
    site.made.away.add("out")
    key = desk.apply(spec_with(OUT), by="k").keys["in"]
    send(site, "a")
    with pytest.raises(Conflict, match="1 events wait"):
        desk.delete("web")
    assert desk.spec("web") == spec_with(OUT)
    assert site.server.catalog.pipelines.resolve(key) is not None
    send(site, "b")
    assert lines_in(site.server.outbox) == ["a", "b"]
    desk.delete("web", discard=True)
    for gone in (lambda: desk.spec("web"), lambda: desk.delete("web"), lambda: desk.status("web")):
        with pytest.raises(NotFound):
            gone()
    assert site.server.outbox.queues() == []
    assert site.server.catalog.pipelines.resolve(key) is None
    assert desk.apply(spec_with(OUT), by="k").pipeline.version == 1


def test_what_waits_for_a_destination_that_goes_is_discarded_if_that_is_asked_for(
    site: Site, desk: PipelineDesk
) -> None:
    site.made.away |= {"out", "next"}
    desk.apply(spec_with(OUT, NEXT), by="k")
    send(site, "a")
    desk.apply(spec_with(NEXT), by="k", discard=True)
    assert site.server.outbox.queues() == ["web/next"]
    site.made.away.clear()
    eventually(lambda: site.came("next") == ["a"], "the other one's")
    assert site.came() == []


# Archives


def test_an_archive_is_made_with_the_pipeline_and_gets_its_events(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    one = to_archive(tmp_path, title="Copies", seal_after="5m", verify_every="1d", max_object_bytes="1MiB")
    desk.apply(spec_with(one, account="other"), by="k")
    archive = site.server.catalog.archives.get("web-copy")
    assert (archive.account, archive.pipeline, archive.state) == ("other", "web", ArchiveState.ON)
    assert (archive.title, archive.seal_after_s, archive.verify_every_s) == ("Copies", 300, 86_400)
    assert archive.max_object_bytes == 1 << 20
    send(site, "a", "b")
    eventually(lambda: sum(one.lines for one in site.server.spool.waiting("web-copy")) == 2, "the events")
    assert desk.status("web").destinations[0].archive == "web-copy"


def test_lines_of_the_account_itself_do_not_go_there(site: Site, desk: PipelineDesk, tmp_path: Path) -> None:
    desk.apply(spec_with(to_archive(tmp_path)), by="k")
    site.server.router.refresh("main")
    assert site.server.router.route("main").takers == ()


def test_an_archive_that_cannot_be_reached_is_not_set_up_unless_it_is_not_tested(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    bad = to_archive(tmp_path / "file")
    with pytest.raises(LogkeepError) as caught:
        desk.apply(spec_with(bad), by="k")
    assert isinstance(caught.value, ConnectionTestFailed)
    assert site.server.catalog.pipelines.list() == []
    assert site.server.catalog.archives.list() == []


def test_an_archive_is_changed_with_its_destination_and_not_otherwise(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    archives = site.server.catalog.archives
    desk.apply(spec_with(to_archive(tmp_path)), by="k")
    before = archives.get("web-copy")
    desk.apply(spec_with(to_archive(tmp_path), title="x"), by="k")
    assert archives.get("web-copy") == before
    desk.apply(spec_with(to_archive(tmp_path, seal_after=60)), by="k")
    assert archives.get("web-copy").seal_after_s == 60
    assert archives.get("web-copy").target == before.target
    place = {"path": str(tmp_path / "elsewhere")}
    desk.apply(spec_with(to_archive(tmp_path, options=place)), by="k")
    moved = archives.get("web-copy")
    assert archives.target(moved.target).options["path"] == place["path"]
    assert moved.state is ArchiveState.ON


def test_an_archive_stops_when_its_destination_is_gone_and_all_is_delivered(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    desk.apply(spec_with(OUT, to_archive(tmp_path)), by="k")
    site.server.archives.stop("web-copy")  # so that what comes waits for it
    send(site, "a")
    eventually(lambda: site.came() == ["a"], "the other destination's")
    desk.apply(spec_with(OUT), by="k")
    assert lines_in(site.server.outbox, "web/copy") == ["a"]
    site.server.archives.start("web-copy")
    eventually(lambda: state(site, "web-copy") is ArchiveState.OFF, "the archive to stop")
    assert sum(one.lines for one in site.server.spool.waiting("web-copy")) == 1
    assert site.server.pipelines.waiting("web") == 0


def test_an_archive_of_a_destination_that_went_stops_after_a_restart_too(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    desk.apply(spec_with(OUT, to_archive(tmp_path)), by="k")
    site.server.pipelines.worker.stop()  # as if the server had ended before it came round
    desk.apply(spec_with(OUT), by="k")
    assert state(site, "web-copy") is ArchiveState.ON
    site.again()
    eventually(lambda: state(site, "web-copy") is ArchiveState.OFF, "the archive to stop")


def test_a_destination_that_writes_to_the_same_archive_under_another_name_keeps_it_on(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    desk.apply(spec_with(OUT, to_archive(tmp_path, archive="copies")), by="k")
    desk.apply(spec_with(OUT, to_archive(tmp_path, name="renamed", archive="copies")), by="k")
    eventually(lambda: set(site.server.pipelines.delivering("web")) == {"out", "renamed"}, "the end of one")
    desk.stop_unused_archives()
    assert state(site, "copies") is ArchiveState.ON
    send(site, "a")
    eventually(lambda: site.server.spool.waiting("copies"), "the event")


def test_an_archive_stops_with_its_pipeline_and_is_taken_up_again_by_one_of_the_same_name(
    site: Site, desk: PipelineDesk, tmp_path: Path
) -> None:
    desk.apply(spec_with(to_archive(tmp_path)), by="k")
    desk.delete("web")
    assert state(site, "web-copy") is ArchiveState.OFF
    desk.apply(spec_with(to_archive(tmp_path)), by="k")
    assert state(site, "web-copy") is ArchiveState.ON


def test_the_archive_of_another_is_not_written_to(site: Site, desk: PipelineDesk, tmp_path: Path) -> None:
    desk.apply(spec_with(to_archive(tmp_path)), by="k")
    theirs = spec_with(to_archive(tmp_path / "x", archive="web-copy"), id_="app")
    assert problems(desk, theirs) == {
        "destinations[0].archive": "the archive 'web-copy' is not this pipeline's"
    }


def test_an_archive_that_is_written_to_is_in_use(site: Site, desk: PipelineDesk, tmp_path: Path) -> None:
    desk.apply(spec_with(OUT, to_archive(tmp_path)), by="k")
    archive = site.server.catalog.archives.get("web-copy")
    with pytest.raises(Conflict, match="'web' writes to the archive 'web-copy'"):
        desk.check_unused(archive)
    desk.apply(spec_with(OUT), by="k")
    desk.check_unused(archive)


# What there is


def test_pipelines_that_use_an_account_are_named(desk: PipelineDesk) -> None:
    desk.apply(spec_with(OUT, id_="mine", account="other"), by="k")
    desk.apply(spec_with(OUT, id_="tee", sources=[model.AccountSource(name="t", account="other")]), by="k")
    desk.apply(spec_with(OUT, model.ToAccount(name="logs", account="other"), id_="to"), by="k")
    desk.apply(spec_with(OUT, id_="unrelated"), by="k")
    assert desk.using("other") == ["mine", "tee", "to"]
    assert desk.using("main") == ["tee", "to", "unrelated"]
    assert desk.using("nobody") == []


def test_restoration_sources_of_all_pipelines_are_listed(desk: PipelineDesk) -> None:
    desk.apply(spec_with(OUT), by="k")
    back = [model.RestorationSource(name=name, title=name.upper()) for name in ("a", "b")]
    desk.apply(spec_with(OUT, id_="back", sources=back, title="Back"), by="k")
    assert [
        (one.pipeline, one.pipeline_title, one.source, one.title) for one in desk.restoration_sources()
    ] == [("back", "Back", "a", "A"), ("back", "Back", "b", "B")]


# Dead letters


def test_dead_letters_are_shown_delivered_again_and_discarded(site: Site, desk: PipelineDesk) -> None:
    site.made.bad.add("bad")
    desk.apply(spec_with(OUT), by="k")
    send(site, "bad", "good", "bad")
    eventually(lambda: len(desk.dead_letters("web", "out", 10)) == 2, "the dead letters")
    assert [one.reason for one in desk.dead_letters("web", "out", 1)] == ["it is bad"]
    site.made.bad.clear()
    assert desk.retry_dead_letters("web", "out") == 2
    eventually(lambda: site.came() == ["good", "bad", "bad"], "them to be delivered")
    assert desk.dead_letters("web", "out", 10) == []
    site.made.bad.add("worse")
    send(site, "worse")
    eventually(lambda: desk.dead_letters("web", "out", 10), "the next one")
    assert desk.discard_dead_letters("web", "out") == 1
    assert desk.discard_dead_letters("web", "out") == 0
    for call in (desk.retry_dead_letters, desk.discard_dead_letters):
        with pytest.raises(NotFound, match="no destination 'gone'"):
            call("web", "gone")
    with pytest.raises(NotFound):
        desk.dead_letters("gone", "out", 1)
