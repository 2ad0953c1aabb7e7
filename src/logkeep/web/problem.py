"""What the API refused, as pages tell it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass
class Problem(Exception):
    """An answer of the API that is an error (`application/problem+json`)."""

    status: int
    code: str  # of `type`, such as `bad-query`
    title: str
    detail: str  # what and where
    hint: str = ""  # what to do
    members: Mapping[str, Any] = dataclasses.field(
        default_factory=dict
    )  # such as `column`, `verdicts`, `problems`

    def __str__(self) -> str:
        return self.detail

    @property
    def field(self) -> str:
        """The name of the setting that it is about; "" for none."""
        return str(self.members.get("field") or "")

    @property
    def column(self) -> int:
        """Where in a query it is, from 1; 0 for nowhere."""
        return int(self.members.get("column") or 0)


_KNOWN = ("type", "title", "status", "detail", "hint")


def problem_of(status: int, document: Mapping[str, Any]) -> Problem:
    """The problem that an answer's body tells of."""
    return Problem(
        status=status,
        code=str(document.get("type", "")).rpartition(":")[2],
        title=str(document.get("title", "")),
        detail=str(document.get("detail", "")),
        hint=str(document.get("hint", "")),
        members={name: value for name, value in document.items() if name not in _KNOWN},
    )
