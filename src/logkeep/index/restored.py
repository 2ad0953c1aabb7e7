"""Restored lines: one table per restored account, filled chunk by chunk and dropped as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from logkeep.errors import EngineError, InputError, NotFound
from logkeep.index.base import Engine, Param
from logkeep.index.columns import NAMES, NO_ID, READ_STRUCTURE, TABLE_COLUMNS, TEXT_INDEX
from logkeep.timeline import MAX_MS

_PREFIX = "restored_"
_RESTORE_ID = re.compile(r"[a-z0-9]{1,32}")

# Numbers for lines without an id: the highest bit, then the chunk, then so many bits to count with.
_CHUNK_SHIFT = 40

# Beside a line's own columns: which chunk brought it, and from which object.
_OBJECT_COLUMN = "_object LowCardinality(String)"
_COLUMNS = f"{NAMES}, _chunk, _object"

# A part is on disk, not only in the page cache, before the ledger may say that its chunk is done.
# The text index is built in segments of this size: it takes no longer than with the engine's 1 GiB each,
# in half the memory.
_TABLE_SETTINGS = (
    "fsync_after_insert = 1, fsync_part_directory = 1, text_index_max_memory_usage_before_flush = 67108864"
)
_NO_MERGES = "max_bytes_to_merge_at_max_space_in_pool = 0"

# Of {from_ms} and {to_ms}.
_IN_RANGE = "(_ts >= {from_ms:Int64} AND _ts < {to_ms:Int64})"
_FILE = "extract(basename(_path), '^[0-9]+')"  # the number of the file that a line is from

# One thread a chunk, two chunks side by side: as fast as two threads on one chunk, whatever the sizes of
# its files, and each chunk becomes one part. Blocks are limited by bytes because lines may be long.
_READ_SETTINGS = (
    "max_threads = 1, max_insert_threads = 1, use_hive_partitioning = 0,"
    " input_format_parallel_parsing = 0, input_format_max_block_size_bytes = 33554432"
)


# What the engine says of a file, before it says where it was in it.
_SAID = re.compile(r"DB::Exception: (.+?)(?:: \(|: While |$)")

# What is shown of a line that lacks its time or text.
_SAMPLE_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class Where:
    """A boolean expression over the columns of a line, with its parameters, and the time range within which
    lines are wanted (epoch ms, `from_ms` inside, `to_ms` not)."""

    sql: str
    params: Mapping[str, Param]
    from_ms: int
    to_ms: int


class Timeless(NamedTuple):
    """Lines of one file that have no time: `_ts` is missing, or none that a record may have."""

    file: int  # its place among the files, from 0
    lines: int
    sample: str  # how one of them begins, or its meta where it has no text


class Textless(NamedTuple):
    """Lines from one object that have neither `_line` nor `_raw`."""

    key: str
    lines: int
    sample: str  # how the meta of one begins


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a load did with the lines that fit."""

    lines: int  # added
    duplicates: int = 0  # left out because they were there
    timeless: tuple[Timeless, ...] = ()  # left out because of that
    empty: bool = False  # whether a line of the chunk has no `_line`
    text_bytes: int = 0  # of `_line`, of the lines added
    beyond: int = 0  # left out because of a limit; 0 where no limit was passed


