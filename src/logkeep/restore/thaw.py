"""What of an archive is frozen, and how long its thaw takes. Asking for it is `Bucket.thaw`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from logkeep.errors import BadSetting
from logkeep.storage.base import Bucket, Cold

Hours = tuple[float, float]  # at least, at most


class ThawTier(StrEnum):
    """How fast a thaw is to be, which is also how dear."""

    BULK = "bulk"
    STANDARD = "standard"
    EXPEDITED = "expedited"


_MINUTE = 1 / 60

_FLEXIBLE: Mapping[ThawTier, Hours] = MappingProxyType(
    {
        ThawTier.BULK: (5.0, 12.0),
        ThawTier.STANDARD: (3.0, 5.0),
        ThawTier.EXPEDITED: (1 * _MINUTE, 5 * _MINUTE),
    }
)
_DEEP: Mapping[ThawTier, Hours] = MappingProxyType(
    {ThawTier.BULK: (0.0, 48.0), ThawTier.STANDARD: (0.0, 12.0)}
)
_AZURE: Mapping[ThawTier, Hours] = MappingProxyType(
    {ThawTier.BULK: (0.0, 15.0), ThawTier.STANDARD: (0.0, 15.0), ThawTier.EXPEDITED: (0.0, 1.0)}
)
_HOURS: Mapping[str, Mapping[ThawTier, Hours]] = MappingProxyType(
    {
        "GLACIER": _FLEXIBLE,
        "ARCHIVE_ACCESS": _FLEXIBLE,
        "DEEP_ARCHIVE": _DEEP,
        "DEEP_ARCHIVE_ACCESS": _DEEP,
        "Archive": _AZURE,
    }
)


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """What of some objects cannot be read now."""

    objects: int
    bytes: int
    thawing: int  # objects, of `objects`, whose thaw was asked for already
    by_class: Mapping[str, int]  # objects by storage class
    hours: Hours | None  # until all can be read, if the thaw is asked for now; None: nothing is frozen


def expected_hours(storage_class: str, tier: str) -> Hours:
    """How many hours a thaw takes, at least and at most; at least 0 where the provider only says "within".

    Raises BadSetting for a class that needs no thaw, and for a tier that the class has not.

    The S3 classes and the archive tiers of Intelligent-Tiering: AWS, S3 User Guide, "Understanding archive
    retrieval options": what is typical; expedited is so for objects below 250 MB and while there is capacity.
    Azure: "Blob rehydration from the archive tier": standard priority (here bulk, too) up to 15 hours, high
    priority within one for blobs below 10 GB and 10 GiB an hour of an account; neither is promised.
    """
    tiers = _HOURS.get(storage_class)
    if tiers is None:
        raise BadSetting(
            f"{storage_class} is no storage class that objects are thawed from",
            hint=f"one of {', '.join(_HOURS)}",
        )
    hours = {str(known): found for known, found in tiers.items()}.get(tier)
    if hours is None:
        raise BadSetting(
            f"{storage_class} has no thaw tier {tier}", hint=f"one of {', '.join(tiers)}", field="tier"
        )
    return hours


def find_cold(bucket: Bucket, folders: Sequence[str]) -> dict[str, Cold]:
    """The objects below these folders that cannot be read now, by key. Raises StorageError."""
    return {cold.key: cold for folder in dict.fromkeys(folders) for cold in bucket.cold(folder)}


def frozen_among(objects: Iterable[tuple[str, int]], cold: Mapping[str, Cold], tier: str) -> Frozen:
    """What of these objects (key, bytes) is frozen, and how long a thaw of that tier takes.

    Raises BadSetting where an object that has yet to be thawed lies in a class without that tier.
    """
    found = [(cold[key], size) for key, size in objects if key in cold]
    hours = [_hours_left(one, tier) for one, _ in found]
    return Frozen(
        objects=len(found),
        bytes=sum(size for _, size in found),
        thawing=sum(one.thawing for one, _ in found),
        by_class=dict(sorted(Counter(one.storage_class for one, _ in found).items())),
        hours=(max(least for least, _ in hours), max(most for _, most in hours)) if hours else None,
    )


def _hours_left(cold: Cold, tier: str) -> Hours:
    if not cold.thawing:
        return expected_hours(cold.storage_class, tier)
    # Neither its tier nor its beginning is known: it may end at any moment, or be the slowest, just begun.
    return 0.0, expected_hours(cold.storage_class, ThawTier.BULK)[1]
