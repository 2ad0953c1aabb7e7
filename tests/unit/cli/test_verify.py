from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.main import main

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
