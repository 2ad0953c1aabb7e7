from __future__ import annotations

import base64
import gzip
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main

from .archives import record, write_archive


def grep(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["grep", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two hours, the first in two parts; lines `hour.minute word`."""
    folder = tmp_path / "archive"
    write_archive(folder, [record(n, f"0.{n} alpha", minute=n) for n in range(30)])
    write_archive(folder, [record(30 + n, f"0.{30 + n} beta", minute=30 + n) for n in range(30)], part=1)
    write_archive(folder, [record(60 + n, f"1.{n} alpha", minute=n, hour=1) for n in range(30)])
    return folder


def test_matching_lines_are_printed_in_order_of_hour_and_part(folder: Path) -> None:
    done = grep("alpha OR beta", str(folder))
    expected = [f"0.{n} alpha" for n in range(30)]
    expected += [f"0.{n} beta" for n in range(30, 60)]
    expected += [f"1.{n} alpha" for n in range(30)]
    assert (done.exit_code, done.stdout.splitlines()) == (0, expected)


def test_a_range_is_half_open(folder: Path) -> None:
    done = grep("*", str(folder), "--from", "2025-11-20T12:29:00Z", "--to", "2025-11-20T12:31:00Z")
    assert done.stdout.splitlines() == ["0.29 alpha", "0.30 beta"]


def test_a_range_may_be_open_at_either_end(folder: Path) -> None:
    assert grep("*", str(folder), "--to", "2025-11-20T12:01:00Z").stdout == "0.0 alpha\n"
    assert grep("*", str(folder), "--from", "2025-11-20T13:29:00Z").stdout == "1.29 alpha\n"


def test_counting_prints_a_number(folder: Path) -> None:
    assert grep("alpha", f"file://{folder}", "--count").stdout == "60\n"
    assert grep("alpha", str(folder), "-c", "--json").stdout == '{"count":60}\n'


def test_a_limit_ends_it(folder: Path) -> None:
    assert grep("alpha", str(folder), "--limit", "2").stdout == "0.0 alpha\n0.1 alpha\n"


def test_json_prints_the_records_as_they_stand_in_the_archive(folder: Path) -> None:
    done = grep("alpha", str(folder), "--json", "--limit", "1")
    assert msgspec.json.decode(done.stdout) == {
        "_lid": "1000",
        "_ts": 1_763_640_000_000,
        "_rx": 1_763_640_000_000,
        "_account": "main",
        "_host": "web-1",
        "_line": "0.0 alpha",
    }


def test_nothing_found_ends_with_1(folder: Path) -> None:
    done = grep("gamma", str(folder))
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "")


def test_another_account_is_another_archive(folder: Path) -> None:
    assert grep("alpha", str(folder), "--account", "shop", "-c").stdout == "0\n"


def test_lines_that_are_not_utf8_come_out_byte_for_byte(tmp_path: Path) -> None:
    raw = base64.b64encode(b"alpha \xff").decode()
    write_archive(tmp_path / "archive", [record(0, "alpha \ufffd", raw=raw)])
    assert grep("alpha", str(tmp_path / "archive")).stdout_bytes == b"alpha \xff\n"


def test_an_object_without_manifest_is_read_too(folder: Path) -> None:
    for manifest in folder.rglob("_manifest/**/*.json"):
        manifest.unlink()
    assert grep("alpha", str(folder), "--from", "2025-11-20T12:29:00Z").stdout.splitlines()[:2] == [
        "0.29 alpha",
        "1.0 alpha",
    ]


def test_a_foreign_object_of_one_member_without_last_newline_is_read(tmp_path: Path) -> None:
    path = tmp_path / "year=2025/month=11/day=20/main.2025-11-20.1200.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b'{"_ts":1763640000000,"_line":"alpha"}'))
    assert grep("alpha", str(tmp_path)).stdout == "alpha\n"
    assert grep("alpha", str(tmp_path), "--json").stdout == '{"_ts":1763640000000,"_line":"alpha"}\n'


def test_a_damaged_object_is_named_and_the_others_are_read(folder: Path) -> None:
    key = "year=2025/month=11/day=20/main.2025-11-20.1200.json.gz"
    damaged = bytearray((folder / key).read_bytes())
    damaged[40:60] = bytes(20)
    (folder / key).chmod(0o644)
    (folder / key).write_bytes(damaged)
    done = grep("beta", str(folder))
    assert (done.exit_code, len(done.stdout.splitlines())) == (6, 30)
    assert key in done.stderr
    assert grep("beta", str(folder), "-c").stdout == "30\n"


def test_a_query_error_is_pointed_at(folder: Path) -> None:
    done = grep("alpha (", str(folder))
    assert done.exit_code == 2
    assert done.stderr.startswith("  alpha (\n         ^\nlogkeep: column 8: ")


def test_a_folder_that_is_not_there_is_no_empty_archive(tmp_path: Path) -> None:
    done = grep("alpha", str(tmp_path / "missing"))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"logkeep: there is no folder {tmp_path / 'missing'}\n")


def test_a_range_backwards_is_a_usage_error(folder: Path) -> None:
    assert grep("alpha", str(folder), "--from", "-1h", "--to", "-2h").exit_code == 2


def test_lines_come_in_order_of_time_whatever_their_object(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    write_archive(folder, [record(n, f"early {n}", minute=2 * n) for n in range(3)])
    write_archive(folder, [record(10 + n, f"late {n}", minute=2 * n + 1) for n in range(3)], part=1)
    oldest = ["early 0", "late 0", "early 1", "late 1", "early 2", "late 2"]
    assert grep("*", str(folder)).stdout.splitlines() == oldest
    assert grep("*", str(folder), "--newest").stdout.splitlines() == oldest[::-1]
    assert grep("*", str(folder), "--newest", "--limit", "1").stdout == "late 2\n"


def test_a_histogram_counts_over_time(folder: Path) -> None:
    done = grep("alpha", str(folder), "--histogram", "--interval", "3600000", "--json")
    assert [msgspec.json.decode(line) for line in done.stdout.splitlines()] == [
        {"ts": 1_763_640_000_000, "count": 30, "levels": {"": 30}},
        {"ts": 1_763_643_600_000, "count": 30, "levels": {"": 30}},
    ]
    assert grep("alpha", str(folder), "--histogram").stdout.endswith("\n60 lines\n")
    assert grep("gamma", str(folder), "--histogram").exit_code == 1


def test_stats_tell_what_was_read(folder: Path) -> None:
    done = grep("0.5", str(folder), "--to", "2025-11-20T13:00:00Z", "--stats", "-c")
    assert done.stdout == "1\n"
    assert done.stderr.startswith("logkeep: 2 objects; ")
    assert done.stderr.endswith(" read\n")


def test_the_archive_of_another_system_is_searched_in_its_layout(tmp_path: Path) -> None:
    tmp_path = tmp_path / "theirs" / "logs"
    path = tmp_path / "dt=20251120" / "hour=12" / "archive_120000.1.abc.json.gz"
    path.parent.mkdir(parents=True)
    lines = [
        {"_id": "b", "date": "2025-11-20T12:00:02.000Z", "message": "alpha two", "status": "info"},
        {"_id": "a", "date": "2025-11-20T12:00:01.000Z", "message": "alpha one", "status": "info"},
        {"_id": "c", "date": "2025-11-20T12:00:03.000Z", "message": "beta", "status": "warn"},
    ]
    path.write_bytes(gzip.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in lines)))
    for layout in ("datadog", "auto"):
        assert grep("alpha", str(tmp_path), "--layout", layout).stdout == "alpha one\nalpha two\n"
    below = grep("alpha", str(tmp_path.parent), "--layout", "auto")
    assert (below.exit_code, "add that to the URL" in below.stderr) == (2, True)
    since = ("--from", "2025-11-20T12:00:02Z")
    assert grep("*", str(tmp_path), "--layout", "datadog", *since, "-c").stdout == "2\n"


def test_a_layout_that_nobody_knows_is_a_usage_error(tmp_path: Path) -> None:
    assert grep("alpha", str(tmp_path), "--layout", "unheard-of").exit_code == 2
    assert grep("alpha", str(tmp_path), "--layout", "auto").exit_code == 2
    assert grep("alpha", str(tmp_path), "--layout", "custom", "--layout-option", "path").exit_code == 2


def test_a_reader_that_goes_away_ends_it_quietly(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "logkeep.cli.main", "grep", "alpha", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() in (0, 1)
    process.stderr.close()
