"""docs/archive-format.md is true: its commands and programs run on an archive, its tables name our fields."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import msgspec
import pytest

from logkeep.archive.manifest import BlockEntry, FilterGroup, Filters, Manifest, decode, encode
from logkeep.archive.writer import write_object
from logkeep.record import Record
from tests.unit.archiver_doubles import HOUR, frame, records

ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs" / "archive-format.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)


def blocks(language: str, starting: str = "") -> list[str]:
    return [text for name, text in BLOCKS if name == language and text.startswith(starting)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "tests" / "compat" / "v1" / "archive", tmp_path / "archive"))


def run(command: list[str], archive: Path) -> str:
    done = subprocess.run(command, cwd=archive, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "main.2026-11-20.0900.json.gz"),
        (1, "Failed password for root"),
        (2, "main.2026-11-20.0900.1.json.gz"),
        (3, "a late line"),
    ],
)
def test_the_shell_commands_run(archive: Path, number: int, expected: str) -> None:
    command = blocks("sh")[number]
    if "jq" in command and shutil.which("jq") is None:
        pytest.skip("jq is not installed")

    assert expected in run(["bash", "-eu", "-c", command], archive)


def test_the_python_reader_prints_every_line(archive: Path) -> None:
    [program] = blocks("python", "import base64")

    printed = run([sys.executable, "-c", program], archive).splitlines()

    assert len(printed) == 7
    assert "1795165380000 web-1 b'caf\\xe9 latin-1'" in printed


def test_the_program_for_filters_finds_the_blocks_of_a_token(tmp_path: Path) -> None:
    [program] = blocks("python", "import json, pathlib, sys, zlib")
    frames = [
        frame(records(1000, first_lid=1 + 1000 * n, text=f"frame{n} {'word ' * 20}line{n}x"), seq=n + 1)
        for n in range(40)
    ]
    built = tmp_path / "filter"
    manifest = write_object(frames, tmp_path / "o", account="main", hour=HOUR, part=0, filters=built)
    assert manifest.filters is not None
    (tmp_path / manifest.filters.key).parent.mkdir(parents=True)
    built.rename(tmp_path / manifest.filters.key)
    (tmp_path / "manifest.json").write_bytes(encode(manifest))

    ends = list(accumulate(one.lines for one in manifest.blocks))
    for number in (0, 17, 39):
        found = run([sys.executable, "-c", program, "manifest.json", f"FRAME{number}"], tmp_path).split()
        assert str(bisect_right(ends, 1000 * number)) in found
        assert len(found) < len(ends)


def test_the_duckdb_query_runs(archive: Path) -> None:
    program = "import duckdb, sys\nprint(*duckdb.sql(sys.argv[1]).fetchall(), sep='\\n')"

    rows = run([sys.executable, "-c", program, blocks("sql", "-- DuckDB")[0]], archive).splitlines()

    assert (len(rows), "Failed password" in rows[0], "a late line" in rows[-1]) == (7, True, True)


def test_the_clickhouse_query_runs(archive: Path) -> None:
    program = "import chdb, sys\nprint(chdb.query(sys.argv[1].rstrip().rstrip(';'), 'TSV'))"
    query = blocks("sql", "-- ClickHouse")[0].replace("'year=", f"'{archive}/year=")

    rows = run([sys.executable, "-c", program, query], archive).splitlines()

    assert "Failed password" in rows[0]
    assert "a late line" in "\n".join(rows)


def test_the_tables_name_every_field_in_order() -> None:
    tables = [re.findall(r"^\| (`.+?) \|", part, re.MULTILINE) for part in DOC.split("\n## ")]
    named = [re.findall(r"`(\w+)`", " ".join(rows)) for rows in tables if rows]

    manifest = [one.name for one in msgspec.structs.fields(Manifest)]
    assert named == [[one.encode_name for one in msgspec.structs.fields(Record)], manifest]
    others = [one for kind in (BlockEntry, Filters, FilterGroup) for one in msgspec.structs.fields(kind)]
    assert all(f"`{one.encode_name}`" in DOC for one in others)


def test_the_example_manifest_is_one() -> None:
    example = blocks("json")[-1]

    manifest = decode(example.encode(), "the example")

    assert json.loads(msgspec.json.encode(manifest)) == json.loads(example)
    assert manifest.lines == sum(one.lines for one in manifest.blocks)
    assert manifest.raw_bytes == sum(one.raw_bytes for one in manifest.blocks)
    assert manifest.stored_bytes == sum(one.length for one in manifest.blocks)
