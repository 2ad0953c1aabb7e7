"""Small archives in a folder, block by block, and what a plain loop finds in them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from logkeep.archive.block import compress
from logkeep.archive.layout import key_of, manifest_key, parse_key
from logkeep.archive.manifest import FORMAT_VERSION, BlockEntry, Manifest, encode
from logkeep.index.search import Order
from logkeep.inplace.search import Hit
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record, decode_line, encode_lines
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, TimeRange

HOUR = Hour(489_900)  # 2025-11-20T12:00Z
START = HOUR * 3_600_000


def record(ts: int, lid: int | str, line: str, level: str = "", host: str = "") -> Record:
    """`ts` counts from START."""
    return Record(lid=str(lid), ts=START + ts, level=level, host=host, line=line, account="main")


def put(
    folder: Path,
    *blocks: Sequence[Record],
    hour: int = 0,
    part: int = 0,
    manifest: bool = True,
    change: Callable[[Manifest], Manifest] = lambda whole: whole,
) -> str:
    """Stores these blocks as an object; its key."""
    entries: list[BlockEntry] = []
    stored = b""
    for block in blocks:
        lines = encode_lines(block)
        data = compress(lines)
        times = [one.ts for one in block]
        entries.append(
            BlockEntry(
                offset=len(stored),
                length=len(data),
                raw_bytes=len(lines),
                lines=len(block),
                min_ts=min(times),
                max_ts=max(times),
            )
        )
        stored += data
    key = key_of("main", Hour(HOUR + hour), part)
    lids = [int(one.lid or 0) for block in blocks for one in block]
    whole = Manifest(
        format_version=FORMAT_VERSION,
        key=key,
        account="main",
        hour=HOUR + hour,
        part=part,
        lines=sum(one.lines for one in entries),
        raw_bytes=sum(one.raw_bytes for one in entries),
        stored_bytes=len(stored),
        min_ts=min(one.min_ts for one in entries),
        max_ts=max(one.max_ts for one in entries),
        first_lid=str(min(lids)),
        last_lid=str(max(lids)),
        sha256="0" * 64,
        blocks=tuple(entries),
    )
    bucket = FolderBucket(folder)
    bucket.put_new(key, stored, GZIP)
    if manifest:
        bucket.put_new(manifest_key(key), encode(change(whole)), JSON)
    return key


class Counting(FolderBucket):
    """A folder that tells which ranges of its objects were read, and hides that it is one."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[tuple[str, tuple[int, int]]] = []

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.read += [(key, one) for one in ranges]
        return super().get_ranges(key, ranges)

    def local_path(self, key: str) -> Path | None:
        del key
        return None


def by_plain_loop(
    folders: Sequence[Path], query: str, within: TimeRange | None, order: Order, limit: int
) -> list[Hit]:
    """What the search should find: every line of every object, decompressed by gzip."""
    holds = compile_predicate(parse(query))
    found = []
    for number, (place, key, line) in enumerate(_every_line(folders)):
        one = decode_line(line)
        if holds(one) and (within is None or within.start <= one.ts < within.end):
            id_order = int(one.lid) if one.lid else 1 << 63
            found.append(((one.ts, id_order, number), Hit(line, one.ts, one.lid, key, place)))
    found.sort(reverse=order is Order.NEWEST)
    hits: list[Hit] = []
    seen: set[tuple[int, str]] = set()
    for _, hit in found:
        if hit.lid and (hit.ts, hit.lid) in seen:
            continue
        seen.add((hit.ts, hit.lid))
        hits.append(hit)
    return hits[: limit or None]


def _every_line(folders: Sequence[Path]) -> Iterator[tuple[int, str, bytes]]:
    objects = [
        (name.hour, place, name.part, key, path)
        for place, folder in enumerate(folders)
        for path in folder.rglob("*.gz")
        if (name := parse_key(key := str(path.relative_to(folder))))
    ]
    for _, place, _, key, path in sorted(objects):
        for line in gzip.decompress(path.read_bytes()).splitlines(keepends=True):
            yield place, key, line
