from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from logkeep.cli.bodies import Body, BodyReader, Skipped, is_json_lines


def read_file(folder: Path, content: bytes, **limits: int) -> list[Body | Skipped]:
    path = folder / "lines"
    path.write_bytes(content)
    with path.open("rb") as file:
        return list(BodyReader(file.fileno(), **limits))  # type: ignore[arg-type]


def test_a_small_file_is_one_body(tmp_path: Path) -> None:
    assert read_file(tmp_path, b"one\ntwo\n") == [Body(number=0, first_line=1, lines=2, data=b"one\ntwo\n")]


def test_a_last_line_without_newline_is_a_line(tmp_path: Path) -> None:
    assert read_file(tmp_path, b"one\ntwo") == [Body(number=0, first_line=1, lines=2, data=b"one\ntwo")]


def test_an_empty_file_is_no_body(tmp_path: Path) -> None:
    assert read_file(tmp_path, b"") == []


def test_bodies_end_with_whole_lines_and_join_to_the_file(tmp_path: Path) -> None:
    content = b"".join(b"line %d %s\n" % (i, b"x" * (i % 900)) for i in range(20_000))
    bodies = read_file(tmp_path, content, body_bytes=1 << 20)
    assert b"".join(body.data for body in bodies if isinstance(body, Body)) == content
    assert [isinstance(body, Body) and body.data.endswith(b"\n") for body in bodies] == [True] * len(bodies)
    assert len(bodies) > 3


def test_each_body_knows_the_number_of_its_first_line(tmp_path: Path) -> None:
    content = b"x" * 99 + b"\n"
    bodies = read_file(tmp_path, content * 30_000, body_bytes=1 << 20)
    first = 1
    for number, body in enumerate(bodies):
        assert isinstance(body, Body)
        assert (body.number, body.first_line, body.lines) == (number, first, len(body.data) // 100)
        first += body.lines
    assert first == 30_001


@pytest.mark.parametrize("long_bytes", [3 << 20, 12 << 20])
def test_a_line_over_the_limit_is_skipped_and_nothing_else_is_lost(tmp_path: Path, long_bytes: int) -> None:
    content = b"before\n" + b"x" * long_bytes + b"\nafter\n"
    pieces = read_file(tmp_path, content, line_bytes=2 << 20)
    assert pieces == [
        Body(number=0, first_line=1, lines=1, data=b"before\n"),
        Skipped(line=2),
        Body(number=1, first_line=3, lines=1, data=b"after\n"),
    ]


def test_a_line_over_the_limit_at_the_end_is_skipped(tmp_path: Path) -> None:
    assert read_file(tmp_path, b"x" * (5 << 20), line_bytes=2 << 20) == [Skipped(line=1)]


def test_a_pipe_that_stays_open_is_sent_after_the_linger_time() -> None:
    reading, writing = os.pipe()
    bodies: list[Body | Skipped] = []
    arrived = threading.Event()

    def read() -> None:
        for body in BodyReader(reading, linger_s=0.01):
            bodies.append(body)
            arrived.set()

    thread = threading.Thread(target=read)
    thread.start()
    os.write(writing, b"one\nhalf of")
    assert arrived.wait(10)
    assert bodies == [Body(number=0, first_line=1, lines=1, data=b"one\n")]
    os.write(writing, b" two\n")
    os.close(writing)
    thread.join(10)
    os.close(reading)
    assert b"".join(body.data for body in bodies if isinstance(body, Body)) == b"one\nhalf of two\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1}\nplain\n', True),
        (b'\n  \n{"a":1}\n', True),
        (b"{not json\n", False),
        (b"[1]\n", False),
        (b"plain\n", False),
        (b"", False),
        (b'{"a":"\xff"}\n', True),
    ],
)
def test_json_lines_are_told_by_their_first_line(data: bytes, expected: bool) -> None:
    assert is_json_lines(data) is expected
