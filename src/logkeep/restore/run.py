"""Run: the chunks of one restore, from the bucket into its table, each exactly once.

The ledger says which chunks are done; every row of the table says which chunk it is of. A chunk that was
begun and is not done may have left rows, so they are taken out before it is loaded again. Chunks that
cannot meet a line twice run side by side; of the others one is loaded at a time, and leaves out what is
there. (docs/decisions/0003-restore-ledger.md)
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from logkeep.archive.foreign.base import Layout
from logkeep.catalog.restores import OPEN, Restores
from logkeep.catalog.values import Chunk, ChunkState, Restore, RestoreProblem, RestoreState
from logkeep.errors import Conflict, DamagedArchive, EngineError, LogkeepError, ObjectFrozen, Overloaded
from logkeep.faults import crash_point
from logkeep.index.base import Engine
from logkeep.index.restored import Loaded, RestoredLines, Textless, Where, count_lines, first_unreadable
from logkeep.query.parse import parse
from logkeep.query.sql import compile_sql
from logkeep.restore.chunks import ChunkSpec, Piece
from logkeep.restore.fetch import BadPiece, Batch, Translation, Unreadable, fetched
from logkeep.restore.lacking import joined, without_text, without_time
from logkeep.restore.slots import Slots
from logkeep.storage.base import Bucket
from logkeep.timeline import Clock

_THREADS = 2  # chunks of one restore side by side, each in one thread of the engine
# Every chunk is a part until merges begin; the engine slows inserts down at 1,000 parts.
_MOST_UNMERGED_CHUNKS = 256
_OURS = "logkeep"


class Outcome(Enum):
    """How a pass over a restore's chunks came to its end."""

    COMPLETE = "complete"
    HALTED = "halted"  # the server stops, or the restore was paused, aborted or ended early
    LIMIT = "limit"  # it has as many lines or bytes as it may have
    FROZEN = "frozen"  # what is left is in cold storage


