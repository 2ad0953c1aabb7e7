"""Files: real ones, written by processes that are killed, and on disks that are full."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from logkeep.errors import DeliveryFailed
from logkeep.pipeline.destinations.base import Sent
from logkeep.pipeline.destinations.file import FileDestination
from logkeep.pipeline.model import ToFile
from logkeep.record import Record, decode_line
from tests.contract.wire_servers import batch_of, numbered

DAY_MS = 86_400_000


def destination(folder: Path, path: str = "all.ndjson", **settings: Any) -> FileDestination:
    return FileDestination(ToFile(path=path, **settings), folder)


def ids(file: Path) -> list[int]:
    return [int(decode_line(line).lid) for line in file.read_bytes().splitlines(keepends=True)]


def test_events_go_to_the_file_of_their_time_in_order(tmp_path: Path) -> None:
    target = destination(tmp_path / "made", "app/%Y-%m-%d/%H.ndjson")
    records = [Record(lid=str(n), ts=(n % 40) * DAY_MS + 3_600_000, line="x") for n in range(400)]
    assert target.send(batch_of(records)) == Sent()
    files = sorted((tmp_path / "made").rglob("*.ndjson"))
    assert len(files) == 40
    assert files[0] == tmp_path / "made/app/1970-01-01/01.ndjson"
    assert [ids(file) for file in files] == [list(range(day, 400, 40)) for day in range(40)]
    assert b"".join(file.read_bytes() for file in files[:1]) == b"".join(batch_of(records[::40]).lines)


def test_a_file_that_would_grow_too_large_gets_the_next_number_and_nothing_is_written_over(
    tmp_path: Path,
) -> None:
    target = destination(tmp_path, rotate_bytes=3000)
    (tmp_path / "all.ndjson.7").write_text("kept\n")
    (tmp_path / "all.ndjson.old").write_text("not one of ours\n")
    for first in range(0, 100, 10):
        target.send(batch_of(numbered(first, 10)))
    rotated = sorted(tmp_path.glob("all.ndjson.[0-9]*"), key=lambda path: int(path.suffix[1:]))
    assert rotated[0].read_text() == "kept\n"
    assert [path.suffix for path in rotated] == [f".{7 + n}" for n in range(len(rotated))]
    assert len(rotated) > 2
    assert all(path.stat().st_size <= 3000 for path in rotated)
    assert [n for path in [*rotated[1:], tmp_path / "all.ndjson"] for n in ids(path)] == list(range(100))


@pytest.mark.parametrize("torn", [b'{"_lid":"9', b"x" * 200_000, b'{"_lid":"9"}'])
def test_a_line_that_a_crash_tore_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    target = destination(tmp_path)
    target.send(batch_of(numbered(0, 3)))
    with (tmp_path / "all.ndjson").open("ab") as file:
        file.write(torn)
    target.send(batch_of(numbered(3, 3)))
    assert ids(tmp_path / "all.ndjson") == list(range(6))


def test_a_file_of_nothing_but_a_torn_line_starts_again(tmp_path: Path) -> None:
    (tmp_path / "all.ndjson").write_bytes(b"y" * 70_000)
    destination(tmp_path).send(batch_of(numbered(0, 2)))
    assert ids(tmp_path / "all.ndjson") == [0, 1]


_WRITER = """
import sys
from pathlib import Path
from logkeep.pipeline.destinations.file import FileDestination
from logkeep.pipeline.model import ToFile
from tests.contract.wire_servers import batch_of, numbered

target = FileDestination(ToFile(path="all.ndjson", rotate_bytes=200_000), Path(sys.argv[1]))
for first in range(0, 1_000_000, 50):
    target.send(batch_of(numbered(first, 50, size=500)))
    print(first + 50, flush=True)
"""


def test_what_was_taken_is_there_after_a_kill_and_every_file_is_whole_lines(tmp_path: Path) -> None:
    taken = 0
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            taken = int(line)
            if taken >= 1000:
                writer.send_signal(signal.SIGKILL)
                break
        taken = max([taken, *map(int, writer.stdout)])
    destination(tmp_path, rotate_bytes=200_000).send(batch_of(numbered(taken, 50, size=500)))
    files = sorted(tmp_path.glob("all.ndjson.*"), key=lambda path: int(path.suffix[1:]))
    found = [n for path in [*files, tmp_path / "all.ndjson"] for n in ids(path)]
    assert list(dict.fromkeys(found)) == list(range(taken + 50))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk without room: a file takes so many bytes, a part of the last write too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_without_room_the_batch_fails_and_leaves_nothing(tmp_path: Path) -> None:
    target = destination(tmp_path)
    target.send(batch_of(numbered(0, 3)))
    before = (tmp_path / "all.ndjson").read_bytes()
    with files_of_at_most(len(before) + 100), pytest.raises(DeliveryFailed, match="File too large"):
        target.send(batch_of(numbered(3, 50)))
    assert (tmp_path / "all.ndjson").read_bytes() == before
    target.send(batch_of(numbered(3, 50)))
    assert ids(tmp_path / "all.ndjson") == list(range(53))


def test_a_disk_without_room_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = destination(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DeliveryFailed, match=r"all\.ndjson cannot be written: No space left"):
            target.send(batch_of(numbered(0, 3)))
    assert (tmp_path / "all.ndjson").read_bytes() == b""


@pytest.mark.parametrize("place", ["logs", "logs/all.ndjson"])
def test_no_symbolic_link_leads_out_of_the_folder(tmp_path: Path, place: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (folder / place).parent.mkdir(parents=True)
    (folder / place).symlink_to(outside if place == "logs" else outside / "stolen")
    with pytest.raises(DeliveryFailed):
        destination(folder, "logs/all.ndjson").send(batch_of(numbered(0, 1)))
    assert list(outside.iterdir()) == []


def test_what_is_no_file_is_not_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "all.ndjson")
    with pytest.raises(DeliveryFailed, match="no file"):
        destination(tmp_path).send(batch_of(numbered(0, 1)))


def test_two_destinations_share_a_file_without_harm(tmp_path: Path) -> None:
    one, other = destination(tmp_path, rotate_bytes=5000), destination(tmp_path, rotate_bytes=5000)
    for first in range(0, 200, 20):
        one.send(batch_of(numbered(first, 10)))
        other.send(batch_of(numbered(first + 10, 10)))
    files = sorted(tmp_path.glob("all.ndjson.*"), key=lambda path: int(path.suffix[1:]))
    assert [n for path in [*files, tmp_path / "all.ndjson"] for n in ids(path)] == list(range(200))