class _OfChunk(NamedTuple):
    lines: int
    text_bytes: int
    timeless: bool  # whether lines without a time are there
    empty: bool  # whether lines without `_line` are there
    own: int  # the next number for a line without an id; 0: no line has one yet


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
            f"CREATE TABLE IF NOT EXISTS {self.name} ({TABLE_COLUMNS}, _chunk UInt32, {_OBJECT_COLUMN})"
            f" ENGINE = MergeTree ORDER BY (_ts, _lid)"
            f" SETTINGS {_TABLE_SETTINGS}{'' if merging else ', ' + _NO_MERGES}"
        )
        _add_object_column(self._engine, self.name)  # of a former release, a restore that was interrupted

    def load(
        self,
        files: str,
        chunk: int,
        where: Where,
        keys: Sequence[str],
        *,
        new_only: bool,
        once_only: bool = False,
        timed: bool = False,
        limit_lines: int = 0,
        limit_bytes: int = 0,
    ) -> Loaded:
        """Add the lines of the files that fit. `files` is a glob; the names in it begin with a number, from
        00000, and `keys[number]` is the object that the file is of. Without keys no object is noted. A chunk
        may be loaded in several steps.

        `new_only` leaves out every line of which one with the same id and time came before, in the files or
        in the table; `once_only` compares only with the files and with what else is of this chunk. A line
        without an id is never left out. The limits (0: none) are on lines and on bytes of their text: where
        more fit, the first by (`_ts`, `_lid`) are taken, up to the one that passes a limit.

        A line without a time is never there; with `timed` those are counted that fit but for that. To see
        whether there are any costs nothing; where there are, the files are read once more.

        Not atomic: after an error some may be there, also those without a time; `forget` takes them out
        again. With `new_only` or `once_only` the ids of the files are held in memory, those of the table
        only where both meet. Where a limit is passed the lines of the files are sorted, and held in memory
        for it.
        """
        limited = bool(limit_lines or limit_bytes)
        before = self._loaded(chunk, where)
        if once_only and not (before.lines or limited):
            # Nearly always no line is there twice, and to see that afterwards costs next to nothing.
            loaded = self.load(files, chunk, where, keys, new_only=False, timed=timed)
            if not self._twice(chunk):
                return loaded
            self.forget(chunk)
        sought = _Sought.of(where, timed=timed)
        params: dict[str, Param] = {**where.params, **_range(where), "files": files}
        found, unless = 0, ""
        if new_only:
            found, unless = self._unless_known(sought, params, "_lid != 0")
        elif once_only:
            found, unless = self._unless_known(sought, params, f"_lid != 0 AND _chunk = {chunk:d}")
        if keys:
            params |= {"keys": list(keys), "numbers": [f"{number:05d}" for number in range(len(keys))]}
        own = before.own or NO_ID | chunk << _CHUNK_SHIFT

        def lines(condition: str) -> str:
            return _lines(chunk, own, condition, unless, with_object=bool(keys))

        fitting, timeless, source = None, False, lines(sought.any)
        if limited:
            fitting, size, timeless = self._measure(source, sought, params)
            source = lines(sought.good)
            if 0 < limit_lines < fitting or 0 < limit_bytes < size:
                source = _first(source)
                params |= {"limit_lines": limit_lines or fitting, "limit_bytes": limit_bytes or size}
        self._engine.run(f"INSERT INTO {self.name} ({_COLUMNS}) {source} SETTINGS {_READ_SETTINGS}", params)
        after = self._loaded(chunk, where)
        if after.timeless:
            timeless = True
            self._engine.run(f"DELETE FROM {self.name} WHERE _chunk = {chunk:d} AND {sought.timeless}")
            after = self._loaded(chunk, where)
        added = after.lines - before.lines
        if fitting is None:
            fitting = added
        return Loaded(
            lines=added,
            duplicates=found - fitting if unless else 0,
            timeless=self._timeless(sought, params) if timeless else (),
            empty=after.empty,
            text_bytes=after.text_bytes - before.text_bytes,
            beyond=fitting - added,
        )

    def textless(self, chunk: int) -> list[Textless]:
        """Which lines of the chunk have no text."""
        rows = self._engine.rows(
            "SELECT _object AS key, count() AS lines,"
            f" any(substringUTF8(_meta, 1, {_SAMPLE_CHARS})) AS sample FROM {self.name}"
            f" WHERE _chunk = {chunk:d} AND length(_line) = 0 AND length(_raw) = 0 GROUP BY key ORDER BY key"
        )
        return [Textless(**row) for row in rows]

    def forget(self, chunk: int) -> None:
        """Take out what an interrupted load of this chunk left. Idempotent."""
        self._engine.run(f"DELETE FROM {self.name} WHERE _chunk = {chunk:d}")

    def build_text_index(self) -> None:
        """Build the text index over all lines, then let parts merge. Idempotent."""
        self._engine.run(f"ALTER TABLE {self.name} ADD INDEX IF NOT EXISTS {TEXT_INDEX}")
        index = TEXT_INDEX.partition(" ")[0]
        self._engine.run(f"ALTER TABLE {self.name} MATERIALIZE INDEX {index} SETTINGS mutations_sync = 2")
        self._engine.run(f"ALTER TABLE {self.name} RESET SETTING {_NO_MERGES.partition(' ')[0]}")

    def clear(self) -> None:
        """Take out all lines. The table stays, and can be searched."""
        self._engine.run(f"TRUNCATE TABLE {self.name} SYNC")

    def drop(self) -> None:
        """Idempotent."""
        self._engine.run(f"DROP TABLE IF EXISTS {self.name} SYNC")

    def stored_bytes(self) -> int:
        """What the lines take up on the disk; 0 for a table that is gone."""
        return _stored_bytes(self._engine, self.name).get(self.name, 0)

    def _loaded(self, chunk: int, where: Where) -> _OfChunk:
        """What is there of the chunk."""
        # The least and the most of all lines: to count those that are odd takes half as long again.
        row = self._engine.rows(
            "SELECT count() AS lines, sum(length(_line)) AS bytes, min(length(_line)) AS shortest,"
            " min(_ts) AS first, max(_ts) AS last, maxIf(_lid, _lid < {end:UInt64}) AS number"
            f" FROM {self.name} WHERE _chunk = {chunk:d}",
            {"end": NO_ID | chunk + 1 << _CHUNK_SHIFT},
        )[0]
        lines = row["lines"]
        return _OfChunk(
            lines=lines,
            text_bytes=row["bytes"],
            timeless=lines > 0 and not where.from_ms <= row["first"] <= row["last"] < where.to_ms,
            empty=lines > 0 and row["shortest"] == 0,
            own=row["number"] + 1 if row["number"] >= NO_ID | chunk << _CHUNK_SHIFT else 0,
        )

    def _twice(self, chunk: int) -> bool:
        """Whether two lines of the chunk have the same id and time."""
        row = self._engine.rows(
            f"SELECT count() AS lines, uniqExact(_lid, _ts) AS different FROM {self.name}"
            f" WHERE _chunk = {chunk:d} AND _lid < {NO_ID}"
        )[0]
        return bool(row["lines"] != row["different"])

    def _measure(self, lines: str, sought: _Sought, params: Mapping[str, Param]) -> tuple[int, int, bool]:
        """How many of the lines fit, the bytes of their text, and whether others have no time."""
        row = self._engine.rows(
            f"SELECT countIf(NOT {sought.timeless}) AS lines, count() AS every,"
            f" sumIf(length(_line), NOT {sought.timeless}) AS bytes FROM ({lines}) SETTINGS {_READ_SETTINGS}",
            params,
        )[0]
        return row["lines"], row["bytes"], row["every"] > row["lines"]

    def _timeless(self, sought: _Sought, params: Mapping[str, Param]) -> tuple[Timeless, ...]:
        rows = self._engine.rows(
            f"SELECT toUInt32OrZero({_FILE}) AS file, count() AS lines,"
            f" any(substringUTF8(if(_line != '', _line, _meta), 1, {_SAMPLE_CHARS})) AS sample"
            f" FROM {_source(f'{sought.any} AND {sought.timeless}')} GROUP BY file ORDER BY file"
            f" SETTINGS {_READ_SETTINGS}",
            params,
        )
        return tuple(Timeless(**row) for row in rows)

    def _unless_known(self, sought: _Sought, params: dict[str, Param], which: str) -> tuple[int, str]:
        """How many lines of the files fit, and what has to follow the condition to leave out those that are
        among `which` of the table, or twice in the files. Adds the parameters of that."""
        row = self._engine.rows(
            "SELECT count() AS lines, min(_ts) AS first_ts, max(_ts) AS last_ts,"
            f" min(_lid) AS first_lid, max(_lid) AS last_lid FROM {_source(sought.good)}"
            f" SETTINGS {_READ_SETTINGS}",
            params,
        )[0]
        params |= {name: row[name] for name in ("first_ts", "last_ts", "first_lid", "last_lid")}
        near = (
            f"SELECT _lid, _ts FROM {self.name} WHERE _ts BETWEEN {{first_ts:Int64}} AND {{last_ts:Int64}}"
            f" AND _lid BETWEEN {{first_lid:UInt64}} AND {{last_lid:UInt64}} AND {which}"
        )
        known = ""
        if self._engine.rows(f"{near} LIMIT 1", params):
            same = f"{near} AND (_lid, _ts) IN (SELECT _lid, _ts FROM {_source(sought.good)})"
            known = f" AND (_lid, _ts) NOT IN ({same})"
        return row["lines"], f"{known} LIMIT 1 BY _lid, _ts, if(_lid = 0, rowNumberInAllBlocks() + 1, 0)"


