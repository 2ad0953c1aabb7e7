"""Drops events that say the same as one shortly before."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.bounds import amount
from logkeep.pipeline.fields import text_getter
from logkeep.record import Record

MOST_KEYS = 1_000_000  # remembered; about 130 MB
_TIMES = 10_000  # told apart in one window
_DIGEST_BYTES = 16  # so that no two texts ever have the same


class DedupeProcessor:
    """Of events with equal fields one goes on in each window, which begins with it. Raises BadSetting.

    Noted: `forgotten` for those that were forgotten before their window was over, oldest first, because
    there were more than MOST_KEYS; what equals them goes on once more.
    """

    def __init__(self, spec: model.Dedupe, clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not spec.fields:
            raise BadSetting("no field is named", hint="line is the usual one", field="fields")
        self._texts = [
            text_getter(field, setting=f"fields[{place}]") for place, field in enumerate(spec.fields)
        ]
        self._window_s = amount("window", spec.window)
        self._clock = clock
        self._seen: set[bytes] = set()
        self._order: deque[bytes] = deque()  # the same, oldest first
        self._times: deque[tuple[float, int]] = deque()  # when, and how many of these

    def run(self, records: list[Record]) -> list[Record]:
        now, seen, digest_of = self._clock(), self._seen, self._digest
        self._expire(now)
        kept = []
        for record in records:
            digest = digest_of(record)
            if digest not in seen:
                seen.add(digest)
                self._order.append(digest)
                kept.append(record)
        if kept:
            self._note_time(now, len(kept))
        excess = len(seen) - MOST_KEYS
        if excess > 0:
            self._forget(excess)
            self.noted["forgotten"] += excess
        return kept

    def _digest(self, record: Record) -> bytes:
        if len(self._texts) == 1:
            data = self._texts[0](record).encode(errors="replace")
        else:
            texts = [text_of(record).encode(errors="replace") for text_of in self._texts]
            data = b"".join(
                [b"%d:%b" % (len(text), text) for text in texts]
            )  # so that "a","b" is not "ab",""
        return blake2b(data, digest_size=_DIGEST_BYTES).digest()

    def _note_time(self, now: float, count: int) -> None:
        """Small batches in a row share the time of the first, so that times never outweigh digests."""
        if self._times and now - self._times[-1][0] < self._window_s / _TIMES:
            now, before = self._times.pop()
            count += before
        self._times.append((now, count))

    def _expire(self, now: float) -> None:
        while self._times and now - self._times[0][0] >= self._window_s:
            self._forget(self._times[0][1])

    def _forget(self, count: int) -> None:
        """The oldest so many."""
        self._seen.difference_update([self._order.popleft() for _ in range(count)])
        while count:
            at, here = self._times.popleft()
            if here > count:
                self._times.appendleft((at, here - count))
            count -= min(here, count)
