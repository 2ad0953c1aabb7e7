"""Three ways to the same lines: a search in place, a restore that is searched, and a plain Python loop over
what zcat would print. Archives and queries are generated."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.integration.restore_site import HOUR, NOW, START, Site
from tests.integration.test_query_agreement import LINES, queries

from logkeep.archive import block, filter_file
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import encode
from logkeep.archive.writer import write_object
from logkeep.catalog.values import RestoreState
from logkeep.errors import QuerySyntaxError
from logkeep.index.restored import RestoredLines
from logkeep.index.search import MAX_PAGE, Order, Scope, search_page
from logkeep.inplace.places import Place
from logkeep.inplace.search import Search
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.query.sql import compile_sql
from logkeep.record import NO_META, Record, decode_line, encode_lines
from logkeep.restore.request import RestoreRequest
from logkeep.spool.base import Frame
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, MAX_MS, MIN_MS, Hour, TimeRange, hour_start

HOURS = 3
METAS = (b'{"region":"EU","n":{"deep":7}}', b'{"x":"y z","region":null}', b"[1]", b"")


def sort_key(line: bytes) -> tuple[int, int, bytes]:
    """The order of a search; lines without an id come behind those of their millisecond."""
    record = decode_line(line)
    return record.ts, int(record.lid or 1 << 63), line


class Generated:
    """An archive of a few hours in a folder, of awkward lines in tiny blocks, some late, some twice, some
    without an id, some objects without a manifest."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = Random(seed)
        self.bucket = FolderBucket(root)
        self.root = root
        self.lid = 1000
        for number in range(HOURS):
            self.hour(Hour(HOUR + number))

    def hour(self, hour: Hour) -> None:
        earlier: list[Record] = []
        for part in range(self.random.randint(0, 3)):
            records = [self.record(hour) for _ in range(self.random.randint(1, 40))]
            if earlier and self.random.random() < 0.5:
                again = self.random.sample(earlier, self.random.randint(1, min(9, len(earlier))))
                records += [one for one in again if one.lid]
            if self.random.random() < 0.7:
                records.sort(key=lambda one: one.ts)
            else:
                self.random.shuffle(records)
            with_manifest = self.random.random() < 0.7
            if with_manifest:  # nothing that is written twice is in one of ours
                records = list({one.lid or id(one): one for one in records}.values())
            self.put(hour, part, records, with_manifest=with_manifest)
            earlier += records

    def record(self, hour: Hour) -> Record:
        choose = self.random.choice
        self.lid += self.random.randint(1, 3)
        return Record(
            lid=str(self.lid) if self.random.random() < 0.95 else "",
            ts=hour_start(hour) + self.random.randrange(HOUR_MS),
            rx=choose((-1, NOW)),
            account="main",
            host=choose(("", "web-1", "WEB-2", "é", "a'b\\c\n\t\x00")),
            app=choose(("", "nginx", "web-1", "404")),
            file=choose(("", "/x/y.log")),
            env=choose(("", "prod", "PROD")),
            level=choose(("", "error", "INFO", "Error")),
            tag=choose(((), ("edge",), ("edge", "EU"))),
            meta=msgspec.Raw(meta) if (meta := choose(METAS)) else NO_META,
            line=choose(LINES) + choose(("", f" {self.lid}")),
        )

    def put(self, hour: Hour, part: int, records: list[Record], *, with_manifest: bool) -> None:
        file, filters = self.root.parent / "object", self.root.parent / "filters"
        frames = list(self.frames(hour, records))
        manifest = write_object(frames, file, account="main", hour=hour, part=part, filters=filters)
        self.bucket.put_new(manifest.key, file, "application/gzip")
        if not with_manifest:
            return
        if manifest.filters and self.random.random() < 0.9:
            self.bucket.put_new(manifest.filters.key, filters, "application/octet-stream")
        self.bucket.put_new(manifest_key(manifest.key), encode(manifest), "application/json")

    def frames(self, hour: Hour, records: list[Record]) -> Iterator[Frame]:
        at = 0
        while at < len(records):
            some = records[at : at + self.random.randint(1, 6)]
            at += len(some)
            raw = encode_lines(some)
            lids = [int(one.lid) for one in some if one.lid] or [0]
            yield Frame(
                seq=at,
                account="main",
                archive="main",
                indexed=True,
                hour=hour,
                lines=len(some),
                raw_bytes=len(raw),
                min_ts=min(one.ts for one in some),
                max_ts=max(one.ts for one in some),
                first_lid=min(lids),
                last_lid=max(lids),
                rx=0,
                data=zstandard.compress(raw, 1),
            )

    def expected(self, text: str, within: TimeRange) -> list[bytes]:
        """What a loop over all objects finds, oldest first."""
        holds = compile_predicate(parse(text))
        found: list[bytes] = []
        seen: set[tuple[str, int]] = set()
        for path in sorted(self.root.rglob("year=*/**/*.json.gz")):
            if "_manifest" in path.parts or "_filter" in path.parts:
                continue
            for line in gzip.decompress(path.read_bytes()).splitlines(keepends=True):
                record = decode_line(line)
                if not (within.start <= record.ts < within.end and holds(record)):
                    continue
                if record.lid and (record.lid, record.ts) in seen:
                    continue
                seen.add((record.lid, record.ts))
                found.append(line)
        return sorted(found, key=sort_key)


