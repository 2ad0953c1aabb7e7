"""The scanner for much data: the engine reads the objects, by the same condition as a restore.

For a query that makes Python decode many lines it is several times as fast.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path

import msgspec

from logkeep.archive.reader import read_blocks
from logkeep.archive.scan import Found
from logkeep.errors import DamagedArchive, EngineError, ObjectFrozen, ObjectMissing, Overloaded
from logkeep.index.base import Engine, Param
from logkeep.index.columns import NAMES, READ_STRUCTURE
from logkeep.inplace.lines import Counts, Effort, LineScanner, Run, Take
from logkeep.inplace.places import Unit
from logkeep.inplace.tally import Tally
from logkeep.query.ast import Node
from logkeep.query.sql import compile_sql
from logkeep.record import NO_META, Record, encode_lines
from logkeep.timeline import MAX_MS, TimeRange

# As a restore reads: one thread a statement, which keeps the order of the lines, and some side by side.
_SETTINGS = (
    "max_threads = 1, use_hive_partitioning = 0, input_format_parallel_parsing = 0,"
    " input_format_max_block_size_bytes = 33554432, prefer_column_name_to_alias = 1"
)
# The columns as members of a canonical line; `_meta` is a text here, and 0 may stand for no id and no time.
_MEMBERS = NAMES.replace("_lid", "toString(_lid) AS _lid", 1)


# Of lines, that are read in one statement where lines are asked for: what it gives takes some times as much.
MOST_BYTES = 12 << 20
# More of them in one are left to Python, which takes them piece by piece.
_MOST_LINES = 40_000
_PIECE_BYTES = 1 << 20


class _Count(msgspec.Struct):
    step: int
    name: str  # the level
    lines: int  # that match
    read: int


class _Time(msgspec.Struct, gc=False):
    ts: int = msgspec.field(name="_ts")


_rows = msgspec.json.Decoder(Record)
_times = msgspec.json.Decoder(_Time)
_counts = msgspec.json.Decoder(_Count)


class EngineScanner:
    """`Scanner` over an engine, for blocks of archives of ours. `work` is a folder for files on their way.

    What the engine cannot read, and blocks that are not what their manifest says, are left to `other`, which
    finds out what is damaged; so are runs in which very many lines match. A line that it gives is what a
    restore makes of it: canonical, whatever was in the object.
    """

    def __init__(
        self,
        engine: Engine,
        work: Path,
        node: Node,
        within: TimeRange | None,
        other: LineScanner,
        tally: Tally,
        effort: Effort,
    ) -> None:
        condition = compile_sql(node)
        self._engine = engine
        self._work = work
        self._other = other
        self._tally = tally
        self._effort = effort
        self._numbers = count()
        within = within or TimeRange(start=-1, end=MAX_MS)
        self._where = f"_ts >= {{from_ms:Int64}} AND _ts < {{to_ms:Int64}} AND ({condition.sql})"
        self._params: dict[str, Param] = {
            **condition.params,
            "from_ms": within.start,
            "to_ms": within.end,
        }

    def lines(self, run: Run, take: Take) -> None:
        for part in _parts(run):
            if sum(unit.weight for unit in part) > MOST_BYTES:
                self._other.lines(part, take)
            else:
                self._lines(part, take)

    def _lines(self, run: Run, take: Take) -> None:
        rows = self._ask(f"SELECT {_MEMBERS}", f"WHERE {self._where} LIMIT {_MOST_LINES + 1}", run)
        if rows is None or not self._as_told(run, rows):
            self._other.lines(run, take)
            return
        found = 0
        for piece in _pieces(rows):
            records = [_as_canonical(record) for record in _rows.decode_lines(piece)]
            lines = BytesIO(encode_lines(records)).readlines()
            take(run[0], found, Found(lines, records, len(lines), len(piece)))
            found += len(lines)
        self._done(run, found)

    def counts(self, run: Run, step_ms: int) -> Counts:
        """Of all lines, so that those that are no part of the blocks' counts are noticed."""
        step, name = "0", "''"
        if step_ms:
            step = f"if({self._where}, intDiv(_ts, {{step:Int64}}) * {{step:Int64}}, 0)"
            name = f"if({self._where}, level, '')"
        rows = self._ask(
            f"SELECT {step} AS step, {name} AS name, countIf({self._where}) AS lines, count() AS read",
            "GROUP BY step, name",
            run,
            step=step_ms,
        )
        answer = _counts.decode_lines(rows) if rows is not None else []
        if sum(row.read for row in answer) != _lines_of(run):
            return self._other.counts(run, step_ms)
        counts: Counts = Counter()
        for row in answer:
            if row.lines:
                counts[row.step, row.name] = row.lines
        self._done(run, counts.total())
        return counts

    def _as_told(self, run: Run, rows: bytes) -> bool:
        """Whether the rows are no more than may be held at a time, and of the times that the blocks have."""
        low, high = min(unit.first_ms for unit in run), max(unit.last_ms for unit in run)
        times = [one.ts for one in _times.decode_lines(rows)]
        return len(times) <= _MOST_LINES and all(low <= ts <= high for ts in times)

    def _done(self, run: Run, found: int) -> None:
        stored = sum(unit.block.length for unit in run if unit.block)
        raw_bytes = sum(unit.block.raw_bytes for unit in run if unit.block)
        self._tally.read(blocks=len(run), bytes_read=stored)
        self._effort.add(raw_bytes=raw_bytes, tested=_lines_of(run), found=found)

    def _ask(self, select: str, rest: str, run: Run, **params: Param) -> bytes | None:
        """The answer, one JSON object a row; None when these blocks cannot be read, or not by the engine."""
        try:
            with self._file(run) as file:
                return self._engine.json_lines(
                    f"{select} FROM file({{file:String}}, JSONEachRow, '{READ_STRUCTURE}')"
                    f" {rest} SETTINGS {_SETTINGS}",
                    {**self._params, **params, "file": str(file)},
                )
        except (EngineError, DamagedArchive, ObjectMissing, ObjectFrozen):
            return None

    @contextmanager
    def _file(self, run: Run) -> Iterator[Path]:
        """The lines of the blocks as one file, removed in the end. They are unpacked here, so that a block
        that holds more than its manifest says is noticed before it takes memory; isal is faster at it, too.

        Raises StorageError, DamagedArchive for blocks that hold other bytes or another number of lines, and
        Overloaded when there is no room.
        """
        source = run[0].source
        folder = self._work / str(next(self._numbers))
        file = folder / "lines.json"
        blocks = [unit.block for unit in run if unit.block]
        try:
            folder.mkdir(parents=True)
            with file.open("wb") as out:
                for block, lines in zip(blocks, read_blocks(source.bucket, source.key, blocks), strict=True):
                    if lines.count(b"\n") != block.lines or not lines.endswith(b"\n"):
                        raise DamagedArchive(f"{source.key} at byte {block.offset} has other lines")
                    out.write(lines)
            yield file
        except OSError as error:
            raise Overloaded(
                f"blocks cannot be fetched into {self._work}: {error.strerror}",
                hint="is the disk full? Free space and search again",
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _lines_of(run: Run) -> int:
    return sum(unit.block.lines for unit in run if unit.block)


def _parts(run: Run) -> Iterator[Run]:
    """The run in shorter ones of at most MOST_BYTES, or of one unit."""
    part: list[Unit] = []
    size = 0
    for unit in run:
        size += unit.weight
        if part and size > MOST_BYTES:
            yield part
            part, size = [], unit.weight
        part.append(unit)
    yield part


def _pieces(rows: bytes) -> Iterator[bytes]:
    """The rows, about a MiB at a time."""
    start = 0
    while start < len(rows):
        end = rows.find(b"\n", start + _PIECE_BYTES) + 1 or len(rows)
        yield rows[start:end]
        start = end


def _as_canonical(record: Record) -> Record:
    """The record as a canonical line has it, of a row of the engine."""
    if record.lid == "0":
        record.lid = ""
    if record.rx == 0:
        record.rx = -1
    # The engine keeps JSON as it came, but of a text only what it says.
    text = msgspec.json.decode(bytes(record.meta), type=str)
    record.meta = _meta(text, record.meta) if text else NO_META
    return record


def _meta(text: str, quoted: msgspec.Raw) -> msgspec.Raw:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return quoted
    return msgspec.Raw(text.encode())
