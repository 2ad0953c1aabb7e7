"""Canonical lines in files below one folder, named by the time of the events in them.

`path` with strftime's %Y %m %d %H %M %j in UTC is the file that an event belongs to. One that would grow
beyond `rotate_bytes` is first renamed to NAME.1, the next time NAME.2 and so on: the highest number is the
newest, and nothing is ever written over. A file ends within a line only after a crash; that piece is cut
off before the next line is written, and its batch comes again whole.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from logkeep import settings
from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.model import ToFile
from logkeep.timeline import as_datetime

_LONGEST = 1000  # characters of a path
_LONGEST_NAME = 200  # bytes of one part of it: file systems take 255, and a number may follow
_DIRECTIVE = re.compile(r"%(.?)")
_DIRECTIVES = frozenset("YmdHMj%")  # "", which a lone % at the end finds, is none of them
_MINUTE_MS = 60_000  # no directive is finer
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP = 64 << 10  # bytes looked through at once for the end of the last line


class FileDestination:
    """Opens a file for as long as it writes to it, so one at a time, whatever days a batch is of, and holds
    a lock on it meanwhile. No symbolic link below the folder is followed."""

    whole_frames = False

    def __init__(self, spec: ToFile, folder: Path) -> None:
        """Raises BadSetting."""
        _check_path(spec.path)
        self._path = spec.path
        self._folder = folder
        self._rotate_bytes = _rotate_bytes(spec)

    def send(self, batch: Batch) -> Sent:
        for path, lines in self._by_path(batch).items():
            try:
                with _folder_of(self._folder, path.parts[:-1]) as folder:
                    append(folder, path.name, b"".join(lines), rotate_bytes=self._rotate_bytes)
            except OSError as error:
                raise DeliveryFailed(
                    f"{path} cannot be written: {error.strerror}",
                    hint="look at the room on the disk, and at who may write to the folder for files",
                ) from error
        return Sent()

    def close(self) -> None:
        """Nothing stays open."""

    def _by_path(self, batch: Batch) -> Mapping[Path, Sequence[bytes]]:
        """Lines of the batch, in order, by the file they belong to."""
        files: dict[int, list[bytes]] = {}  # by the minute of an event
        found: defaultdict[Path, list[bytes]] = defaultdict(list)
        for record, line in zip(batch.records, batch.lines, strict=True):
            minute = max(record.ts, 0) // _MINUTE_MS
            if minute not in files:
                files[minute] = found[Path(as_datetime(minute * _MINUTE_MS).strftime(self._path))]
            files[minute].append(line)
        return found


def append(folder: int, name: str, data: bytes, *, rotate_bytes: int) -> None:
    """Put whole lines at the end of a file in the folder with this descriptor. Durable when it returns, and
    nothing of it is there when it raises OSError, unless the machine dies meanwhile."""
    with _locked(folder, name) as file:
        size = _cut_to_lines(file)
        if not size or size + len(data) <= rotate_bytes:
            _write(file, data, size)
            if not size:
                os.fsync(folder)
            return
        os.rename(name, _next_name(folder, name), src_dir_fd=folder, dst_dir_fd=folder)
        with _locked(folder, name) as fresh:
            _write(fresh, data, 0)
        os.fsync(folder)


@contextmanager
def _folder_of(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """A descriptor of the folder below the root, which is made where it is not there."""
    root.mkdir(mode=0o750, parents=True, exist_ok=True)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            folder = _inner(folder, part)
        yield folder
    finally:
        os.close(folder)


def _inner(folder: int, part: str) -> int:
    """A descriptor of a folder in the folder, in place of its own."""
    with suppress(FileExistsError):
        os.mkdir(part, 0o750, dir_fd=folder)
        os.fsync(folder)
    inner = os.open(part, _FOLDER, dir_fd=folder)
    os.close(folder)
    return inner


@contextmanager
def _locked(folder: int, name: str) -> Iterator[int]:
    """A descriptor of the regular file, made if need be. Another destination may write to it too."""
    file = os.open(name, _APPEND, 0o640, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "there is something that is no file")
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _cut_to_lines(file: int) -> int:
    """Cut off what follows the last newline. Returns the size that is left."""
    end = size = os.fstat(file).st_size
    while end:
        start = max(end - _STEP, 0)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        end = start if newline < 0 else start + newline + 1
        if newline >= 0:
            break
    if end < size:
        os.ftruncate(file, end)
    return end


def _write(file: int, data: bytes, size: int) -> None:
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
    except OSError:
        with suppress(OSError):  # then a piece of a line may stay, and is cut off the next time
            os.ftruncate(file, size)
        raise


def _next_name(folder: int, name: str) -> str:
    numbered = re.compile(re.escape(name) + r"\.([1-9][0-9]{0,17})")
    numbers = [int(found[1]) for found in map(numbered.fullmatch, os.listdir(folder)) if found]
    return f"{name}.{max(numbers, default=0) + 1}"


def _check_path(path: str) -> None:
    parts = path.split("/")
    if not path.isprintable() or len(path) > _LONGEST or any(part in ("", ".", "..") for part in parts):
        raise BadSetting(
            f"path is {path[:_LONGEST]!r}",
            hint="write a path below the server's folder for files, such as nginx/%Y-%m-%d.ndjson",
            field="path",
        )
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise BadSetting(f"a name in path is longer than {_LONGEST_NAME} bytes", field="path")
    unknown = [f"%{found}" for found in _DIRECTIVE.findall(path) if found not in _DIRECTIVES]
    if unknown:
        raise BadSetting(f"path has {unknown[0]}", hint="of %Y %m %d %H %M %j and %% only", field="path")


def _rotate_bytes(spec: ToFile) -> int:
    try:
        most = settings.size(str(spec.rotate_bytes))
    except ValueError:
        most = 0
    if most <= 0:
        raise BadSetting(
            f"rotate_bytes is {spec.rotate_bytes!r}", hint="write a size such as 1GiB", field="rotate_bytes"
        )
    return most
