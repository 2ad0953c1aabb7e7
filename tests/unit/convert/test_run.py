"""Convert from end to end, between folders."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.layout import manifest_key
from logkeep.convert import Converted, Step, convert
from logkeep.errors import BadSetting, Conflict, StorageUnavailable
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import TimeRange, parse_time
from logkeep.verify import verify

HOUR_09 = "year=2024/month=05/day=13/main.2024-05-13.0900.json.gz"
HOUR_10 = "year=2024/month=05/day=13/main.2024-05-13.1000.json.gz"


def message(at: str, text: str, lid: str = "") -> bytes:
    """A line of Sumo Logic's."""
    named = {"_id": lid} if lid else {}
    return msgspec.json.encode({**named, "date": f"2024-05-13T{at}Z", "message": text}) + b"\n"


SOURCES = {
    "v2/dt=20240513/hour=9/minute=58/us2/a/b/v1/1.txt.gzip": [
        message("09:58:01.000", "a", "11"),
        message("09:58:03.000", "d"),
        message("10:00:00.000", "the next hour's", "13"),
        message("09:58:01.000", "b"),
    ],
    "v2/dt=20240513/hour=10/minute=1/us2/a/b/v1/2.txt.gzip": [
        message("10:01:00.000", "x"),
        message("09:58:01.000", "a", "11"),  # once more
        b'{"date":"2024-05-1\n',
        message("09:58:02.000", "late"),
        message("10:01:00.000", "x"),  # another, for it has no id that says otherwise
    ],
    "v2/dt=20240513/hour=10/minute=2/us2/a/b/v1/marker.json": [b"{}"],
}
TEXTS = {HOUR_09: ["a", "b", "late", "d"], HOUR_10: ["the next hour's", "x", "x"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "sumo"
    for key, lines in SOURCES.items():
        path = folder / key
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(b"".join(lines)))
    return folder


def run(source: Path, destination: Path, **options: Any) -> Converted:
    layout = layout_of("sumo")
    account = options.pop("account", "main")
    return convert(FolderBucket(source), FolderBucket(destination), layout=layout, account=account, **options)


def texts(archive: Path) -> dict[str, list[str]]:
    """What `zcat` of each object gives."""
    found = {}
    for path in sorted(archive.glob("year=*/*/*/*.json.gz")):
        unpacked = subprocess.run(["zcat", str(path)], capture_output=True, check=True).stdout
        lines = [msgspec.json.decode(line) for line in unpacked.splitlines()]
        found[str(path.relative_to(archive))] = [line["_line"] for line in lines]
        assert [line["_ts"] for line in lines] == sorted(line["_ts"] for line in lines)
        assert {line["_account"] for line in lines} == {"main"}
    return found


def files(archive: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(archive)): path.read_bytes() for path in archive.rglob("*") if path.is_file()
    }


