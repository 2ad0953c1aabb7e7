"""A folder as a bucket. Written without obstore, whose folder store neither syncs nor streams."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from logkeep.errors import ObjectExists, ObjectMissing, StorageDenied, StorageError, StorageUnavailable
from logkeep.storage.base import Cold, Stat, checked_key, checked_length, checked_thaw

_PARTIAL = ".partial"
# A process that was killed leaves its partial file behind; after this long nobody writes it any more.
_PARTIAL_KEPT_S = 24 * 3600
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


class FolderBucket:
    """`Bucket` over a folder, which is made when the first object is put.

    An object appears whole under its name, by a hard link that fails when the name is taken, after its
    bytes are on the disk; the folder entry is on the disk when `put_new` returns.
    """

    atomic_create = True

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.url = self._root.as_uri()

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        del content_type  # files have none
        target = self._path(key)
        with _translated(key, self._root):
            if target.exists():
                raise FileExistsError(target)
            self._make_folder(target.parent)
            partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_PARTIAL}")
            try:
                _write_durably(partial, data)
                os.link(partial, target)
            finally:
                partial.unlink(missing_ok=True)
                _remove_left_behind(target)
            _sync_folder(target.parent)

    def get(self, key: str) -> bytes:
        with _translated(key, self._root):
            return self._path(key).read_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get_ranges(key, [(start, length)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        with _translated(key, self._root), self._path(key).open("rb", buffering=0) as file:
            return [_read_range(file.fileno(), key, start, length) for start, length in ranges]

    def head(self, key: str) -> Stat:
        with _translated(key, self._root):
            path = self._path(key)
            if path.is_dir():
                raise FileNotFoundError(path)
            return _stat(key, path.stat())

    def list(self, prefix: str = "") -> Iterator[Stat]:
        folder = self._path(prefix.rstrip("/")) if prefix else self._root
        with _translated(prefix or ".", self._root):
            yield from _walk(os.fspath(folder), prefix.rstrip("/") + "/" if prefix else "")

    def delete(self, key: str) -> None:
        with _translated(key, self._root):
            path = self._path(key)
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _sync_folder(path.parent)

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        del prefix  # a file can always be read
        return iter(())

    def thaw(self, key: str, tier: str, days: int) -> None:
        checked_thaw(tier, days)
        self.head(key)  # nothing is to be asked for, but it must be there

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def _make_folder(self, folder: Path) -> None:
        """Make it and its parents, each of them durably entered in the one above."""
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        if not folder.is_dir():
            raise PermissionError(errno.EPERM, "a file is where a folder must be", str(folder))
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
            _sync_folder(one.parent)


def _walk(folder: str, prefix: str) -> Iterator[Stat]:
    try:
        with os.scandir(folder) as found:
            # "/" after a folder's name puts its keys where a bucket's listing has them
            entries = sorted(found, key=lambda entry: entry.name + "/" * entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir():
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(_PARTIAL):
            yield _stat(prefix + entry.name, entry.stat())


def _stat(key: str, found: os.stat_result) -> Stat:
    return Stat(key=key, size=found.st_size, modified=found.st_mtime_ns // 1_000_000)


def _write_durably(path: Path, data: bytes | memoryview | Path) -> None:
    if isinstance(data, Path):
        shutil.copyfile(data, path)  # in the kernel, so memory stays flat
    else:
        path.write_bytes(data)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_left_behind(target: Path) -> None:
    """Delete partial files of this object that a killed process left."""
    for partial in target.parent.glob(f".{target.name}.*{_PARTIAL}"):
        with suppress(FileNotFoundError):  # another writer of this object, who cleaned up after itself
            if partial.stat().st_mtime < time.time() - _PARTIAL_KEPT_S:
                partial.unlink()


def _read_range(descriptor: int, key: str, start: int, length: int) -> bytes:
    return checked_length(os.pread(descriptor, length, start), key, start, length)


@contextmanager
def _translated(key: str, root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _storage_error(error, key, root) from error


def _storage_error(error: OSError, key: str, root: Path) -> StorageError:
    where = f"{key} in {root}"
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return ObjectMissing(f"there is no object {where}")
    if isinstance(error, FileExistsError):
        return ObjectExists(f"there is an object {where} already")
    if error.errno in _DENIED:
        return StorageDenied(
            f"{where} may not be accessed: {error.strerror}",
            hint="check the owner and mode of the folder, and that its file system is writable and has links",
        )
    return StorageUnavailable(
        f"{where} could not be read or written: {error.strerror}",
        hint="check the disk and its free space; it is tried again",
    )
