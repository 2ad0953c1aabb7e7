from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.archive.marker import tie
from logkeep.cli.main import main
from logkeep.storage.folder import FolderBucket

from .archives import record, write_archive


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    write_archive(folder, [record(n, f"line {n}", minute=n) for n in range(30)])
    return folder


def test_a_whole_archive_is_as_it_should_be(folder: Path) -> None:
    done = verify(str(folder))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].startswith("1 objects, 30 lines, ")
    assert done.stdout.splitlines()[-1] == "all as it should be"


def test_json_ends_with_a_summary(folder: Path) -> None:
    [summary] = map(msgspec.json.decode, verify(str(folder), "--json").stdout.splitlines())
    assert (summary["objects"], summary["lines"], summary["wrong"], summary["ok"]) == (1, 30, 0, True)


def test_what_is_wrong_is_named_and_ends_with_1(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    done = verify(str(folder))
    assert done.exit_code == 1
    assert "WRONG notes.txt: stranger: " in done.stdout
    finding, summary = map(msgspec.json.decode, verify(str(folder), "--json").stdout.splitlines())
    assert (finding["kind"], finding["key"], finding["note"]) == ("stranger", "notes.txt", False)
    assert (summary["wrong"], summary["ok"]) == (1, False)


def test_a_place_that_is_none_is_a_usage_error() -> None:
    assert verify("ftp://host/x").exit_code == 2


def test_an_empty_folder_says_so_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    assert verify(str(tmp_path)).stdout.splitlines()[-1] == "there is nothing archived here"
    assert verify(str(tmp_path / "missing")).exit_code == 2


def test_a_sample_says_what_it_read(folder: Path) -> None:
    done = verify(str(folder), "--sample", "0.4", "--seed", "3")
    assert done.exit_code == 0
    assert "a sample: 1 of 1 blocks, seed 3" in done.stdout.splitlines()


@pytest.mark.parametrize("fraction", ["0", "1.5", "-1", "much"])
def test_a_fraction_that_is_none_is_a_usage_error(folder: Path, fraction: str) -> None:
    assert verify(str(folder), "--sample", fraction).exit_code == 2


def test_only_the_hours_of_a_range_are_verified(folder: Path) -> None:
    write_archive(folder, [record(n, "later", hour=2) for n in range(7)])
    lines = [
        verify(str(folder), *range_).stdout.splitlines()[0].split(", ")[:2]
        for range_ in (
            (),
            ("--from", "2025-11-20T14:00Z", "--to", "2025-11-20T14:01Z"),
            ("--to", "2025-11-20T14:00Z"),
            ("--from", "2025-11-20T13:00Z"),
        )
    ]
    assert lines == [
        ["2 objects", "37 lines"],
        ["1 objects", "7 lines"],
        ["1 objects", "30 lines"],
        ["1 objects", "7 lines"],
    ]


def test_a_range_that_is_none_is_a_usage_error(folder: Path) -> None:
    assert verify(str(folder), "--from", "2025-11-21", "--to", "2025-11-20").exit_code == 2
    assert verify(str(folder), "--from", "someday").exit_code == 2


def test_a_report_is_written(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    done = verify(str(folder), "--report", str(file))
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "all as it should be")
    report = msgspec.json.decode(file.read_bytes())
    assert (report["ok"], report["depth"], report["lines"], report["place"]) == (
        True,
        "full",
        30,
        folder.as_uri(),
    )
    assert [one["account"] for one in report["accounts"]] == ["main"]
    assert not file.with_name("report.json.partial").exists()


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_report_that_is_printed_is_alone(folder: Path, json: list[str]) -> None:
    (folder / "notes.txt").write_text("mine")
    done = verify(str(folder), "--report", "-", *json)
    report = msgspec.json.decode(done.stdout)
    assert (done.exit_code, report["ok"], [one["key"] for one in report["findings"]]) == (
        1,
        False,
        ["notes.txt"],
    )


def test_a_report_into_a_folder_that_is_missing_is_known_before_anything_is_read(
    folder: Path, tmp_path: Path
) -> None:
    done = verify(str(folder), "--report", str(tmp_path / "missing" / "report.json"))
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_report_that_cannot_be_written_is_an_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    assert verify(str(folder), "--report", str(tmp_path / "report")).exit_code == 2
    assert not (tmp_path / "report.partial").exists()


def test_it_goes_on_from_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "verified"
    first, second = (verify(str(folder), "--resume", str(file)) for _ in range(2))
    assert first.stdout.splitlines()[0] == second.stdout.splitlines()[0]
    assert second.stdout.splitlines()[1:] == [
        "1 of the objects were verified by an earlier run",
        "all as it should be",
    ]


def test_a_file_to_go_on_from_that_is_something_else_is_a_usage_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine\n")
    assert verify(str(folder), "--resume", str(tmp_path / "notes")).exit_code == 2
    assert (tmp_path / "notes").read_text() == "mine\n"


def test_a_marker_is_no_stranger_and_grep_passes_it_over(folder: Path) -> None:
    tie(FolderBucket(folder), account="main", archive="main", server="9f2c", now=0)
    assert verify(str(folder)).exit_code == 0
    found = CliRunner().invoke(main, ["grep", "line", str(folder)])
    assert (found.exit_code, len(found.stdout.splitlines())) == (0, 30)
