"""A server's parts around one data folder, without the server, over an archive of three hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard
from cryptography.fernet import Fernet
from tests.unit.archiver_doubles import set_up_archive

from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import encode
from logkeep.archive.writer import write_object
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import Restore
from logkeep.index.engine import ChdbEngine
from logkeep.record import Record, encode_lines
from logkeep.restore.desk import RestoreDesk
from logkeep.restore.request import RestoreRequest
from logkeep.restore.targets.pipeline import NoPipelines, PipelineFeed
from logkeep.spool.base import Frame
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_start
from logkeep.vault import Vault

HOUR = Hour(480_000)
START = hour_start(HOUR)
HOURS = 3
LINES = 4000  # an hour; 2.6 KB each make an hour about a chunk of the smallest size
STEP_MS = HOUR_MS // LINES
NOW = START + 10 * HOUR_MS
FIRST_LID = 1_000_000
KEY = Fernet.generate_key().decode()


def record(number: int) -> Record:
    """The line with this number, counted over all hours."""
    return Record(
        lid=str(FIRST_LID + number),
        ts=START + number * STEP_MS,
        account="main",
        host=f"web-{number % 4}",
        level="error" if number % 10 == 0 else "info",
        line=f"line {number} " + "x" * 2500,
    )


def frames(first: int, count: int) -> Iterator[Frame]:
    for start in range(first, first + count, 400):
        records = [record(number) for number in range(start, min(start + 400, first + count))]
        raw = encode_lines(records)
        yield Frame(
            seq=start,
            account="main",
            archive="main",
            indexed=True,
            hour=Hour(HOUR + start // LINES),
            lines=len(records),
            raw_bytes=len(raw),
            min_ts=records[0].ts,
            max_ts=records[-1].ts,
            first_lid=int(records[0].lid),
            last_lid=int(records[-1].lid),
            rx=0,
            data=zstandard.compress(raw, 1),
        )


def write_archive(root: Path) -> None:
    """Three hours, each an object with its manifest."""
    bucket = FolderBucket(root)
    for number in range(HOURS):
        file = root.parent / "object"
        hour = Hour(HOUR + number)
        filters = root.parent / "filters"
        manifest = write_object(
            frames(number * LINES, LINES), file, account="main", hour=hour, part=0, filters=filters
        )
        bucket.put_new(manifest.key, file, "application/gzip")
        assert manifest.filters
        bucket.put_new(manifest.filters.key, filters, "application/octet-stream")
        bucket.put_new(manifest_key(manifest.key), encode(manifest), "application/json")
        file.unlink()


class Site:
    """A server's parts around one data folder, without the server."""

    def __init__(self, root: Path, *, min_free_bytes: int = 0, pipelines: PipelineFeed | None = None) -> None:
        self.now = NOW
        self.ended: list[Restore] = []  # what the desk told of
        self.catalog: Catalog = open_catalog(f"sqlite:///{root}/catalog.sqlite")
        self.engine = ChdbEngine(root / "index")
        self.bucket = FolderBucket(root / "archive")
        self.work = root / "work"
        self.desk = RestoreDesk(
            catalog=self.catalog,
            engine=self.engine,
            bucket_of=lambda _target: self.bucket,
            open_connection=lambda connection: FolderBucket(Path(connection.options["path"])),
            vault=Vault([KEY]),
            server="server-1",
            work=self.work,
            clock=lambda: self.now,
            pipelines=pipelines or NoPipelines(),
            ended=self.ended.append,
            min_free_bytes=min_free_bytes,
        )
        if not self.catalog.accounts.list():
            set_up_archive(self.catalog, root.parent, place=root / "archive")

    def request(self, first: int = 0, count: int = HOURS * LINES, **more: Any) -> RestoreRequest:
        """One for the lines with these numbers."""
        within = TimeRange(start=START + first * STEP_MS, end=START + (first + count) * STEP_MS)
        return RestoreRequest(name="Black Friday", source="main", range=within, expiry_s=60, **more)

    def submit(self, first: int = 0, count: int = HOURS * LINES, **more: Any) -> Restore:
        return self.desk.submit(self.request(first, count, **more))

    def finish(self) -> None:
        """Let the worker's rounds run until there is nothing left to do."""
        restores = self.catalog.restores
        while True:
            self.desk.round()
            self.desk.join()
            if not (restores.interrupted() or restores.unindexed()):
                break
        self.desk.round()

    def get(self, restore: Restore) -> Restore:
        return self.catalog.restores.get(restore.id)

    def numbers(self, restore: Restore) -> list[int]:
        """The numbers of the lines in the restored account."""
        rows = self.engine.rows(f"SELECT _lid FROM restored_{restore.id} ORDER BY _ts, _lid")
        return [row["_lid"] - FIRST_LID for row in rows]

    def close(self) -> None:
        self.catalog.close()
        self.engine.close()
