"""Run: the chunks of one restore, from the bucket into its table, each exactly once.

The ledger says which chunks are done; every row of the table says which chunk it is of. A chunk that was
begun and is not done may have left rows, so they are taken out before it is loaded again. Chunks that
cannot meet a line twice run side by side; the others follow one by one, and leave out what is there.
(docs/decisions/0003-restore-ledger.md)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from logkeep.catalog.restores import Restores
from logkeep.catalog.values import Chunk, ChunkState, Restore, RestoreState
from logkeep.errors import DamagedArchive, EngineError, LogkeepError
from logkeep.faults import crash_point
from logkeep.index.base import Engine
from logkeep.index.restored import RestoredLines, Where, count_lines, first_unreadable
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.restore.chunks import ChunkSpec
from logkeep.restore.fetch import fetched
from logkeep.storage.base import Bucket

_THREADS = 2  # chunks loaded side by side, each in one thread of the engine
# Every chunk is a part until merges begin; the engine slows inserts down at 1,000 parts.
_MOST_UNMERGED_CHUNKS = 256


@dataclass(kw_only=True)
class RestoreRun:
    """One pass over the open chunks of a restore."""

    restore: Restore
    bucket_of: Callable[[int], Bucket]  # from the id of a target
    restores: Restores
    engine: Engine
    work: Path  # a folder for files on their way; removed in the end
    stopping: Event  # set: begin no further chunk
    _failed: Event = field(default_factory=Event, init=False)

    def __post_init__(self) -> None:
        self._table = RestoredLines(self.engine, self.restore.id)
        self._where = _where(self.restore)

    def load(self) -> bool:
        """Load every chunk that is not done. Returns False if it was stopped or aborted before the end.

        Raises StorageError, DamagedArchive, EngineError or Overloaded; chunks that are done stay done.
        """
        chunks = self.restores.chunks(self.restore.id)
        create_table(self._table, len(chunks))
        todo = [chunk for chunk in chunks if chunk.state is not ChunkState.DONE]
        # Left-overs go first: they could pass for lines that a chunk has to leave out.
        for chunk in todo:
            if chunk.state is ChunkState.LOADING:
                self._table.forget(chunk.number)
        specs = [(chunk, ChunkSpec.decode(chunk.spec)) for chunk in todo]
        free = [item for item in specs if not item[1].dedupe]
        bound = [item for item in specs if item[1].dedupe]
        return self._load_all(free, threads=_THREADS) and self._load_all(bound, threads=1)

    def _load_all(self, items: Iterable[tuple[Chunk, ChunkSpec]], *, threads: int) -> bool:
        with ThreadPoolExecutor(threads, thread_name_prefix="restore-chunk") as pool:
            futures = [pool.submit(self._load_unless_halted, chunk, spec) for chunk, spec in items]
        loaded = [future.result() for future in futures]  # raises the first error, if any
        return all(loaded)

    def _load_unless_halted(self, chunk: Chunk, spec: ChunkSpec) -> bool:
        if self._halted():
            return False
        try:
            self._load_one(chunk, spec)
        except LogkeepError:
            self._failed.set()  # so that the other chunks do not begin
            raise
        return True

    def _halted(self) -> bool:
        if self._failed.is_set() or self.stopping.is_set():
            return True
        return self.restores.get(self.restore.id).state is not RestoreState.IN_PROGRESS

    def _load_one(self, chunk: Chunk, spec: ChunkSpec) -> None:
        begun = self.restores.begin(chunk)
        crash_point("restore.chunk_begun")
        with fetched(self.bucket_of, spec.pieces, self.work / str(chunk.number)) as files:
            crash_point("restore.chunk_fetched")
            lines, duplicates = self._insert(chunk.number, spec, files)
            if spec.lines is not None and lines + duplicates != spec.lines:
                raise self._miscounted(spec, files, lines + duplicates)
        crash_point("restore.chunk_loaded")
        self.restores.done(begun, lines=lines, duplicates=duplicates, raw_bytes=spec.raw_bytes)
        crash_point("restore.chunk_done")

    def _insert(self, number: int, spec: ChunkSpec, files: list[Path]) -> tuple[int, int]:
        all_files = str(files[0].parent / "*.json.gz")
        try:
            if spec.dedupe:
                return self._table.load_new(all_files, number, self._where)
            return self._table.load(all_files, number, self._where), 0
        except EngineError as error:
            unreadable = first_unreadable(self.engine, files)
            if unreadable is None:
                raise
            file, reason = unreadable
            key = spec.pieces[files.index(file)].key
            raise DamagedArchive(
                f"object {key} cannot be read: {reason.message}",
                hint="run 'logkeep verify' to see what else is damaged",
            ) from error

    def _miscounted(self, spec: ChunkSpec, files: list[Path], lines: int) -> LogkeepError:
        """Which object made the count of a chunk wrong."""
        for piece, file in zip(spec.pieces, files, strict=True):
            there = count_lines(self.engine, file)
            if there != piece.lines:
                return DamagedArchive(
                    f"object {piece.key} gave {there} lines, its manifest says {piece.lines}"
                )
        keys = ", ".join(piece.key for piece in spec.pieces)
        return DamagedArchive(
            f"of {spec.lines} lines in {keys}, {lines} have times within the bounds that the manifests give"
        )


def create_table(table: RestoredLines, chunks: int) -> None:
    """Make the table for this many chunks, so that it can be searched. Idempotent."""
    table.create(merging=chunks > _MOST_UNMERGED_CHUNKS)


def _where(restore: Restore) -> Where:
    condition = compile_sql(parse(restore.query))
    return Where(
        sql=f"_ts >= {{from_ms:Int64}} AND _ts < {{to_ms:Int64}} AND ({condition.sql})",
        params={**condition.params, "from_ms": restore.from_ms, "to_ms": restore.to_ms},
        from_ms=restore.from_ms,
        to_ms=restore.to_ms,
    )