def in_place(archive: Generated, text: str, within: TimeRange, **options: Any) -> list[bytes]:
    search = Search([Place(bucket=archive.bucket, account="main")], parse(text), within, **options)
    found = [hit.line for hits in search for hit in hits]
    assert search.outcome.damage == ()
    return found


def restored(site: Site, text: str, within: TimeRange) -> list[bytes]:
    submitted = site.desk.submit(RestoreRequest(name="x", source="main", range=within, query=text))
    site.finish()
    done = site.get(submitted)
    assert done.state is RestoreState.ACTIVE, done.error
    every = Scope(
        table=RestoredLines(site.engine, submitted.id).name,
        range=TimeRange(start=MIN_MS, end=MAX_MS),
        condition=compile_sql(parse(text)),
    )
    page = search_page(site.engine, every, order=Order.OLDEST, limit=MAX_PAGE)
    assert len(page.records) == done.lines
    site.desk.delete(submitted.id)
    site.now += HOUR_MS
    site.finish()
    return encode_lines(page.records).splitlines(keepends=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = Site(tmp_path_factory.mktemp("same"))
    yield opened
    opened.close()


@settings(
    max_examples=int(os.environ.get("LOGKEEP_SAME_LINES", "40")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 10**6), text=st.just("") | queries, edges=st.tuples(st.integers(), st.integers()))
def test_a_search_in_place_a_restore_and_a_loop_find_the_same_lines(
    site: Site, seed: int, text: str, edges: tuple[int, int]
) -> None:
    try:
        parse(text)
    except QuerySyntaxError:
        assume(False)
    with TemporaryDirectory() as folder:
        check(site, Path(folder) / "archive", seed, text, edges)


def check(site: Site, folder: Path, seed: int, text: str, edges: tuple[int, int]) -> None:
    folder.mkdir()
    with patch.object(block, "BLOCK_BYTES", 500), patch.object(filter_file, "MIN_RAW_BYTES", 0):
        archive = Generated(folder, seed)
    site.bucket = archive.bucket
    span = HOURS * HOUR_MS
    first, last = sorted((edges[0] % span, edges[1] % span))
    within = TimeRange(start=START + first, end=START + last + 1)
    expected = archive.expected(text, within)
    newest = in_place(archive, text, within)
    assert sorted(newest, key=sort_key) == expected
    assert [sort_key(line)[:2] for line in newest] == [sort_key(line)[:2] for line in expected[::-1]]
    oldest = in_place(archive, text, within, order=Order.OLDEST, limit=7)
    assert [sort_key(line)[:2] for line in oldest] == [sort_key(line)[:2] for line in expected[:7]]
    assert sorted(restored(site, text, within), key=sort_key) == expected
