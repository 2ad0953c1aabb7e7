"""The embedded engine: ClickHouse inside this process, through chDB.

A chDB directory belongs to one process, and a process has one directory. One handle runs one statement
at a time; handles run side by side, so every call borrows one that is free or opens another.
"""

from __future__ import annotations

import queue
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import chdb
import msgspec

from logkeep.errors import EngineError, NotFound, Overloaded
from logkeep.index.base import NO_PARAMS, Param

# For every handle: no result depends on what ran before, and reading text is left to the statement's
# own threads, which measured faster than splitting one file among parsers.
_HANDLE_SETTINGS = {
    "input_format_parallel_parsing": "0",
    "use_query_condition_cache": "0",
    "mutations_sync": "2",
    "materialize_skip_indexes_on_insert": "0",
    "output_format_json_quote_64bit_integers": "0",
}
_DISK_FULL = ("NOT_ENOUGH_SPACE", "No space left on device")

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
_QUOTED_ESCAPES = {**_ESCAPES, ord("'"): "\\'"}


class ChdbEngine:
    """`Engine` over a chDB directory, which is made if it does not exist."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = str(path.resolve())
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._free.put(self._open())

    def run(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> None:
        self._query(sql, "Null", params)

    def rows(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> list[dict[str, Any]]:
        lines = self.json_lines(sql, params)
        return msgspec.json.Decoder(dict[str, Any]).decode_lines(lines)

    def json_lines(self, sql: str, params: Mapping[str, Param] = NO_PARAMS) -> bytes:
        return self._query(sql, "JSONEachRow", params)

    def close(self) -> None:
        """Close the handles that no call holds. Call it when no statement runs any more."""
        while not self._free.empty():
            self._free.get().close()

    def _query(self, sql: str, output: str, params: Mapping[str, Param]) -> bytes:
        handle = self._borrow()
        try:
            result = handle.query(sql, output, params={name: _text(value) for name, value in params.items()})
            data: bytes = result.bytes()
        except RuntimeError as error:  # chDB raises nothing else
            raise _translated(str(error)) from None
        finally:
            self._free.put(handle)
        return data

    def _borrow(self) -> Any:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return self._open()

    def _open(self) -> Any:
        try:
            handle = chdb.connect(self._path)
            for name, value in _HANDLE_SETTINGS.items():
                handle.query(f"SET {name} = {value}", "Null")
        except RuntimeError as error:
            raise EngineError(
                f"the index at {self._path} cannot be opened: {_first_line(str(error))}",
                hint="one process at a time may use a data folder; stop the other one",
            ) from None
        return handle


def _text(value: Param) -> str | int | float:
    """A parameter as chDB reads it: text escaped as in TSV, lists as array literals."""
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, int | float):
        return value
    items = (f"'{v.translate(_QUOTED_ESCAPES)}'" if isinstance(v, str) else str(v) for v in value)
    return f"[{','.join(items)}]"


def _translated(text: str) -> EngineError | NotFound | Overloaded:
    if "(UNKNOWN_TABLE)" in text or "(TABLE_IS_DROPPED)" in text:
        return NotFound("these lines are gone", hint="the restored account was deleted or expired meanwhile")
    if any(sign in text for sign in _DISK_FULL):
        return Overloaded(
            "the disk that holds the index is full", hint="free space; the server goes on by itself"
        )
    return EngineError(f"the index refused a statement: {_first_line(text)}")


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line[:500]
