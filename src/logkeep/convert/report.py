"""What a convert tells: how far it is, and what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from logkeep.archive.foreign.base import Problem


class Step(Enum):
    READING = "reading"  # stored bytes of the source are counted
    WRITING = "writing"  # lines are counted


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What was done. The lines read are those written and the repeats."""

    layout: str
    sources: int  # objects of the source
    source_bytes: int  # as they are stored
    lines: int  # written
    repeats: int  # left out: another line has their id and their time
    objects: int  # of the new archive
    found: int  # of them: were there already, with the same lines
    raw_bytes: int
    stored_bytes: int
    problems: Sequence[Problem]  # the first of them
    problem_count: int

    @property
    def ok(self) -> bool:
        """Whether everything could be read."""
        return not self.problem_count
