from __future__ import annotations

import pytest

from logkeep.archive.foreign.layouts import layout_of
from logkeep.timeline import iso
from tests.unit.archive.foreign.reading import mapped

PAPERTRAIL = layout_of("papertrail")

LINE = (
    b"50342052\t2011-02-10 00:19:36 -0800\t2011-02-10 00:19:37 -0800\t42424\tmysystem\t208.122.34.202\tUser\t"
    b"Info\ttestprogram\tTest log message\n"
)
MAPPED = {
    "_lid": "50342052",
    "_ts": 1297325976000,
    "_rx": 1297325977000,
    "_host": "mysystem",
    "_app": "testprogram",
    "level": "info",
    "_meta": {"source_id": "42424", "source_ip": "208.122.34.202", "facility": "User"},
    "_line": "Test log message",
}


def test_ten_columns_are_mapped() -> None:
    assert mapped(PAPERTRAIL, LINE * 2) == ([MAPPED] * 2, [])


def test_tabs_in_the_message_and_iso_times_and_crlf_are_read() -> None:
    content = LINE.replace(b"Test log", b"a\tb").replace(
        b"2011-02-10 00:19:36 -0800", b"2011-02-10T08:19:36.250Z"
    )
    found = {**MAPPED, "_ts": 1297325976250, "_line": "a\tb message"}
    assert mapped(PAPERTRAIL, content.replace(b"\n", b"\r\n")) == ([found], [])


def test_what_cannot_be_read_is_reported() -> None:
    content = LINE + b"a\tb\n" + LINE.replace(b"2011-02-10 00:19:36", b"yesterday") + b"\n" + LINE
    found, problems = mapped(PAPERTRAIL, content)
    assert found == [MAPPED] * 2
    assert problems == [
        (len(LINE), "the line has fewer than 10 columns"),
        (len(LINE) + 4, "the line has no time that can be read"),
    ]


def test_bytes_that_are_no_utf_8_are_kept() -> None:
    found, problems = mapped(PAPERTRAIL, LINE.replace(b"Test", b"\xff"))
    assert problems == []
    assert found[0]["_line"] == "\ufffd log message"
    assert "_raw" in found[0]


def test_an_object_is_of_a_day_or_an_hour_and_zones_widen_it() -> None:
    day = PAPERTRAIL.hint("papertrail/logs/1234/dt=2011-02-10/2011-02-10.tsv.gz")
    hour = PAPERTRAIL.hint("dt=2011-02-10/2011-02-10-07.tsv.gz")
    assert day is not None
    assert hour is not None
    assert day.times is not None
    assert hour.times is not None
    assert iso(day.times.start) == "2011-02-09T10:00:00.000Z"
    assert iso(hour.times.end) == "2011-02-10T22:00:00.000Z"
    assert PAPERTRAIL.hint("dt=2011-02-10/readme.txt") is None


@pytest.mark.parametrize("zone", [b" -0800", b" +0530", b"", b"Z"])
def test_many_lines_are_read_as_each_alone_is(zone: bytes) -> None:
    lines = [
        LINE.replace(b"19:36 -0800", b"%02d:%02d%b" % (number, number * 7 % 60, zone)).replace(
            b"Info", b"Info %d" % (number % 3)
        )
        for number in range(60)
    ]
    each_alone = [mapped(PAPERTRAIL, line)[0][0] for line in lines]
    assert mapped(PAPERTRAIL, b"".join(lines)) == (each_alone, [])
    assert len({line["_ts"] for line in each_alone}) == len(lines)
