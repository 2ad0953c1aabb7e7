from __future__ import annotations

import pytest

from logkeep.archive.foreign.edgedelta import LAYOUT
from logkeep.timeline import TimeRange, parse_time

from .in_pieces import read

KEY = "2021/05/14/21/prod/host-1/1sXpYZPs83808oGZPJExJXlLXrb.log.gz"
TS = parse_time("2021-05-14T21:10:00.5Z", now=0)


def test_host_and_tag_are_of_the_key() -> None:
    content = (
        b'{"timestamp":"2021-05-14T21:10:00.500Z","raw":"GET / 200","logType":"file","level":"INFO"}\n'
        b'{"timestamp":1621026600500,"message":"m","host":"other","service":"shop"}\n'
        b'{"@timestamp":1621026600500,"body":"b"}\n'
    )
    assert read(LAYOUT, content, KEY) == (
        [
            {
                "_ts": TS,
                "_host": "host-1",
                "level": "info",
                "_tag": ["prod"],
                "_meta": {"logType": "file"},
                "_line": "GET / 200",
            },
            {"_ts": TS, "_host": "other", "_app": "shop", "_tag": ["prod"], "_line": "m"},
            {"_ts": TS, "_host": "host-1", "_tag": ["prod"], "_line": "b"},
        ],
        [],
    )


def test_an_event_without_a_text_is_a_line_as_it_is() -> None:
    event = '{"timestamp":1621026600500,"status":200,"message":{"a":1}}'
    text = b'{"timestamp":1621026600500,"raw":"r"}\n'
    bare = {"_ts": TS, "_host": "host-1", "_tag": ["prod"], "_line": event}
    assert read(LAYOUT, event.encode() + b"\n" + event.encode(), KEY) == ([bare, bare], [])
    lines, problems = read(LAYOUT, text + event.encode() + b"\n" + text, KEY)
    assert [line["_line"] for line in lines] == ["r", event, "r"]
    assert problems == []


def test_an_id_is_a_member_like_others_that_lines_may_share() -> None:
    content = b"".join(
        b'{"timestamp":1621026600500,"id":7,"message":"order 7 step %d"}\n' % step for step in range(2)
    )
    lines, problems = read(LAYOUT, content + b'{"timestamp":1621026600500,"id":7}\n', KEY)
    assert [line.get("_lid") for line in lines] == [None] * 3
    assert [line.get("_meta") for line in lines] == [{"id": 7}, {"id": 7}, None]
    assert problems == []


def test_what_cannot_be_read_is_reported_with_its_offset() -> None:
    good = b'{"timestamp":1621026600500,"raw":"r"}\n'
    lines, problems = read(LAYOUT, good + b"[1]\n" + b'{"raw":"no time"}\n' + good, KEY)
    assert [line["_line"] for line in lines] == ["r", "r"]
    assert [one.offset - len(good) for one in problems] == [0, 4]


def test_the_key_says_the_hour_of_writing() -> None:
    hint = LAYOUT.hint(KEY)
    assert hint is not None
    assert hint.times == TimeRange(
        start=parse_time("2021-05-13T21:30Z", now=0), end=parse_time("2021-05-14T23:00Z", now=0)
    )
    within = TimeRange(start=TS, end=TS + 1)
    assert LAYOUT.folders(within) == ["2021/05/14/21/"]


@pytest.mark.parametrize(
    "key", ["2021/05/14/21/prod/x.log.gz", "2021/05/14/25/prod/h/x.log.gz", "a/b/x.log.gz"]
)
def test_other_keys_are_none_of_it(key: str) -> None:
    assert LAYOUT.hint(key) is None
