from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from logkeep.convert import order
from logkeep.convert.order import Ordered, repeated
from logkeep.record import Record, decode_line, encode_lines


def piece(*entries: tuple[int, str, str]) -> bytes:
    """Canonical lines, each of (time, id, text)."""
    return encode_lines([Record(ts=ts, lid=lid, line=text) for ts, lid, text in entries])


def ordered(pieces: list[bytes], folder: Path) -> tuple[list[str], int]:
    lines = Ordered(pieces, folder)
    return [decode_line(line).line for line in lines], lines.repeats


def test_lines_are_in_the_order_of_their_times_and_else_as_they_came(tmp_path: Path) -> None:
    pieces = [piece((5, "", "a"), (3, "", "b"), (5, "", "c")), piece((3, "", "d"), (1, "", "e"))]
    assert ordered(pieces, tmp_path) == (["e", "b", "d", "a", "c"], 0)
    assert list(tmp_path.iterdir()) == []


def test_of_lines_with_one_id_and_one_time_the_first_that_came_is_kept(tmp_path: Path) -> None:
    pieces = [
        piece((5, "7", "first"), (5, "", "x"), (5, "", "x")),
        piece((5, "7", "again"), (1, "7", "early"), (5, "8", "y")),
    ]
    assert ordered(pieces, tmp_path) == (["early", "first", "x", "x", "y"], 1)


def test_an_id_that_several_times_have_is_left_to_the_first_of_them(tmp_path: Path) -> None:
    lines = Ordered([piece((5, "7", "a"), (3, "7", "b"), (5, "7", "a"), (9, "7", "c"))], tmp_path)
    found = [decode_line(line) for line in lines]
    assert [(record.lid, record.line) for record in found] == [("7", "b"), ("", "a"), ("", "c")]


def test_an_id_of_0_is_none(tmp_path: Path) -> None:
    assert ordered([piece((5, "0", "a"), (5, "0", "b"))], tmp_path) == (["a", "b"], 0)


def test_no_lines_are_no_lines(tmp_path: Path) -> None:
    assert ordered([], tmp_path) == ([], 0)


@pytest.mark.parametrize("run_lines", [1, 7, 100, 10_000])
def test_what_is_sorted_on_the_disk_comes_out_as_what_is_sorted_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_lines: int
) -> None:
    rng = Random(4)
    entries = [(rng.randrange(50), rng.choice(["", str(rng.randrange(1, 9))]), f"{n}") for n in range(300)]
    first: dict[tuple[int, str], int] = {}
    for number, (ts, lid, _) in enumerate(entries):
        first.setdefault((ts, lid or f"none {number}"), number)
    kept = [entries[number] for number in first.values()]
    expected = [text for _, _, text in sorted(kept, key=lambda one: (one[0], int(one[2])))]
    monkeypatch.setattr(order, "_RUN_LINES", run_lines)
    monkeypatch.setattr(order, "_PIECE_BYTES", 200)
    monkeypatch.setattr(order, "_IDS_AT_ONCE", 37)

    pieces = [piece(*entries[start : start + 11]) for start in range(0, 300, 11)]

    assert ordered(pieces, tmp_path) == (expected, 300 - len(expected))


def test_no_id_is_never_a_repeat() -> None:
    ids = np.array([5, 0, 5, 0, 1 << 62, 5, 1 << 62, 5])
    at = np.array([1, 1, 1, 1, 9, 2, 9, 1])
    repeats, shared = repeated(ids, at)
    assert np.flatnonzero(repeats).tolist() == [2, 6, 7]
    assert np.flatnonzero(shared).tolist() == [5]
    nothing = np.array([], np.int64)
    assert [marks.tolist() for marks in repeated(nothing, nothing)] == [[], []]