@dataclass(kw_only=True)
class RestoreRun:
    """One pass over the open chunks of a restore."""

    restore: Restore
    bucket_of: Callable[[int], Bucket]  # from the id of a target
    layout_of: Callable[[int, str], Layout]  # from the id of a target and the name in a piece
    is_cold: Callable[[Piece], bool]  # whether a piece's object cannot be read now
    restores: Restores
    engine: Engine
    work: Path  # a folder for files on their way; removed in the end
    slots: Slots
    clock: Clock
    stopping: threading.Event  # set: begin no further chunk
    min_free_bytes: int = 0  # disk space that stays free
    _failed: threading.Event = field(default_factory=threading.Event, init=False)
    _full: threading.Event = field(default_factory=threading.Event, init=False)
    _comparing: threading.Lock = field(default_factory=threading.Lock, init=False)
    _timing: threading.Lock = field(default_factory=threading.Lock, init=False)
    _since: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._table = RestoredLines(self.engine, self.restore.id)
        self._where = _where(self.restore)
        self._limited = bool(self.restore.limit_lines or self.restore.limit_bytes)

    def load(self) -> Outcome:
        """Load every chunk that is not done and can be read.

        Raises StorageError, DamagedArchive, EngineError or Overloaded; chunks that are done stay done.
        """
        chunks = self.restores.chunks(self.restore.id)
        create_table(self._table, len(chunks))
        if all(chunk.state is ChunkState.PENDING for chunk in chunks):
            self._table.clear()  # of a former try, which failed; it may be searched meanwhile
        if self.restore.partial:
            self._give_up(chunks)
            return Outcome.COMPLETE
        todo = [chunk for chunk in chunks if chunk.state in OPEN]
        # Left-overs go first: they could pass for lines that a chunk has to leave out.
        for chunk in todo:
            if chunk.state is ChunkState.LOADING:
                self._table.forget(chunk.number)
        specs = [(chunk, ChunkSpec.decode(chunk.spec)) for chunk in todo]
        warm = [item for item in specs if not item[1].cold or not self._is_cold(item[1])]
        free = [item for item in warm if not item[1].dedupe]
        bound = [item for item in warm if item[1].dedupe]
        self._since = time.monotonic()
        complete = self._load_all(free) and self._load_all(bound)
        if self._full.is_set():
            return Outcome.LIMIT
        if not complete:
            return Outcome.HALTED
        return Outcome.COMPLETE if len(warm) == len(specs) else Outcome.FROZEN

    def _give_up(self, chunks: Sequence[Chunk]) -> None:
        """Leave out what was not done when the restore was ended early."""
        for chunk in chunks:
            if chunk.state is ChunkState.LOADING:
                self._table.forget(chunk.number)
                self.restores.left_out(chunk)

    def _is_cold(self, spec: ChunkSpec) -> bool:
        return any(self.is_cold(piece) for piece in spec.pieces)

    def _load_all(self, items: Iterable[tuple[Chunk, ChunkSpec]]) -> bool:
        # One after the other where a limit has to be kept: each has to know what came before it.
        threads = 1 if self._limited else _THREADS
        with ThreadPoolExecutor(threads, thread_name_prefix="restore-chunk") as pool:
            futures = [pool.submit(self._load_unless_halted, chunk, spec) for chunk, spec in items]
        loaded = [future.result() for future in futures]  # raises the first error, if any
        return all(loaded)

    def _load_unless_halted(self, chunk: Chunk, spec: ChunkSpec) -> bool:
        now = self.restores.get(self.restore.id)
        if self._halted(now):
            return False
        if now.full:
            self._full.set()
            return False
        try:
            begun = self.restores.begin(chunk)
        except Conflict:
            return False  # it was given up meanwhile
        try:
            if chunk.state is ChunkState.CUT:
                # Not before: should the restore end meanwhile, these lines stay.
                self._table.forget(chunk.number)
                now = self.restores.get(self.restore.id)
            self._load_one(begun, spec, _room(now))
        except LogkeepError:
            self._failed.set()  # so that the other chunks do not begin
            raise
        return not self._full.is_set()

    def _halted(self, now: Restore) -> bool:
        """Whether no further chunk is to begin, as things are now."""
        if self._failed.is_set() or self._full.is_set() or self.stopping.is_set():
            return True
        known = self.restore
        other_limits = (now.limit_lines, now.limit_bytes) != (known.limit_lines, known.limit_bytes)
        return now.state is not RestoreState.IN_PROGRESS or bool(now.partial) or other_limits

    def _load_one(self, begun: Chunk, spec: ChunkSpec, room: _Room) -> None:
        crash_point("restore.chunk_begun")
        self._check_disk()
        self.restores.started(self.restore.id, self.clock())
        done = _Loading(run=self, number=begun.number, spec=spec, room=room).load()
        crash_point("restore.chunk_loaded")
        if done.cut:
            self._full.set()
        self.restores.done(
            begun,
            lines=done.lines,
            duplicates=done.duplicates,
            raw_bytes=done.raw_bytes,
            text_bytes=done.text_bytes,
            stored_bytes=done.stored_bytes,
            cut=done.cut,
            skipped_lines=done.skipped_lines,
            found=done.problems,
            worked_ms=self._worked_ms(),
        )
        crash_point("restore.chunk_done")

    def _worked_ms(self) -> int:
        """For how long this run has worked since it was asked before."""
        with self._timing:
            now = time.monotonic()
            worked, self._since = now - self._since, now
        return round(worked * 1000)

    def _check_disk(self) -> None:
        """Raises Overloaded when restoring would take the room that intake needs."""
        self.work.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.work.parent).free < self.min_free_bytes:
            raise Overloaded(
                "the disk of the data folder is full but for what is kept free",  # how much, all would see
                hint="free space there; the setting min_free_bytes says how much is kept free",
            )

    def insert(self, number: int, spec: ChunkSpec, batch: Batch, room: _Room) -> Loaded:
        """Load a batch in its turn; one that has to be compared with what is there, alone of its restore."""
        with self._comparing if spec.dedupe else nullcontext(), self.slots.one():
            return self._table.load(
                batch.glob,
                number,
                self._where,
                batch.keys,
                new_only=spec.dedupe,
                once_only=spec.alone,
                timed=_is_ours(spec) and not self.restore.pipeline,
                limit_lines=room.lines or 0,
                limit_bytes=room.text_bytes or 0,
            )

    def textless(self, number: int) -> list[Textless]:
        return self._table.textless(number)

    def forget(self, number: int) -> None:
        self._table.forget(number)


