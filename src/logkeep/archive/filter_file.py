"""The filter object while it is written, block after block, beside its object."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from logkeep.archive.filters import encode_group, fits
from logkeep.archive.layout import filter_key
from logkeep.archive.manifest import MAX_GROUP_BLOCKS, FilterGroup, Filters
from logkeep.archive.tokens import Hashes

# Of an object with fewer bytes of lines no filter is kept: reading it costs less than looking.
MIN_RAW_BYTES = 1 << 20


class FilterFile:
    """Groups of neighbouring blocks as they come, in memory at most one of them. Without a path it does
    nothing. Raises OSError when the file cannot be written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._waiting: list[Hashes] = []  # of the last blocks, all in one group
        self._groups: list[FilterGroup] = []
        self._blocks = self._bytes = self._raw_bytes = 0

    def __enter__(self) -> Self:
        self._file = self._path.open("wb") if self._path else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, tokens: Hashes | None, raw_bytes: int) -> None:
        """The tokens of the next block; None when they are not known."""
        if tokens is not None and fits(tokens, raw_bytes):
            self._waiting.append(tokens)
            self._blocks += 1
            if len(self._waiting) == MAX_GROUP_BLOCKS:
                self._write()
        else:
            self._write()
            self._blocks += 1
        self._raw_bytes += raw_bytes

    def end(self, key: str) -> Filters | None:
        """What the manifest of the object at `key` says of the filter; None when there is none to keep."""
        self._write()
        if not self._groups or self._raw_bytes < MIN_RAW_BYTES:
            return None
        sha256 = self._digest.hexdigest()
        return Filters(
            key=filter_key(key, sha256), bytes=self._bytes, sha256=sha256, groups=tuple(self._groups)
        )

    def _write(self) -> None:
        if self._file and self._waiting:
            first = self._blocks - len(self._waiting)
            group, pages = encode_group(self._waiting, first=first, offset=self._bytes)
            self._file.write(pages)
            self._digest.update(pages)
            self._groups.append(group)
            self._bytes += len(pages)
        self._waiting = []
