"""Files: the lines of a restore as files in a bucket, for other systems to take over.

Below the prefix: `part-00000.<format>`, `part-00001.<format>` and so on, in the order of time, and when all
of them are there `_SUCCESS.json`, which names the restore and each file with its lines and SHA-256. Objects
are only created, never replaced. The same lines give the same files, so that a run which was cut short is
begun again and finds what it has written.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from logkeep.archive.reader import stored_chunks
from logkeep.errors import Conflict, InputError, ObjectExists, Overloaded
from logkeep.faults import crash_point
from logkeep.index.base import Engine
from logkeep.index.search import Scope, Slice, slices
from logkeep.restore.export import (
    EXPORT_FORMATS,
    NDJSON,
    NDJSON_GZ,
    PARQUET,
    export,
    same_lines,
    write_parquet,
)
from logkeep.storage.base import JSON, Bucket

FILE_FORMATS = (NDJSON, NDJSON_GZ, PARQUET)
LINES_A_FILE = 1_000_000
SUCCESS = "_SUCCESS.json"

_ANY_SIZE = 1 << 62
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class FilesWritten:
    """What is in the bucket now, beside _SUCCESS.json. Bytes are those of the files."""

    files: int
    lines: int
    bytes: int


class WrittenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as _SUCCESS.json names it."""

    name: str
    lines: int
    bytes: int
    sha256: str


def write_files(
    engine: Engine,
    scope: Scope,
    *,
    bucket: Bucket,
    prefix: str,
    format: str,  # noqa: A002
    work: Path,
    stopped: Callable[[], bool],
    lines_a_file: int = LINES_A_FILE,
    about: Mapping[str, Any] = _NOTHING,
) -> FilesWritten | None:
    """Write the lines of the scope, oldest first, as files of about `lines_a_file` lines below the folder
    `prefix` ("" for none) of the bucket. `about` opens _SUCCESS.json: which restore it is, from, to, query.
    Returns None when it was stopped before the end.

    Idempotent while the lines of the scope stay the same; `stopped` is asked before each file. One file at
    a time is in the folder `work`. Raises InputError for another format, Conflict when other files are there
    under these names, StorageError, EngineError, Overloaded without room in `work`.
    """
    if format not in FILE_FORMATS:
        raise InputError(f"format is {format!r}, not one of {', '.join(FILE_FORMATS)}")
    if lines_a_file < 1:
        raise InputError(f"{lines_a_file} lines cannot be a file's")
    written: list[WrittenFile] = []
    with _folder_in(work) as folder:
        writer = _Writer(
            engine=engine, scope=scope, bucket=bucket, prefix=prefix, format=format, folder=folder
        )
        for number, part in enumerate(slices(engine, scope, lines=lines_a_file, size=_ANY_SIZE)):
            if stopped():
                return None
            written.append(writer.write(f"part-{number:05d}.{format}", part))
            crash_point("restore.file_written")
        writer.finish(_success(about, format, written))
    return FilesWritten(
        files=len(written),
        lines=sum(one.lines for one in written),
        bytes=sum(one.bytes for one in written),
    )


@dataclass(frozen=True, kw_only=True)
class _Writer:
    engine: Engine
    scope: Scope
    bucket: Bucket
    prefix: str
    format: str
    folder: Path  # its own, empty

    def write(self, name: str, part: Slice) -> WrittenFile:
        """Write one file, or find it there."""
        path = self.folder / name
        try:
            self._build(path, replace(self.scope, range=part.range))
            digest = _sha256(_pieces(path))
            key = self._key(name)
            try:
                self.bucket.put_new(key, path, EXPORT_FORMATS[self.format])
                size = path.stat().st_size
            except ObjectExists:
                size, digest = self._found(key, path, digest)
            return WrittenFile(name=name, lines=part.lines, bytes=size, sha256=digest)
        finally:
            path.unlink(missing_ok=True)

    def finish(self, content: bytes) -> None:
        key = self._key(SUCCESS)
        try:
            self.bucket.put_new(key, content, JSON)
        except ObjectExists:
            if self.bucket.head(key).size != len(content) or self.bucket.get(key) != content:
                raise self._taken(key) from None

    def _build(self, path: Path, scope: Scope) -> None:
        with _room_in(self.folder):
            if self.format == PARQUET:
                write_parquet(self.engine, scope, path)
                return
            with path.open("wb") as file:
                file.writelines(export(self.engine, scope, format=self.format, work=self.folder))

    def _found(self, key: str, path: Path, digest: str) -> tuple[int, str]:
        """Size and SHA-256 of the object at the key, which must hold what our file holds. Raises Conflict."""
        size = self.bucket.head(key).size
        theirs = _sha256(stored_chunks(self.bucket, key, size))
        if (size, theirs) == (path.stat().st_size, digest) or (
            self.format == PARQUET and self._same_parquet(key, size, path)
        ):
            return size, theirs
        raise self._taken(key)

    def _same_parquet(self, key: str, size: int, path: Path) -> bool:
        """Whether the object holds our lines in other bytes: the engine cuts groups of rows by its parts,
        which it may have merged since."""
        copy = path.with_name("there.parquet")
        try:
            with _room_in(self.folder), copy.open("wb") as file:
                file.writelines(stored_chunks(self.bucket, key, size))
            return same_lines(self.engine, path, copy)
        finally:
            copy.unlink(missing_ok=True)

    def _key(self, name: str) -> str:
        folder = self.prefix.strip("/")
        return f"{folder}/{name}" if folder else name

    def _taken(self, key: str) -> Conflict:
        return Conflict(
            f"there is another object {key} in {self.bucket.url}",
            hint="files are never replaced: choose another folder for this restore, or empty this one",
        )


def _success(about: Mapping[str, Any], of: str, written: list[WrittenFile]) -> bytes:
    document = {**about, "format": of, "lines": sum(one.lines for one in written), "files": written}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            yield data


def _sha256(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for data in pieces:
        digest.update(data)
    return digest.hexdigest()


@contextmanager
def _folder_in(work: Path) -> Iterator[Path]:
    with _room_in(work):
        work.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=work, prefix="files-")
    with folder as name:
        yield Path(name)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Overloaded(
            f"files cannot be written into {folder}: {error.strerror}",
            hint="is the disk full? Free space; it is tried again",
        ) from error
