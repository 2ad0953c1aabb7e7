"""Numbers with the word for what they count."""

from __future__ import annotations

from logkeep.plurals import plural


def test_one_is_one_and_many_have_separators() -> None:
    assert [plural(number, "line") for number in (0, 1, 2000)] == ["0 lines", "1 line", "2,000 lines"]
    assert plural(2, "entry", "entries") == "2 entries"
