from __future__ import annotations

import pytest

from logkeep.archive.foreign import cloudwatch
from logkeep.archive.foreign.base import KeyHint, Problem
from logkeep.archive.foreign.cloudwatch import LAYOUT
from logkeep.timeline import parse_time

from .in_pieces import read

KEY = "exportedlogs/2b4c5e1f-8a3d-4b7c-9e0f-1a2b3c4d5e6f/i-0abc-stream/000000.gz"


def ms(text: str) -> int:
    return parse_time(text, now=0)


def test_times_are_iso_or_epoch_milliseconds_and_need_no_order() -> None:
    content = (
        b"2024-05-13T09:00:01.500Z START RequestId: 8f5\n"
        b"1715590800250 plain  text \n"
        b"2024-05-13T08:59:59.000Z \xc3\xa9t\xc3\xa9"
    )
    assert read(LAYOUT, content, KEY) == (
        [
            {
                "_ts": ms("2024-05-13T09:00:01.500Z"),
                "_file": "i-0abc-stream",
                "_line": "START RequestId: 8f5",
            },
            {"_ts": 1715590800250, "_file": "i-0abc-stream", "_line": "plain  text "},
            {"_ts": ms("2024-05-13T08:59:59Z"), "_file": "i-0abc-stream", "_line": "été"},
        ],
        [],
    )


def test_a_message_of_several_lines_is_one_event() -> None:
    content = (
        b"2024-05-13T09:00:01.500Z Traceback (most recent call last):\n"
        b'  File "a.py", line 1\n'
        b"\n"
        b"ValueError: 2024\n"
        b"2024-05-13T09:00:02.000Z next\n"
    )
    lines, problems = read(LAYOUT, content, KEY)
    assert [line["_line"] for line in lines] == [
        'Traceback (most recent call last):\n  File "a.py", line 1\n\nValueError: 2024',
        "next",
    ]
    assert problems == []


def test_bytes_that_are_not_utf8_survive() -> None:
    [line], problems = read(LAYOUT, b"1715590800250 caf\xe9\n", KEY)
    assert (line["_line"], line["_raw"], problems) == ("caf�", "Y2Fm6Q==", [])


def test_what_is_before_the_first_time_and_a_time_that_is_none_are_reported() -> None:
    content = b"no time\n1715590800250 a\n2024-13-45T09:00:02Z b\n1715590800251 c\n"
    lines, problems = read(LAYOUT, content, KEY)
    assert [line["_line"] for line in lines] == ["a", "c"]
    assert [(one.offset, one.sample) for one in problems] == [
        (0, "no time"),
        (24, "2024-13-45T09:00:02Z b"),
    ]


def test_an_event_without_end_is_reported_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "MAX_LINE_BYTES", 1000)
    content = b"1715590800250 a\n" + b"more\n" * 300 + b"1715590800251 b\n"
    lines, problems = read(LAYOUT, content, KEY)
    assert [line["_line"] for line in lines] == ["b"]
    assert [(one.offset, one.reason) for one in problems] == [(0, "the event has more than 1000 bytes")]


def test_nothing_gives_nothing() -> None:
    assert read(LAYOUT, b"", KEY) == ([], [])
    assert read(LAYOUT, b"\n\n", KEY) == ([], [])


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        (KEY, KeyHint()),
        ("2b4c5e1f-8a3d-4b7c-9e0f-1a2b3c4d5e6f/s/000013.gz", KeyHint()),
        ("exportedlogs/aws-logs-write-test", None),
        ("exportedlogs/2b4c5e1f-8a3d-4b7c-9e0f-1a2b3c4d5e6f/aws-logs-write-test", None),
        ("exportedlogs/s/000000.gz", None),
    ],
)
def test_the_key_names_task_and_stream_and_no_time(key: str, hint: KeyHint | None) -> None:
    assert LAYOUT.hint(key) == hint
    assert LAYOUT.folders(None) == ("",)


def test_a_problem_is_of_its_object() -> None:
    assert read(LAYOUT, b"x", KEY)[1] == [
        Problem(key=KEY, offset=0, reason="the line has no time that can be read", sample="x")
    ]
