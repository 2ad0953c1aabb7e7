from __future__ import annotations

import pytest

from logkeep.archive.foreign.layouts import layout_of
from logkeep.timeline import HOUR_MS, TimeRange, iso, parse_time
from tests.unit.archive.foreign.reading import mapped

HOURLY, DAILY, PIPELINE = map(layout_of, ("mezmo", "mezmo-daily", "mezmo-pipeline"))

FLAT = (
    b'{"container":"worker","_logtype":"customapp","_lid":"1231237903623548123","level":"INFO",'
    b'"_ip":"142.1.9.22","_host":"worker-1741","message":"Task succeeded","_app":"worker",'
    b'"_file":"/var/log/containers/w.log","_line":"[2017-10-01 01:14:23,874: INFO/MainProcess] '
    b'Task succeeded","_ts":1506820463874,"timestamp":"2017-10-01T01:14:23.874Z"}\n'
)
FLAT_MAPPED = {
    "_lid": "1231237903623548123",
    "_ts": 1506820463874,
    "_host": "worker-1741",
    "_app": "worker",
    "_file": "/var/log/containers/w.log",
    "level": "info",
    "_meta": {
        "container": "worker",
        "_logtype": "customapp",
        "_ip": "142.1.9.22",
        "message": "Task succeeded",
        "timestamp": "2017-10-01T01:14:23.874Z",
    },
    "_line": "[2017-10-01 01:14:23,874: INFO/MainProcess] Task succeeded",
}
SOURCE = (
    b'{"_host":"ip-172-31-3-1","_logtype":"customapp","_tag":["daenerys-staging"],"_file":"/var/log/x.log",'
    b'"_line":"text","_ts":1573622757983,"_app":"x.log","_multiline":true,"level":null,'
    b'"_lid":"1147657029335441415"}'
)
SOURCE_MAPPED = {
    "_lid": "1147657029335441415",
    "_ts": 1573622757983,
    "_host": "ip-172-31-3-1",
    "_app": "x.log",
    "_file": "/var/log/x.log",
    "_tag": ["daenerys-staging"],
    "_meta": {"_logtype": "customapp", "_multiline": True},
    "_line": "text",
}


def test_flat_lines_are_mapped() -> None:
    assert mapped(HOURLY, FLAT + SOURCE) == ([FLAT_MAPPED, SOURCE_MAPPED], [])


def test_lines_wrapped_in_source_are_mapped() -> None:
    assert mapped(DAILY, b'{"_source":%b}\n' % SOURCE * 2) == ([SOURCE_MAPPED] * 2, [])


def test_what_is_around_a_wrapped_line_is_kept() -> None:
    expected = {**SOURCE_MAPPED, "_meta": {**SOURCE_MAPPED["_meta"], "_index": "i"}}  # type: ignore[dict-item]
    assert mapped(HOURLY, b'{"_index":"i","_source":%b}\n' % SOURCE) == ([expected], [])


def test_both_shapes_may_be_in_one_object() -> None:
    content = FLAT + b'{"_source":%b}\n' % SOURCE + FLAT
    assert mapped(HOURLY, content) == ([FLAT_MAPPED, SOURCE_MAPPED, FLAT_MAPPED], [])


def test_a_line_of_the_export_has_its_id_in_another_member() -> None:
    assert mapped(HOURLY, b'{"_line":"a","_ts":1562181711075,"_id":"1099669805097443340","_tag":["t"]}') == (
        [{"_lid": "1099669805097443340", "_ts": 1562181711075, "_tag": ["t"], "_line": "a"}],
        [],
    )


def test_members_of_other_types_than_they_should_be_do_not_break_a_line() -> None:
    content = b'{"_line":{"a":1},"_ts":"2019-11-13T05:25:57.983Z","_host":7,"_tag":{"env":"prod"},"level":30}'
    assert mapped(HOURLY, content) == (
        [{"_ts": 1573622757983, "_host": "7", "level": "30", "_tag": ["env:prod"], "_line": '{"a":1}'}],
        [],
    )


def test_lines_that_cannot_be_read_are_reported() -> None:
    found, problems = mapped(HOURLY, FLAT + b"cut of\n" + b'{"_line":"no time"}\n' + FLAT)
    assert found == [FLAT_MAPPED] * 2
    assert [offset for offset, _ in problems] == [len(FLAT), len(FLAT) + 7]


@pytest.mark.parametrize(
    "key",
    [
        "year=2024/month=05/day=13/a2bea9c45b.2024-05-13.0900.json.gz",
        "year=2024/month=05/day=13/a2bea9c45b.2024-05-13.0900.12.json.gz",
    ],
)
def test_an_hourly_key_names_its_hour_with_an_hour_either_side(key: str) -> None:
    hint = HOURLY.hint(key)
    assert hint is not None
    assert hint.times is not None
    assert (iso(hint.times.start), iso(hint.times.end)) == (
        "2024-05-13T08:00:00.000Z",
        "2024-05-13T11:00:00.000Z",
    )


@pytest.mark.parametrize(
    "key", ["a2bea9c45b.2019-11-19.76.ld76.json.gz", "2019/11/a2bea9c45b.2019-11-19.76.ld76.json.gz"]
)
def test_a_daily_key_names_its_day(key: str) -> None:
    hint = DAILY.hint(key)
    assert hint is not None
    assert hint.times is not None
    assert iso(hint.times.start) == "2019-11-18T23:00:00.000Z"
    assert HOURLY.hint(key) is None


def test_keys_of_other_objects_are_not_taken() -> None:
    for layout in (HOURLY, DAILY, PIPELINE):
        assert layout.hint("year=2024/month=13/day=45/a.2024-13-45.0900.json.gz") is None
        assert layout.hint("_manifest/year=2024/month=05/day=13/a.2024-05-13.0900.json") is None


def test_the_folders_of_a_range_are_its_days() -> None:
    start = parse_time("2024-05-13T22:00:00Z", now=0)
    within = TimeRange(start=start, end=start + 4 * HOUR_MS)
    assert HOURLY.folders(within) == ["year=2024/month=05/day=13/", "year=2024/month=05/day=14/"]


def test_a_pipeline_s_merged_object_holds_json_and_text() -> None:
    key = "year=2024/month=05/day=13/merged_1715590800.log"
    content = (
        b'{"mezmo_timestamp":"2024-05-13T08:00:01.500Z","method":"GET","status":200}\n'
        b'{"mezmo_timestamp":"2024-05-13T08:00:02.500Z","message":"text","level":"WARN","n":1}\n'
        b"plain text, its time is that of the merge\n"
    )
    assert mapped(PIPELINE, content, key) == (
        [
            {
                "_ts": 1715587201500,
                "_line": '{"mezmo_timestamp":"2024-05-13T08:00:01.500Z","method":"GET","status":200}',
            },
            {"_ts": 1715587202500, "level": "warn", "_meta": {"n": 1}, "_line": "text"},
            {"_ts": 1715590800000, "_line": "plain text, its time is that of the merge"},
        ],
        [],
    )
    hint = PIPELINE.hint(key)
    assert hint is not None
    assert hint.times is not None
    assert (iso(hint.times.start), iso(hint.times.end)) == (
        "2024-05-12T09:00:00.000Z",
        "2024-05-13T10:00:00.000Z",
    )
