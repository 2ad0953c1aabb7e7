"""Small archives in a folder, written by the real writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import zstandard

from logkeep.archive.layout import key_of, manifest_key
from logkeep.archive.manifest import encode
from logkeep.archive.writer import write_object
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, hour_of

HOUR = Hour(489_900)  # 2025-11-20T12:00Z
START = HOUR * 3_600_000


def record(number: int, line: str, *, minute: int = 0, hour: int = 0, raw: str = "") -> Record:
    ts = START + hour * 3_600_000 + minute * 60_000
    return Record(lid=str(1000 + number), ts=ts, rx=ts, account="main", host="web-1", line=line, raw=raw)


def write_archive(folder: Path, records: Sequence[Record], *, part: int = 0) -> str:
    """Stores the records of one hour as one object, a block for each frame of ten; its key."""
    hour = hour_of(records[0].ts)
    frames = [
        _frame(number, hour, records[start : start + 10])
        for number, start in enumerate(range(0, len(records), 10))
    ]
    file = folder.parent / "object.tmp"
    manifest = write_object(frames, file, account="main", hour=hour, part=part)
    bucket = FolderBucket(folder)
    key = key_of("main", hour, part)
    bucket.put_new(key, file.read_bytes(), GZIP)
    bucket.put_new(manifest_key(key), encode(manifest), JSON)
    return key


def _frame(number: int, hour: Hour, records: Sequence[Record]) -> Frame:
    payload = encode_lines(records)
    times = [record.ts for record in records]
    lids = [int(record.lid) for record in records]
    return Frame(
        seq=number,
        account="main",
        archive="main",
        indexed=True,
        hour=hour,
        lines=len(records),
        raw_bytes=len(payload),
        min_ts=min(times),
        max_ts=max(times),
        first_lid=min(lids),
        last_lid=max(lids),
        rx=times[0],
        data=zstandard.compress(payload),
    )
