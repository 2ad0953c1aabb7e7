"""Which blocks a sample takes: the same ones for the same seed, on every machine and in every release."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from logkeep.archive.manifest import BlockEntry
from logkeep.errors import BadSetting

_RANKS = 1 << 64


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A part of each object: this fraction of its blocks, at least one. Another seed takes others.

    Raises BadSetting for a fraction that is not above 0 and up to 1.
    """

    fraction: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise BadSetting(
                f"the fraction of a sample is above 0 and up to 1, not {self.fraction}",
                hint="0.05 reads every twentieth block",
                field="sample",
            )

    def blocks(self, key: str, blocks: Sequence[BlockEntry]) -> Sequence[BlockEntry]:
        """The blocks of this object that are taken, in their order."""
        count = min(len(blocks), max(1, math.ceil(len(blocks) * self.fraction)))
        taken = heapq.nsmallest(count, blocks, key=lambda one: self._rank(f"{key}@{one.offset}"))
        return sorted(taken, key=lambda one: one.offset)

    def takes(self, key: str) -> bool:
        """Whether an object is taken that cannot be read in part, because it has no manifest."""
        return self._rank(key) < self.fraction * _RANKS

    def _rank(self, what: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.seed}:{what}".encode()).digest()[:8])
