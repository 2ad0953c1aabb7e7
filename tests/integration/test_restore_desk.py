"""What people do with restores: several at once, pause, limits, keeping, damage, files, times."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from tests.integration.restore_site import FIRST_LID, HOUR, HOURS, LINES, NOW, Site, record, write_archive

from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import encode
from logkeep.archive.writer import write_object
from logkeep.catalog.values import Chunk, ChunkState, OnLimit, Partial, Restore, RestoreState
from logkeep.errors import Conflict, ConnectionTestFailed, Overloaded, StorageUnavailable
from logkeep.index.restored import RestoredLines, restored_ids
from logkeep.record import Record, encode_lines
from logkeep.restore import carry, run
from logkeep.restore.chunks import ChunkSpec
from logkeep.restore.request import FilesWanted
from logkeep.spool.base import Frame
from logkeep.storage.connection import Connection
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    write_archive(tmp_path / "archive")
    opened = Site(tmp_path)
    yield opened
    opened.close()


def object_file(site: Site, hour: int = 0) -> Path:
    path = site.bucket.local_path(key_of("main", Hour(HOUR + hour), 0))
    assert path
    return path


def without_manifest(site: Site, hour: int) -> None:
    path = site.bucket.local_path(manifest_key(key_of("main", Hour(HOUR + hour), 0)))
    assert path
    path.unlink()


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def stop_after_a_chunk(site: Site, monkeypatch: pytest.MonkeyPatch, then: Any) -> None:
    """Have `then` be called when the first chunk is done."""
    done = site.catalog.restores.done
    calls: list[int] = []

    def done_and_then(*args: Any, **kwargs: Any) -> Any:
        loaded = done(*args, **kwargs)
        if not calls:
            calls.append(1)
            then()
        return loaded

    monkeypatch.setattr(site.catalog.restores, "done", done_and_then)


def test_several_restores_run_at_once_and_the_others_wait_in_order(site: Site) -> None:
    submitted = []
    for _ in range(6):
        submitted.append(site.submit(count=LINES))
        site.now += 1
    assert [site.desk.position(one.id) for one in submitted] == [1, 2, 3, 4, 5, 6]
    site.desk.round()
    assert [site.desk.position(one.id) for one in submitted][-2:] == [1, 2]
    site.finish()
    for one in submitted:
        assert site.numbers(one) == list(range(LINES))
        assert site.desk.position(one.id) is None
    assert {one.id for one in site.ended} == {one.id for one in submitted}
    assert set(site.desk.storage([one.id for one in submitted])) == {one.id for one in submitted}


def test_a_paused_restore_can_be_searched_and_goes_on_where_it_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = site.submit()
    stop_after_a_chunk(site, monkeypatch, lambda: site.desk.pause(submitted.id))
    site.finish()
    paused = site.get(submitted)
    assert paused.state is RestoreState.PAUSED
    assert 0 < paused.lines < HOURS * LINES
    assert len(site.numbers(submitted)) == paused.lines
    assert site.desk.resume(submitted.id).state is RestoreState.IN_PROGRESS
    site.finish()
    assert site.numbers(submitted) == list(range(HOURS * LINES))
    with pytest.raises(Conflict, match="is ACTIVE, not PAUSED"):
        site.desk.resume(submitted.id)


def test_an_aborted_restore_may_keep_what_came(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted = site.submit()
    stop_after_a_chunk(site, monkeypatch, lambda: site.desk.abort(submitted.id, keep=True))
    site.finish()
    kept = site.get(submitted)
    assert (kept.state, kept.partial) == (RestoreState.ACTIVE, Partial.ABORTED)
    assert 0 < kept.lines < HOURS * LINES
    assert len(site.numbers(submitted)) == kept.lines
    assert kept.text_index
    states = {chunk.state for chunk in site.catalog.restores.chunks(submitted.id)}
    assert states == {ChunkState.DONE, ChunkState.SKIPPED}


@pytest.mark.parametrize("limit", [1, 1000, LINES, LINES + 1, HOURS * LINES - 1])
def test_at_its_limit_of_lines_a_restore_stops_and_keeps_the_oldest(site: Site, limit: int) -> None:
    submitted = site.submit(limit_lines=limit)
    site.finish()
    kept = site.get(submitted)
    assert (kept.state, kept.partial, kept.lines) == (RestoreState.ACTIVE, Partial.LIMIT, limit)
    assert site.numbers(submitted) == list(range(limit))


def test_a_limit_that_nothing_reaches_changes_nothing(site: Site) -> None:
    submitted = site.submit(limit_lines=HOURS * LINES)
    site.finish()
    kept = site.get(submitted)
    assert (kept.partial, kept.lines) == (Partial.NO, HOURS * LINES)


def test_a_limit_of_bytes_counts_the_text_of_lines(site: Site) -> None:
    size = [len(record(number).line) for number in range(HOURS * LINES)]
    submitted = site.submit(limit_bytes=sum(size[:5000]) - 1)
    site.finish()
    kept = site.get(submitted)
    assert kept.partial is Partial.LIMIT
    assert site.numbers(submitted) == list(range(kept.lines))
    assert sum(size[: kept.lines]) <= submitted.limit_bytes < sum(size[: kept.lines + 1])
    assert kept.text_bytes == sum(size[: kept.lines])


def test_at_its_limit_a_restore_may_fail_instead(site: Site) -> None:
    submitted = site.submit(limit_lines=10, on_limit=OnLimit.FAIL)
    site.finish()
    failed = site.get(submitted)
    assert (failed.state, failed.error) == (RestoreState.FAILED, "the limit of 10 lines is reached")
    assert restored_ids(site.engine) == set()


def test_at_its_limit_a_restore_may_ask_and_go_on_with_a_higher_one(site: Site) -> None:
    submitted = site.submit(limit_lines=1234, on_limit=OnLimit.ASK)
    site.finish()
    asking = site.get(submitted)
    assert (asking.state, asking.lines) == (RestoreState.PAUSED, 1234)
    assert [one.state for one in site.ended] == [RestoreState.PAUSED]
    with pytest.raises(Conflict, match="has 1234 lines"):
        site.desk.resume(submitted.id)
    site.desk.resume(submitted.id, limit_lines=5000)
    site.finish()
    assert site.numbers(submitted) == list(range(5000))
    site.desk.resume(submitted.id, limit_lines=0)
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.partial) == (RestoreState.ACTIVE, Partial.NO)
    assert (done.lines, done.bytes) == (HOURS * LINES, submitted.planned_raw_bytes)
    assert site.numbers(submitted) == list(range(HOURS * LINES))


def test_a_restore_that_asks_may_keep_what_came(site: Site) -> None:
    submitted = site.submit(limit_lines=1234, on_limit=OnLimit.ASK)
    site.finish()
    site.desk.abort(submitted.id, keep=True)
    site.finish()
    kept = site.get(submitted)
    assert (kept.state, kept.lines) == (RestoreState.ACTIVE, 1234)
    assert site.numbers(submitted) == list(range(1234))


@pytest.mark.parametrize("damage", [cut_off, flip, Path.unlink])
def test_on_request_a_damaged_object_is_told_of_and_passed_over(site: Site, damage: Any) -> None:
    submitted = site.submit(skip_damaged=True)
    damage(object_file(site, 1))
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.skipped_objects) == (RestoreState.ACTIVE, 1), done.error
    there = site.numbers(submitted)
    others = [*range(LINES), *range(2 * LINES, 3 * LINES)]
    assert set(others) <= set(there)
    assert len(there) == len(set(there)) == done.lines < HOURS * LINES
    if damage is flip:  # breaks one of five blocks
        assert len(there) >= HOURS * LINES - LINES // 4
    assert {one.key for one in site.desk.problems(submitted.id)} == {key_of("main", Hour(HOUR + 1), 0)}


def test_of_an_object_that_is_cut_off_the_lines_before_are_saved(site: Site) -> None:
    cut_off(object_file(site, 1))
    without_manifest(site, 1)
    submitted = site.submit(skip_damaged=True)
    site.finish()
    there = [number for number in site.numbers(submitted) if LINES <= number < 2 * LINES]
    assert len(there) > LINES // 4
    assert there == list(range(LINES, LINES + len(there)))


def test_without_request_an_object_that_is_cut_off_fails_the_restore_also_without_manifest(
    site: Site,
) -> None:
    cut_off(object_file(site, 1))
    without_manifest(site, 1)
    submitted = site.submit()
    site.finish()
    assert site.get(submitted).state is RestoreState.FAILED
    assert key_of("main", Hour(HOUR + 1), 0) in site.get(submitted).error


def test_a_line_that_cannot_be_read_is_told_of_and_holds_up_no_other(site: Site) -> None:
    without_manifest(site, 1)
    lines = encode_lines([record(number) for number in range(LINES, LINES + 100)]).splitlines(keepends=True)
    before = b"".join(lines[:50])
    object_file(site, 1).write_bytes(gzip.compress(before + b'{"_ts": oh no\n' + b"".join(lines[50:])))
    submitted = site.submit()
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.skipped_lines, done.skipped_objects) == (RestoreState.ACTIVE, 1, 0), done.error
    assert [number for number in site.numbers(submitted) if LINES <= number < 2 * LINES] == list(
        range(LINES, LINES + 100)
    )
    (problem,) = site.desk.problems(submitted.id)
    assert (problem.key, problem.offset) == (key_of("main", Hour(HOUR + 1), 0), len(before))
    assert problem.sample.startswith('{"_ts": oh no')


def rewrite(site: Site, hour: int, records: list[Record]) -> None:
    """Another object with its manifest in place of one; times as the lines of that hour have them."""
    raw = encode_lines(records)
    times = [record.ts for record in records if record.ts > 0]
    frame = Frame(
        seq=1,
        account="main",
        archive="main",
        indexed=False,
        hour=Hour(HOUR + hour),
        lines=len(records),
        raw_bytes=len(raw),
        min_ts=min(times),
        max_ts=max(times),
        first_lid=int(records[0].lid),
        last_lid=int(records[-1].lid),
        rx=0,
        data=zstandard.compress(raw, 1),
    )
    folder = site.work.parent
    manifest = write_object(
        [frame], folder / "new", account="main", hour=frame.hour, part=0, filters=folder / "filters"
    )
    shutil.copy(folder / "new", object_file(site, hour))
    place = site.bucket.local_path(manifest_key(manifest.key))
    assert place
    place.write_bytes(encode(manifest))


def lacking(site: Site, hour: int) -> None:
    """Every tenth line of the hour has no text but meta; every hundredth has no time."""
    records = [record(number) for number in range(hour * LINES, (hour + 1) * LINES)]
    for number, one in enumerate(records):
        if number % 10 == 0:
            one.line, one.meta = "", msgspec.Raw(b'{"user":"x"}')
        if number % 100 == 5:
            one.ts = -1
    rewrite(site, hour, records)


@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize("limit_lines", [0, 10 * HOURS * LINES])
def test_lines_without_a_time_or_text_are_told_of_with_their_object_and_number(
    site: Site, manifest: bool, limit_lines: int
) -> None:
    lacking(site, 1)
    if not manifest:
        without_manifest(site, 1)
    submitted = site.submit(limit_lines=limit_lines)
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.error) == (RestoreState.ACTIVE, "")
    assert (done.lines, done.skipped_lines) == (HOURS * LINES - LINES // 100, LINES // 100)
    assert len(site.numbers(submitted)) == done.lines
    told = {one.reason.partition(" (")[0]: one for one in site.desk.problems(submitted.id)}
    assert told.keys() == {f"{LINES // 100} lines have no time that can be read", "400 lines have no text"}
    assert {one.key for one in told.values()} == {key_of("main", Hour(HOUR + 1), 0)}
    assert told["400 lines have no text"].sample == '{"user":"x"}'
    assert site.desk.textless([submitted.id, "other"]) == {submitted.id: 400, "other": 0}
    rows = site.engine.rows(f"SELECT count() AS lines FROM restored_{submitted.id} WHERE _line = ''")
    assert rows == [{"lines": 400}]


def test_only_what_the_query_asks_for_is_told_of(site: Site) -> None:
    lacking(site, 1)
    submitted = site.submit(query="host:web-1")
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.skipped_lines) == (RestoreState.ACTIVE, LINES // 100), done.error
    assert site.desk.textless([submitted.id]) == {submitted.id: 0}


def test_files_hold_lines_without_text_like_any_other(site: Site, tmp_path: Path) -> None:
    lacking(site, 1)
    place = Connection(provider="folder", options={"path": str(tmp_path / "out")}, secrets={})
    (tmp_path / "out").mkdir()
    submitted = site.submit(files=FilesWanted(connection=place, format="ndjson"))
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.lines, done.skipped_lines) == (
        RestoreState.DONE,
        HOURS * LINES - LINES // 100,
        LINES // 100,
    ), done.error
    assert site.desk.textless([submitted.id]) == {submitted.id: 0}
    assert done.shown_account == ""


def test_a_failed_restore_can_be_tried_again(site: Site) -> None:
    file = object_file(site, 1)
    data = file.read_bytes()
    flip(file)
    submitted = site.submit()
    site.finish()
    assert site.get(submitted).state is RestoreState.FAILED
    file.write_bytes(data)
    assert site.desk.retry(submitted.id).state is RestoreState.IN_PROGRESS
    site.finish()
    assert site.get(submitted).state is RestoreState.ACTIVE
    assert site.numbers(submitted) == list(range(HOURS * LINES))


@pytest.mark.parametrize("kind", ["ndjson", "ndjson.gz", "parquet"])
def test_files_are_written_in_place_of_an_account(site: Site, tmp_path: Path, kind: str) -> None:
    connection = Connection(provider="folder", options={"path": str(tmp_path / "out")})
    submitted = site.submit(
        first=10, count=5000, query="level:error", files=FilesWanted(connection=connection, format=kind)
    )
    site.finish()
    done = site.get(submitted)
    expected = [number for number in range(10, 5010) if number % 10 == 0]
    assert (done.state, done.lines, done.files_written) == (RestoreState.DONE, len(expected), 1), done.error
    assert restored_ids(site.engine) == set()
    folder = tmp_path / "out" / submitted.account
    rows = site.engine.rows(
        "SELECT {column} AS lid FROM file('{path}')".format(
            column="toUInt64(_lid)" if kind != "parquet" else "toUInt64(lid)",
            path=f"{folder}/part-00000.{kind}",
        )
    )
    assert [row["lid"] - FIRST_LID for row in rows] == expected
    about = msgspec.json.decode((folder / "_SUCCESS.json").read_bytes())
    assert (about["restore"], about["lines"]) == (submitted.id, len(expected))


def test_a_query_spares_blocks_that_it_rules_out_and_the_preview_tells(site: Site) -> None:
    plan = site.desk.plan(site.request(query="line 4321"))
    every = site.desk.plan(site.request())
    assert 0 < plan.blocks < every.blocks
    assert plan.blocks + plan.blocks_ruled_out == every.blocks
    seen = site.desk.preview(site.request(query="level:error"))
    assert 0 < len(seen.sample) <= 5
    assert all(one.level == "error" for one in seen.sample)
    assert seen.hits is not None
    assert 0.5 < seen.hits / (HOURS * LINES / 10) < 2
    assert seen.plan.requests > 0
    assert seen.plan.seconds > 0
    assert 0 < seen.needed_bytes < site.desk.preview(site.request()).needed_bytes
    assert seen.free_bytes > 0


def test_the_table_of_one_that_is_being_made_is_no_left_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = site.catalog.restores.create

    def meanwhile(restore: Restore, ledger: Sequence[Chunk]) -> None:
        site.desk.round()
        assert restored_ids(site.engine) == {restore.id}
        create(restore, ledger)

    monkeypatch.setattr(site.catalog.restores, "create", meanwhile)
    submitted = site.submit(count=LINES)
    site.finish()
    assert site.get(submitted).lines > 0


def test_a_table_whose_restore_could_not_be_written_down_goes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_restore: Restore, _ledger: Sequence[Chunk]) -> None:
        raise Overloaded("the disk is full")

    monkeypatch.setattr(site.catalog.restores, "create", full)
    with pytest.raises(Overloaded):
        site.submit(count=LINES)
    assert len(restored_ids(site.engine)) == 1
    site.desk.round()
    assert restored_ids(site.engine) == set()


def test_extending_counts_from_now(site: Site) -> None:
    submitted = site.submit(count=LINES)
    site.finish()
    assert site.get(submitted).expires_at == NOW + 60_000
    site.now += 30_000
    assert site.desk.extend(submitted.id, 3600).expires_at == NOW + 30_000 + 3_600_000


def test_a_restore_knows_who_asked_and_why(site: Site) -> None:
    submitted = site.submit(reason="INC-7", created_by="k1")
    assert (submitted.reason, submitted.created_by) == ("INC-7", "k1")
    site.finish()
    assert site.get(submitted).reason == "INC-7"


def at_limit(site: Site, limit: int, how: OnLimit = OnLimit.ASK) -> Restore:
    submitted = site.submit(limit_lines=limit, on_limit=how)
    site.finish()
    return submitted


def test_a_limit_on_the_edge_of_a_chunk_leaves_none_out_for_good(site: Site) -> None:
    first = ChunkSpec.decode(site.catalog.restores.chunks(site.submit().id)[0].spec).lines
    assert first
    submitted = at_limit(site, first)
    assert site.get(submitted).state is RestoreState.PAUSED
    site.desk.resume(submitted.id, limit_lines=0)
    site.finish()
    assert site.numbers(submitted) == list(range(HOURS * LINES))


@pytest.mark.parametrize(
    ("how", "state"),
    [(OnLimit.KEEP, "ACTIVE"), (OnLimit.FAIL, "FAILED"), (OnLimit.ASK, "PAUSED")],
)
def test_a_kill_right_behind_the_limit_changes_nothing(
    site: Site, how: OnLimit, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = HOURS * LINES - 5
    submitted = site.submit(limit_lines=limit, on_limit=how)
    # The run reaches its limit, and the process goes before that is acted on.
    monkeypatch.setattr(carry.Carrier, "_at_limit", lambda *_: None)
    site.desk.round()
    site.desk.join()
    assert site.get(submitted).state is RestoreState.IN_PROGRESS
    monkeypatch.undo()
    site.finish()
    ended = site.get(submitted)
    assert ended.state == state
    if how is not OnLimit.FAIL:
        assert site.numbers(submitted) == list(range(limit))
        assert ended.partial == ("limit" if how is OnLimit.KEEP else "")


def test_one_that_is_tried_again_at_once_has_no_line_twice(site: Site) -> None:
    file = object_file(site, 2)
    data = file.read_bytes()
    flip(file)
    submitted = site.submit()
    while site.get(submitted).state is not RestoreState.FAILED:
        site.desk.round()
        site.desk.join()
    file.write_bytes(data)
    site.desk.retry(submitted.id)  # before the worker has dropped the table
    site.finish()
    assert site.numbers(submitted) == list(range(HOURS * LINES))


def test_aborting_right_after_a_higher_limit_keeps_what_was_there(site: Site) -> None:
    submitted = at_limit(site, 1234)
    site.desk.resume(submitted.id, limit_lines=5000)
    site.desk.abort(submitted.id, keep=True)
    site.finish()
    kept = site.get(submitted)
    assert (kept.state, kept.lines) == (RestoreState.ACTIVE, 1234)
    assert site.numbers(submitted) == list(range(1234))


def test_a_limit_that_is_set_while_a_chunk_is_loaded_counts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = site.submit()

    def pause_and_go_on() -> None:
        site.desk.pause(submitted.id)
        site.desk.resume(submitted.id, limit_lines=6000)

    stop_after_a_chunk(site, monkeypatch, pause_and_go_on)
    site.finish()
    kept = site.get(submitted)
    assert (kept.partial, kept.lines) == (Partial.LIMIT, 6000)
    assert len(site.numbers(submitted)) == 6000


def test_an_error_of_the_catalog_itself_ends_no_thread(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted = site.submit()

    def full(*_: Any, **__: Any) -> Any:
        raise Overloaded("the catalog cannot be used: database or disk is full")

    monkeypatch.setattr(site.catalog.restores, "begin", full)
    monkeypatch.setattr(site.catalog.restores, "failing", full)
    site.desk.round()
    site.desk.join()
    monkeypatch.undo()
    assert not site.desk.running(submitted.id)
    monkeypatch.setattr(carry, "_FIRST_PAUSE_S", 0.0)
    site.finish()
    assert site.get(submitted).state is RestoreState.ACTIVE


def test_errors_that_do_not_pass_pause_a_restore_with_what_it_has(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "_FIRST_PAUSE_S", 0.0)
    away = StorageUnavailable("the bucket is away")
    head = FolderBucket.head

    def failing(self: FolderBucket, key: str) -> Any:
        if key == key_of("main", Hour(HOUR + 2), 0):
            raise away
        return head(self, key)

    submitted = site.submit()
    with monkeypatch.context() as patched:
        patched.setattr(FolderBucket, "head", failing)
        while site.get(submitted).state is RestoreState.IN_PROGRESS:
            site.desk.round()
            site.desk.join()
    paused = site.get(submitted)
    assert (paused.state, paused.error) == (RestoreState.PAUSED, "the bucket is away")
    assert site.numbers(submitted)
    site.desk.resume(submitted.id)
    site.finish()
    assert site.get(submitted).error == ""
    assert site.numbers(submitted) == list(range(HOURS * LINES))


def test_restores_leave_the_room_that_intake_needs(tmp_path: Path) -> None:
    write_archive(tmp_path / "archive")
    site = Site(tmp_path, min_free_bytes=1 << 60)
    submitted = site.submit()
    site.desk.round()
    site.desk.join()
    now = site.get(submitted)
    site.close()
    assert (now.state, now.lines) == (RestoreState.IN_PROGRESS, 0)
    assert now.error == (
        "the disk of the data folder is full but for what is kept free"
        " (free space there; the setting min_free_bytes says how much is kept free)"
    )


def test_lost_blocks_count_by_their_lines(site: Site) -> None:
    flip(object_file(site, 1))
    submitted = site.submit(skip_damaged=True)
    site.finish()
    done = site.get(submitted)
    assert done.skipped_lines == HOURS * LINES - done.lines > 1


def test_a_place_that_takes_no_files_is_refused_at_once(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    connection = Connection(provider="folder", options={"path": str(tmp_path / "file" / "x")})
    with pytest.raises(ConnectionTestFailed, match="files cannot be written there"):
        site.submit(files=FilesWanted(connection=connection))
    assert site.catalog.restores.list() == []


def test_what_was_there_at_a_limit_stays_when_it_is_given_up_before_it_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = at_limit(site, 1234)
    site.desk.resume(submitted.id, limit_lines=5000)
    with monkeypatch.context() as patched:  # a run that is halted before its first chunk
        patched.setattr(run.RestoreRun, "_load_all", lambda *_: False)
        site.desk.round()
        site.desk.join()
    site.desk.abort(submitted.id, keep=True)
    site.finish()
    assert site.get(submitted).lines == 1234
    assert site.numbers(submitted) == list(range(1234))


def test_one_that_begins_can_be_searched_at_any_moment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted = site.submit(count=LINES)

    def drop(_: RestoredLines) -> None:
        raise AssertionError("the table of a restore that is wanted went away")

    with monkeypatch.context() as patched:
        patched.setattr(RestoredLines, "drop", drop)
        site.finish()
    assert site.numbers(submitted) == list(range(LINES))
