"""Restored lines: one table per restored account, filled chunk by chunk and dropped as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from logkeep.errors import EngineError, InputError
from logkeep.index.base import Engine, Param
from logkeep.index.columns import NAMES, NO_ID, READ_STRUCTURE, TABLE_COLUMNS, TEXT_INDEX

_PREFIX = "restored_"
_RESTORE_ID = re.compile(r"[a-z0-9]{1,32}")

# A part is on disk, not only in the page cache, before the ledger may say that its chunk is done.
# The text index is built in segments of this size: it takes no longer than with the engine's 1 GiB each,
# in half the memory.
_TABLE_SETTINGS = (
    "fsync_after_insert = 1, fsync_part_directory = 1, text_index_max_memory_usage_before_flush = 67108864"
)
_NO_MERGES = "max_bytes_to_merge_at_max_space_in_pool = 0"

# One thread a chunk, two chunks side by side: as fast as two threads on one chunk, whatever the sizes of
# its files, and each chunk becomes one part. Blocks are limited by bytes because lines may be long.
_READ_SETTINGS = (
    "max_threads = 1, max_insert_threads = 1, use_hive_partitioning = 0,"
    " input_format_parallel_parsing = 0, input_format_max_block_size_bytes = 33554432"
)


@dataclass(frozen=True, kw_only=True)
class Where:
    """A boolean expression over the columns of a line, with its parameters, and the time range that it
    keeps within (epoch ms, `from_ms` inside, `to_ms` not)."""

    sql: str
    params: Mapping[str, Param]
    from_ms: int
    to_ms: int


class RestoredLines:
    """The table of one restored account. Searching it works at any time between `create` and `drop`."""

    def __init__(self, engine: Engine, restore_id: str) -> None:
        """Raises InputError for an id that cannot stand in a table's name."""
        if not _RESTORE_ID.fullmatch(restore_id):
            raise InputError(f"{restore_id!r} cannot be the id of a restore")
        self.name = _PREFIX + restore_id
        self._engine = engine

    def create(self, *, merging: bool) -> None:
        """Make the table if it is not there. Without `merging` every chunk stays its own part until the
        text index is built, which spares a quarter of the processor's work; it suits up to some hundred.
        """
        self._engine.run(
            f"CREATE TABLE IF NOT EXISTS {self.name} ({TABLE_COLUMNS}, _chunk UInt32)"
            f" ENGINE = MergeTree ORDER BY (_ts, _lid)"
            f" SETTINGS {_TABLE_SETTINGS}{'' if merging else ', ' + _NO_MERGES}"
        )

    def load(self, files: str, chunk: int, where: Where) -> int:
        """Add the lines of the files (a glob of .json.gz) that fit. Returns how many.

        Not atomic: after an error some may be there; `forget` takes them out again.
        """
        self._engine.run(
            f"INSERT INTO {self.name} ({NAMES}, _chunk) SELECT {NAMES}, {chunk:d}"
            f" FROM {_source(where.sql)} SETTINGS {_READ_SETTINGS}",
            {**where.params, "files": files},
        )
        return self._count(chunk, where)

    def load_new(self, files: str, chunk: int, where: Where) -> tuple[int, int]:
        """Like `load`, but leaves out every line whose id came before, in the files or in the table.

        Returns how many were added and how many left out. Lines without an id (0) are never left out.
        The ids of the files are held in memory, those of the table only where both meet.
        """
        params = {**where.params, "files": files}
        found = self._engine.rows(
            "SELECT count() AS lines, min(_ts) AS first_ts, max(_ts) AS last_ts,"
            f" min(_lid) AS first_lid, max(_lid) AS last_lid FROM {_source(where.sql)}"
            f" SETTINGS {_READ_SETTINGS}",
            params,
        )[0]
        bounds = {name: found[name] for name in ("first_ts", "last_ts", "first_lid", "last_lid")}
        known = self._known_ids(where, {**params, **bounds})
        self._engine.run(
            f"INSERT INTO {self.name} ({NAMES}, _chunk) SELECT {_with_id(chunk)}, {chunk:d}"
            f" FROM {_source(where.sql)} AND {known}"
            " LIMIT 1 BY _lid, if(_lid = 0, rowNumberInAllBlocks() + 1, 0)"
            f" SETTINGS {_READ_SETTINGS}",
            {**params, **bounds},
        )
        added = self._count(chunk, where)
        return added, found["lines"] - added

    def forget(self, chunk: int) -> None:
        """Take out what an interrupted load of this chunk left. Idempotent."""
        self._engine.run(f"DELETE FROM {self.name} WHERE _chunk = {chunk:d}")

    def build_text_index(self) -> None:
        """Build the text index over all lines, then let parts merge. Idempotent."""
        self._engine.run(f"ALTER TABLE {self.name} ADD INDEX IF NOT EXISTS {TEXT_INDEX}")
        index = TEXT_INDEX.partition(" ")[0]
        self._engine.run(f"ALTER TABLE {self.name} MATERIALIZE INDEX {index} SETTINGS mutations_sync = 2")
        self._engine.run(f"ALTER TABLE {self.name} RESET SETTING {_NO_MERGES.partition(' ')[0]}")

    def drop(self) -> None:
        """Idempotent."""
        self._engine.run(f"DROP TABLE IF EXISTS {self.name} SYNC")

    def _count(self, chunk: int, where: Where) -> int:
        rows = self._engine.rows(
            f"SELECT count() AS lines FROM {self.name} WHERE _chunk = {chunk:d}"
            " AND _ts >= {from_ms:Int64} AND _ts < {to_ms:Int64}",
            {"from_ms": where.from_ms, "to_ms": where.to_ms},
        )
        lines: int = rows[0]["lines"]
        return lines

    def _known_ids(self, where: Where, params: Mapping[str, Param]) -> str:
        """A condition that lines of the files meet when the table has no line with their id."""
        near = (
            f"SELECT _lid FROM {self.name} WHERE _ts BETWEEN {{first_ts:Int64}} AND {{last_ts:Int64}}"
            " AND _lid BETWEEN {first_lid:UInt64} AND {last_lid:UInt64} AND _lid != 0"
        )
        if not self._engine.rows(f"{near} LIMIT 1", params):
            return "1"
        return f"_lid NOT IN ({near} AND _lid IN (SELECT _lid FROM {_source(where.sql)}))"


