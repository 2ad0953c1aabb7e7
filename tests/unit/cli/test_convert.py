from __future__ import annotations

import gzip
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from logkeep.cli.convert import convert
from logkeep.cli.detect import detect
from logkeep.cli.main import main
from logkeep.errors import BadSetting, LogkeepError

KEY = "v2/dt=20240513/hour=9/minute=58/us2/a/b/v1/1.txt.gzip"
LINES = [
    b'{"_id":"11","date":"2024-05-13T09:58:01.000Z","sourceHost":"h","message":"first"}\n',
    b'{"_id":"11","date":"2024-05-13T09:58:01.000Z","sourceHost":"h","message":"first"}\n',
    b'{"date":"2024-05-13T10:58:01.000Z","message":"second"}\n',
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sumo" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"".join(LINES)))
    return tmp_path / "sumo"


def run(command: click.Command, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def raised(result: Result) -> LogkeepError:
    assert isinstance(result.exception, LogkeepError)
    return result.exception


def test_a_layout_that_is_not_named_is_found_out(source: Path, tmp_path: Path) -> None:
    done = run(convert, source, tmp_path / "archive", "--account", "main")
    assert done.exit_code == 0, done.output
    assert done.stderr == "layout: sumo\n"
    read, twice, written = done.stdout.splitlines()
    assert read.startswith("1 objects of the layout sumo, ")
    assert read.endswith(", read: 3 lines")
    assert twice == "1 of them were there twice and are kept once"
    assert written.startswith("2 objects: 2 lines, ")
    again = run(convert, source, tmp_path / "archive", "--account", "main", "--layout", "sumo")
    assert again.stdout.splitlines()[-1].startswith("2 objects, 2 of them there already: 2 lines, ")
    assert run(main, "verify", tmp_path / "archive").exit_code == 0
    assert run(main, "grep", "second", tmp_path / "archive").stdout == "second\n"


def test_what_cannot_be_read_is_named_with_its_place_and_ends_with_1(source: Path, tmp_path: Path) -> None:
    (source / KEY).write_bytes(LINES[0] + b'{"date":"2024\n' + LINES[2])
    arguments = (source, tmp_path / "archive", "--account", "main", "--layout", "sumo")
    done = run(convert, *arguments)
    assert done.exit_code == 1
    first, *_, last = done.stdout.splitlines()
    assert first.startswith(f"PROBLEM {KEY} at byte {len(LINES[0])}: the line cannot be read: ")
    assert last == "1 things could not be read"
    done = run(convert, *arguments, "--json")
    problem, summary = map(msgspec.json.decode, done.stdout.splitlines())
    assert (problem["problem"]["key"], problem["problem"]["offset"]) == (KEY, len(LINES[0]))
    assert (summary["lines"], summary["objects"], summary["found"], summary["ok"]) == (2, 2, 2, False)
    assert done.exit_code == 1


def test_only_the_hours_of_a_range_are_converted(source: Path, tmp_path: Path) -> None:
    done = run(
        convert, source, tmp_path / "archive", "--account", "main", "--to", "2024-05-13T10:00Z", "--json"
    )
    assert msgspec.json.decode(done.stdout)["lines"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layout", "other"], "there is no layout 'other'"),
        (["--layout", "sumo", "--layout-option", "a=b"], "the layout 'sumo' takes no option 'a'"),
        (["--layout-option", "a"], "--layout-option 'a' has no '='"),
        (["--storage-dst", "a"], "--storage-dst 'a' has no '='"),
        (["--from", "never"], "'never' is not a point in time"),
    ],
)
def test_a_wrong_option_is_a_usage_error(
    source: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(convert, source, tmp_path / "archive", "--account", "main", *arguments)
    assert raised(done).message.startswith(said)
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    ("below", "said"),
    [
        ("", "SRC and DST are the same place"),
        ("converted", "DST is inside of SRC, so its objects would be read as the source's"),
        ("..", "SRC is inside of DST, whose archive would have another one in it"),
    ],
)
def test_a_place_is_not_converted_into_itself(source: Path, below: str, said: str) -> None:
    done = run(convert, source, source / below, "--account", "main")
    assert isinstance(raised(done), BadSetting)
    assert raised(done).message == said
    assert [path for path in source.rglob("*") if path.is_file()] == [source / KEY]


def test_prefixes_of_one_bucket_are_compared_at_their_endpoints() -> None:
    keys: tuple[str, ...] = ("--storage-src", "credentials=keys", "--storage-src", "access_key_id=a")
    keys = (*keys, "--storage-src", "secret_access_key=b", "--storage-src", "endpoint=http://127.0.0.1:1")
    same = [each.replace("-src", "-dst") for each in keys]
    done = run(convert, "s3://logs/old", "s3://logs/old/new", "--account", "a", *keys, *same)
    assert raised(done).message.startswith("DST is inside of SRC")


def test_without_a_layout_that_fits_it_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    done = run(convert, tmp_path / "a", tmp_path / "b", "--account", "main")
    assert "logkeep archive detect" in raised(done).hint
    shown = run(detect, tmp_path / "a")
    assert shown.exit_code == 1
    assert shown.stdout.splitlines()[0] == "layout   none fits"


def test_an_archive_below_a_folder_is_not_taken_for_none(source: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    source.rename(tmp_path / "more" / "sumo")
    done = run(convert, tmp_path / "more", tmp_path / "archive", "--account", "main")
    assert raised(done).message == "the archive is below sumo/"


def test_detect_names_the_layout_and_shows_lines(source: Path) -> None:
    done = run(detect, source)
    assert done.exit_code == 0
    shown = done.stdout.splitlines()
    assert shown[0] == "layout   sumo: Sumo Logic archive"
    assert shown[1].startswith("because  1 of 1 keys are as ")
    assert f"opened   {KEY}" in shown
    assert "2024-05-13T09:58:01.000Z h - - first" in shown


def test_detect_as_json_is_one_object(source: Path) -> None:
    found = msgspec.json.decode(run(detect, source.parent, "--json").stdout)
    assert (found["layout"], found["prefix"], found["keys"]) == ("sumo", "sumo/", 1)
    assert found["opened"] == f"sumo/{KEY}"
    assert [line["_line"] for line in found["sample"]] == ["first", "first", "second"]
