from __future__ import annotations

import pytest

from logkeep.archive.foreign.base import KeyHint
from logkeep.archive.foreign.cribl import LAYOUT
from logkeep.timeline import TimeRange, parse_time

from .in_pieces import read

KEY = "logs/2023/11/14/CriblOut-5vFPTd.0.json.gz"
EVENT = (
    b'{"_time":1700000000.123,"_raw":"GET / 200","host":"web-1","source":"/var/log/app.log",'
    b'"sourcetype":"access_combined","cribl_pipe":"main","index":"web"}\n'
)


def test_an_event_becomes_a_record() -> None:
    assert read(LAYOUT, EVENT + b'{"_time":1700000001,"_raw":"b","level":"WARN"}', KEY) == (
        [
            {
                "_ts": 1700000000123,
                "_host": "web-1",
                "_app": "access_combined",
                "_file": "/var/log/app.log",
                "_meta": {"cribl_pipe": "main", "index": "web"},
                "_line": "GET / 200",
            },
            {"_ts": 1700000001000, "level": "warn", "_line": "b"},
        ],
        [],
    )


def test_microseconds_are_kept() -> None:
    [line], _ = read(LAYOUT, b'{"_time":1700000000.123456,"_raw":"a"}', KEY)
    assert (line["_ts"], line["_ns"]) == (1700000000123, 456000)


def test_an_event_without_raw_is_a_line_as_it_is() -> None:
    event = b'{"_time":1700000002,"host":"h", "status":200}'
    bare = {"_ts": 1700000002000, "_host": "h", "_line": event.decode()}
    assert read(LAYOUT, event + b"\n" + event, KEY) == ([bare, bare], [])
    lines, problems = read(LAYOUT, EVENT + event + b"\n" + EVENT, KEY)
    assert [line["_line"] for line in lines] == ["GET / 200", event.decode(), "GET / 200"]
    assert problems == []


def test_what_cannot_be_read_is_reported_with_its_offset() -> None:
    content = EVENT + b"no JSON\n" + b'{"_raw":"no time"}\n' + b'{"_time":1e300,"_raw":"far"}\n' + EVENT
    lines, problems = read(LAYOUT, content, KEY)
    assert len(lines) == 2
    assert [one.offset - len(EVENT) for one in problems] == [0, 8, 27]


@pytest.mark.parametrize(
    ("key", "first", "end"),
    [
        (KEY, "2023-11-13T00:00Z", "2023-11-16T00:00Z"),
        ("2023/11/14/07/CriblOut-x.2.json", "2023-11-13T07:00Z", "2023-11-15T08:00Z"),
        ("year=2023/month=11/day=14/hour=07/CriblOut-x.2.json", "2023-11-13T07:00Z", "2023-11-15T08:00Z"),
        ("a/2023-11-14/b/CriblOut-x.2.json.gz", "2023-11-13T00:00Z", "2023-11-16T00:00Z"),
    ],
)
def test_a_date_in_the_partition_is_a_hint(key: str, first: str, end: str) -> None:
    times = TimeRange(start=parse_time(first, now=0), end=parse_time(end, now=0))
    assert LAYOUT.hint(key) == KeyHint(times=times)


@pytest.mark.parametrize(
    "key", ["CriblOut-x.2.json", "main/h1/CriblOut-x.2.json.gz", "2023/99/14/CriblOut-x.1.json"]
)
def test_a_partition_without_a_date_says_nothing(key: str) -> None:
    assert LAYOUT.hint(key) == KeyHint()


@pytest.mark.parametrize(
    "key", ["a/CriblOut-x.2.raw.gz", "a/CriblOut-x.2.parquet", "a/other.json", "CriblOut-/x"]
)
def test_other_keys_are_none_of_it(key: str) -> None:
    assert LAYOUT.hint(key) is None
    assert LAYOUT.folders(None) == ("",)
