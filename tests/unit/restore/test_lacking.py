from __future__ import annotations

from logkeep.catalog.values import RestoreProblem
from logkeep.index.restored import Textless, Timeless
from logkeep.restore.chunks import Piece
from logkeep.restore.lacking import NO_TEXT, counted, joined, without_text, without_time

PIECES = [Piece(key="a", size=1, target=1), Piece(key="b", size=1, target=2)]


def test_lines_are_told_of_with_their_object_their_number_and_what_they_lack() -> None:
    timeless = without_time(PIECES, [Timeless(1, 12, "hello")])
    textless = without_text(PIECES, [Textless("a", 3, "{}")])
    assert [(one.key, one.target, one.sample, one.whole) for one in (*timeless, *textless)] == [
        ("b", 2, "hello", False),
        ("a", 1, "{}", False),
    ]
    assert timeless[0].reason.startswith("12 lines have no time")
    assert textless[0].reason.startswith("3 lines have no text")
    assert textless[0].reason.endswith(NO_TEXT)
    assert counted(textless[0].reason) == 3


def test_what_several_chunks_tell_of_an_object_becomes_one() -> None:
    other = RestoreProblem(key="a", offset=0, reason="3 lines are lost: broken", target=1)
    told = [
        *without_text(PIECES, [Textless("a", 3, "first"), Textless("b", 4, "b")]),
        other,
        *without_time(PIECES, [Timeless(0, 5, "x")]),
        other,
        *without_text(PIECES, [Textless("a", 30, "second")]),
    ]
    found = joined(told)
    assert [(one.key, one.reason.partition(":")[0], one.sample) for one in found] == [
        ("a", "33 lines have no text (_line)", "first"),
        ("b", "4 lines have no text (_line)", "b"),
        ("a", "3 lines are lost", ""),
        ("a", "5 lines have no time that can be read (_ts)", "x"),
        ("a", "3 lines are lost", ""),
    ]
    assert joined(found) == found
