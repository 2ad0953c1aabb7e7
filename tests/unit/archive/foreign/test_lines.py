from __future__ import annotations

import pytest

from logkeep.archive.foreign.base import MAX_LINE_BYTES, Problems
from logkeep.archive.foreign.lines import each_line, whole_lines
from tests.unit.archive.foreign.reading import cut


def lines_of(content: bytes, size: int) -> tuple[list[tuple[int, bytes]], list[int]]:
    problems = Problems("k")
    found = [line for at, whole in whole_lines(cut(content, size), problems) for line in each_line(at, whole)]
    return found, [problem.offset for problem in problems.first]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_whole_whatever_the_pieces_are(size: int) -> None:
    assert lines_of(b"a\nbcd\n\n\r\nlast", size)[0] == [
        (0, b"a\n"),
        (2, b"bcd\n"),
        (6, b"\n"),
        (7, b"\r\n"),
        (9, b"last"),
    ]
    assert lines_of(b"", size) == ([], [])


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_byte_order_mark_is_left_out(size: int) -> None:
    assert lines_of(b"\xef\xbb\xbfa\n\xef\xbb\xbfb", size)[0] == [(3, b"a\n"), (5, b"\xef\xbb\xbfb")]
    assert lines_of(b"\xef\xbb", size)[0] == [(0, b"\xef\xbb")]


@pytest.mark.parametrize("size", [1 << 18, (1 << 20) + 7, 40 << 20])
def test_a_line_that_is_too_long_is_a_problem_and_those_around_it_are_read(size: int) -> None:
    long = b"x" * (MAX_LINE_BYTES + 5)
    found, problems = lines_of(b"before\n" + long + b"\nafter\nlast", size)
    assert [each for each in found if len(each[1]) < 100] == [
        (0, b"before\n"),
        (7 + len(long) + 1, b"after\n"),
        (7 + len(long) + 7, b"last"),
    ]
    if size < 32 << 20:
        assert problems == [7]


def test_a_line_of_200_mb_is_one_problem_and_little_memory() -> None:
    piece = b"y" * (1 << 18)
    problems = Problems("k")
    content = (each for part in ([b"a\n"], [piece] * 800, [b"\nb\n"]) for each in part)
    found = list(whole_lines(content, problems))
    assert found == [(0, b"a\n"), (2 + 800 * len(piece) + 1, b"b\n")]
    assert [(each.offset, each.reason) for each in problems.first] == [
        (2, "the line has more than 16777216 bytes")
    ]
