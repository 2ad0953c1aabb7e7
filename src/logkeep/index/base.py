"""The index seam: one SQL engine (ClickHouse's), in this process or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Param = str | int | float | Sequence[str] | Sequence[int]
"""A bound parameter. In SQL it stands as {name:Type}."""

NO_PARAMS: Mapping[str, Param] = {}


class Engine(Protocol):
    """Runs ClickHouse SQL. Calls block, release the GIL, and are safe from any thread.

    Every method raises EngineError when the engine refuses the statement or fails in it.
    """

    def run(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> None:
        """Run a statement whose result, if any, does not matter."""

    def rows(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> list[dict[str, Any]]:
        """A small result, a dict per row; 64-bit integers arrive as int."""

    def json_lines(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> bytes:
        """The result in format JSONEachRow: one JSON object a line."""

    def close(self) -> None: ...
