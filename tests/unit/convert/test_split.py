from __future__ import annotations

import errno
from pathlib import Path

import pytest
import zstandard

from logkeep.archive.foreign.base import Problems
from logkeep.convert import split
from logkeep.convert.split import HourFiles, LineFile
from logkeep.errors import StorageUnavailable
from logkeep.record import Record, encode_lines
from logkeep.timeline import HOUR_MS, Hour

HOUR = Hour(489_900)


def lines(*places: tuple[int, str]) -> bytes:
    """Canonical lines, each of (hours after HOUR, text)."""
    return encode_lines([Record(ts=(HOUR + hour) * HOUR_MS + 5, line=text) for hour, text in places])


def add(files: HourFiles, given: bytes) -> int:
    problems = Problems("k")
    added = files.add(given, problems)
    assert problems.count == 0
    return added


def taken(files: HourFiles) -> dict[int, bytes]:
    return {hour - HOUR: b"".join(pieces) for hour, pieces in files.take()}


def test_lines_go_to_their_hours_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    files = HourFiles(tmp_path, None)
    added = [
        add(files, lines((1, "a"), (1, "b"))),
        add(files, lines((0, "late"), (1, "c"), (0, "later"))),
        add(files, b""),
        add(files, lines((0, "last"))),
    ]
    assert added == [2, 3, 0, 1]
    assert taken(files) == {
        0: lines((0, "late"), (0, "later"), (0, "last")),
        1: lines((1, "a"), (1, "b"), (1, "c")),
    }


def test_only_lines_of_the_hours_that_are_wanted_are_kept(tmp_path: Path) -> None:
    files = HourFiles(tmp_path, range(HOUR + 1, HOUR + 2))
    assert add(files, lines((0, "a"), (1, "b"), (2, "c"))) == 1
    assert add(files, lines((2, "d"))) == 0
    assert taken(files) == {1: lines((1, "b"))}


def test_what_waits_in_memory_is_bounded_by_the_hour_and_over_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "_HOUR_BYTES", 3 * len(lines((0, "x"))))
    monkeypatch.setattr(split, "_WAITING_BYTES", 5 * len(lines((0, "x"))))
    files = HourFiles(tmp_path, None)
    for _ in range(3):
        add(files, lines((0, "x")))
    assert [one.name for one in tmp_path.iterdir()] == [f"{HOUR}.lines"]
    for hour in range(1, 6):
        add(files, lines((hour, "x")))
    assert len(list(tmp_path.iterdir())) == 6
    assert taken(files) == {0: lines((0, "x")) * 3} | {hour: lines((hour, "x")) for hour in range(1, 6)}


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageUnavailable, match=r"No space left on device.*--work"):
        LineFile(tmp_path / "1.lines", zstandard.ZstdCompressor()).append(b"x\n")


@pytest.mark.parametrize(
    "line",
    [
        b'{"_lid":"abc","_ts":5,"_line":"x"}\n',
        b'{"_lid":"9223372036854775808","_ts":5}\n',
        b'{"_lid":"-5","_ts":5}\n',
        b'{"_ts":9214646400000}\n',
        b'{"_ts":-1}\n',
    ],
)
def test_a_line_whose_id_or_time_no_archive_has_is_a_problem(tmp_path: Path, line: bytes) -> None:
    files, problems = HourFiles(tmp_path, None), Problems("k")
    assert files.add(lines((0, "a")) + line + lines((0, "b")), problems) == 2
    assert [(one.key, one.sample) for one in problems.first] == [("k", line.decode())]
    assert taken(files) == {0: lines((0, "a"), (0, "b"))}
