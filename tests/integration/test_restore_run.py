"""Restores over a real archive in a folder, into the real engine, with the ledger in a real catalog."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.integration.restore_site import (
    HOUR,
    HOURS,
    LINES,
    NOW,
    Site,
    record,
    write_archive,
)

from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import decode, encode
from logkeep.catalog.values import ChunkState, Partial, RestoreState
from logkeep.errors import Conflict, NotFound
from logkeep.index.restored import RestoredLines, Where, restored_ids
from logkeep.restore.chunks import ChunkSpec
from logkeep.restore.desk import account_name
from logkeep.restore.request import RestoreRequest
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, TimeRange


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write_archive(root)
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    for file in template.rglob("*.*"):
        if file.is_file():
            target = tmp_path / "archive" / file.relative_to(template)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return tmp_path


@pytest.fixture
def site(root: Path) -> Iterator[Site]:
    opened = Site(root)
    yield opened
    opened.close()


def object_file(root: Path, hour: int = 0) -> Path:
    return root / "archive" / key_of("main", Hour(HOUR + hour), 0)


def test_a_restore_brings_back_exactly_the_lines_of_its_range(site: Site) -> None:
    submitted = site.submit()
    assert submitted.state is RestoreState.IN_PROGRESS
    assert len(site.catalog.restores.chunks(submitted.id)) > 2
    site.finish()
    done = site.get(submitted)
    assert done == replace(
        submitted,
        state=RestoreState.ACTIVE,
        lines=submitted.planned_lines,
        bytes=submitted.planned_raw_bytes,
        finished_at=NOW,
        expires_at=NOW + 60_000,
        text_index=True,
        text_bytes=sum(len(record(number).line) for number in range(HOURS * LINES)),
        read_bytes=submitted.planned_bytes,
        started_at=NOW,
        worked_ms=done.worked_ms,
    )
    assert done.worked_ms > 0
    assert submitted.planned_lines == HOURS * LINES
    assert site.numbers(submitted) == list(range(HOURS * LINES))
    assert {chunk.state for chunk in site.catalog.restores.chunks(submitted.id)} == {ChunkState.DONE}
    assert list(site.work.rglob("*.json.gz")) == []


def test_a_restore_has_its_own_account_named_after_it(site: Site) -> None:
    submitted = site.submit()
    assert submitted.account == f"r-black-friday-{submitted.id[:6]}"
    assert site.catalog.accounts.get(submitted.account).restore_id == submitted.id


def test_the_name_of_a_restored_account_is_allowed_whatever_the_restore_is_called() -> None:
    assert account_name("Straße №5 / " + "x" * 200, "0123456789ab") == f"r-stra-e-5-{'x' * 31}-012345"
    assert account_name("日本", "0123456789ab") == "r-012345"


def test_a_range_inside_an_hour_cuts_blocks_to_the_millisecond(site: Site) -> None:
    submitted = site.submit(first=1234, count=3000)
    assert submitted.planned_lines >= 3000
    site.finish()
    assert site.get(submitted).lines == 3000
    assert site.numbers(submitted) == list(range(1234, 4234))


def test_a_query_restores_only_what_it_matches(site: Site) -> None:
    submitted = site.submit(count=LINES, query="level:error AND host:web-2")
    site.finish()
    expected = [n for n in range(LINES) if n % 10 == 0 and n % 4 == 2]
    assert site.numbers(submitted) == expected
    assert site.get(submitted).lines == len(expected)


def test_a_range_without_objects_gives_an_empty_active_restore(site: Site) -> None:
    submitted = site.submit(first=100 * LINES, count=10)
    site.finish()
    assert site.get(submitted).state is RestoreState.ACTIVE
    assert site.numbers(submitted) == []


def test_lines_that_a_foreign_object_repeats_are_there_once(site: Site, root: Path) -> None:
    site.bucket.put_new(key_of("main", HOUR, 1), object_file(root), "application/gzip")
    submitted = site.submit(count=LINES)
    site.finish()
    done = site.get(submitted)
    assert (done.state, done.lines, done.duplicates) == (RestoreState.ACTIVE, LINES, LINES)
    assert site.numbers(submitted) == list(range(LINES))


def test_an_archive_without_any_manifest_is_restored_too(site: Site, root: Path) -> None:
    for manifest in (root / "archive" / "_manifest").rglob("*.json"):
        manifest.unlink()
    submitted = site.submit()
    site.finish()
    assert (submitted.planned_objects, submitted.planned_lines) == (HOURS, 0)
    assert site.get(submitted).lines == HOURS * LINES
    assert site.numbers(submitted) == list(range(HOURS * LINES))


def test_rows_of_an_interrupted_chunk_are_taken_out_before_it_is_loaded_again(site: Site, root: Path) -> None:
    submitted = site.submit()
    chunk = site.catalog.restores.begin(site.catalog.restores.chunks(submitted.id)[0])
    spec = ChunkSpec.decode(chunk.spec)
    table = RestoredLines(site.engine, submitted.id)
    table.create(merging=False)
    half = Where(sql="_lid % 2 = 0", params={}, from_ms=0, to_ms=NOW)
    file = str(root / "archive" / spec.pieces[0].key)
    assert table.load(file, chunk.number, half, [], new_only=False).lines > 0
    site.finish()
    assert site.get(submitted).lines == HOURS * LINES
    assert site.numbers(submitted) == list(range(HOURS * LINES))


@pytest.mark.parametrize(
    "point",
    [
        "restore.chunk_begun",
        "restore.chunk_fetched",
        "restore.chunk_loaded:2",
        "restore.chunk_done:3",
        "restore.active",
        "restore.indexed",
    ],
)
def test_a_killed_process_resumes_and_ends_with_exactly_the_lines_of_the_plan(root: Path, point: str) -> None:
    site_bucket = FolderBucket(root / "archive")
    site_bucket.put_new(key_of("main", HOUR, 1), object_file(root), "application/gzip")
    killed = run_and_kill(root, point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    site = Site(root)
    (begun,) = site.catalog.restores.list()
    site.desk.resume_all()
    site.finish()
    done = site.get(begun)
    found = site.numbers(begun)
    site.close()
    assert (done.state, done.text_index, done.error) == (RestoreState.ACTIVE, True, "")
    assert (done.lines, done.duplicates) == (HOURS * LINES, LINES)
    assert found == list(range(HOURS * LINES))


def test_a_process_that_is_killed_right_at_the_limit_stops_there_all_the_same(root: Path) -> None:
    limit = HOURS * LINES - 5
    killed = run_and_kill(root, "restore.chunk_done:6", f"limit_lines={limit}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    site = Site(root)
    (begun,) = site.catalog.restores.list()
    assert begun.lines == limit
    site.desk.resume_all()
    site.finish()
    done, found = site.get(begun), site.numbers(begun)
    site.close()
    assert (done.state, done.partial, done.lines) == (RestoreState.ACTIVE, Partial.LIMIT, limit)
    assert found == list(range(limit))


def run_and_kill(root: Path, point: str, wanted: str = "") -> subprocess.CompletedProcess[str]:
    """A process that restores everything, as `wanted` says, and is killed at the point."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from tests.integration.restore_site import Site\n"
        f"site = Site(Path({str(root)!r}))\n"
        f"site.submit({wanted})\n"
        "site.finish()\n"
    )
    env = {**os.environ, "LOGKEEP_CRASH_AT": point}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_an_aborted_restore_leaves_no_lines_and_no_account(site: Site) -> None:
    submitted = site.submit()
    aborted = site.desk.abort(submitted.id)
    site.finish()
    assert aborted == replace(submitted, state=RestoreState.ABORTED, finished_at=NOW)
    assert site.get(submitted) == aborted
    assert restored_ids(site.engine) == set()
    with pytest.raises(NotFound):
        site.catalog.accounts.get(submitted.account)
    with pytest.raises(Conflict, match="is ABORTED and cannot become ABORTED"):
        site.desk.abort(submitted.id)


