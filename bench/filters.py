"""Token filters: what they cost a seal, and what they spare a search for a rare word.

Lines are sealed twice from a spool in this process, with filters and without; then words are looked up.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from bench.figures import Figure, main
from bench.servers import HOURS, LINES, QUICK_LINES, first_hour
from logkeep.archive.filters import CONTENT_TYPE
from logkeep.archive.manifest import Manifest, encode
from logkeep.archive.selection import select_blocks
from logkeep.archive.writer import write_object
from logkeep.query.parse import parse
from logkeep.receivers.lines import Origin
from logkeep.receivers.mezmo import receive_mezmo
from logkeep.receivers.ndjson import receive_ndjson
from logkeep.record import encode_lines
from logkeep.sample import sample_bodies
from logkeep.spool.base import Frame
from logkeep.storage.base import GZIP
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour

_ABSENT = 200  # words that no line has


@dataclass(frozen=True)
class Sealed:
    manifests: Sequence[Manifest]
    cpu_s: float
    wall_s: float

    @property
    def raw_bytes(self) -> int:
        return sum(one.raw_bytes for one in self.manifests)

    @property
    def stored_bytes(self) -> int:
        return sum(one.stored_bytes for one in self.manifests)

    @property
    def mb_per_cpu_s(self) -> float:
        return self.raw_bytes / 1e6 / self.cpu_s


def frames(lines: int) -> Iterator[tuple[Hour, list[Frame]]]:
    """The frames of each hour, a body in each, as the spool has them."""
    hour, of, lid = first_hour(), list[Frame](), 914_000_000_000_000_000
    for body in sample_bodies(lines=lines, first_hour=hour, hours=HOURS):
        if body.hour != hour:
            yield hour, of
            hour, of = body.hour, []
        receive = receive_mezmo if body.path == "/logs/ingest" else receive_ndjson
        columns = receive(body.data, Origin(host=body.params.get("hostname", ""))).columns
        ids = [str(lid + 4096 * number) for number in range(body.lines)]
        records = columns.stamped(ids, 1_795_165_380_250, "main", ts=columns.ts, ns=columns.ns)
        data = encode_lines(records)
        of.append(
            Frame(
                seq=len(of) + 1,
                account="main",
                archive="main",
                indexed=True,
                hour=hour,
                lines=body.lines,
                raw_bytes=len(data),
                min_ts=min(one.ts for one in records),
                max_ts=max(one.ts for one in records),
                first_lid=lid,
                last_lid=int(ids[-1]),
                rx=0,
                data=zstandard.ZstdCompressor(level=1).compress(data),
            )
        )
        lid += 4096 * body.lines
    yield hour, of


def seal(hours: Sequence[tuple[Hour, list[Frame]]], folder: Path, *, filtered: bool) -> Sealed:
    """Objects, filters and manifests in a folder, as sealing puts them there."""
    bucket, built, filters = FolderBucket(folder), folder / "built", folder / "filter"
    folder.mkdir()
    manifests = []
    cpu, began = time.process_time(), time.monotonic()
    for hour, of in hours:
        manifest = write_object(
            of, built, account="main", hour=hour, part=0, filters=filters if filtered else None
        )
        bucket.put_new(manifest.key, built, GZIP)
        if manifest.filters:
            bucket.put_new(manifest.filters.key, filters, CONTENT_TYPE)
        manifests.append(manifest)
    return Sealed(manifests, time.process_time() - cpu, time.monotonic() - began)


def measure(quick: bool) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder:
        hours = list(frames(QUICK_LINES if quick else LINES))
        plain = seal(hours, Path(folder) / "plain", filtered=False)
        sealed = seal(hours, Path(folder) / "filtered", filtered=True)
        return [*_of_seal(plain, sealed), *_of_lookups(FolderBucket(Path(folder) / "filtered"), sealed)]


def _of_seal(plain: Sealed, sealed: Sealed) -> Sequence[Figure]:
    size = sum(one.filters.bytes for one in sealed.manifests if one.filters)
    told = sum(map(len, map(encode, sealed.manifests))) - sum(map(len, map(encode, plain.manifests)))
    blocks = sum(len(one.blocks) for one in sealed.manifests)
    return [
        Figure(
            name="objects with token filters, per core",
            value=sealed.mb_per_cpu_s,
            unit="MB/s raw per CPU second",
            goal=200,
            note=f"{sealed.raw_bytes / 1e6:.0f} MB in {sealed.cpu_s:.2f} CPU seconds, {sealed.wall_s:.2f} s; "
            f"without {plain.mb_per_cpu_s:.0f} MB/s per CPU second",
        ),
        Figure(
            name="token filters, of the stored bytes",
            value=(size + told) / sealed.stored_bytes * 100,
            unit="%",
            goal=6,
            at_most=True,
            note=f"{size / 1e6:.2f} MB and {told / 1e3:.0f} kB of manifests for {blocks} blocks, "
            f"{sealed.stored_bytes / 1e6:.0f} MB",
        ),
    ]


def _of_lookups(bucket: FolderBucket, sealed: Sealed) -> Sequence[Figure]:
    blocks = sum(len(one.blocks) for one in sealed.manifests)
    found = read = 0
    began = time.monotonic()
    for number in range(_ABSENT):
        node = parse(f"absent{number * 7919:x}")
        for manifest in sealed.manifests:
            selection = select_blocks(bucket, manifest, node, None)
            found += len(selection.blocks)
            read += selection.filter_bytes + sum(one.length for one in selection.blocks)
    took = (time.monotonic() - began) / _ABSENT
    return [
        Figure(
            name="a rare word over 24 hours, read of the stored bytes",
            value=read / _ABSENT / sealed.stored_bytes * 100,
            unit="%",
            goal=10,
            at_most=True,
            note=f"mean of {_ABSENT} words that are nowhere, {read / _ABSENT / 1e6:.2f} MB each, "
            f"looked up in {took * 1000:.1f} ms; manifests not included",
        ),
        Figure(
            name="blocks with a word that is not in them",
            value=found / _ABSENT / blocks * 100,
            unit="%",
            note="false positives of the filters",
        ),
    ]


if __name__ == "__main__":
    main(measure)
