"""The first pass: canonical lines, split by event hour into files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Annotated

import msgspec
import zstandard

from logkeep.archive.foreign.base import JSON_ERRORS, Problems
from logkeep.archive.piece_file import PieceFile
from logkeep.errors import StorageUnavailable
from logkeep.timeline import MAX_MS, MIN_MS, Hour, hour_of

# Lines that wait in memory to be written: of one hour, and of all. With many open hours the second is
# reached first, and then all of them are written.
_HOUR_BYTES = 1 << 20
_WAITING_BYTES = 64 << 20


class Head(msgspec.Struct, gc=False):
    """What decides where a line goes. `lid` is 0 for a line without an id."""

    ts: Annotated[int, msgspec.Meta(ge=MIN_MS, lt=MAX_MS)] = msgspec.field(name="_ts")
    lid: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = msgspec.field(default=0, name="_lid")


heads = msgspec.json.Decoder(Head, strict=False).decode_lines  # not strict: `_lid` is a decimal string
"""The heads of canonical lines. Raises JSON_ERRORS for an id or a time that no line of an archive has."""


class LineFile(PieceFile):
    """Canonical lines on the disk, whole ones in each piece. `append` raises StorageUnavailable when the
    disk is full."""

    def __init__(self, path: Path, compressor: zstandard.ZstdCompressor) -> None:
        super().__init__(path, compressor, no_room)


class HourFiles:
    """Lines by event hour, below one folder. Not safe for use from several threads."""

    def __init__(self, folder: Path, hours: range | None) -> None:
        """Lines of other hours than these are passed over; None: of none."""
        self._folder = folder
        self._hours = hours
        self._waiting: dict[Hour, list[bytes]] = defaultdict(list)
        self._sizes: dict[Hour, int] = defaultdict(int)
        self._total = 0
        self._files: dict[Hour, LineFile] = {}
        self._compressor = zstandard.ZstdCompressor(level=1)

    def add(self, lines: bytes, problems: Problems) -> int:
        """Whole canonical lines of any hours. Returns how many of them are of the hours that are wanted.
        Raises StorageUnavailable when the disk is full."""
        try:
            hours = [hour_of(head.ts) for head in heads(lines)]
        except JSON_ERRORS:  # of an archive of ours, whose lines come as they are
            lines = _sound(lines, problems)
            hours = [hour_of(head.ts) for head in heads(lines)]
        if not hours:
            return 0
        if min(hours) == max(hours):
            return len(hours) if self._put(hours[0], lines) else 0
        by_hour: dict[Hour, list[bytes]] = defaultdict(list)
        for hour, line in zip(hours, BytesIO(lines), strict=True):
            by_hour[hour].append(line)
        return sum(len(group) for hour, group in by_hour.items() if self._put(hour, b"".join(group)))

    def take(self) -> Sequence[tuple[Hour, LineFile]]:
        """The hours that have lines, the oldest first. Nothing is added after this."""
        for hour in list(self._waiting):
            self._write(hour)
        return sorted(self._files.items())

    def _put(self, hour: Hour, lines: bytes) -> bool:
        if self._hours is not None and hour not in self._hours:
            return False
        self._waiting[hour].append(lines)
        self._sizes[hour] += len(lines)
        self._total += len(lines)
        if self._sizes[hour] >= _HOUR_BYTES:
            self._write(hour)
        elif self._total >= _WAITING_BYTES:
            for one in list(self._waiting):
                self._write(one)
        return True

    def _write(self, hour: Hour) -> None:
        file = self._files.get(hour)
        if file is None:
            path = self._folder / f"{hour}.lines"
            file = self._files[hour] = LineFile(path, self._compressor)
        file.append(b"".join(self._waiting.pop(hour)))
        self._total -= self._sizes.pop(hour)


def _sound(lines: bytes, problems: Problems) -> bytes:
    """Those of the lines that can be in an archive."""
    kept = []
    for line in BytesIO(lines):
        try:
            heads(line)
        except JSON_ERRORS as error:
            problems.add(0, f"the line cannot be in an archive: {error}", line)
        else:
            kept.append(line)
    return b"".join(kept)


def no_room(path: Path, error: OSError) -> StorageUnavailable:
    return StorageUnavailable(
        f"{path} cannot be written: {error.strerror}",
        hint="name a folder with more room with --work, or convert a shorter range with --from and --to",
    )
