"""Ledger: which objects a run of verify has done, so that one that was interrupted goes on where it was.

A file of JSON lines: which place, then one line for each object, written when its check is over. Killed at
any moment it loses the object in hand; a line that was cut short is dropped.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import msgspec

from logkeep.errors import BadSetting, StorageUnavailable
from logkeep.verify.report import Finding

_VERSION = 1
_MOST_HEAD_BYTES = 8192  # so that a large file which is something else is not read


class Done(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A checked object and what was found. It holds as long as size, manifest and depth are the same."""

    key: str
    size: int
    manifest: str  # SHA-256 of its bytes, "" for none
    depth: str
    lines: int
    raw_bytes: int
    blocks_checked: int
    held: tuple[tuple[int, int, int, int], ...]  # of each block: number, lowest and highest id, duplicates
    findings: tuple[Finding, ...]


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    logkeep_verify: int
    place: str
    started: int


_encoder = msgspec.json.Encoder()
_done = msgspec.json.Decoder(Done)
_START = b'{"logkeep_verify":'


class Ledger:
    """The file of one place. Only where its lines are is held in memory. One process at a time."""

    def __init__(self, path: Path, place: str, now: int) -> None:
        """Open the file, or make it. Raises BadSetting when it cannot be, or is something else."""
        self._path = path
        self._at: dict[str, int] = {}  # where the line of a key begins
        try:
            # Nothing is left to be written at the end, which could fail once more.
            self._out = path.open("ab", buffering=0)
            self._in = path.open("rb")
        except OSError as error:
            raise BadSetting(
                f"{path} cannot be written: {error.strerror}",
                hint="name a file in a folder that is there",
                field="resume",
            ) from error
        self.started = self._read(place, now)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._close()

    def find(self, key: str, *, size: int, manifest: str, depth: str) -> Done | None:
        """What was found of an object that is still the same; None if it has to be checked."""
        if key not in self._at:
            return None
        self._in.seek(self._at[key])
        done = _done.decode(self._in.readline())
        same = (done.size, done.manifest, done.depth) == (size, manifest, depth)
        return done if same else None

    def add(self, done: Done) -> None:
        """Safe from the end of this process. Raises StorageUnavailable when the disk is full."""
        self._at[done.key] = self._end
        self._write(done)

    def _read(self, place: str, now: int) -> int:
        """Learn what is there and cut off what is no whole line. Returns when the first run began."""
        first = self._in.readline(_MOST_HEAD_BYTES)
        if not first.endswith(b"\n") and (_START.startswith(first) or first.startswith(_START)):
            self._cut(0)
            self._write(_Head(logkeep_verify=_VERSION, place=place, started=now))
            return now
        head = _head(first)
        if head is None or head.place != place:
            self._close()
            what = f"of a verify of {head.place}, not of {place}" if head else "no file of a verify"
            raise BadSetting(
                f"{self._path} is {what}",
                hint="name another file; it is made if it is not there",
                field="resume",
            )
        end = len(first)
        for line in self._in:
            if (key := _key_of(line)) is None:
                break
            self._at[key] = end
            end += len(line)
        self._cut(end)
        return head.started

    def _cut(self, end: int) -> None:
        self._out.truncate(end)
        self._end = end

    def _write(self, value: msgspec.Struct) -> None:
        line = _encoder.encode(value) + b"\n"
        pending = memoryview(line)
        try:
            while pending:
                pending = pending[self._out.write(pending) or 0 :]
        except OSError as error:
            raise StorageUnavailable(
                f"{self._path} cannot be written: {error.strerror}",
                hint="free space on its disk and run the same command again; it goes on where it was",
            ) from error
        self._end += len(line)

    def _close(self) -> None:
        self._out.close()
        self._in.close()


def _head(line: bytes) -> _Head | None:
    """The first line; None for that of another file, or of another version of this one."""
    try:
        head = msgspec.json.decode(line, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return head if head.logkeep_verify == _VERSION else None


def _key_of(line: bytes) -> str | None:
    """The key of a whole line; None for what is none."""
    if not line.endswith(b"\n"):
        return None
    try:
        return _done.decode(line).key
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
