"""Restores into a pipeline: desk, catalog, archive and engine are real, the pipeline does as it is told."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.restore_site import (
    HOUR,
    HOURS,
    LINES,
    NOW,
    START,
    Site,
    record,
    write_archive,
)
from tests.unit.recording_feed import PIPELINE, SOURCE, DurableFeed, RecordingFeed, sent

from logkeep.archive.layout import key_of
from logkeep.archive.marker import tie
from logkeep.catalog.values import (
    AccountKind,
    Archive,
    ArchiveState,
    OnLimit,
    Partial,
    Restore,
    RestoreState,
    Target,
)
from logkeep.errors import Conflict, EngineError, NotFound
from logkeep.index.restored import restored_ids
from logkeep.record import Record, encode_lines
from logkeep.restore.request import PipelineWanted
from logkeep.restore.targets.pipeline import Sending, mark_of
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour

WANTED = PipelineWanted(pipeline=PIPELINE)
ALL = HOURS * LINES


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write_archive(root / "archive")
    return root / "archive"


@pytest.fixture
def root(archive: Path, tmp_path: Path) -> Path:
    (tmp_path / "archive").symlink_to(archive)
    return tmp_path


@pytest.fixture
def feed() -> RecordingFeed:
    return RecordingFeed()


@pytest.fixture
def site(root: Path, feed: RecordingFeed) -> Iterator[Site]:
    opened = Site(root, pipelines=feed)
    yield opened
    opened.desk.stop()
    opened.close()


def event(number: int, restore: Restore) -> Record:
    return sent(record(number), restore, key_of("main", Hour(HOUR + number // LINES), 0))


def check_sent(records: list[Record], restore: Restore, numbers: range | list[int]) -> None:
    assert encode_lines(records) == encode_lines([event(number, restore) for number in numbers])


def behind(feed: RecordingFeed, call: int, then: Callable[[], object]) -> None:
    """Have `then` be called when so many pages are taken."""

    def after(calls: int) -> None:
        if calls == call:
            then()

    feed.after = after


def await_end(site: Site) -> None:
    """Return when what runs has come to its end, and the round behind it."""
    site.desk.join()
    site.desk.round()


def test_all_lines_are_sent_once_in_order_and_nothing_is_left(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(pipeline=WANTED)
    assert (submitted.pipeline, submitted.pipeline_source) == (PIPELINE, SOURCE)
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.lines, done.sent, done.finished_at, done.error) == (
        RestoreState.DONE,
        ALL,
        ALL,
        NOW,
        "",
    )
    check_sent(feed.records, submitted, range(ALL))
    assert feed.marks == {}
    assert restored_ids(site.engine) == set()
    assert [one.state for one in site.ended] == [RestoreState.DONE]
    with pytest.raises(NotFound):
        site.catalog.accounts.get(submitted.account)


def test_filters_and_limits_hold_before_anything_is_sent(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(first=10, count=5000, query="level:error", limit_lines=77, pipeline=WANTED)
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.partial, done.sent) == (RestoreState.DONE, Partial.LIMIT, 77)
    check_sent(feed.records, submitted, [number for number in range(10, 5010) if number % 10 == 0][:77])


def test_one_that_asks_at_its_limit_sends_nothing_until_it_is_told(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(limit_lines=50, on_limit=OnLimit.ASK, pipeline=WANTED)
    site.finish()
    assert (site.get(submitted).state, feed.fed) == (RestoreState.PAUSED, [])
    site.desk.abort(submitted.id, keep=True)
    site.finish()
    assert site.get(submitted).state is RestoreState.DONE
    check_sent(feed.records, submitted, range(50))


def test_a_pause_between_two_pages_goes_on_right_there(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(pipeline=WANTED)
    behind(feed, 3, lambda: site.desk.pause(submitted.id))
    site.finish()
    paused = site.get(submitted)
    assert (paused.state, paused.error) == (RestoreState.PAUSED, "")
    assert len(feed.fed) == 3
    assert paused.sent == len(feed.records) < ALL
    assert len(site.numbers(submitted)) == ALL
    site.desk.resume(submitted.id)
    site.finish()
    assert site.get(submitted).state is RestoreState.DONE
    check_sent(feed.records, submitted, range(ALL))


def test_an_abort_ends_it_with_what_was_sent(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(pipeline=WANTED)
    behind(feed, 2, lambda: site.desk.abort(submitted.id))
    site.finish()
    aborted = site.get(submitted)
    assert (aborted.state, len(feed.fed)) == (RestoreState.ABORTED, 2)
    assert aborted.sent == len(feed.records)
    assert feed.marks == {}
    assert restored_ids(site.engine) == set()


def test_one_with_just_as_many_lines_as_it_may_have_goes_on_sending(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(limit_lines=ALL, pipeline=WANTED)
    behind(feed, 1, lambda: site.desk.pause(submitted.id))
    site.finish()
    assert site.get(submitted).state is RestoreState.PAUSED
    site.desk.resume(submitted.id)
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.partial, done.sent) == (RestoreState.DONE, Partial.NO, ALL)


def test_what_is_being_sent_cannot_be_kept(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(pipeline=WANTED)
    behind(feed, 1, lambda: site.desk.pause(submitted.id))
    site.finish()
    with pytest.raises(Conflict, match="on their way into pipeline 'clean'"):
        site.desk.abort(submitted.id, keep=True)
    assert site.get(submitted).state is RestoreState.PAUSED


@pytest.mark.parametrize("point", ["restore.page_fed:3", "restore.sent"])
def test_a_kill_behind_a_page_repeats_no_event_and_leaves_none_out(root: Path, point: str) -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from tests.integration.restore_site import Site\n"
        "from tests.integration.test_restore_to_pipeline import WANTED\n"
        "from tests.unit.recording_feed import DurableFeed\n"
        f"root = Path({str(root)!r})\n"
        "site = Site(root, pipelines=DurableFeed(root / 'pipeline.sqlite'))\n"
        "site.submit(pipeline=WANTED)\n"
        "site.finish()\n"
    )
    env = {**os.environ, "LOGKEEP_CRASH_AT": point}
    killed = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    feed = DurableFeed(root / "pipeline.sqlite")
    before = len(feed.records)
    site = Site(root, pipelines=feed)
    (begun,) = site.catalog.restores.list()
    site.desk.resume_all()
    site.finish()
    done = site.get(begun)
    site.close()
    assert 0 < before <= ALL
    assert (done.state, done.sent) == (RestoreState.DONE, ALL)
    check_sent(feed.records, begun, range(ALL))
    assert feed.mark(mark_of(begun.id)) is None


def test_a_server_that_stops_while_the_pipeline_is_full_goes_on_at_its_next_start(
    root: Path, feed: RecordingFeed
) -> None:
    feed.full = -1
    site = Site(root, pipelines=feed)
    submitted = site.submit(pipeline=WANTED)
    site.desk.start()
    assert feed.was_refused.wait(60)
    site.desk.stop()
    assert (site.get(submitted).state, feed.fed) == (RestoreState.IN_PROGRESS, [])
    site.close()
    feed.full = 2
    site = Site(root, pipelines=feed)
    site.finish()
    done = site.get(submitted)
    site.close()
    assert (done.state, done.error) == (RestoreState.DONE, "")
    check_sent(feed.records, submitted, range(ALL))


@pytest.mark.parametrize("step", ["pause", "abort"])
def test_one_that_waits_for_a_full_pipeline_can_be_stopped(
    site: Site, feed: RecordingFeed, step: str
) -> None:
    feed.full = -1
    submitted = site.submit(count=LINES, pipeline=WANTED)
    site.desk.round()
    assert feed.was_refused.wait(60)
    assert site.desk.running(submitted.id)
    stopped = getattr(site.desk, step)(submitted.id)
    await_end(site)
    assert site.get(submitted) == replace(stopped, sent=0)
    assert restored_ids(site.engine) == ({submitted.id} if step == "pause" else set())


def test_those_that_wait_for_their_pipeline_hold_up_no_other(site: Site, feed: RecordingFeed) -> None:
    feed.full = -1
    waiting = [site.submit(count=100, pipeline=WANTED) for _ in range(4)]
    site.desk.round()
    assert feed.was_refused.wait(60)
    other = site.submit(count=100)
    while site.get(other).state is not RestoreState.ACTIVE:
        site.desk.round()
    assert all(site.desk.running(one.id) for one in waiting)
    feed.full = 0
    site.finish()
    assert {site.get(one).state for one in waiting} == {RestoreState.DONE}


def test_a_pipeline_that_goes_away_pauses_the_restore_with_all_its_lines(
    site: Site, feed: RecordingFeed
) -> None:
    submitted = site.submit(pipeline=WANTED)
    behind(feed, 1, lambda: setattr(feed, "gone", True))
    site.finish()
    paused = site.get(submitted)
    assert paused.state is RestoreState.PAUSED
    assert "there is no pipeline 'clean'" in paused.error
    assert [one.state for one in site.ended] == [RestoreState.PAUSED]
    feed.gone = False
    site.desk.resume(submitted.id)
    site.finish()
    assert site.get(submitted).state is RestoreState.DONE
    check_sent(feed.records, submitted, range(ALL))


def test_one_that_failed_while_it_was_sent_sends_no_line_again(
    site: Site, feed: RecordingFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(calls: int) -> None:
        if calls == 2:
            raise AssertionError

    def failing(self: Any) -> bool:
        try:
            return run(self)
        except AssertionError as error:
            raise EngineError("the index refused a statement") from error

    run: Callable[[Any], bool] = Sending.run
    feed.after = fail
    submitted = site.submit(pipeline=WANTED)
    with monkeypatch.context() as patched:
        patched.setattr(Sending, "run", failing)
        site.finish()
    assert site.get(submitted).state is RestoreState.FAILED
    assert feed.marks
    site.desk.retry(submitted.id)
    site.finish()
    assert site.get(submitted).state is RestoreState.DONE
    check_sent(feed.records, submitted, range(ALL))


def test_the_mark_of_one_that_failed_goes_when_it_is_deleted(site: Site, feed: RecordingFeed) -> None:
    submitted = site.submit(count=100, pipeline=WANTED)
    feed.marks[mark_of(submitted.id)] = "1.2.3"
    site.catalog.restores.set_state(submitted.id, RestoreState.FAILED)
    site.desk.round()
    assert feed.marks
    site.desk.delete(submitted.id)
    assert feed.marks == {}


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (PipelineWanted(pipeline="other"), NotFound),
        (PipelineWanted(pipeline=PIPELINE, source="http"), Conflict),
    ],
)
def test_what_nothing_can_be_sent_into_is_refused_at_once(
    site: Site, wanted: PipelineWanted, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        site.submit(pipeline=wanted)
    assert site.catalog.restores.list() == []
    assert restored_ids(site.engine) == set()


def test_at_a_rate_it_is_known_how_fast_it_goes(site: Site, feed: RecordingFeed) -> None:
    taken = threading.Event()
    behind(feed, 2, taken.set)
    submitted = site.submit(count=LINES, pipeline=WANTED, rate=40)
    site.desk.round()
    assert taken.wait(60)
    assert [len(call) for call in feed.fed[:2]] == [4, 4]
    assert (site.desk.seen([site.catalog.restores.get(submitted.id)])[0].events_per_s or 0) > 0
    assert site.desk.position(submitted.id) == 0
    site.desk.pause(submitted.id)
    await_end(site)
    assert site.get(submitted).sent == len(feed.records)
    assert site.desk.seen([site.catalog.restores.get(submitted.id)])[0].events_per_s is None


def archive_at(site: Site, name: str, place: Path, **more: Any) -> Archive:
    site.bucket = FolderBucket(place)
    target = Target(
        archive=name,
        account="main",
        provider="folder",
        options={"path": str(place)},
        place=place.as_uri(),
        created_at=0,
    )
    made = Archive(id=name, account="main", state=ArchiveState.ON, created_at=0, **more)
    return site.catalog.archives.create(made, target)


def test_text_and_json_of_any_schema_come_as_they_were(
    site: Site, feed: RecordingFeed, tmp_path: Path
) -> None:
    texts = [b"plain text, no JSON", b'{"user":{"id":1},"n":[1,2.50],"s":"\\u00e4"}', b'{ "odd" : 1 }']
    key = "app/1/shop.log.gz"
    file = tmp_path / "foreign" / key
    file.parent.mkdir(parents=True)
    times = [START + number * 1000 for number in range(3)]
    stamped = [
        b'{"timestamp":%d,%s' % (times[1], texts[1][1:]),
        b'{"timestamp":%d,%s' % (times[2], texts[2][1:]),
    ]
    file.write_bytes(gzip.compress(b"\n".join([b"2024-10-04T00:00:00Z " + texts[0], *stamped]) + b"\n"))
    archive_at(site, "theirs", tmp_path / "foreign", layout="lines")
    submitted = site.submit(first=0, count=ALL, archive="theirs", pipeline=WANTED)
    site.finish()
    assert site.get(submitted).state is RestoreState.DONE, site.get(submitted).error
    assert [one.line.encode() for one in feed.records] == [b"2024-10-04T00:00:00Z " + texts[0], *stamped]
    assert [one.ts for one in feed.records] == times
    assert len({one.lid for one in feed.records}) == 3
    told = {"name": "Black Friday", "id": submitted.id, "object": key}
    assert [msgspec.json.decode(one.meta)["restore"] for one in feed.records] == [told] * 3


def test_a_pipelines_archive_is_read_by_name_and_only_so(
    site: Site, feed: RecordingFeed, tmp_path: Path, archive: Path
) -> None:
    place = tmp_path / "pipelines"
    bucket = FolderBucket(place)
    for file in (one for one in archive.rglob("*") if one.is_file()):
        bucket.put_new(str(file.relative_to(archive)), file.read_bytes(), "application/gzip")
    tie(bucket, account="main", archive="clean-copy", server="server-1", now=0)
    own = site.bucket
    made = archive_at(site, "clean-copy", place, pipeline=PIPELINE)
    pipelines, site.bucket = site.bucket, own
    site.desk._bucket_of = lambda target: pipelines if target.archive == made.id else own
    assert site.desk.plan(site.request()).objects == HOURS
    assert site.desk.plan(site.request(archive="clean-copy")).objects == HOURS
    submitted = site.submit(archive="clean-copy", pipeline=WANTED)
    assert (submitted.archive, submitted.shown_account) == ("clean-copy", "")
    assert site.submit(count=1).archive == ""
    site.finish()
    assert site.get(submitted).state is RestoreState.DONE, site.get(submitted).error
    check_sent(feed.records, submitted, range(ALL))
    site.catalog.accounts.create("shop", AccountKind.LIVE, 0)
    with pytest.raises(NotFound, match="belongs to account 'main'"):
        site.desk.plan(replace(site.request(archive="clean-copy"), source="shop"))
