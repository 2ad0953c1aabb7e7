from __future__ import annotations

from markupsafe import Markup

from logkeep.web.logs.rows import Row, row_of, rows_of, within_budget

RECORD = {
    "_lid": "7",
    "_ts": 1_764_479_400_123,
    "level": "ERROR",
    "_host": "web\u202e-1",
    "_app": "<b>",
    "_line": "it failed",
}


def test_a_row_shows_its_line_with_marks_and_leads_to_its_page() -> None:
    row = row_of(RECORD, "team a", marks=[(3, 9)])
    assert row == Row(
        ts="2025-11-30T05:10:00.123Z",
        day="2025-11-30",
        time="05:10:00.123",
        kind="error",
        level="ERROR",
        host="web⟨U+202E⟩-1",
        app="<b>",
        text=Markup('<span class="logtext">it <mark>failed</mark></span>'),
        link="/logs/line?account=team+a&ts=1764479400123&id=7",
        cursor="",
    )


def test_a_line_without_an_id_is_named_by_its_place() -> None:
    record = {name: value for name, value in RECORD.items() if name != "_lid"}
    assert row_of(record, "main", cursor="abc").link == "/logs/line?account=main&cursor=abc"
    assert row_of(record, "").link == ""


def test_a_line_that_was_cut_says_how_much_there_is() -> None:
    assert str(row_of(RECORD, "main", length=1009).text).endswith("failed<i>… 1,000 more</i></span>")


def test_a_page_of_a_search_becomes_rows_in_its_order() -> None:
    page = {
        "records": [RECORD, {"_ts": 5, "_line": "other"}],
        "marks": [[[0, 2]], []],
        "lengths": [0, 0],
        "cursors": ["a", "b"],
    }
    assert [(row.cursor, row.kind, "<mark>" in row.text) for row in rows_of(page, "main")] == [
        ("a", "error", True),
        ("b", "none", False),
    ]
    assert len(rows_of({"records": [RECORD]}, "main")) == 1


def test_rows_are_shown_as_long_as_they_are_light_and_one_at_least() -> None:
    rows = [row_of({**RECORD, "_line": "<" * n}, "main") for n in (1, 400, 1)]
    assert list(within_budget(rows)) == rows
    assert list(within_budget(rows, 1000)) == rows[:1]
    assert list(within_budget(rows, 1)) == rows[:1]
    assert list(within_budget([])) == []
