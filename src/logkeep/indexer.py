"""Indexer: frames of the spool to live lines, in order, each exactly once."""

from __future__ import annotations

import threading

from logkeep.faults import crash_point
from logkeep.index.live import LiveLines
from logkeep.spool.base import Spool

# A larger batch makes fewer parts to merge; this one holds some 300,000 lines and bounds the memory.
BATCH_BYTES = 96 << 20
# After a small batch, wait for more lines to come together: every insert makes a part to merge.
_SMALL_BYTES = 16 << 20
_LINGER_S = 0.5
# In a burst, merges wait: they cost more than indexing. They may wait for this many batches, a minute or
# two of all that two cores take in; the engine slows inserts down at a thousand parts.
_MOST_UNMERGED = 150


class Indexer:
    """Adds what the spool holds beyond its mark to the live lines. One thread at a time."""

    def __init__(self, spool: Spool, live: LiveLines) -> None:
        self._spool = spool
        self._live = live
        self._large_batches = 0  # in a row
        # After a start or an error, of the mark's too, lines beyond it may be in the table already.
        self._unsure = True

    def index_some(self) -> int:
        """Index up to BATCH_BYTES. Returns how many raw bytes; 0 when all is indexed.

        Raises EngineError or Overloaded; the same frames are then tried again by the next call.
        """
        frames = self._spool.since(self._spool.indexed_upto(), max_bytes=BATCH_BYTES)
        if not frames:
            return 0
        crash_point("index.begin")
        unsure, self._unsure = self._unsure, True
        self._live.add(frames, some_may_be_there=unsure)
        crash_point("index.inserted")
        self._spool.indexed(frames[-1].seq)
        crash_point("index.marked")
        self._unsure = False
        self._spool.trim()
        return sum(frame.raw_bytes for frame in frames)

    def round(self, stopping: threading.Event) -> float | None:
        """One step of the worker: a batch. Returns seconds until the next; None when all is indexed."""
        indexed = self.index_some()
        self._large_batches = self._large_batches + 1 if indexed >= _SMALL_BYTES else 0
        self._live.merge(not 0 < self._large_batches <= _MOST_UNMERGED)
        if 0 < indexed < _SMALL_BYTES:
            stopping.wait(_LINGER_S)
        return 0.0 if indexed else None

    def lag_frames(self) -> int:
        """How many frames are not indexed yet."""
        return self._spool.last_seq() - self._spool.indexed_upto()
