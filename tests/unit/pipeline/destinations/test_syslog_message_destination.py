from __future__ import annotations

import pytest

from logkeep.pipeline.destinations.syslog_message import framed, message, severity_of
from logkeep.record import Record


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("emergency", 0), ("ALERT", 1), ("Fatal", 2), ("error", 3), ("ERR", 3), ("warn", 4), ("WARNING", 4),
        ("notice", 5), ("info", 6), ("", 6), ("whatever", 6), ("debug", 7), ("trace", 7), ("3", 3),
    ],
)  # fmt: skip
def test_a_level_is_a_severity(level: str, severity: int) -> None:
    assert severity_of(level) == severity


@pytest.mark.parametrize(
    ("record", "written"),
    [
        (
            Record(lid="1", ts=0, line="a"),
            '<134>1 1970-01-01T00:00:00.000Z - - - - [logkeep@32473 lid="1"] a',
        ),
        (Record(ts=1, ns=2_999, line=""), "<134>1 1970-01-01T00:00:00.001002Z - - - - [logkeep@32473] "),
        (Record(ts=1, ns=999, line="x"), "<134>1 1970-01-01T00:00:00.001Z - - - - [logkeep@32473] x"),
        (Record(line="x", level="crit"), '<130>1 - - - - - [logkeep@32473 level="crit"] x'),
        (Record(host="ö b\tc", app="d\x7f~!", line="x"), "<134>1 - __b_c d_~! - - [logkeep@32473] x"),
        (
            Record(env='"\\]', tag=("a]", "ü"), line='"]\\'),
            '<134>1 - - - - - [logkeep@32473 env="\\"\\\\\\]" tags="a\\],ü"] "]\\',
        ),
    ],
)
def test_a_message_is_written_as_rfc_5424_has_it(record: Record, written: str) -> None:
    assert message(record, 16) == written


def test_names_are_cut_to_what_the_format_allows() -> None:
    _, _, host, app, *_ = message(Record(host="h" * 300, app="a" * 300, line="x"), 0).split(" ")
    assert (len(host), len(app)) == (255, 48)


def test_the_facility_is_the_upper_part_of_the_priority() -> None:
    assert message(Record(level="debug", line="x"), 23).startswith("<191>1 ")
    assert message(Record(level="emerg", line="x"), 0).startswith("<0>1 ")


def test_octet_counting_counts_bytes_and_leaves_the_line_alone() -> None:
    (frame,) = framed([Record(line="ü\n\0")], facility=16, framing="octet-counting")
    count, _, text = frame.partition(b" ")
    assert int(count) == len(text)
    assert text.endswith("ü\n\0".encode())


def test_with_newlines_a_message_is_one_line() -> None:
    frames = framed([Record(line="a\nb\0\n", env="c\nd"), Record(line="e")], facility=16, framing="newline")
    assert [frame.count(b"\n") for frame in frames] == [1, 1]
    assert frames[0].endswith(b'env="c#012d"] a#012b#000#012\n')
