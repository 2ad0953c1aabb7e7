"""Frames of literal lines, and a catalog with archives in folders."""

from __future__ import annotations

import asyncio
import atexit
import functools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zstandard

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import Manifest
from logkeep.archive.writer import write_object
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Target
from logkeep.record import Record, encode_lines
from logkeep.spool.base import Frame, Piece, Spool
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.timeline import HOUR_MS, Hour, hour_of, hour_start

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


def piece(
    of: Sequence[Record],
    *,
    account: str = "main",
    archive: str | None = None,
    indexed: bool = True,
    rx: int = 0,
) -> Piece:
    """A piece for the account's archive of the same name, unless another is named."""
    times, lids = [one.ts for one in of], [int(one.lid) for one in of]
    return Piece(
        account=account,
        archive=account if archive is None else archive,
        indexed=indexed,
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
        archive=one.archive,
        indexed=one.indexed,
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


def new_catalog(folder: Path) -> Catalog:
    """An empty catalog in the folder. Made once by the migrations, which take their time, and copied."""
    path = folder / "catalog.sqlite"
    shutil.copyfile(_empty_catalog(), path)
    return open_catalog(f"sqlite:///{path}")


@functools.cache
def _empty_catalog() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="logkeep-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_catalog(f"sqlite:///{folder / 'empty.sqlite'}").close()
    return folder / "empty.sqlite"


def set_up_archive(
    catalog: Catalog, folder: Path, *, account: str = "main", place: Path | None = None, **settings: Any
) -> Archive:
    """A live account with an archive in a folder of its own, which is on."""
    catalog.accounts.create(account, AccountKind.LIVE, 0)
    place = place or folder / "archive" / account
    archive = Archive(id=account, account=account, state=ArchiveState.ON, created_at=0, **settings)
    target = Target(
        archive=account,
        account=account,
        provider="folder",
        options={"path": str(place)},
        place=place.as_uri(),
        created_at=0,
    )
    return catalog.archives.create(archive, target)
