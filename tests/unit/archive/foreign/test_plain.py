from __future__ import annotations

import msgspec
import pytest

from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.foreign.plain import is_canonical, time_in_key
from logkeep.record import Record, encode_lines
from logkeep.timeline import iso
from tests.unit.archive.foreign.reading import mapped

OURS = layout_of("logkeep")

RECORD = Record(
    lid="1", ts=1767225600000, ns=5, rx=1767225600100, account="main", host="h", app="a", file="f", env="e",
    level="info", tag=("x",), meta=msgspec.Raw(b'{"n":1.50}'), line="text \U0001f600", raw="/w==",
)  # fmt: skip
CANONICAL = encode_lines([RECORD])
MAPPED = msgspec.json.decode(CANONICAL)


def test_our_own_lines_stay_as_they_are() -> None:
    assert mapped(OURS, CANONICAL * 3) == ([MAPPED] * 3, [])


def test_damaged_lines_are_reported_and_the_others_read() -> None:
    content = CANONICAL + CANONICAL[:40] + b"\n" + b'{"_lid":"2","_line":"no time"}\n' + CANONICAL
    found, problems = mapped(OURS, content)
    assert found == [MAPPED, MAPPED]
    assert [offset for offset, _ in problems] == [len(CANONICAL), len(CANONICAL) + 41]


def test_members_that_are_not_ours_join_the_meta() -> None:
    content = b'{"_ts":1767225600000,"_meta":{"a":1},"level":null,"other":[2],"_line":"m"}\n'
    assert mapped(OURS, content) == (
        [{"_ts": 1767225600000, "_meta": {"other": [2], "a": 1}, "_line": "m"}],
        [],
    )


def test_a_key_names_exactly_its_hour() -> None:
    hint = OURS.hint("year=2026/month=01/day=01/main.2026-01-01.0500.2.json.gz")
    assert hint is not None
    assert hint.times is not None
    assert iso(hint.times.start) == "2026-01-01T05:00:00.000Z"
    assert iso(hint.times.end) == "2026-01-01T06:00:00.000Z"


def test_only_lines_with_no_other_members_are_ours() -> None:
    assert is_canonical(CANONICAL)
    assert not is_canonical(b'{"_ts":1,"_line":"a","_logtype":"json"}')
    assert not is_canonical(b"")
    assert not is_canonical(b"text")


@pytest.mark.parametrize(
    ("key", "time"),
    [
        ("logs/year=2026/month=01/day=02/hour=03/x.gz", "2026-01-02T03:00:00.000Z"),
        ("app/2026/01/02/x.gz", "2026-01-02T00:00:00.000Z"),
        ("app-20260102.log", "2026-01-02T00:00:00.000Z"),
        ("app-2026-01-02T07.log", "2026-01-02T07:00:00.000Z"),
        ("dt=20260102/hour=23/x", "2026-01-02T23:00:00.000Z"),
        ("id-20269902/2026-01-02/x", "2026-01-02T00:00:00.000Z"),
    ],
)
def test_a_date_in_a_key_is_found(key: str, time: str) -> None:
    assert iso(time_in_key(key)) == time


@pytest.mark.parametrize("key", ["x.gz", "123456789012.json", "2026/13/45/x"])
def test_a_key_without_a_date_has_none(key: str) -> None:
    assert time_in_key(key) == -1
