"""Lines of our own layout without a time or a text: how a restore tells of them.

Without a time (`_ts`) a line is in no range, and stays out. One without text (`_line`) is an empty line
(docs/archive-format.md), so it comes like any other and can be found by its other fields. In a restored
account people are told of it: events of a pipeline's archive may hold all that they say in `meta`.

A chunk tells of each object once; `joined` adds up what several chunks say of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from logkeep.catalog.values import RestoreProblem
from logkeep.index.restored import Textless, Timeless
from logkeep.restore.chunks import Piece

_NO_TIME = " lines have no time that can be read (_ts): they are left out"
NO_TEXT = " lines have no text (_line): they can be found by their other fields"
"""How the reason of such a problem ends. Before it stands how many they are."""

_TOLD = re.compile(rf"([0-9]{{1,19}})({re.escape(_NO_TIME)}|{re.escape(NO_TEXT)})")


def without_time(pieces: Sequence[Piece], found: Iterable[Timeless]) -> list[RestoreProblem]:
    """A problem for each file's lines; `pieces` are those of the files, in their order."""
    return [_problem(pieces[one.file], one.lines, _NO_TIME, one.sample) for one in found]


def without_text(pieces: Iterable[Piece], found: Iterable[Textless]) -> list[RestoreProblem]:
    """A problem for each object's lines."""
    piece_of = {piece.key: piece for piece in pieces}
    return [_problem(piece_of[one.key], one.lines, NO_TEXT, one.sample) for one in found]


def joined(problems: Iterable[RestoreProblem]) -> list[RestoreProblem]:
    """The problems; those of one object's lines without a time become one, where the first was, and so do
    those without text."""
    found: dict[object, RestoreProblem] = {}
    for number, problem in enumerate(problems):
        told = _TOLD.fullmatch(problem.reason)
        whose = (problem.target, problem.key, told[2]) if told else number
        first = found.setdefault(whose, problem)
        if told and first is not problem:
            found[whose] = replace(first, reason=f"{counted(first.reason) + int(told[1])}{told[2]}")
    return list(found.values())


def counted(reason: str) -> int:
    """How many lines a problem of this kind is about."""
    return int(reason.partition(" ")[0])


def _problem(piece: Piece, lines: int, told: str, sample: str) -> RestoreProblem:
    return RestoreProblem(
        key=piece.key, offset=0, reason=f"{lines}{told}", sample=sample, target=piece.target
    )
