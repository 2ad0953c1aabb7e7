from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from logkeep.cli.timed import TimedLines, time_reader
from logkeep.errors import BadTime

NOON = 1_763_640_000_000  # 2025-11-20T12:00:00Z


def ms_of(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("format_", "line", "expected"),
    [
        ("%Y-%m-%d %H:%M:%S", "2025-11-20 12:00:00 started", NOON),
        ("%Y-%m-%d %H:%M:%S,%f", "2025-11-20 12:00:00,250 started", NOON + 250),
        ("%F %T", "2025-11-20 12:00:00 started", NOON),
        ("[%d/%b/%Y:%H:%M:%S %z]", '10.0.0.1 - - [20/Nov/2025:13:00:00 +0100] "GET /"', NOON),
        ("%Y-%m-%d %H:%M:%S", "no time here", None),
        ("%Y-%m-%d %H:%M:%S", "2025-13-45 12:00:00 no such day", None),
    ],
)
def test_a_format_finds_the_time_near_the_start_of_a_line(
    format_: str, line: str, expected: int | None
) -> None:
    assert time_reader(format_)(line) == expected


def test_a_format_without_a_year_takes_the_latest_that_is_not_ahead() -> None:
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    in_a_week = yesterday + timedelta(days=8)
    time_of = time_reader("%b %d %H:%M:%S")
    assert time_of(yesterday.strftime("%b %d %H:%M:%S host app: x")) == int(yesterday.timestamp() * 1000)
    last_year = time_of(in_a_week.strftime("%b %d %H:%M:%S host app: x"))
    assert last_year is not None
    assert last_year < int(yesterday.timestamp() * 1000)


@pytest.mark.parametrize(
    ("field", "line", "expected"),
    [
        ("when", '{"when":"2025-11-20T12:00:00Z"}', NOON),
        ("when", '{"when":1763640000}', NOON),
        ("when", '{"when":1763640000000000123}', 1763640000000000123),
        ("event.at", '{"event":{"at":1763640000000}}', NOON),
        ("event.at", '{"event":7}', None),
        ("when", '{"other":1}', None),
        ("when", '{"when":true}', None),
        ("when", "plain", None),
    ],
)
def test_a_field_gives_the_time_of_a_json_line(field: str, line: str, expected: int | None) -> None:
    assert time_reader(field)(line) == expected


def test_an_unknown_directive_is_named() -> None:
    with pytest.raises(BadTime, match="%Q is not known here"):
        time_reader("%Y %Q")


def test_a_line_without_time_has_that_of_the_line_before() -> None:
    lines = TimedLines(time_reader("%F %T"), {"app": "depot", "level": "error"})
    body = lines.body(b"first\n2025-11-20 12:00:00 failed\n\tat somewhere\n\n")
    assert msgspec.json.decode(body.document) == {
        "lines": [
            {"line": "first", "app": "depot", "level": "error"},
            {"line": "2025-11-20 12:00:00 failed", "timestamp": NOON, "app": "depot", "level": "error"},
            {"line": "\tat somewhere", "timestamp": NOON, "app": "depot", "level": "error"},
        ]
    }
    assert body.numbers == [1, 2, 3]


def test_the_time_carries_over_to_the_next_body() -> None:
    lines = TimedLines(time_reader("%F %T"), {})
    lines.body(b"2025-11-20 12:00:00 failed\n")
    assert msgspec.json.decode(lines.body(b"\tat somewhere\n").document) == {
        "lines": [{"line": "\tat somewhere", "timestamp": NOON}]
    }


def test_lines_that_are_not_utf8_are_kept_byte_for_byte_beside() -> None:
    body = TimedLines(time_reader("%F %T"), {}).body(b"good\nbad \xff\ngood too\n")
    assert (body.numbers, body.other, body.other_numbers) == ([1, 3], b"bad \xff\n", [2])
