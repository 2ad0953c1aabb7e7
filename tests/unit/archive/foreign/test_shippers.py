"""Vector, Fluent Bit and Logz.io: objects of any JSON or text."""

from __future__ import annotations

import pytest

from logkeep.archive.foreign.base import KeyHint, Layout
from logkeep.archive.foreign.layouts import layout_of
from logkeep.timeline import iso
from tests.unit.archive.foreign.reading import mapped

VECTOR, FLUENTBIT, LOGZIO, LINES = map(layout_of, ("vector", "fluentbit", "logzio", "lines"))
UUID = "01234567-89ab-cdef-0123-456789abcdef"


def times(hint: KeyHint | None) -> tuple[str, str] | None:
    return (hint and hint.times and (iso(hint.times.start), iso(hint.times.end))) or None


@pytest.mark.parametrize("key", [f"date=2026-01-01{slash}1767250000-{UUID}.log.gz" for slash in ("", "/")])
def test_vector_s_date_is_the_events_own_in_any_zone(key: str) -> None:
    assert times(VECTOR.hint(key)) == ("2025-12-31T10:00:00.000Z", "2026-01-02T14:00:00.000Z")


def test_without_a_date_the_upload_tells() -> None:
    assert times(VECTOR.hint(f"any/prefix/1767225600-{UUID}.log.zst")) == (
        "2025-12-31T00:00:00.000Z",
        "2026-01-01T01:00:00.000Z",
    )
    assert VECTOR.hint("any/prefix/1767225600.log") is None


def test_vector_s_json_and_text_are_read() -> None:
    key = f"date=2026-01-01/1767225600-{UUID}.log.gz"
    content = (
        b'{"appname":"shop","host":"web-1","message":"text","severity":"notice","source_type":"syslog",'
        b'"timestamp":"2026-01-01T00:00:00.123456789Z"}\n'
        b"a line of text\n"
    )
    assert mapped(VECTOR, content, key) == (
        [
            {
                "_ts": 1767225600123,
                "_ns": 456789,
                "_host": "web-1",
                "_app": "shop",
                "level": "notice",
                "_meta": {"source_type": "syslog"},
                "_line": "text",
            },
            {"_ts": 1767225600000, "_line": "a line of text"},
        ],
        [],
    )


@pytest.mark.parametrize(
    "key",
    [
        "fluent-bit-logs/kube.var.log/2026/01/01/00/30/00-objectAbCd1234",
        "logs/2026/01/01/00_30_00.gz-apwgylqg",
        "2026/01/01/00/30/00.json.gz",
        "fluent-bit-logs/app/2026/01/01/00/30/00/AbCd1234.gz",
        "2026/01/01/00/30/00/AbCd1234",
    ],
)
def test_fluent_bit_s_time_is_its_first_record_s(key: str) -> None:
    assert times(FLUENTBIT.hint(key)) == ("2025-12-31T22:30:00.000Z", "2026-01-01T02:30:00.000Z")


def test_keys_without_a_full_time_are_not_fluent_bit_s() -> None:
    assert FLUENTBIT.hint("2026/01/01/00/stream-1-2026-01-01-00-30-00-uuid") is None
    assert FLUENTBIT.hint("2026/01/01/00/61/00") is None
    assert FLUENTBIT.hint("2026/01/01/00/30/00/more/AbCd1234.gz") is None
    assert FLUENTBIT.hint("2026/01/01/00/30/000") is None


def test_fluent_bit_s_records_are_mapped_and_kubernetes_stays_whole() -> None:
    content = (
        b'{"date":1767225600.5,"log":"text","stream":"stdout",'
        b'"kubernetes":{"host":"node-1","container_name":"web"}}\n'
        b'{"date":"2026-01-01T00:00:01.000Z","log":"more","stream":"stderr","kubernetes":null}\n'
    )
    assert mapped(FLUENTBIT, content) == (
        [
            {
                "_ts": 1767225600500,
                "_host": "node-1",
                "_app": "web",
                "_meta": {"kubernetes": {"host": "node-1", "container_name": "web"}, "stream": "stdout"},
                "_line": "text",
            },
            {"_ts": 1767225601000, "_meta": {"kubernetes": None, "stream": "stderr"}, "_line": "more"},
        ],
        [],
    )


def test_any_object_but_the_marker_is_logz_io_s() -> None:
    assert LOGZIO.hint("logzio-verified") is None
    assert LOGZIO.hint("whatever/it+0+0000.gz") == KeyHint()
    content = b'{"@timestamp":"2026-01-01T00:00:00.000Z","type":"python","message":"m","tags":["a"],"n":1}\n'
    assert mapped(LOGZIO, content) == (
        [{"_ts": 1767225600000, "_app": "python", "_tag": ["a"], "_meta": {"n": 1}, "_line": "m"}],
        [],
    )


@pytest.mark.parametrize("layout", [LOGZIO, LINES], ids=str)
def test_lines_without_a_time_take_that_of_the_key_or_are_reported(layout: Layout) -> None:
    content = b'{"message":"m"}\ntext\n'
    assert mapped(layout, content, "app/2026/01/01/05/x.gz") == (
        [{"_ts": 1767243600000, "_line": "m"}, {"_ts": 1767243600000, "_line": "text"}],
        [],
    )
    found, problems = mapped(layout, content, "x.gz")
    assert found == []
    assert [offset for offset, _ in problems] == [0, 16]


CUSTOM = layout_of("custom", {"path": "**/%Y/%m/%d/*", "format": "text"})


@pytest.mark.parametrize("layout", [LINES, LOGZIO, VECTOR, CUSTOM], ids=str)
@pytest.mark.parametrize("size", [1, 1 << 18])
def test_a_file_that_is_no_text_is_one_problem_and_not_lines(layout: Layout, size: int) -> None:
    content = b"PAR1\x15\x04\x15 one\n two\n three\n"
    found = mapped(layout, content, "a/2026/01/01/x", size)
    assert found == ([], [(0, "the object is a Parquet file and has no lines")])


def test_text_that_begins_as_a_file_does_is_text() -> None:
    found, problems = mapped(LINES, b"ORC: started\nPAR1\n\x1b[1mbold\n", "a/2026/01/01/x")
    assert [line["_line"] for line in found] == ["ORC: started", "PAR1", "\x1b[1mbold"]
    assert problems == []


def test_lines_of_many_schemas_are_each_read_by_their_own_members() -> None:
    content = (
        b'{"time":"2026-01-01T00:00:00Z","msg":"a","hostname":"h"}\n'
        b'{"@timestamp":"2026-01-01T00:00:01Z","log":"b","host":"i"}\n'
        b'{"_ts":1767225602000,"event":"without a message"}\n'
        b"2026-01-01 00:00:03,250 INFO text\n"
        b"  at a stack trace\n"
        b"{broken\n"
    )
    assert mapped(LINES, content) == (
        [
            {"_ts": 1767225600000, "_host": "h", "_line": "a"},
            {"_ts": 1767225601000, "_host": "i", "_line": "b"},
            {"_ts": 1767225602000, "_line": '{"_ts":1767225602000,"event":"without a message"}'},
            {"_ts": 1767225603250, "_line": "2026-01-01 00:00:03,250 INFO text"},
            {"_ts": 1767225603250, "_line": "  at a stack trace"},
            {"_ts": 1767225603250, "_line": "{broken"},
        ],
        [],
    )
