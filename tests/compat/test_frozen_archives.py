"""Archives that earlier releases wrote stay readable. A frozen archive is never written again: a change
of the format gets a new folder beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from logkeep.archive.reader import find_objects, read_blocks, read_lines
from logkeep.record import bytes_of, decode_line
from logkeep.storage.folder import FolderBucket
from logkeep.verify import verify

FROZEN = sorted(path for path in Path(__file__).parent.iterdir() if (path / "lines.jsonl").exists())


@pytest.fixture(params=FROZEN, ids=lambda path: str(path.name))
def frozen(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_is_a_frozen_archive_for_each_format_version() -> None:
    assert [path.name for path in FROZEN] == ["v1"]


def test_it_is_sound(frozen: Path) -> None:
    assert verify(FolderBucket(frozen / "archive")).findings == ()


def test_its_lines_are_read_by_manifest_and_without(frozen: Path) -> None:
    bucket = FolderBucket(frozen / "archive")
    found = find_objects(bucket, "main")

    by_manifest = [read_blocks(bucket, one.key, one.manifest.blocks) for one in found if one.manifest]
    without = [read_lines(bucket, one.key, one.size) for one in found]

    expected = (frozen / "lines.jsonl").read_bytes()
    assert b"".join(chunk for chunks in by_manifest for chunk in chunks) == expected
    assert b"".join(chunk for chunks in without for chunk in chunks) == expected


def test_the_bytes_of_its_lines_are_as_they_came() -> None:
    lines = (Path(__file__).parent / "v1" / "lines.jsonl").read_bytes().splitlines()

    assert [bytes_of(decode_line(line)) for line in lines] == [
        b"sshd[411]: Failed password for root from 203.0.113.9 port 52114 ssh2",
        '{"status":503,"user":{"id":7},"msg":"\u00fcberlastet \U0001f525"}'.encode(),
        b"caf\xe9 latin-1",
        b"",
        b'tab\there, quote " and backslash \\',
        b"\x00 and \x1b[31mred\x1b[0m",
        b"a late line",
    ]