def test_a_restore_that_is_aborted_between_chunks_begins_no_further_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = site.submit()
    begin = site.catalog.restores.begin

    def begin_and_abort(chunk: Any) -> Any:
        begun = begin(chunk)
        if site.get(submitted).state is RestoreState.IN_PROGRESS:
            site.desk.abort(submitted.id)
        return begun

    monkeypatch.setattr(site.catalog.restores, "begin", begin_and_abort)
    site.finish()
    assert site.get(submitted).state is RestoreState.ABORTED
    states = [chunk.state for chunk in site.catalog.restores.chunks(submitted.id)]
    assert ChunkState.PENDING in states
    assert restored_ids(site.engine) == set()


def test_what_is_loaded_can_be_searched_while_the_rest_waits(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = site.submit()
    done = site.catalog.restores.done

    def done_and_stop(*args: Any, **kwargs: Any) -> Any:
        site.desk.worker.stopping.set()
        return done(*args, **kwargs)

    monkeypatch.setattr(site.catalog.restores, "done", done_and_stop)
    site.desk.round()
    site.desk.join()
    running = site.get(submitted)
    assert running.state is RestoreState.IN_PROGRESS
    assert 0 < running.lines < HOURS * LINES
    assert len(site.numbers(submitted)) == running.lines
    monkeypatch.undo()
    site.desk.worker.stopping.clear()
    site.finish()
    assert site.numbers(submitted) == list(range(HOURS * LINES))


def test_a_deleted_restore_is_gone_at_once_but_not_while_it_runs(site: Site) -> None:
    submitted = site.submit(count=LINES)
    with pytest.raises(Conflict, match="abort it first"):
        site.desk.delete(submitted.id)
    site.finish()
    assert site.desk.delete(submitted.id).state is RestoreState.DELETED
    assert [account.id for account in site.catalog.accounts.list()] == ["main"]
    site.now += 3_599_999
    site.finish()
    assert restored_ids(site.engine) == {submitted.id}
    site.now += 1
    site.finish()
    assert restored_ids(site.engine) == set()
    with pytest.raises(Conflict, match="cannot be brought back"):
        site.desk.undelete(submitted.id)


def test_a_deleted_restore_can_be_brought_back_within_an_hour(site: Site) -> None:
    submitted = site.submit(count=LINES)
    site.finish()
    site.desk.extend(submitted.id, 7200)
    site.desk.delete(submitted.id)
    site.now += 3_599_999
    assert site.desk.undelete(submitted.id).state is RestoreState.ACTIVE
    site.finish()
    assert site.catalog.accounts.get(submitted.account).restore_id == submitted.id
    assert site.numbers(submitted) == list(range(LINES))


def test_a_restored_account_expires_after_its_time(site: Site) -> None:
    submitted = site.submit(count=LINES)
    site.finish()
    assert site.desk.expire_due(NOW + 59_999) == []
    site.now = NOW + 60_000
    site.finish()
    assert site.get(submitted).state is RestoreState.EXPIRED
    assert restored_ids(site.engine) == set()


def damage_length(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def damage_bytes(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [damage_length, damage_bytes])
@pytest.mark.parametrize("query", ["", "level:error"])
def test_a_damaged_object_fails_the_restore_by_name(site: Site, root: Path, damage: Any, query: str) -> None:
    damage(object_file(root, 1))
    submitted = site.submit(query=query)
    site.finish()
    failed = site.get(submitted)
    assert failed.state is RestoreState.FAILED
    assert key_of("main", Hour(HOUR + 1), 0) in failed.error
    assert restored_ids(site.engine) == set()


def test_an_object_with_other_lines_than_its_manifest_says_fails_the_restore_by_name(
    site: Site, root: Path
) -> None:
    file = root / "archive" / manifest_key(key_of("main", HOUR, 0))
    manifest = decode(file.read_bytes(), "manifest")
    blocks = tuple(structs.replace(block, lines=block.lines + 1) for block in manifest.blocks)
    file.write_bytes(encode(structs.replace(manifest, blocks=blocks)))
    submitted = site.submit()
    site.finish()
    failed = site.get(submitted)
    assert failed.state is RestoreState.FAILED
    assert f"object {key_of('main', HOUR, 0)} gave" in failed.error


def test_a_failed_restore_does_not_stop_the_next(site: Site, root: Path) -> None:
    damage_length(object_file(root, 0))
    broken, fine = site.submit(count=LINES), site.submit(first=LINES, count=LINES)
    site.finish()
    assert [site.get(one).state for one in (broken, fine)] == [RestoreState.FAILED, RestoreState.ACTIVE]


def test_only_live_accounts_have_an_archive_to_restore_from(site: Site) -> None:
    restored = site.submit(count=LINES)
    for source, message in (("nobody", "no account 'nobody'"), (restored.account, "restored one")):
        with pytest.raises(NotFound, match=message):
            site.desk.submit(RestoreRequest(name="x", source=source, range=TimeRange(start=0, end=1)))


def test_the_worker_carries_out_what_is_submitted_and_stops_after_its_chunks(site: Site) -> None:
    site.desk.start()
    submitted = site.submit()
    site.desk.stop()
    stopped = site.get(submitted)
    assert stopped.state in (RestoreState.IN_PROGRESS, RestoreState.ACTIVE)
    chunks = site.catalog.restores.chunks(submitted.id)
    assert ChunkState.LOADING not in {chunk.state for chunk in chunks}
    assert stopped.lines == sum(chunk.lines for chunk in chunks)
