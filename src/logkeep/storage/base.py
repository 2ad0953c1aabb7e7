"""The bucket seam: where objects are kept, create-only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from logkeep.errors import BadSetting, DamagedArchive, InputError

GZIP = "application/gzip"
JSON = "application/json"

THAW_TIERS = ("bulk", "standard", "expedited")  # from the cheapest to the fastest


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What a bucket knows of an object without its bytes. `modified` is in epoch milliseconds."""

    key: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cold:
    """An object that cannot be read now.

    `storage_class` is where it lies, as the provider calls that: a class (GLACIER), a tier (Archive), or a
    tier of a class (DEEP_ARCHIVE_ACCESS of S3 Intelligent-Tiering).
    """

    key: str
    storage_class: str
    thawing: bool  # whether somebody has asked for it already


class Bucket(Protocol):
    """Objects by key below one prefix. Keys are relative to the prefix and use `/`.

    All methods block and are safe from any thread. Every error is a StorageError: ObjectMissing,
    StorageDenied, ObjectFrozen (of reads, while the object lies in a cold storage class),
    StorageUnavailable (retryable; passing faults were already tried again), or DamagedArchive for an object
    that ends before the bytes that were asked for.
    """

    url: str
    atomic_create: bool  # whether of two `put_new` at the same moment exactly one succeeds

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        """Store an object that is not there yet; durable and complete, or not there at all.

        Raises ObjectExists when the key is taken. That also happens when an earlier attempt of this
        very call succeeded and its answer was lost: compare the object before taking it for another's.
        """

    def get(self, key: str) -> bytes: ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Exactly `length` bytes (at least 1) from offset `start`."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of each (start, length), in that order; near ranges share a request."""

    def head(self, key: str) -> Stat: ...

    def list(self, prefix: str = "") -> Iterator[Stat]:
        """Every object below the folder `prefix` ("" for all), ordered by key."""

    def delete(self, key: str) -> None:
        """Remove an object, or find that it is not there. Only the connection test does, and only what
        it put there. Raises StorageDenied where that is not allowed."""

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        """Every object below the folder `prefix` that cannot be read now. What was thawed and has not frozen
        again is not among them, whatever its class. None where a provider has no such class."""

    def thaw(self, key: str, tier: str, days: int) -> None:
        """Ask the provider to make an object readable, and do not wait for it. Where it can be read, or is
        being thawed, nothing is asked.

        `tier` is one of THAW_TIERS. `days` is for how long it is to stay readable, where a provider lets that
        be chosen. Raises ObjectMissing, StorageDenied, and BadSetting for a tier that its class has not.
        """

    def local_path(self, key: str) -> Path | None:
        """Where the object is as a file of this machine; None unless the bucket is a folder."""


def checked_key(key: str) -> str:
    """The key itself. Raises InputError when it is not a plain relative path."""
    parts = key.split("/")
    if not key or "\0" in key or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{key!r} is no key of an object", hint="a key has no empty part, '.' or '..'")
    return key


def checked_thaw(tier: str, days: int) -> None:
    """Raises BadSetting for what no provider understands."""
    if tier not in THAW_TIERS:
        raise BadSetting(
            f"there is no thaw tier {tier!r}", hint=f"one of {', '.join(THAW_TIERS)}", field="tier"
        )
    if days < 1:
        raise BadSetting(f"a thaw of {days} days is none", hint="1 or more", field="days")


def checked_length(data: bytes, key: str, start: int, length: int) -> bytes:
    """The data itself. Raises DamagedArchive when the object ended before it was complete."""
    if len(data) != length:
        raise too_short(key, start, length)
    return data


def too_short(key: str, start: int, length: int) -> DamagedArchive:
    return DamagedArchive(
        f"{key} ends before byte {start + length}, which its manifest says it has",
        hint="run 'logkeep verify' to see what else is damaged",
    )
