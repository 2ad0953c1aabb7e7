from __future__ import annotations

import pytest

from logkeep.archive.foreign.base import EVERYTHING, KeyHint
from logkeep.archive.foreign.layouts import layout_of
from logkeep.errors import BadSetting
from logkeep.timeline import HOUR_MS, TimeRange, iso, parse_time
from tests.unit.archive.foreign.reading import mapped


def times(hint: KeyHint | None) -> tuple[str, str] | None:
    return (iso(hint.times.start), iso(hint.times.end)) if hint and hint.times else None


def test_members_are_mapped_by_the_user_s_names() -> None:
    layout = layout_of(
        "custom",
        {
            "path": "*",
            "ts": "when",
            "line": "txt",
            "host": "kubernetes.node",
            "app": "a.b",
            "time": "epoch_s",
        },
    )
    content = (
        b'{"when":1767225600,"txt":"m","kubernetes":{"node":"n1"},"a.b":"x","rest":1.0}\n'
        b'{"when":"1767225601.25","txt":"n","kubernetes":{"node":"n2"},"a.b":"y"}\n'
    )
    assert mapped(layout, content) == (
        [
            {
                "_ts": 1767225600000,
                "_host": "n1",
                "_app": "x",
                "_meta": {"kubernetes": {"node": "n1"}, "rest": 1.0},
                "_line": "m",
            },
            {
                "_ts": 1767225601250,
                "_host": "n2",
                "_app": "y",
                "_meta": {"kubernetes": {"node": "n2"}},
                "_line": "n",
            },
        ],
        [],
    )


@pytest.mark.parametrize(
    ("form", "value", "ts", "ns"),
    [
        ("epoch_s", "1767225600", 1767225600000, 0),
        ("epoch_s", "1767225600.123456", 1767225600123, 456000),
        ("epoch_ms", "1767225600123", 1767225600123, 0),
        ("epoch_us", "1767225600123456", 1767225600123, 456000),
        ("epoch_ns", '"1767225600123456789"', 1767225600123, 456789),
        ("iso8601", '"2026-01-01T01:00:00.5+01:00"', 1767225600500, 0),
        ("%d/%b/%Y:%H:%M:%S %z", '"01/Jan/2026:01:00:00 +0100"', 1767225600000, 0),
        ("%Y%m%d %H%M%S.%f", '"20260101 000000.250001"', 1767225600250, 1000),
    ],
)
def test_times_are_read_in_the_user_s_format(form: str, value: str, ts: int, ns: int) -> None:
    layout = layout_of("custom", {"path": "*", "ts": "w", "line": "m", "time": form})
    found, problems = mapped(layout, f'{{"w":{value},"m":"x"}}\n'.encode() * 2)
    assert problems == []
    assert [(line["_ts"], line.get("_ns", 0)) for line in found] == [(ts, ns)] * 2


def test_a_time_of_another_format_is_a_problem() -> None:
    layout = layout_of("custom", {"path": "*", "ts": "w", "line": "m", "time": "%d.%m.%Y"})
    content = b'{"w":"31.02.2026","m":"a"}\n{"w":"01.01.2026","m":"b"}\n{"w":5,"m":"c"}\n'
    found, problems = mapped(layout, content)
    assert [line["_line"] for line in found] == ["b"]
    assert problems == [
        (0, "the line has no time that can be read"),
        (54, "the line has no time that can be read"),
    ]


def test_what_is_no_json_is_reported_as_such() -> None:
    layout = layout_of("custom", {"path": "*", "ts": "t", "line": "m"})
    found, problems = mapped(layout, b'{"t":1767225600000,"m":"a"}\n[1]\n{"t":17')
    assert [line["_line"] for line in found] == ["a"]
    assert problems == [
        (28, "the line cannot be read: Expected `object`, got `array` - at `$[0]`"),
        (32, "the line cannot be read: Input data was truncated"),
    ]


def test_text_has_the_time_that_it_begins_with() -> None:
    layout = layout_of("custom", {"path": "%Y/%m/%d/*", "format": "text", "time": "%d.%m.%Y %H:%M:%S"})
    content = b"no time yet\n01.01.2026 00:00:05 hello\n  goes on\n[02.01.2026 00:00:06] more\n{\n"
    found, problems = mapped(layout, content, "2026/01/01/x")
    assert problems == []
    assert [(iso(line["_ts"]), line["_line"]) for line in found] == [
        ("2026-01-01T00:00:00.000Z", "no time yet"),
        ("2026-01-01T00:00:05.000Z", "01.01.2026 00:00:05 hello"),
        ("2026-01-01T00:00:05.000Z", "  goes on"),
        ("2026-01-02T00:00:06.000Z", "[02.01.2026 00:00:06] more"),
        ("2026-01-02T00:00:06.000Z", "{"),
    ]


