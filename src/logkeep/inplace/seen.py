"""Which lines were there before, by time and id, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from logkeep.inplace.runs import Scratch, no_room

Hashes = npt.NDArray[np.uint64]

# 8 bytes each. What is more lies on the disk, as files that are mapped: the system keeps of them what it can.
_MOST_IN_MEMORY = 8 << 20
# Sorted parts of about one size are made one up to this, so that few are looked through.
_MOST_OF_A_PART = 4 << 20


@dataclass(frozen=True, kw_only=True)
class _Part:
    hashes: Hashes  # sorted
    last_ms: int  # the greatest of their times
    file: Path | None = None


class Seen:
    """Tells lines by a hash of 64 bits of time and id: of a thousand million lines it may take one that is
    new for one that was there, with a probability of 3 %.

    Belongs to one thread at a time. `work` is a folder for files on their way, None for that of the system;
    `close` removes them.
    """

    def __init__(self, work: Path | None, *, most: int = _MOST_IN_MEMORY) -> None:
        self._scratch = Scratch(work)
        self._most = most
        self._parts: list[_Part] = []

    def close(self) -> None:
        self._parts.clear()
        self._scratch.close()

    def first_time(self, times: list[int], ids: list[int]) -> npt.NDArray[np.bool_]:
        """Which of these were not there before. Ids are below 2**63. Raises Overloaded."""
        first = np.zeros(len(times), np.bool_)
        if not times:
            return first
        hashes = _hashes(np.array(times, np.int64).view(np.uint64), np.array(ids, np.uint64))
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        fresh = np.ones(len(hashes), np.bool_)
        fresh[1:] = hashes[1:] != hashes[:-1]
        for part in self._parts:
            at = np.searchsorted(part.hashes, hashes)
            at[at == len(part.hashes)] = 0
            fresh &= part.hashes[at] != hashes
        if fresh.any():
            self._keep(_Part(hashes=hashes[fresh], last_ms=max(times)))
        first[order[fresh]] = True
        return first

    def forget(self, before_ms: int) -> None:
        """No line of a time before this one is to come."""
        for part in self._parts:
            if part.last_ms < before_ms and part.file is not None:
                part.file.unlink(missing_ok=True)
        self._parts = [part for part in self._parts if part.last_ms >= before_ms]

    def _keep(self, part: _Part) -> None:
        parts = self._parts
        while (
            parts
            and len(parts[-1].hashes) <= 2 * len(part.hashes)
            and len(parts[-1].hashes) + len(part.hashes) <= _MOST_OF_A_PART
        ):
            before = parts.pop()
            together = np.concatenate((before.hashes, part.hashes))
            together.sort(kind="stable")
            part = _Part(hashes=together, last_ms=max(before.last_ms, part.last_ms))
        parts.append(part)
        while sum(len(one.hashes) for one in parts if one.file is None) > self._most:
            self._spill()

    def _spill(self) -> None:
        """Put the oldest part that is in memory on the disk."""
        number = next(number for number, one in enumerate(self._parts) if one.file is None)
        part = self._parts[number]
        path = self._scratch.path()
        try:
            part.hashes.tofile(path)
            mapped = np.memmap(path, np.uint64, "r")
        except OSError as error:
            raise no_room(path, error) from error
        self._parts[number] = _Part(hashes=mapped, last_ms=part.last_ms, file=path)


def _hashes(times: Hashes, ids: Hashes) -> Hashes:
    return _mixed(_mixed(times) ^ ids)


def _mixed(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators)."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)
