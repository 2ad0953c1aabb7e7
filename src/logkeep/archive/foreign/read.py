"""Reads one object of a foreign archive as canonical lines."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from logkeep.archive.foreign.base import NO_TIME, Layout, Problems
from logkeep.archive.foreign.content import decompressed
from logkeep.errors import DamagedArchive
from logkeep.record import Record, encode_lines
from logkeep.storage.base import Bucket

_SLICE_BYTES = 4 << 20  # one read from the bucket
_GIVEN_BYTES = 1 << 20


def read_foreign(bucket: Bucket, layout: Layout, key: str, size: int, problems: Problems) -> Iterator[bytes]:
    """Canonical lines of the object's records, whole lines, about 1 MiB at a time; every one has its time.

    What cannot be read goes to `problems`, and memory is bounded whatever the object is. Raises
    DamagedArchive, behind the lines that came before, where the object cannot be decompressed further or
    is not `size` bytes any more, and StorageError.
    """
    found = bucket.head(key).size
    if found != size:
        raise DamagedArchive(
            f"object {key} has {found} bytes and had {size} when it was found",
            hint="it was replaced since; plan again",
        )
    waiting: list[bytes] = []
    waiting_bytes = 0
    content = decompressed(stored(bucket, key, size), key, size)
    try:
        for records in layout.records(content, key, problems):
            if not records:
                continue
            lines = _encoded(_with_time(records, problems))
            waiting.append(lines)
            waiting_bytes += len(lines)
            if waiting_bytes >= _GIVEN_BYTES:
                yield b"".join(waiting)
                waiting, waiting_bytes = [], 0
    except DamagedArchive:
        if waiting_bytes:
            yield b"".join(waiting)
        raise
    if waiting_bytes:
        yield b"".join(waiting)


def stored(bucket: Bucket, key: str, size: int) -> Iterator[bytes]:
    """The first `size` bytes of an object, in pieces. Raises StorageError and DamagedArchive."""
    for start in range(0, size, _SLICE_BYTES):
        yield bucket.get_range(key, start, min(_SLICE_BYTES, size - start))


def _encoded(records: list[Record]) -> bytes:
    """Each record as one line, also where its meta came over several."""
    lines = encode_lines(records)
    if lines.count(b"\n") == len(records):
        return lines
    for record in records:
        if b"\n" in (meta := bytes(record.meta)):
            record.meta = msgspec.Raw(meta.replace(b"\n", b" "))  # in JSON, between values only
    return encode_lines(records)


def _with_time(records: list[Record], problems: Problems) -> list[Record]:
    """The records, without those that a layout left without a time."""
    if min([record.ts for record in records]) >= 0:
        return records
    for record in records:
        if record.ts < 0:
            problems.add(0, NO_TIME, record.line.encode(errors="replace"))
    return [record for record in records if record.ts >= 0]
