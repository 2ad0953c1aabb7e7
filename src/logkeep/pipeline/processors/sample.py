"""Lets a share of the events through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from hashlib import blake2b

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import text_getter
from logkeep.record import Record

_HASHES = 1 << 64


class SampleProcessor:
    """By count: of any events in a row as many as the rate says, to the one. With `by`, the hash of the
    field's text decides, on every server the same; events without the field are counted. Raises
    BadSetting."""

    def __init__(self, spec: model.Sample, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not 0 < spec.rate <= 1:
            raise BadSetting(f"the rate is {spec.rate:g}", hint="more than 0, at most 1", field="rate")
        rate = Fraction(repr(spec.rate))  # as written: a tenth is no float
        self._add, self._full = rate.numerator, rate.denominator
        self._level = self._full - self._add  # the first event passes
        self._below = int(rate * _HASHES)
        self._text = text_getter(spec.by, setting="by") if spec.by else None

    def run(self, records: list[Record]) -> list[Record]:
        text_of = self._text
        if text_of is None:
            return [record for record in records if self._counted()]
        return [record for record in records if self._chosen(text_of(record))]

    def _counted(self) -> bool:
        self._level += self._add
        if self._level < self._full:
            return False
        self._level -= self._full
        return True

    def _chosen(self, text: str) -> bool:
        if not text:
            return self._counted()
        digest = blake2b(text.encode(errors="replace"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self._below
