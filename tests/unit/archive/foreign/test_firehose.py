from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest

from logkeep.archive.foreign.base import KeyHint
from logkeep.archive.foreign.content import decompressed
from logkeep.archive.foreign.firehose import LAYOUT, LAYOUTS
from logkeep.timeline import TimeRange, parse_time

from .in_pieces import read

KEY = "2020/09/14/19/logs-1-2020-09-14-19-09-29-0f2c8a3d-4b7c-9e0f-1a2b-3c4d5e6f7a8b.gz"
MESSAGE = {
    "messageType": "DATA_MESSAGE",
    "owner": "111111111111",
    "logGroup": "/aws/lambda/shop",
    "logStream": "2020/09/14/[$LATEST]abc",
    "subscriptionFilters": ["Destination"],
    "logEvents": [
        {
            "id": "35683658089614582423604394983260738922885519999578275840",
            "timestamp": 1600110569039,
            "message": '{"bytes":26780,"status":200}',
        },
        {"id": "7", "timestamp": 1600110569041, "message": "second", "extractedFields": {"a": "1"}},
    ],
}
CONTROL = {
    "messageType": "CONTROL_MESSAGE",
    "owner": "CloudwatchLogs",
    "logGroup": "",
    "logStream": "",
    "subscriptionFilters": [],
    "logEvents": [{"id": "", "timestamp": 1600110569000, "message": "CWL CONTROL MESSAGE: Checking health"}],
}
RECORDS = [
    {
        "_lid": "6167465667247424451",
        "_ts": 1600110569039,
        "_app": "/aws/lambda/shop",
        "_file": "2020/09/14/[$LATEST]abc",
        "_meta": {"owner": "111111111111", "subscriptionFilters": ["Destination"]},
        "_line": '{"bytes":26780,"status":200}',
    },
    {
        "_lid": "7",
        "_ts": 1600110569041,
        "_app": "/aws/lambda/shop",
        "_file": "2020/09/14/[$LATEST]abc",
        "_meta": {
            "owner": "111111111111",
            "subscriptionFilters": ["Destination"],
            "extractedFields": {"a": "1"},
        },
        "_line": "second",
    },
]


def as_json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def test_payloads_of_cloudwatch_stand_side_by_side_and_control_messages_are_passed_over() -> None:
    content = as_json(CONTROL) + as_json(MESSAGE) + as_json(MESSAGE)
    assert read(LAYOUT, content, KEY) == (RECORDS * 2, [])


def test_each_payload_is_gzip_within_what_firehose_compressed() -> None:
    stored = gzip.compress(gzip.compress(as_json(CONTROL)) + gzip.compress(as_json(MESSAGE)))
    content = b"".join(decompressed(iter([stored]), KEY, len(stored)))
    assert read(LAYOUT, content, KEY) == (RECORDS, [])


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n", b" "])
def test_other_records_are_lines_as_they_are(between: bytes) -> None:
    first = b'{"time":"2020-09-14T19:09:29.5Z","host":"h","level":"INFO","note":"a } { b"}'
    second = b'{"@timestamp":1600110569041,"service":"shop","file":"f"}'
    assert read(LAYOUT, between.join([first, second, first]), KEY) == (
        [
            {"_ts": 1600110569500, "_host": "h", "level": "info", "_line": first.decode()},
            {"_ts": 1600110569041, "_app": "shop", "_file": "f", "_line": second.decode()},
            {"_ts": 1600110569500, "_host": "h", "level": "info", "_line": first.decode()},
        ],
        [],
    )


def test_records_may_be_indented() -> None:
    record = b'{\n  "time": 1600110569041,\n  "message": "a",\n  "x": {\n    "y": [1,\n 2]\n  }\n}'
    line = {"_ts": 1600110569041, "_meta": {"x": {"y": [1, 2]}}, "_line": "a"}
    for between in (b"", b"\n"):
        assert read(LAYOUT, between.join([record, record, record]), KEY) == ([line] * 3, [])
    assert read(LAYOUT, record, KEY) == ([line], [])


def test_payloads_and_other_records_may_be_mixed() -> None:
    other = b'{"time":1600110569041,"x":1}'
    lines, problems = read(LAYOUT, as_json(MESSAGE) + other + as_json(MESSAGE), KEY)
    assert lines == [*RECORDS, {"_ts": 1600110569041, "_line": other.decode()}, *RECORDS]
    assert problems == []


def test_what_cannot_be_read_is_reported_with_its_offset() -> None:
    good = b'{"time":1600110569041}'
    bad = b'{"no":"time"}'
    lines, problems = read(LAYOUT, good + bad + good, KEY)
    assert [line["_line"] for line in lines] == [good.decode()] * 2
    assert [(one.key, one.offset) for one in problems] == [(KEY, len(good))]
    lines, problems = read(LAYOUT, good + b"\nplain text\n" + good, KEY)
    assert [line["_line"] for line in lines] == [good.decode()] * 2
    assert [one.offset for one in problems] == [len(good) + 1]


def test_hostile_payloads_are_problems() -> None:
    deep = b'{"time":1,"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    events = as_json(MESSAGE | {"logEvents": "none"})
    lines, problems = read(LAYOUT, deep + b"\n" + events, KEY)
    assert lines == []
    assert problems[0].offset == 0


def test_the_key_says_when_the_oldest_record_came() -> None:
    hint = LAYOUT.hint(KEY)
    assert hint is not None
    assert hint.times == TimeRange(
        start=parse_time("2020-09-13T19:24:29Z", now=0), end=parse_time("2020-09-14T20:24:29Z", now=0)
    )


@pytest.mark.parametrize(
    "key",
    [
        "processing-failed/2020/09/14/19/logs-1-2020-09-14-19-09-29-0f2c8a3d-4b7c-9e0f-1a2b-3c4d5e6f7a8b",
        "2020/09/14/19/logs.gz",
        "2020/09/14/19/logs-1-2020-19-14-19-09-29-0f2c8a3d-4b7c-9e0f-1a2b-3c4d5e6f7a8b",
    ],
)
def test_other_keys_are_none_of_it(key: str) -> None:
    assert LAYOUT.hint(key) is None


def test_with_a_prefix_of_the_user_s_own_the_name_tells_the_time() -> None:
    _, layout = LAYOUTS
    name = KEY.rsplit("/", 1)[-1]
    for folder in ("", "logs/year=2020/month=09/day=14/hour=19/", "a/b/"):
        assert layout.hint(folder + name) == LAYOUT.hint(KEY)
    assert list(layout.folders(TimeRange(start=0, end=1))) == [""]
    assert read(layout, as_json(MESSAGE), "logs/" + name) == (RECORDS, [])


def test_of_other_names_nothing_is_known_and_what_failed_is_left_out() -> None:
    _, layout = LAYOUTS
    assert layout.hint("by/somebody.json.gz") == KeyHint()
    name = KEY.rsplit("/", 1)[-1]
    for folder in ("processing-failed/2020/09/14/19/", "errors/result=splunk-failed/"):
        assert layout.hint(folder + name) is None
    assert layout.hint("_manifest/a.json") is None