def _source(condition: str) -> str:
    return f"file({{files:String}}, JSONEachRow, '{READ_STRUCTURE}') WHERE ({condition})"


def first_unreadable(engine: Engine, files: list[Path]) -> tuple[Path, EngineError] | None:
    """The first of the files that the engine cannot read to its end, and why; None if it can read all."""
    for file in files:
        try:
            count_lines(engine, file)
        except EngineError as error:
            return file, error
    return None


def count_lines(engine: Engine, file: Path) -> int:
    """The lines of one .json.gz file, every field of them read. Raises EngineError if that fails."""
    rows = engine.rows(
        f"SELECT count() AS lines FROM {_source(f'NOT ignore({NAMES})')} SETTINGS {_READ_SETTINGS}",
        {"files": str(file)},
    )
    lines: int = rows[0]["lines"]
    return lines


def restored_ids(engine: Engine) -> set[str]:
    """The ids of all restores that have a table."""
    rows = engine.rows(
        "SELECT name FROM system.tables"
        " WHERE database = currentDatabase() AND startsWith(name, {prefix:String})",
        {"prefix": _PREFIX},
    )
    return {row["name"].removeprefix(_PREFIX) for row in rows}


def _with_id(chunk: int) -> str:
    """The columns, with a number of our own for lines without an id, so that a page can end between two of
    the same time. It has the highest bit, which no id of a record has, and is never shown."""
    own = f"bitOr({NO_ID}, bitShiftLeft(toUInt64({chunk:d}), 40) + rowNumberInAllBlocks())"
    return NAMES.replace("_lid", f"if(_lid = 0, {own}, _lid)", 1)