@dataclass(frozen=True, kw_only=True)
class _Room:
    lines: int | None
    text_bytes: int | None

    @property
    def none(self) -> bool:
        return self.lines == 0 or self.text_bytes == 0

    def less(self, loaded: Loaded) -> _Room:
        return _Room(
            lines=None if self.lines is None else max(0, self.lines - loaded.lines),
            text_bytes=None if self.text_bytes is None else max(0, self.text_bytes - loaded.text_bytes),
        )


def _room(now: Restore) -> _Room:
    """How much more may come."""
    return _Room(
        lines=max(0, now.limit_lines - now.lines) if now.limit_lines else None,
        text_bytes=max(0, now.limit_bytes - now.text_bytes) if now.limit_bytes else None,
    )


@dataclass(kw_only=True)
class _Loading:
    """One chunk on its way into the table, and what becomes of it."""

    run: RestoreRun
    number: int
    spec: ChunkSpec
    room: _Room
    lines: int = 0
    duplicates: int = 0
    text_bytes: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0
    cut: bool = False
    skipped_lines: int = 0
    problems: list[RestoreProblem] = field(default_factory=list)
    empty: bool = False  # whether some line has no `_line`

    def load(self) -> _Loading:
        """Load it. Raises what is wrong with it, unless that is to be passed over."""
        translated = [piece for piece in self.spec.pieces if piece.layout]
        plain = [piece for piece in self.spec.pieces if not piece.layout]
        damaged = self._plain(plain) if plain else []
        for bad in damaged:
            if bad.piece.lines:
                self._note(bad)
        self._translated([*translated, *(bad.piece for bad in damaged)])
        if self.empty and _is_ours(self.spec) and not (self.run.restore.pipeline or self.run.restore.files):
            self.problems += without_text(self.spec.pieces, self.run.textless(self.number))
        self.problems = joined(self.problems)
        return self

    @property
    def _skipping(self) -> bool:
        return self.run.restore.skip_damaged

    def _plain(self, pieces: Sequence[Piece]) -> list[BadPiece]:
        """Load what the engine can read as it is. Returns the pieces that it cannot."""
        damaged: list[BadPiece] = []
        while good := [piece for piece in pieces if piece not in [bad.piece for bad in damaged]]:
            try:
                with fetched(self.run.bucket_of, good, self._folder) as batch:
                    crash_point("restore.chunk_fetched")
                    loaded = self._insert(good, batch)
                    self._check_count(good, batch, loaded)
                self._add(loaded, batch, sum(piece.raw_bytes for piece in good))
                break
            except BadPiece as bad:
                self.run.forget(self.number)
                if not self._may_pass(bad):
                    raise bad.error from bad
                damaged.append(bad)
        return damaged

    def _may_pass(self, bad: BadPiece) -> bool:
        """Whether a piece that cannot be loaded as it is may be read line by line instead.

        On request always, unless waiting makes it readable. Without, only where no manifest vouches for its
        lines: that one of them cannot be read is told, and holds up nothing.
        """
        if isinstance(bad.error, ObjectFrozen):
            return False
        return self._skipping or (not bad.piece.lines and isinstance(bad.error.__cause__, EngineError))

    def _note(self, bad: BadPiece) -> None:
        piece = bad.piece
        self.problems.append(
            RestoreProblem(key=piece.key, offset=0, reason=bad.error.message, target=piece.target, whole=True)
        )

    def _translated(self, pieces: Sequence[Piece]) -> None:
        """Load what has to be translated first."""
        if not pieces or self.cut:
            return
        translation = Translation(pieces, self.run.bucket_of, self._layout, passing=self._skipping)
        try:
            for batch in translation.batches(self._folder):
                crash_point("restore.chunk_fetched")
                room = self.room.less(self._so_far)
                if room.none:
                    self.cut = True
                    break
                loaded = self.run.insert(self.number, self.spec, batch, room)
                self._add(loaded, batch, batch.raw_bytes)
                if self.cut:
                    break
        except BadPiece as bad:
            self.run.forget(self.number)
            raise bad.error from bad
        self.skipped_lines += translation.lines
        self.problems += map(_problem, translation.found)

    @property
    def _so_far(self) -> Loaded:
        return Loaded(lines=self.lines, duplicates=self.duplicates, text_bytes=self.text_bytes)

    @property
    def _folder(self) -> Path:
        return self.run.work / str(self.number)

    def _layout(self, piece: Piece) -> Layout:
        return self.run.layout_of(piece.target, piece.layout or _OURS)

    def _insert(self, pieces: Sequence[Piece], batch: Batch) -> Loaded:
        try:
            return self.run.insert(self.number, self.spec, batch, self.room)
        except EngineError as error:
            unreadable = first_unreadable(self.run.engine, list(batch.files))
            if unreadable is None:
                raise
            file, reason = unreadable
            piece = pieces[batch.files.index(file)]
            damage = DamagedArchive(
                f"object {piece.key} cannot be read: {reason}",
                hint="run 'logkeep verify' to see what else is damaged, or restore with skip_damaged",
            )
            damage.__cause__ = error
            raise BadPiece(piece, damage) from error

    def _check_count(self, pieces: Sequence[Piece], batch: Batch, loaded: Loaded) -> None:
        """Raises BadPiece when the lines are not as many as the manifests say, where that can be known."""
        if self.spec.lines is None or loaded.beyond:
            return
        came = loaded.lines + loaded.duplicates + sum(one.lines for one in loaded.timeless)
        if came == sum(piece.lines for piece in pieces):
            return
        for piece, file in zip(pieces, batch.files, strict=True):
            there = count_lines(self.run.engine, file)
            if there != piece.lines:
                what = f"object {piece.key} gave {there} lines, its manifest says {piece.lines}"
                raise BadPiece(piece, DamagedArchive(what))
        keys = ", ".join(piece.key for piece in pieces)
        what = f"of the lines in {keys}, {came} have times within the bounds that the manifests give"
        raise BadPiece(pieces[0], DamagedArchive(what))

    def _add(self, loaded: Loaded, batch: Batch, raw_bytes: int) -> None:
        self.lines += loaded.lines
        self.duplicates += loaded.duplicates
        self.text_bytes += loaded.text_bytes
        self.empty = self.empty or loaded.empty
        self.skipped_lines += sum(one.lines for one in loaded.timeless)
        self.problems += without_time(batch.pieces, loaded.timeless)
        self.cut = self.cut or loaded.beyond > 0
        self.raw_bytes += raw_bytes
        self.stored_bytes += batch.stored_bytes


def create_table(table: RestoredLines, chunks: int) -> None:
    """Make the table for this many chunks, so that it can be searched. Idempotent."""
    table.create(merging=chunks > _MOST_UNMERGED_CHUNKS)


def _is_ours(spec: ChunkSpec) -> bool:
    """Whether its objects are of our own layout; what another system has for a line is for its layout to
    say."""
    return all(piece.layout in ("", _OURS) for piece in spec.pieces)


def _problem(found: Unreadable) -> RestoreProblem:
    one = found.problem
    return RestoreProblem(
        key=one.key,
        offset=one.offset,
        reason=one.reason,
        sample=one.sample,
        target=found.piece.target,
        whole=found.whole,
    )


def _where(restore: Restore) -> Where:
    condition = compile_sql(parse(restore.query))
    return Where(
        sql=condition.sql,
        params=condition.params,
        from_ms=restore.from_ms,
        to_ms=restore.to_ms,
    )