def test_lines_are_in_the_objects_of_their_hours_in_order_and_each_once(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    done = run(source, archive)
    assert texts(archive) == TEXTS
    assert (done.layout, done.sources, done.lines, done.repeats, done.objects, done.found) == (
        "sumo",
        2,
        7,
        1,
        2,
        0,
    )
    assert [(one.key[-10:], one.offset) for one in done.problems] == [
        ("2.txt.gzip", len(b"".join(SOURCES["v2/dt=20240513/hour=10/minute=1/us2/a/b/v1/2.txt.gzip"][:2])))
    ]
    assert (done.problem_count, done.ok) == (1, False)
    assert sorted(files(archive)) == [manifest_key(HOUR_09), manifest_key(HOUR_10), HOUR_09, HOUR_10]


def test_the_result_is_an_archive_as_it_should_be(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    run(source, archive)
    report = verify(FolderBucket(archive))
    assert (report.findings, report.lines, report.objects, report.ok) == ((), 7, 2, True)


def test_an_id_that_lines_of_other_times_share_and_0_make_no_repeats(source: Path, tmp_path: Path) -> None:
    shared = [message(f"09:58:0{second}.000", f"{second}", "order-7") for second in (1, 2, 2)]
    none = [message("09:58:03.000", text, "0") for text in ("x", "x")]
    shutil.rmtree(source)
    source.mkdir()
    FolderBucket(source).put_new(next(iter(SOURCES)), b"".join(shared + none), "text/plain")
    archive = tmp_path / "archive"
    done = run(source, archive)
    assert texts(archive) == {HOUR_09: ["1", "2", "x", "x"]}
    assert (done.lines, done.repeats) == (4, 1)
    assert verify(FolderBucket(archive)).ok


def test_a_folder_in_the_other_is_refused(source: Path) -> None:
    for destination in (source, source / "new", source.parent):
        with pytest.raises(BadSetting, match="SRC"):
            run(source, destination)


def test_a_second_convert_finds_everything_to_be_there(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    run(source, archive)
    before = files(archive)
    again = run(source, archive)
    assert (again.objects, again.found) == (2, 2)
    assert files(archive) == before


def test_a_source_that_changed_is_a_conflict_and_nothing_is_changed(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    run(source, archive)
    before = files(archive)
    more = source / "v2/dt=20240513/hour=10/minute=3/us2/a/b/v1/3.txt.gzip"
    more.parent.mkdir(parents=True)
    more.write_bytes(gzip.compress(message("09:00:00.000", "more")))
    with pytest.raises(Conflict, match=r"another object year=2024/month=05/day=13/main\.2024-05-13\.0900"):
        run(source, archive)
    assert files(archive) == before


def test_a_range_is_taken_as_whole_hours_and_late_lines_are_found(source: Path, tmp_path: Path) -> None:
    within = TimeRange(
        start=parse_time("2024-05-13T09:58:02Z", now=0), end=parse_time("2024-05-13T09:58:03Z", now=0)
    )
    done = run(source, tmp_path / "archive", within=within)
    assert texts(tmp_path / "archive") == {HOUR_09: TEXTS[HOUR_09]}
    assert (done.lines, done.repeats) == (4, 1)
    run(source, tmp_path / "archive")
    assert texts(tmp_path / "archive") == TEXTS


def test_a_damaged_object_costs_only_what_is_behind_the_damage(source: Path, tmp_path: Path) -> None:
    key = "v2/dt=20240513/hour=10/minute=1/us2/a/b/v1/2.txt.gzip"
    (source / key).write_bytes(gzip.compress(SOURCES[key][0]) + b"\x1f\x8b\x08\x00 not gzip any further")
    done = run(source, tmp_path / "archive")
    assert texts(tmp_path / "archive") == {HOUR_09: ["a", "b", "d"], HOUR_10: ["the next hour's", "x"]}
    assert [one.key for one in done.problems] == [key]


class Remote(FolderBucket):
    """A bucket whose objects are no files of this machine."""

    def local_path(self, key: str) -> Path | None:
        del key
        return None


class Failing(Remote):
    def get_range(self, key: str, start: int, length: int) -> bytes:
        del start, length
        raise StorageUnavailable(f"{key} cannot be read now")


def test_objects_of_a_remote_bucket_give_the_same_archive(source: Path, tmp_path: Path) -> None:
    for number in range(20):
        path = source / f"v2/dt=20240513/hour=9/minute={number}/us2/a/b/v1/{number}.txt.gzip"
        path.parent.mkdir(parents=True)
        path.write_bytes(message("09:10:00.000", f"{number}"))
    near, far = tmp_path / "near", tmp_path / "far"
    done = run(source, near)
    layout = layout_of("sumo")
    assert convert(Remote(source), FolderBucket(far), layout=layout, account="main") == done
    assert files(near) == files(far)


def test_a_bucket_that_fails_ends_the_convert_and_writes_nothing(source: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="cannot be read now"):
        convert(Failing(source), FolderBucket(tmp_path / "archive"), layout=layout_of("sumo"), account="main")
    assert not (tmp_path / "archive").exists()


def test_an_account_that_is_none_is_refused_before_anything_is_read(source: Path, tmp_path: Path) -> None:
    for account in ("", "a/b", "a.b"):
        with pytest.raises(BadSetting, match="is no account"):
            run(source, tmp_path / "archive", account=account)
    assert not (tmp_path / "archive").exists()


def test_the_work_folder_is_left_empty_and_what_a_killed_run_left_goes(source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    left = work / "logkeep-convert" / "old"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    (work / "mine").write_bytes(b"x")
    run(source, tmp_path / "archive", work=work)
    assert [path.name for path in work.rglob("*")] == ["mine"]
    assert texts(tmp_path / "archive") == TEXTS


def test_progress_is_told_of_either_step(source: Path, tmp_path: Path) -> None:
    told: list[tuple[Step, int, int]] = []
    run(source, tmp_path / "archive", progress=lambda *step: told.append(step))
    sizes = [(source / key).stat().st_size for key in list(SOURCES)[:2]]
    assert told == [
        (Step.READING, sizes[0], sum(sizes)),
        (Step.READING, sum(sizes), sum(sizes)),
        (Step.WRITING, 5, 8),
        (Step.WRITING, 8, 8),
    ]


PROGRAM = """
import sys
from pathlib import Path
from logkeep.archive.foreign.layouts import layout_of
from logkeep.convert import convert
from logkeep.storage.folder import FolderBucket
source, destination, work = map(Path, sys.argv[1:])
convert(FolderBucket(source), FolderBucket(destination), layout=layout_of("sumo"), account="main", work=work)
"""


@pytest.mark.parametrize(
    "point",
    [
        "convert.split",
        "convert.built",
        "convert.uploaded",
        "convert.filtered",
        "convert.manifest",
        "convert.uploaded:2",
        "convert.manifest:2",
    ],
)
def test_a_convert_that_was_killed_and_is_run_again_gives_the_same_archive(
    source: Path, tmp_path: Path, point: str
) -> None:
    run(source, tmp_path / "whole")
    archive, work = tmp_path / "archive", tmp_path / "work"

    def process(**environment: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(source), str(archive), str(work)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            timeout=60,
            check=False,
        )
        return done.returncode

    assert process(LOGKEEP_CRASH_AT=point) == -signal.SIGKILL
    assert process() == 0
    assert files(archive) == files(tmp_path / "whole")
    assert list(work.iterdir()) == []