class _Sought(NamedTuple):
    """Conditions on the lines of files."""

    good: str  # what fits
    any: str  # that, and what has no time and fits but for that
    timeless: str  # what the latter are, of them

    @classmethod
    def of(cls, where: Where, *, timed: bool) -> _Sought:
        good = f"{_IN_RANGE} AND ({where.sql})"
        if not timed:
            return cls(good=good, any=good, timeless="(0)")
        first = 1 if where.from_ms > 0 else 0  # where `_ts` is missing the engine reads 0
        timeless = f"(_ts < {first} OR _ts >= {MAX_MS})"
        return cls(good=good, any=f"({_IN_RANGE} OR {timeless}) AND ({where.sql})", timeless=timeless)


def _range(where: Where) -> Mapping[str, Param]:
    return {"from_ms": where.from_ms, "to_ms": where.to_ms}


def _source(condition: str) -> str:
    return f"file({{files:String}}, JSONEachRow, '{READ_STRUCTURE}') WHERE ({condition})"


def _lines(chunk: int, own: int, condition: str, unless: str, *, with_object: bool) -> str:
    """A SELECT of the lines of the files as the table has them.

    A line without an id gets a number of our own, from `own`, so that a page can end between two of the
    same time. It has the highest bit, which no id of a record has, and is never shown. The object is found
    by the name of the file: the engine's `_path` has few values, so this costs nothing that can be measured.
    """
    number = f"if(_lid = 0, toUInt64({own:d}) + rowNumberInAllBlocks(), _lid) AS number"
    columns = NAMES.replace("_lid", number, 1)
    key = "''"
    if with_object:
        key = f"transform({_FILE}, {{numbers:Array(String)}}, {{keys:Array(String)}}, '')"
    return f"SELECT {columns}, {chunk:d} AS chunk, {key} AS object FROM {_source(condition)}{unless}"