def test_the_first_line_of_a_table_names_its_columns() -> None:
    layout = layout_of("custom", {"path": "*", "format": "csv", "ts": "when", "line": "what"})
    content = b'when,who,what\r\n2026-01-01T00:00:00Z,"a, b","said ""x"""\r\nonly,two\r\n\r\nnever,c,d\r\n'
    assert mapped(layout, content) == (
        [{"_ts": 1767225600000, "_meta": {"who": "a, b"}, "_line": 'said "x"'}],
        [(57, "the line has 2 columns, not 3"), (69, "the line has no time that can be read")],
    )


def test_columns_may_be_named_instead() -> None:
    layout = layout_of(
        "custom", {"path": "*", "format": "tsv", "columns": "t, h ,m", "ts": "t", "host": "h", "line": "m"}
    )
    assert mapped(layout, b"1767225600123\tweb\ttext\n1767225600124\tweb\tmore\n") == (
        [
            {"_ts": 1767225600123, "_host": "web", "_line": "text"},
            {"_ts": 1767225600124, "_host": "web", "_line": "more"},
        ],
        [],
    )


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (
            "logs/%Y/%m/%d/%H/*.gz",
            "logs/2026/01/02/03/x.gz",
            ("2026-01-02T02:00:00.000Z", "2026-01-02T05:00:00.000Z"),
        ),
        (
            "l/{year}/{month}/{day}/**",
            "l/2026/01/02/a/b",
            ("2026-01-01T23:00:00.000Z", "2026-01-03T01:00:00.000Z"),
        ),
        (
            "dt=%F/*-%s.log",
            "dt=2026-01-02/a-1767225600.log",
            ("2025-12-31T23:00:00.000Z", "2026-01-01T01:00:00.000Z"),
        ),
        ("%Y/%Y-%m.gz", "2026/2026-03.gz", ("2026-02-28T23:00:00.000Z", "2026-04-01T01:00:00.000Z")),
    ],
)
def test_a_path_template_tells_the_time_of_a_key(path: str, key: str, expected: tuple[str, str]) -> None:
    assert times(layout_of("custom", {"path": path, "margin": "1h"}).hint(key)) == expected


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("logs/%Y/%m/%d/*.gz", "logs/2026/01/02/x/y.gz"),
        ("logs/%Y/%m/%d/*.gz", "other/logs/2026/01/02/x.gz"),
        ("logs/%Y/%m/%d/*.gz", "logs/2026/13/02/x.gz"),
        ("%Y/%Y-%m.gz", "2026/2025-03.gz"),
        ("a.gz", "abgz"),
    ],
)
def test_other_keys_are_not_taken(path: str, key: str) -> None:
    assert layout_of("custom", {"path": path}).hint(key) is None


def test_folders_follow_the_template_up_to_the_first_wildcard() -> None:
    start = parse_time("2026-01-01T23:00:00Z", now=0)
    within = TimeRange(start=start, end=start + 2 * HOUR_MS)
    hourly = layout_of("custom", {"path": "logs/%Y/%m/%d/%H/*.gz"})
    assert hourly.folders(within) == ["logs/2026/01/01/23/", "logs/2026/01/02/00/"]
    assert layout_of("custom", {"path": "a/b/*/%Y/%m/%d/*"}).folders(within) == ["a/b/"]
    assert list(layout_of("custom", {"path": "*.gz"}).folders(within)) == list(EVERYTHING)
    assert hourly.folders(None) == ["logs/"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "path"),
        ({"path": "/a"}, "path"),
        ({"path": "a/%Q"}, "path"),
        ({"path": "a/{yeer}"}, "path"),
        ({"path": "a/%d"}, "path"),
        ({"path": "a", "format": "xml"}, "format"),
        ({"path": "a", "time": "soon"}, "time"),
        ({"path": "a", "time": "%Y %Q"}, "time"),
        ({"path": "a", "margin": "two hours"}, "margin"),
        ({"path": "a", "columns": "a,a"}, "columns"),
        ({"path": "a", "hosts": "h"}, "hosts"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, str], name: str) -> None:
    with pytest.raises(BadSetting) as caught:
        layout_of("custom", options)
    assert caught.value.field == name
    assert caught.value.hint
