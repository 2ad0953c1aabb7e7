"""Backfill over a real spool, catalog and engine: what was missed comes once, however often one asks."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from logkeep.archiver import Archiver
from logkeep.backfill import Backfill, Backfilled
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines
from logkeep.indexer import Indexer
from logkeep.record import Record, encode_lines
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_end, hour_start
from logkeep.verify import verify
from tests.unit.archiver_doubles import HOUR, append, new_catalog, piece, records, set_up_archive

ALL = TimeRange(start=hour_start(HOUR), end=hour_end(HOUR) + HOUR_MS)


class Site:
    def __init__(self, folder: Path, engine: ChdbEngine) -> None:
        self.now = hour_end(HOUR)
        self.catalog = new_catalog(folder)
        self.archive = set_up_archive(self.catalog, folder)
        self.bucket = FolderBucket(folder / "archive" / "main")
        self.spool = SqliteSpool(
            folder / "spool.sqlite",
            clock=lambda: self.now,
            max_bytes=1 << 30,
            max_account_bytes=1 << 30,
            min_free_bytes=0,
        )
        engine.run("DROP TABLE IF EXISTS live")
        live = LiveLines(engine, folder)
        self.indexer = Indexer(self.spool, live)
        sealer = Sealer(
            spool=self.spool,
            objects=self.catalog.objects,
            archives=self.catalog.archives,
            bucket_of=lambda _target: self.bucket,
            server="server-1",
            clock=lambda: self.now,
            work_dir=folder,
        )
        self.archiver = Archiver(sealer, clock=lambda: self.now)
        self.backfill = Backfill(
            catalog=self.catalog, spool=self.spool, live=live, bucket_of=lambda _target: self.bucket
        )

    def receive(self, of: Sequence[Record], *, archive: str) -> None:
        append(self.spool, piece(of, archive=archive, rx=self.now))
        while self.indexer.index_some():
            pass

    def archived(self) -> list[str]:
        lines: list[str] = []
        for path in sorted(self.bucket.list("year=2026/"), key=lambda stat: stat.key):
            lines += gzip.decompress(self.bucket.get(path.key)).decode().splitlines()
        return sorted(lines)

    def close(self) -> None:
        self.archiver.close()
        self.spool.close()
        self.catalog.close()


@pytest.fixture
def site(tmp_path: Path, engine: ChdbEngine) -> Iterator[Site]:
    opened = Site(tmp_path, engine)
    yield opened
    opened.close()


def text(of: Sequence[Record]) -> list[str]:
    return sorted(encode_lines(of).decode().splitlines())


def test_lines_that_came_while_the_archive_was_off_are_added_byte_for_byte(site: Site) -> None:
    on, off = records(50), records(70, first_lid=5000, hour=Hour(HOUR + 1), text="while off")
    site.receive(on, archive="main")
    site.archiver.seal_due(now=True)
    site.receive(off, archive="")

    assert site.backfill.run("main", ALL) == Backfilled(retained=120, lines=70, hours=2)

    site.archiver.seal_due(now=True)
    assert site.archived() == text([*on, *off])
    assert verify(site.bucket).findings == ()


@pytest.mark.parametrize("sealed", [True, False], ids=["after a seal", "while they wait in the spool"])
def test_a_repeated_backfill_adds_nothing(site: Site, sealed: bool) -> None:
    site.receive(records(50), archive="main")
    site.receive(records(20, first_lid=5000), archive="")
    site.backfill.run("main", ALL)
    if sealed:
        site.archiver.seal_due(now=True)

    assert site.backfill.run("main", ALL) == Backfilled(retained=70, lines=0, hours=1)

    site.archiver.seal_due(now=True)
    assert len(site.archived()) == 70


def test_only_the_range_and_what_the_archive_asks_for_is_added(site: Site) -> None:
    site.catalog.archives.update(
        site.catalog.archives.get("main").__class__(**{**vars(site.archive), "query": "wanted"})
    )
    site.receive(records(30, text="wanted"), archive="")
    site.receive(records(30, first_lid=5000, text="other"), archive="")
    within = TimeRange(start=hour_start(HOUR) + 10, end=hour_start(HOUR) + 20)

    assert site.backfill.run("main", within) == Backfilled(retained=20, lines=10, hours=1)

    site.archiver.seal_due(now=True)
    assert site.archived() == text(records(30, text="wanted")[10:20])
    # lines that come back are not indexed a second time
    assert site.backfill.run("main", within).retained == 20
