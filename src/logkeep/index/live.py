"""Live lines: one table for all accounts, partitioned by the day of receipt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from logkeep.errors import Overloaded
from logkeep.index.base import Engine
from logkeep.index.columns import NAMES, READ_STRUCTURE, TABLE_COLUMNS, TEXT_INDEX
from logkeep.spool.base import Frame

DAY_MS = 86_400_000
TABLE = "live"

# The partition key makes retention a matter of dropping partitions, and lets a look for ids pass over
# all parts that were received before. Merges build the text index. A part is on disk, not only in the
# page cache, before its frames may be trimmed.
_DDL = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    {TABLE_COLUMNS},
    INDEX {TEXT_INDEX}
)
ENGINE = MergeTree
PARTITION BY intDiv(_rx, {DAY_MS})
ORDER BY (_account, _ts, _lid)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    text_index_max_memory_usage_before_flush = 67108864
"""

# One thread reads one file of frames; larger blocks make fewer parts.
_INSERT_SETTINGS = (
    "max_threads = 1, max_insert_threads = 1, max_block_size = 65536,"
    " min_insert_block_size_rows = 0, min_insert_block_size_bytes = 200000000"
)


class LiveLines:
    """The table of live lines. `work` is a folder for files that are being loaded."""

    def __init__(self, engine: Engine, work: Path) -> None:
        self._engine = engine
        self._file = work / "index.jsonl.zst"
        self._merging = True
        engine.run(_DDL)

    def add(self, frames: Sequence[Frame], *, some_may_be_there: bool) -> None:
        """Add the lines of frames. `some_may_be_there`: an earlier try to add them may have got
        through in part, so look before adding."""
        known = "1"
        params: dict[str, int] = {}
        if some_may_be_there:
            known = (
                f"_lid NOT IN (SELECT _lid FROM {TABLE} WHERE _rx >= {{rx:Int64}}"
                " AND _lid BETWEEN {first:UInt64} AND {last:UInt64})"
            )
            params = {
                "rx": min(frame.rx for frame in frames),
                "first": min(frame.first_lid for frame in frames),
                "last": max(frame.last_lid for frame in frames),
            }
        try:
            self._write_file(frames)
            self._engine.run(
                f"INSERT INTO {TABLE} ({NAMES}) SELECT {NAMES}"
                f" FROM file({{path:String}}, JSONEachRow, '{READ_STRUCTURE}')"
                f" WHERE {known} SETTINGS {_INSERT_SETTINGS}",
                {**params, "path": str(self._file)},
            )
        finally:
            self._file.unlink(missing_ok=True)

    def merge(self, allowed: bool) -> None:
        """Let parts be merged, or hold merges back. They are allowed until told otherwise."""
        if allowed != self._merging:
            self._engine.run(f"SYSTEM {'START' if allowed else 'STOP'} MERGES {TABLE}")
            self._merging = allowed

    def drop_before(self, ms: int) -> list[int]:
        """Drop the lines of all days of receipt that ended before `ms`. Returns the days' numbers."""
        rows = self._engine.rows(
            "SELECT DISTINCT toInt64(partition) AS day FROM system.parts"
            " WHERE database = currentDatabase() AND table = {table:String} AND active",
            {"table": TABLE},
        )
        days = sorted(row["day"] for row in rows if (row["day"] + 1) * DAY_MS <= ms)
        for day in days:
            self._engine.run(f"ALTER TABLE {TABLE} DROP PARTITION {int(day)}")
        return days

    def _write_file(self, frames: Sequence[Frame]) -> None:
        try:
            with self._file.open("wb") as file:
                for frame in frames:  # zstd frames in a row are one zstd stream
                    file.write(frame.data)
        except OSError as error:
            raise Overloaded(
                f"{self._file} cannot be written: {error.strerror}",
                hint="look at the disk that holds the data folder; the server goes on by itself",
            ) from None


def yield_processor_to_queries() -> None:
    """Give merges and mutations the lowest processor priority, so that they use what is left over.

    ClickHouse has no setting for it; on Linux a thread's niceness is its own. Elsewhere a no-op.
    """
    tasks = Path("/proc/self/task")
    for task in tasks.iterdir() if tasks.exists() else ():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            if (task / "comm").read_text().strip() == "MergeMutate":
                os.setpriority(os.PRIO_PROCESS, int(task.name), 19)
