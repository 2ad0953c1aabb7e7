from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from logkeep.web import text
from logkeep.web.logs.fields import (
    MOST_DEPTH,
    MOST_ENTRIES,
    Entry,
    entries_of,
    json_entries,
    light,
    lightened,
    meta_entries,
    own_entries,
    title_of,
    weight,
)
from logkeep.web.text import logtext
from tests.unit.web.modules import run_module

DETAILS_JS = Path(text.__file__).parent / "static" / "js" / "logs" / "details.js"
RECORD = {
    "_lid": "7",
    "_ts": 1000,
    "_ns": 5,
    "_rx": 2000,
    "_account": "main",
    "_host": "web-1",
    "level": "error",
    "_tag": ["a", "b"],
    "_meta": {"region": "eu", "retry": {"n": 3}},
    "_line": "x",
}


def told(entries: list[Entry]) -> list[tuple[object, ...]]:
    return [(e.label, e.value, e.depth, e.kind, e.field, e.keys) for e in entries]


def test_a_record_has_those_fields_that_are_there() -> None:
    assert [(e.label, e.value, e.field) for e in own_entries(RECORD)] == [
        ("Time", "1970-01-01T00:00:01.000000005Z", ""),
        ("Received", "1970-01-01T00:00:02.000Z", ""),
        ("Level", "error", "level"),
        ("Host", "web-1", "host"),
        ("Tag", "a", "tag"),
        ("Tag", "b", "tag"),
        ("Account", "main", ""),
        ("Id", "7", ""),
    ]
    assert [e.label for e in own_entries({"_ts": 1000})] == ["Time"]


@pytest.mark.parametrize(
    "record", [{"_line": json.dumps({"a": list(range(50_000))})}, {"_meta": {"a": list(range(50_000))}}]
)
def test_others_get_their_turn_while_a_large_line_is_read(record: dict[str, Any]) -> None:
    async def read() -> int:
        reading = asyncio.ensure_future(entries_of(record))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1
        assert await reading == (meta_entries(record), json_entries(record.get("_line", "")))
        return turns

    assert asyncio.run(read()) > 2


def test_metadata_is_asked_for_by_its_keys() -> None:
    assert told(meta_entries(RECORD)) == [
        ("Metadata", None, 0, "object", "", ()),
        ("region", "eu", 1, "text", "meta", ("region",)),
        ("retry", None, 1, "object", "", ()),
        ("n", "3", 2, "number", "meta", ("retry", "n")),
    ]
    assert meta_entries({}) == []


def test_the_keys_of_a_json_line_keep_every_digit_and_every_key() -> None:
    line = '{"a":{"b":1.50},"big":123456789012345678901234567890,"l":[true,{"k":null}],"a":"again","":""}'
    assert told(json_entries(line)) == [
        ("a", None, 0, "object", "", ()),
        ("b", "1.50", 1, "number", "line", ("a", "b")),
        ("big", "123456789012345678901234567890", 0, "number", "line", ("big",)),
        ("l", None, 0, "array", "", ()),
        ("0", "true", 1, "word", "", ()),
        ("1", None, 1, "object", "", ()),
        ("k", "null", 2, "word", "", ()),
        ("a", "again", 0, "text", "line", ("a",)),
        ("", "", 0, "text", "line", ("",)),
    ]


@pytest.mark.parametrize("line", ["", "text", "[1]", '{"a":', '{"a":1} x', "{" * 100_000, '"{}"'])
def test_other_lines_have_no_keys(line: str) -> None:
    assert json_entries(line) == []


def test_what_is_deep_or_much_is_cut() -> None:
    deep = json_entries('{"a":' * 40 + "1" + "}" * 40)
    assert (len(deep), deep[-1].value, deep[-1].askable) == (MOST_DEPTH + 1, "…", True)
    many = json_entries(json.dumps({str(n): n for n in range(1000)}))
    assert (len(many), many[-1].label, many[-1].askable) == (MOST_ENTRIES + 1, "…", False)


def test_a_value_is_asked_for_with_all_that_names_it() -> None:
    entry = Entry(label="x", value="a&b", field="line", keys=("k=1", "l"))
    assert (entry.askable, entry.asked) == (True, "field=line&key=k%3D1&key=l&value=a%26b")
    assert not Entry(label="x", value="a").askable
    assert not Entry(label="x", value="a" * 1001, field="host").askable


def test_entries_are_shown_as_long_as_they_are_light() -> None:
    entries = [Entry(label="x", value="y" * 500, field="host")] * 100
    assert len(lightened(entries)) < 20
    assert lightened(entries)[-1].label == "…"
    assert lightened(entries[:3]) == entries[:3]
    odd = [Entry(label="x", value="\u202e<" * 500, field="host")] * 100
    assert len(lightened(odd)) < len(lightened(entries)) / 2


def test_of_a_text_as_much_is_shown_as_is_light() -> None:
    assert light("x" * 100, 50, 1000) == logtext("x" * 100, limit=50)
    odd = light("\u202e<" * 10_000, 8000, 20_000)
    assert 5_000 < weight(odd) <= 20_000
    assert "more</i>" in odd


def test_a_title_holds_nothing_invisible() -> None:
    assert title_of("a\x00b") == "a⟨NUL⟩b"
    assert title_of("x" * 61) == "x" * 60 + "…"


LINES = [
    '{"a":{"b":1},"l":[true,{"k":null}],"text":"<i>","":"","host":"x","deep":{"er":{"est":2.5}}}',
    '{"a":' * 20 + "1" + "}" * 20,
    json.dumps({f"k{n}": n for n in range(500)}),
    "no json",
    '{"a":1',
    '{"__proto__":{"x":1},"constructor":2}',
]


def test_the_browser_makes_the_same_tables() -> None:
    script = """
    const told = (entries) => entries.map((e) => [
      e.label, e.value ?? null, e.depth ?? 0, e.kind ?? "text", e.value === undefined ? "" : e.field ?? "",
      (e.value !== undefined && e.field && e.keys) || [],
    ]);
    console.log(JSON.stringify({
      lines: given.lines.map((line) => told(module.jsonEntries(line))),
      meta: told(module.metaEntries(given.record)),
      own: module.ownEntries(given.record).map((e) => [e.label, e.value, e.field ?? ""]),
    }));
    """
    found = run_module(DETAILS_JS, script, {"lines": LINES, "record": RECORD})

    def listed(entries: list[Entry]) -> list[list[Any]]:
        return [[*each[:5], list(each[5])] for each in map(list, told(entries))]  # type: ignore[call-overload]

    assert found["lines"] == [listed(json_entries(line)) for line in LINES]
    assert found["meta"] == listed(meta_entries(RECORD))
    assert found["own"] == [[e.label, e.value, e.field] for e in own_entries(RECORD)]
