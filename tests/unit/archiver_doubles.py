"""Frames of literal lines, and the catalog's object rows in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import zstandard

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import Manifest
from logkeep.archive.writer import write_object
from logkeep.catalog.values import ArchiveObject, ObjectState
from logkeep.errors import Conflict
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame, Piece, Spool
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_of, hour_start

HOUR = hour_of(1_795_165_200_000)  # 2026-11-20T09:00:00Z
KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"


def records(count: int, *, hour: Hour = HOUR, first_lid: int = 1000, text: str = "line") -> list[Record]:
    """`count` records of the hour, a millisecond apart, with rising ids."""
    return [
        Record(
            lid=str(first_lid + number),
            ts=hour_start(hour) + number % HOUR_MS,
            rx=hour_start(hour) + number,
            account="main",
            host="web-1",
            line=f"{text} {number}",
        )
        for number in range(count)
    ]


def piece(of: Sequence[Record], *, account: str = "main", rx: int = 0) -> Piece:
    times, lids = [one.ts for one in of], [int(one.lid) for one in of]
    return Piece(
        account=account,
        hour=hour_of(times[0]),
        lines=len(of),
        min_ts=min(times),
        max_ts=max(times),
        first_lid=min(lids),
        last_lid=max(lids),
        rx=rx,
        payload=encode_lines(of),
    )


def frame(of: Sequence[Record], *, seq: int = 1) -> Frame:
    one = piece(of)
    return Frame(
        seq=seq,
        account=one.account,
        hour=one.hour,
        lines=one.lines,
        raw_bytes=len(one.payload),
        min_ts=one.min_ts,
        max_ts=one.max_ts,
        first_lid=one.first_lid,
        last_lid=one.last_lid,
        rx=0,
        data=zstandard.ZstdCompressor(level=1).compress(one.payload),
    )


def put_object(
    bucket: Bucket, work: Path, frames: Sequence[Frame], *, part: int = 0, account: str = "main"
) -> Manifest:
    """Write an object of these frames and its manifest into the bucket."""
    built = work / "built.json.gz"
    manifest = write_object(frames, built, account=account, hour=frames[0].hour, part=part)
    bucket.put_new(manifest.key, built, GZIP)
    bucket.put_new(manifest_key(manifest.key), manifests.encode(manifest), JSON)
    built.unlink()
    return manifest


def append(spool: Spool, *pieces: Piece) -> None:
    asyncio.run(spool.append(pieces, reply=b"ok"))


@dataclass
class MemoryObjects:
    """The catalog's object rows, kept by (account, hour, part)."""

    rows: dict[tuple[str, int, int], ArchiveObject] = field(default_factory=dict)

    def planned(self) -> Sequence[ArchiveObject]:
        return [one for one in self.rows.values() if one.state is ObjectState.PLANNED]

    def list(self, account: str | None = None, within: TimeRange | None = None) -> Sequence[ArchiveObject]:
        return [
            one
            for one in self.rows.values()
            if one.state is ObjectState.SEALED
            and account in (None, one.account)
            and (within is None or one.hour in within.hours())
        ]

    def drop(self, planned: ArchiveObject) -> None:
        self.rows.pop((planned.account, planned.hour, planned.part), None)

    def next_part(self, account: str, hour: Hour) -> int:
        parts = [part for one, at, part in self.rows if (one, at) == (account, hour)]
        return max(parts, default=-1) + 1

    def plan(self, planned: ArchiveObject) -> None:
        self._add(planned)

    def renumber(self, planned: ArchiveObject, part: int) -> ArchiveObject:
        moved = replace(planned, part=part)
        self._add(moved)
        del self.rows[planned.account, planned.hour, planned.part]
        return moved

    def seal(self, sealed: ArchiveObject) -> None:
        self.rows[sealed.account, sealed.hour, sealed.part] = sealed

    def has_sealed(self, account: str, hour: Hour) -> bool:
        return any((one.account, one.hour) == (account, hour) for one in self.list())

    def _add(self, one: ArchiveObject) -> None:
        if (one.account, one.hour, one.part) in self.rows:
            raise Conflict(f"part {one.part} is taken")
        self.rows[one.account, one.hour, one.part] = one
