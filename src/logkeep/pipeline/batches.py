"""Cuts a queue's frames into batches: in order, within limits, and without a look into the lines."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate

from logkeep.pipeline.destinations.base import Batch
from logkeep.pipeline.outbox import FrameLines, Outbox, Place, Posted


@dataclass(frozen=True)
class Cut:
    """A batch, and the place up to which its queue is delivered when the batch is."""

    batch: Batch
    upto: Place


class Batches:
    """One queue's batches, for one thread. What `queued` returned is used while it makes whole batches, so a
    frame is read about once; memory holds what one batch may have, and a frame."""

    def __init__(self, outbox: Outbox, queue: str, *, whole_frames: bool) -> None:
        self._outbox = outbox
        self._queue = queue
        self._whole_frames = whole_frames
        self._key = f"{outbox.outbox_id()}/{queue}"
        self._frames: list[Posted] = []  # the rest of them, the next one last
        self._used = 0  # lines of the next one that are in batches

    def next(self, *, max_lines: int, max_bytes: int) -> Cut | None:
        """The next batch, with one line at least; None when nothing waits. Raises Overloaded.

        It is not to be asked for before the one before is acknowledged.
        """
        if self._is_short(max_lines, max_bytes):
            # From where the last batch ended: that is acknowledged.
            found = self._outbox.queued(self._queue, max_lines=max_lines, max_bytes=max_bytes)
            self._frames, self._used = found[::-1], 0
        if not self._frames:
            return None
        if self._whole_frames:
            return self._frame()
        via = self._frames[-1].via
        lines: list[bytes] = []
        upto = Place(0, 0)
        while self._frames and self._frames[-1].via == via and len(lines) < max_lines and max_bytes > 0:
            taken, upto = self._take(max_lines - len(lines), max_bytes, one=not lines)
            if not taken:
                break
            lines += taken
            max_bytes -= sum(map(len, taken))
        return Cut(Batch(tuple(lines), queue=self._queue, via=via), upto)

    def _is_short(self, max_lines: int, max_bytes: int) -> bool:
        """Whether what is here may be less than a batch."""
        if self._whole_frames or not self._frames:
            return not self._frames
        if sum(len(one.lines) for one in self._frames) - self._used >= max_lines:
            return False
        size = 0
        for one in reversed(self._frames):
            size += sum(map(len, one.lines[self._used :] if one is self._frames[-1] else one.lines))
            if size >= max_bytes:
                return False
        return True

    def _frame(self) -> Cut:
        """One frame, as the outbox holds it."""
        frame = self._frames.pop()
        rest = f"+{frame.first}" if frame.first else ""
        # With a digest: an outbox that was put back from an older copy gives its numbers a second time.
        data = frame.lines.data if isinstance(frame.lines, FrameLines) else b"".join(frame.lines)
        key = f"{self._key}/{frame.seq}{rest}-{blake2b(data, digest_size=8).hexdigest()}"
        return Cut(Batch(frame.lines, key=key, queue=self._queue, via=frame.via), Place(frame.seq + 1, 0))

    def _take(self, max_lines: int, max_bytes: int, *, one: bool) -> tuple[tuple[bytes, ...], Place]:
        """Lines of the next frame that fit; the first one in any case if `one` is to be there."""
        frame, start = self._frames[-1], self._used
        taken = tuple(frame.lines[start : start + max_lines])
        if sum(map(len, taken)) > max_bytes:
            fit = bisect_right(list(accumulate(map(len, taken))), max_bytes)
            taken = taken[: max(fit, int(one))]
        self._used = start + len(taken)
        if self._used < len(frame.lines):
            return taken, Place(frame.seq, frame.first + self._used)
        self._frames.pop()
        self._used = 0
        return taken, Place(frame.seq + 1, 0)
