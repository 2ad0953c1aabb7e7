from __future__ import annotations

import pytest

from logkeep.archive.foreign.base import Problem
from logkeep.archive.foreign.sumo import LAYOUT
from logkeep.timeline import TimeRange, parse_time

from .in_pieces import read

KEY = "v2/dt=20191115/hour=13/minute=26/us2/0000000006A2E86F/0000000007C64C1A/v1/6b1fb3c3.txt.gzip"


def ms(text: str) -> int:
    return parse_time(text, now=0)


def test_a_message_becomes_a_record() -> None:
    line = (
        b'{"_id":"763a6a55-22dd-4a5a-9a9c-b5d2a4ee2e5a","date":"2019-11-15T13:26:41.293Z",'
        b'"sourceName":"/var/log/app.log","sourceHost":"web-1","sourceCategory":"prod/web",'
        b'"message":"GET / 200","fields":{"team":"a"}}\n'
    )
    assert read(LAYOUT, line + b'{"_id":"8","date":"2019-11-15T13:26:42Z","message":"x"}', KEY) == (
        [
            {
                "_lid": "2521619946923192918",
                "_ts": ms("2019-11-15T13:26:41.293Z"),
                "_host": "web-1",
                "_app": "prod/web",
                "_file": "/var/log/app.log",
                "_meta": {"fields": {"team": "a"}},
                "_line": "GET / 200",
            },
            {"_lid": "8", "_ts": ms("2019-11-15T13:26:42Z"), "_line": "x"},
        ],
        [],
    )


def test_what_cannot_be_read_is_reported_with_its_offset() -> None:
    good = b'{"date":"2019-11-15T13:26:41.293Z","message":"a"}\n'
    content = good + b'{"date":"2019-\n' + b'{"message":"no time"}\n' + good
    lines, problems = read(LAYOUT, content, KEY)
    assert [line["_line"] for line in lines] == ["a", "a"]
    assert [(one.key, one.offset) for one in problems] == [(KEY, len(good)), (KEY, len(good) + 15)]
    assert problems[1] == Problem(
        key=KEY,
        offset=len(good) + 15,
        reason="the line has no time that can be read",
        sample='{"message":"no time"}\n',
    )


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "dt=20191115/hour=13/minute=26/us2/a/b/6b1fb3c3.txt.gzip",
        "v2/dt=2019-11-15/hour=13/minute=26/us2/a/b/v1/x.txt.gz",
    ],
)
def test_the_key_says_the_minute_of_receipt(key: str) -> None:
    hint = LAYOUT.hint(key)
    assert hint is not None
    assert hint.times == TimeRange(start=ms("2019-11-14T13:26:00Z"), end=ms("2019-11-15T14:27:00Z"))


def test_a_day_without_leading_zeros_in_hour_and_minute_is_a_time_too() -> None:
    assert LAYOUT.hint("v2/dt=20191115/hour=3/minute=6/us2/a/b/v1/x.txt.gzip") is not None


@pytest.mark.parametrize(
    "key",
    [
        "v2/dt=20191315/hour=13/minute=26/us2/a/b/v1/x.txt.gzip",
        "dt=20191115/hour=13/x.json.gz",
        "notes.txt",
        "",
    ],
)
def test_other_keys_are_none_of_it(key: str) -> None:
    assert LAYOUT.hint(key) is None


def test_folders_of_either_date_form_are_listed() -> None:
    within = TimeRange(start=ms("2019-11-15T23:00Z"), end=ms("2019-11-16T01:00Z"))
    assert LAYOUT.folders(within) == [
        "dt=2019-11-15/",
        "dt=2019-11-16/",
        "dt=20191115/",
        "dt=20191116/",
        "v2/dt=2019-11-15/",
        "v2/dt=2019-11-16/",
        "v2/dt=20191115/",
        "v2/dt=20191116/",
    ]
    assert LAYOUT.folders(None) == ("",)