def _first(lines: str) -> str:
    """A SELECT of the first of those lines, within {limit_lines} and {limit_bytes}."""
    columns = NAMES.replace("_lid", "number", 1)
    return (
        f"SELECT {columns}, chunk, object FROM (SELECT *, sum(length(_line)) OVER (ORDER BY _ts, number"
        f" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto FROM ({lines}))"
        " WHERE upto <= {limit_bytes:UInt64} ORDER BY _ts, number LIMIT {limit_lines:UInt64}"
    )


def first_unreadable(engine: Engine, files: list[Path]) -> tuple[Path, str] | None:
    """The first of the files that the engine cannot read to its end, and why; None if it can read all."""
    for file in files:
        try:
            count_lines(engine, file)
        except EngineError as error:
            return file, _reason(error.message)
    return None


def _reason(message: str) -> str:
    """What is wrong with a file, without what the engine was doing and where its copy is."""
    if "ZLIB_INFLATE_FAILED" in message:
        return "its compressed data is damaged or cut short"
    said = _SAID.search(message)
    return said[1] if said else message


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


def stored_bytes_of_all(engine: Engine) -> dict[str, int]:
    """What each restore's lines take up on the disk, by the restore's id; none without lines is in it."""
    return {name.removeprefix(_PREFIX): size for name, size in _stored_bytes(engine, _PREFIX).items()}


def upgrade_restored(engine: Engine) -> None:
    """Give tables of a former release the column that they lack, so that they can be searched; their lines
    name no object. Idempotent; one query when there is nothing to do."""
    rows = engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND startsWith(name, {prefix:String}) AND name NOT IN (SELECT table FROM system.columns"
        " WHERE database = currentDatabase() AND name = '_object')",
        {"prefix": _PREFIX},
    )
    for row in rows:
        _add_object_column(engine, row["name"])


def _add_object_column(engine: Engine, table: str) -> None:
    engine.run(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {_OBJECT_COLUMN}")


def _stored_bytes(engine: Engine, prefix: str) -> dict[str, int]:
    sql = (
        "SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts"
        " WHERE database = currentDatabase() AND startsWith(table, {prefix:String}) AND active"
        " GROUP BY table"
    )
    try:
        rows = engine.rows(sql, {"prefix": prefix})
    except NotFound:  # a table was dropped while the engine looked at it; it is not among them any more
        rows = engine.rows(sql, {"prefix": prefix})
    return {row["table"]: row["bytes"] for row in rows}
