"""Live lines: one table for all accounts, partitioned by the day of receipt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from logkeep.errors import Overloaded
from logkeep.index.base import Engine
from logkeep.index.columns import NAMES, READ_STRUCTURE, TABLE_COLUMNS, TEXT_INDEX
from logkeep.index.search import Order, Scope, search_page
from logkeep.query.sql import Condition
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame
from logkeep.timeline import TimeRange

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


_ALL = Condition(sql="1", params={})
_BEYOND = "(_ts, _lid) > ({after_ts:Int64}, {after_lid:UInt64})"

Key = tuple[int, int]
"""(`_ts`, `_lid`): the place of a line among those of its account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLine:
    """A line that is still there."""

    record: Record

    @property
    def key(self) -> Key:
        return self.record.ts, int(self.record.lid)

    @property
    def line(self) -> bytes:
        """The canonical line that intake made of it (but see `LiveLines.lines_of`)."""
        return encode_lines([self.record])


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

    def lines_of(
        self, account: str, start_ms: int, end_ms: int, after_key: Key | None, limit: int
    ) -> list[LiveLine]:
        """Lines of one account with start_ms <= `_ts` < end_ms, ordered by key, from the first one after
        `after_key`. At most `limit`, and fewer where they are large; none when there are no more.

        A line's bytes are those that intake made, with one exception that the columns do not tell apart:
        a `_meta` that was a JSON text. It comes back in its shortest spelling, or as the JSON that it spells.
        """
        scope = Scope(
            table=TABLE, account=account, range=TimeRange(start=start_ms, end=end_ms), condition=_ALL
        )
        if after_key is not None:
            ts, lid = after_key
            beyond = Condition(sql=_BEYOND, params={"after_ts": ts, "after_lid": lid})
            scope = replace(scope, range=TimeRange(start=ts, end=end_ms), condition=beyond)
        page = search_page(self._engine, scope, order=Order.OLDEST, limit=limit)
        return [LiveLine(record=record) for record in page.records]

    def days(self) -> list[int]:
        """The days of receipt (epoch ms // DAY_MS) that have lines, oldest first."""
        rows = self._engine.rows(
            "SELECT DISTINCT toInt64(partition) AS day FROM system.parts"
            " WHERE database = currentDatabase() AND table = {table:String} AND active ORDER BY day",
            {"table": TABLE},
        )
        return [row["day"] for row in rows]

    def drop_before(self, ms: int) -> list[int]:
        """Drop the lines of all days of receipt that ended before `ms`. Returns the days' numbers."""
        days = [day for day in self.days() if (day + 1) * DAY_MS <= ms]
        for day in days:
            self._engine.run(f"ALTER TABLE {TABLE} DROP PARTITION {int(day)}")
        return days

    def drop_lines(self, day: int, accounts: Sequence[str], *, all_but: bool = False) -> bool:
        """Drop the lines of a day of receipt that belong to these accounts, or to all but these. Returns
        whether there were any; asking costs a few milliseconds. Waits while merges are held back.

        Lines are masked, which is quick however many they are; their room on the disk is given back with
        the day, or at once where more than half of what is stored of the day is masked.
        """
        day = int(day)
        which = f"_account {'NOT IN' if all_but else 'IN'} {{accounts:Array(String)}}"
        of_day = f"FROM {TABLE} WHERE _partition_id = '{day}'"
        if not self._engine.rows(f"SELECT 1 {of_day} AND {which} LIMIT 1", {"accounts": accounts}):
            return False
        self._engine.run(f"DELETE FROM {TABLE} IN PARTITION {day} WHERE {which}", {"accounts": accounts})
        left = self._engine.rows(f"SELECT count() AS lines {of_day}")[0]["lines"]
        stored = self._engine.rows(
            "SELECT sum(rows) AS lines FROM system.parts WHERE database = currentDatabase()"
            " AND table = {table:String} AND partition = {day:String} AND active",
            {"table": TABLE, "day": str(day)},
        )[0]["lines"]
        if 2 * left < stored:
            self._engine.run(f"ALTER TABLE {TABLE} APPLY DELETED MASK IN PARTITION {day}")
        return True

    def drop_account(self, account: str) -> bool:
        """Drop all lines of an account, and return whether there were any. As `drop_lines`."""
        found = [self.drop_lines(day, [account]) for day in self.days()]
        return any(found)

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
