from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from logkeep.api.v1.viewing import Viewing, line_document, page_document, viewing
from logkeep.errors import InputError
from logkeep.index.search import Page
from logkeep.query.marks import marker
from logkeep.query.parse import parse
from logkeep.record import Record, encode_lines
from tests.unit.api.requests import request


def shown(record: Record, view: Viewing) -> object:
    (line,) = encode_lines([record]).splitlines(keepends=True)
    return msgspec.json.decode(line_document(line, view, object="key"))


MARKED = marker(parse("failed OR wörter"))


def test_a_line_that_is_short_enough_comes_as_it_is() -> None:
    record = Record(lid="1", ts=5, line="it failed", meta=Raw(b'{"a":1.0}'), raw="QUI=")
    assert shown(record, Viewing(cut=100, marks=MARKED)) == {
        "record": {"_lid": "1", "_ts": 5, "_meta": {"a": 1.0}, "_line": "it failed", "_raw": "QUI="},
        "object": "key",
        "marks": [[3, 9]],
        "length": 0,
    }


@pytest.mark.parametrize(
    ("record", "cut", "length"),
    [
        (Record(lid="1", ts=5, line="日" * 8), 7, 8),
        (Record(lid="1", ts=5, line="m", meta=Raw(b'"%b"' % (b"x" * 40))), 7, 1),
        (Record(lid="1", ts=5, line="r", raw="QUJD" * 8), 7, 1),
    ],
)
def test_a_long_line_comes_cut_and_says_how_long_it_is(record: Record, cut: int, length: int) -> None:
    assert shown(record, Viewing(cut=cut)) == {
        "record": {"_lid": "1", "_ts": 5, "_line": record.line[:cut]},
        "object": "key",
        "length": length,
    }
    assert shown(record, Viewing(cut=60))["length"] == 0  # type: ignore[index]


def test_nothing_is_marked_in_what_was_cut_off() -> None:
    record = Record(lid="1", ts=5, line="failed and failed")
    assert shown(record, Viewing(cut=10, marks=MARKED)) == {
        "record": {"_lid": "1", "_ts": 5, "_line": "failed and"},
        "object": "key",
        "marks": [[0, 6]],
        "length": 17,
    }


def test_a_page_tells_what_was_asked_for_and_no_more() -> None:
    page = Page(records=[Record(lid="7", ts=5, line="failed")], cursor=None, numbers=[7], lengths=[0])
    assert page_document(page, Viewing()).keys() == {"records", "cursor"}
    full = page_document(page, Viewing(cut=5, marks=MARKED, cursors=True))
    assert (full["marks"], full["lengths"], full["cursors"]) == ([[(0, 6)]], [0], page.cursors)


def test_what_is_asked_for_is_read_from_the_parameters() -> None:
    assert not viewing(request(query="query=failed")).asked
    view = viewing(request(query="query=failed&marks=true&cut=10&cursors=true"))
    assert (view.cut, view.cursors) == (10, True)
    assert view.marks is not None
    assert view.marks("it failed") == [(3, 9)]
    with pytest.raises(InputError):
        viewing(request(query="marks=yes"))
