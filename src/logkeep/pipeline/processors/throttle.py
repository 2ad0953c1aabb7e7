"""Drops what comes faster than it may."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import text_getter
from logkeep.record import Record

MOST_VALUES = 100_000  # remembered
_MOST = 1_000_000_000  # a second, and at once
_MOST_TEXT = 64  # characters of a value that are kept; of longer ones, a digest


class ThrottleProcessor:
    """A bucket that holds `burst` tokens and gets `rate` of them a second; each event takes one. With `by`,
    every value of the field has its own; events without the field share one. Raises BadSetting.

    Noted: `forgotten` for values that were forgotten, the longest unseen first, because there were more than
    MOST_VALUES; their buckets are full again.
    """

    def __init__(self, spec: model.Throttle, clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not 0 < spec.rate <= _MOST:
            raise BadSetting(
                f"the rate is {spec.rate:g}", hint=f"more than 0, at most {_MOST:,} a second", field="rate"
            )
        if not 0 <= spec.burst <= _MOST:
            raise BadSetting(f"the burst is {spec.burst}", hint=f"0 to {_MOST:,}", field="burst")
        self._rate = spec.rate
        self._size = float(spec.burst or math.ceil(spec.rate))
        self._text = text_getter(spec.by, setting="by") if spec.by else None
        self._clock = clock
        self._buckets: OrderedDict[str | bytes, tuple[float, float]] = OrderedDict()  # tokens, and when

    def run(self, records: list[Record]) -> list[Record]:
        now, text_of = self._clock(), self._text
        if text_of is None:
            return records[: self._take("", now, len(records))]
        return [record for record in records if self._take(_key(text_of(record)), now, 1)]

    def _take(self, key: str | bytes, now: float, wanted: int) -> int:
        """How many of the events may pass."""
        tokens, at = self._buckets.pop(key, (self._size, now))
        tokens = min(self._size, tokens + max(now - at, 0.0) * self._rate)
        taken = min(wanted, int(tokens + 1e-9))  # what floats lose must not cost an event
        self._buckets[key] = (tokens - taken, now)
        if len(self._buckets) > MOST_VALUES:
            self._buckets.popitem(last=False)
            self.noted["forgotten"] += 1
        return taken


def _key(text: str) -> str | bytes:
    if len(text) <= _MOST_TEXT:
        return text
    return blake2b(text.encode(errors="replace"), digest_size=16).digest()
