"""A search of an archive where it lies, as far as a page can wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from logkeep.web.api import Api
from logkeep.web.logs.address import Address
from logkeep.web.logs.rows import CUT, ROWS, Row, row_of, within_budget
from logkeep.web.problem import Problem, problem_of

SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class InPlace:
    """`end` is what the search tells last: how much it read, and whether that was all."""

    rows: Sequence[Row]
    end: Mapping[str, Any]
    problem: Problem | None = None  # what it ended with instead

    @property
    def limited(self) -> bool:
        """Whether it ended because it had found enough."""
        lines: int = self.end.get("lines", 0)
        return len(self.rows) < lines or lines >= ROWS


async def search_in_place(api: Api, address: Address, range_: Mapping[str, str]) -> InPlace:
    """The first lines that are found within some seconds. Raises Problem for what cannot be searched."""
    parts: list[Mapping[str, Any]] = await api.get(
        f"/v1/archives/{quote(address.archive, safe='')}/search",
        query=address.query,
        order=address.order,
        limit=ROWS,
        seconds=SECONDS,
        cut=CUT,
        marks=True,
        **range_,
    )
    rows = [
        row_of(part["record"], "", marks=part["marks"], length=part["length"])
        for part in parts
        if "record" in part
    ]
    last = parts[-1] if parts else {}
    error = last.get("error")
    return InPlace(
        rows=list(within_budget(rows)),
        end=last.get("end", {}),
        problem=problem_of(error["status"], error) if error else None,
    )
