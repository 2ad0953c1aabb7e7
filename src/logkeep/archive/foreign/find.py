"""Finds the objects of a foreign archive that may hold lines of a time range."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.archive.foreign.base import Layout, skipped
from logkeep.storage.base import Bucket
from logkeep.timeline import MIN_MS, TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignObject:
    """An object with lines. `hint` is what its key says of their times; None when it says nothing."""

    key: str
    size: int
    modified: int
    hint: TimeRange | None


def find_foreign(bucket: Bucket, layout: Layout, within: TimeRange | None) -> list[ForeignObject]:
    """The layout's objects whose key does not rule the range out, by (start of the hint or 0, key).

    Markers, sidecars and empty objects are left out. Raises StorageError.
    """
    found: dict[str, ForeignObject] = {}
    for folder in layout.folders(_widened(within, layout.margin_ms)):
        for stat in bucket.list(folder):
            if not stat.size or skipped(stat.key) or (hint := layout.hint(stat.key)) is None:
                continue
            times = hint.times
            if within is None or times is None or times.overlaps(within.start, within.end - 1):
                found[stat.key] = ForeignObject(
                    key=stat.key, size=stat.size, modified=stat.modified, hint=times
                )
    return sorted(found.values(), key=lambda each: (each.hint.start if each.hint else 0, each.key))


def _widened(within: TimeRange | None, margin_ms: int) -> TimeRange | None:
    if within is None:
        return None
    return TimeRange(start=max(MIN_MS, within.start - margin_ms), end=within.end + margin_ms)
