"""Reads an object the way a stranger would: with zcat, or with Python's gzip where there is none."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from logkeep.errors import DamagedArchive

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Count:
    lines: int
    size: int


class PlainReader(Protocol):
    name: str

    def count(self, path: Path) -> Count: ...

    def first_line(self, path: Path) -> str: ...


def plain_reader() -> PlainReader:
    return Zcat() if shutil.which("zcat") else PythonGzip()


class Zcat:
    name = "zcat"

    def count(self, path: Path) -> Count:
        with self._opened(path) as stream:
            return _count(stream)

    def first_line(self, path: Path) -> str:
        with self._opened(path) as stream:
            line = stream.readline()
            while stream.read(_CHUNK):  # to its end, or zcat would complain of the closed pipe
                pass
        return line.decode().rstrip("\n")

    @contextmanager
    def _opened(self, path: Path) -> Iterator[IO[bytes]]:
        # From standard input: some systems' zcat wants the suffix .Z on names.
        with (
            path.open("rb") as file,
            subprocess.Popen(["zcat"], stdin=file, stdout=subprocess.PIPE) as process,
        ):
            assert process.stdout is not None  # noqa: S101 - it was asked for
            yield process.stdout
        if process.returncode:
            raise DamagedArchive(f"zcat ends with code {process.returncode} on {path}")


class PythonGzip:
    name = "Python's gzip"

    def count(self, path: Path) -> Count:
        with gzip.open(path) as stream:
            return _count(stream)

    def first_line(self, path: Path) -> str:
        with gzip.open(path) as stream:
            return stream.readline().decode().rstrip("\n")


def _count(stream: IO[bytes] | gzip.GzipFile) -> Count:
    lines = size = 0
    while chunk := stream.read(_CHUNK):
        lines += chunk.count(b"\n")
        size += len(chunk)
    return Count(lines=lines, size=size)
