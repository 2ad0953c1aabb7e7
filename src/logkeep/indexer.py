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
# In a burst, merges wait, because they cost more than indexing: from a large batch until several rounds
# in a row had none, or for this many batches at most. That is a minute or two of all that two cores take in;
# the engine slows inserts down at a thousand parts.
_QUIET_ROUNDS = 6
_MOST_UNMERGED = 150


class Indexer:
    """Adds what the spool holds beyond its mark to the live lines. One thread at a time."""

    def __init__(self, spool: Spool, live: LiveLines) -> None:
        self._spool = spool
        self._live = live
        self._unmerged = 0  # batches since merges were held back
        self._quiet = 0  # rounds in a row without a large batch
        # After a start or an error, of the mark's too, lines beyond it may be in the table already.
        self._unsure = True

    def index_some(self) -> int:
        """Index up to BATCH_BYTES, and pass over what is not to be indexed. Returns how many raw bytes;
        0 when nothing is left.

        Raises EngineError or Overloaded; the same frames are then tried again by the next call.
        """
        last = self._spool.last_seq()
        frames = self._spool.since(self._spool.indexed_upto(), max_bytes=BATCH_BYTES)
        if not frames:
            if self._spool.indexed_upto() < last:  # a spool of an older copy goes on behind seqs it has not
                self._spool.indexed(last)
            return 0
        crash_point("index.begin")
        unsure, self._unsure = self._unsure, True
        if to_index := [frame for frame in frames if frame.indexed]:
            self._live.add(to_index, some_may_be_there=unsure)
        crash_point("index.inserted")
        self._spool.indexed(frames[-1].seq)
        crash_point("index.marked")
        self._unsure = False
        self._spool.trim()
        return sum(frame.raw_bytes for frame in frames)

    def round(self, stopping: threading.Event) -> float | None:
        """One step of the worker: a batch. Returns seconds until the next; None when all is indexed."""
        indexed = self.index_some()
        burst = self._in_burst(indexed)
        self._live.merge(not burst)
        if 0 < indexed < _SMALL_BYTES:
            stopping.wait(_LINGER_S)
        if indexed:
            return 0.0
        return _LINGER_S if burst else None

    def _in_burst(self, indexed: int) -> bool:
        self._quiet = 0 if indexed >= _SMALL_BYTES else self._quiet + 1
        if self._quiet >= _QUIET_ROUNDS:
            self._unmerged = 0
        elif self._unmerged or not self._quiet:
            self._unmerged += 1
        return 0 < self._unmerged <= _MOST_UNMERGED

    def lag_frames(self) -> int:
        """How many frames the mark has not passed yet."""
        return self._spool.last_seq() - self._spool.indexed_upto()
