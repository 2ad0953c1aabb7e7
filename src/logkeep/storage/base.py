"""The bucket seam: where objects are kept, create-only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from logkeep.errors import DamagedArchive, InputError

GZIP = "application/gzip"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What a bucket knows of an object without its bytes. `modified` is in epoch milliseconds."""

    key: str
    size: int
    modified: int


class Bucket(Protocol):
    """Objects by key below one prefix. Keys are relative to the prefix and use `/`.

    All methods block and are safe from any thread. Every error is a StorageError: ObjectMissing,
    StorageDenied, StorageUnavailable (retryable; passing faults were already tried again), or
    DamagedArchive for an object that ends before the bytes that were asked for.
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

    def local_path(self, key: str) -> Path | None:
        """Where the object is as a file of this machine; None unless the bucket is a folder."""


def checked_key(key: str) -> str:
    """The key itself. Raises InputError when it is not a plain relative path."""
    parts = key.split("/")
    if not key or "\0" in key or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{key!r} is no key of an object", hint="a key has no empty part, '.' or '..'")
    return key


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
