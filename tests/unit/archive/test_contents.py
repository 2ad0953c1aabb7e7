from __future__ import annotations

import msgspec
import pytest

from logkeep.archive.contents import COLUMNS, MAX_VALUE_BYTES, MAX_VALUES, UNKNOWN, Values, contents_of
from logkeep.archive.manifest import BlockEntry
from logkeep.archive.tokens import Hasher, token_hash
from logkeep.record import Record, encode_lines

HASHER = Hasher()
RECORDS = [
    Record(lid="1", ts=1, host="web-1", app="shop", level="info", line="disk\tfull\nagain"),
    Record(lid="2", ts=2, host="web-2", app="shop", line='{"a":"\x00b"}'),
    Record(lid="3", ts=3, host="web-1", app="shop", line=""),
    Record(lid="4", ts=4, app="shop", line="caf\ufffd latin", raw="Y2Fm6SBsYXRpbi0x"),
]


def entry(**masks: int) -> BlockEntry:
    plain = BlockEntry(offset=0, length=1, raw_bytes=1, lines=1, min_ts=0, max_ts=0)
    return msgspec.structs.replace(plain, **masks)


def test_the_contents_of_lines() -> None:
    found = contents_of(encode_lines(RECORDS), COLUMNS, HASHER)

    assert found.values == {
        "_host": {"web-1", "web-2", ""},
        "_app": {"shop"},
        "level": {"info", ""},
    }
    words = ["disk", "full", "again", "caf\ufffd", "latin"]
    assert found.tokens is not None
    assert found.tokens.tolist() == sorted(token_hash(word.encode()) or 0 for word in words)
    assert not found.escapes


def test_only_columns_that_are_asked_for_are_looked_at() -> None:
    assert set(contents_of(encode_lines(RECORDS), ("level",), HASHER).values) == {"level"}
    assert contents_of(encode_lines(RECORDS), (), HASHER).values == {}


@pytest.mark.parametrize(
    ("line", "expected"), [('{"a":"\\u00e9"}', True), ("C:\\temp u", False), ("\\", False)]
)
def test_characters_written_by_number_are_noticed(line: str, expected: bool) -> None:
    assert contents_of(encode_lines([Record(line=line)]), (), HASHER).escapes is expected


@pytest.mark.parametrize("lines", [b"{", b"[]\n", b'{"_line":1}\n', b'{"_line":"\xff"}\n', b"[" * 100_000])
def test_of_lines_that_cannot_be_read_nothing_is_known(lines: bytes) -> None:
    assert contents_of(lines, COLUMNS, HASHER) == UNKNOWN


def test_values_are_numbered_as_they_come_in_any_process_alike() -> None:
    values = Values()

    assert values.masks({"_host": {"b", "a"}, "level": {""}}) == {"_host": 0b11, "level": 0b1}
    assert values.masks({"_host": {"c", "b"}, "level": {"info", ""}}) == {"_host": 0b110, "level": 0b11}
    assert values.masks({}) == {}
    assert values.lists() == {"_host": ("a", "b", "c"), "level": ("", "info")}


@pytest.mark.parametrize(
    "too_much", [{str(number) for number in range(MAX_VALUES)}, {"é" * (MAX_VALUE_BYTES // 2) + "x"}]
)
def test_a_column_with_too_many_values_or_a_long_one_is_given_up(too_much: set[str]) -> None:
    values = Values()
    before = entry(**{name.removeprefix("_"): mask for name, mask in values.masks({"_host": {"a"}}).items()})

    assert values.masks({"_host": too_much, "_app": {"shop"}}) == {"_app": 1}
    assert values.masks({"_host": {"a"}}) == {}
    assert values.lists() == {"_app": ("shop",)}
    assert values.columns == ("_app", "level")
    assert values.only_listed([before, entry(app=1)]) == (entry(), entry(app=1))
